"""Events in blocks. Those that are there become the tail; the next step of the same start packs them (store/prepare.py)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SerialNumber = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# An older record is whole: no request id has to be filled in. `convert_to` is PostgreSQL's way to the bytes of a text.
_MOVE = """
INSERT INTO event_tail (account_id, region, time, id, request_id, name, source, username, access_key_id, read_only, resources, record, decided)
SELECT account_id, region, time, id, NULL, name, source, username, access_key_id, read_only, resources, %s, decided FROM events ORDER BY number
"""
_BYTES = {"sqlite": "CAST(record AS BLOB)", "postgresql": "convert_to(record, 'UTF8')"}


def upgrade() -> None:
    op.create_table(
        "event_tail",
        sa.Column("number", SerialNumber, nullable=False),
        sa.Column("account_id", Text, nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("id", Text, nullable=False),
        sa.Column("request_id", Text),
        sa.Column("name", Text, nullable=False),
        sa.Column("source", Text, nullable=False),
        sa.Column("username", Text, nullable=False),
        sa.Column("access_key_id", Text, nullable=False),
        sa.Column("read_only", sa.Integer(), nullable=False),
        sa.Column("resources", Text, nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("decided", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_event_tail")),
    )
    op.create_table(
        "event_blocks",
        sa.Column("number", SerialNumber, nullable=False),
        sa.Column("account_id", Text, nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.LargeBinary(), nullable=False),
        sa.Column("records", sa.LargeBinary(), nullable=False),
        sa.Column("decided", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_event_blocks")),
    )
    op.create_table(
        "event_keys",
        sa.Column("key", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "last", "first", "block", name=op.f("pk_event_keys")),
        sqlite_with_rowid=False,
    )
    op.execute(_MOVE % _BYTES[op.get_bind().dialect.name])
    op.drop_table("events")


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
