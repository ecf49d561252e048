"""When something was used last, and the reports made of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "last_used",
        sa.Column("subject_id", Text, nullable=False),
        sa.Column("service", Text, nullable=False),
        sa.Column("action", Text, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "service", "action", name=op.f("pk_last_used")),
    )
    op.create_table(
        "access_reports",
        sa.Column("id", Text, nullable=False),
        sa.Column("account_id", Text, nullable=False),
        sa.Column("owner", Text, nullable=False),
        sa.Column("granularity", Text, nullable=False),
        sa.Column("question", Text, nullable=False),
        sa.Column("answer", Text, nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("finished", sa.BigInteger(), nullable=True),
        sa.Column("due", sa.BigInteger(), nullable=True),
        sa.Column("lease", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_access_reports_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_reports")),
    )
    op.create_index(op.f("ix_access_reports_due"), "access_reports", ["due"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
