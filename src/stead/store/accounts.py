"""The account's row: its generation (design D7), and the locks that order who may change what (design D18)."""

from __future__ import annotations

from sqlalchemy import bindparam, select, update

from stead.store.tables import accounts

# What every request reads first: where the account stands, and what a test added to Stead's clock.
STANDING = select(accounts.c.generation, accounts.c.clock_offset).where(accounts.c.id == bindparam("account"))
# The clock without the generation, for background work: it may ask in a transaction that has raised the generation and not committed, and
# what the process remembers of an account (gateway/standing.py) must not be dated by that.
CLOCK_OFFSET = select(accounts.c.clock_offset).where(accounts.c.id == bindparam("account"))
# The same inside a write transaction. Held shared, permissions stand still; held alone, they may change. On SQLite the one writer is alone.
HELD_SHARED = STANDING.with_for_update(read=True)
HELD_ALONE = STANDING.with_for_update()
# In the transaction of every change of who may do what; never lowered, not even by a reset.
RAISE_GENERATION = update(accounts).where(accounts.c.id == bindparam("account")).values(generation=accounts.c.generation + 1)
