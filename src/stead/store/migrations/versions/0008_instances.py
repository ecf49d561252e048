"""Container instances are rows of work: they are looked at, as their EC2 instances may end. Nothing has written any yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.drop_table("container_instances")
    op.create_table(
        "container_instances",
        sa.Column("id", Text, nullable=False),
        sa.Column("account_id", Text, nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.Column("cluster_arn", Text, nullable=False),
        sa.Column("ec2_instance_id", Text),
        sa.Column("capacity_provider", Text),
        sa.Column("status", Text, nullable=False),
        sa.Column("document", Text, nullable=False),
        sa.Column("work", Text, nullable=False),
        sa.Column("registered", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger()),
        sa.Column("lease", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_container_instances_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_container_instances")),
    )
    op.create_index(op.f("ix_container_instances_cluster_arn_status"), "container_instances", ["cluster_arn", "status"])
    op.create_index(op.f("ix_container_instances_due"), "container_instances", ["due"])


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
