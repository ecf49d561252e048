"""Service-linked roles: the catalogue, the rules, the life cycle, and the service as a caller."""
