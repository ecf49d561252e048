"""Which documents bound a call."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "policy_sets",
        sa.Column("hash", Text, nullable=False),
        sa.Column("content", Text, nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_policy_sets")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
