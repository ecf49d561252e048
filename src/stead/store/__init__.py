"""Where state lives: one transactional database (SQLite or PostgreSQL) and the key ring beside it."""
