"""ECS beside its clusters: task definitions, services, tasks, instances, capacity providers, settings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "ecs_families",
        sa.Column("account_id", Text, nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.Column("family", Text, nullable=False),
        sa.Column("last_revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_ecs_families_account_id")),
        sa.PrimaryKeyConstraint("account_id", "region", "family", name=op.f("pk_ecs_families")),
    )
    op.create_table(
        "task_definitions",
        sa.Column("arn", Text, nullable=False),
        sa.Column("account_id", Text, nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.Column("family", Text, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("status", Text, nullable=False),
        sa.Column("document", Text, nullable=False),
        sa.Column("registered", sa.BigInteger(), nullable=False),
        sa.Column("deregistered", sa.BigInteger()),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_task_definitions_account_id")),
        sa.PrimaryKeyConstraint("arn", name=op.f("pk_task_definitions")),
        sa.UniqueConstraint(
            "account_id", "region", "family", "revision", name=op.f("uq_task_definitions_account_id_region_family_revision")
        ),
    )
    op.create_index(
        op.f("ix_task_definitions_account_id_region_status_family_revision"),
        "task_definitions",
        ["account_id", "region", "status", "family", "revision"],
    )
    op.create_table(
        "ecs_services",
        sa.Column("id", Text, nullable=False),
        sa.Column("account_id", Text, nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.Column("cluster_arn", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("status", Text, nullable=False),
        sa.Column("launch_type", Text),
        sa.Column("scheduling_strategy", Text, nullable=False),
        sa.Column("task_definition", Text, nullable=False),
        sa.Column("desired_count", sa.Integer(), nullable=False),
        sa.Column("document", Text, nullable=False),
        sa.Column("deployments", Text, nullable=False),
        sa.Column("events", Text, nullable=False),
        sa.Column("request", Text, nullable=False),
        sa.Column("work", Text, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger()),
        sa.Column("lease", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_ecs_services_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ecs_services")),
    )
    op.create_index(op.f("ix_ecs_services_cluster_arn_status_name"), "ecs_services", ["cluster_arn", "status", "name"])
    op.create_index(op.f("ix_ecs_services_due"), "ecs_services", ["due"])
    op.create_table(
        "ecs_tasks",
        sa.Column("id", Text, nullable=False),
        sa.Column("account_id", Text, nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.Column("cluster_arn", Text, nullable=False),
        sa.Column("service_arn", Text),
        sa.Column("deployment", Text),
        sa.Column("task_definition", Text, nullable=False),
        sa.Column("family", Text, nullable=False),
        sa.Column("launch_type", Text),
        sa.Column("capacity_provider", Text),
        sa.Column("container_instance", Text),
        sa.Column("started_by", Text),
        sa.Column("desired_status", Text, nullable=False),
        sa.Column("last_status", Text, nullable=False),
        sa.Column("health_status", Text, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("client_token", Text),
        sa.Column("document", Text, nullable=False),
        sa.Column("work", Text, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("stopped", sa.BigInteger()),
        sa.Column("due", sa.BigInteger()),
        sa.Column("lease", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_ecs_tasks_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ecs_tasks")),
    )
    op.create_index(
        op.f("ix_ecs_tasks_cluster_arn_desired_status_last_status"), "ecs_tasks", ["cluster_arn", "desired_status", "last_status"]
    )
    op.create_index(op.f("ix_ecs_tasks_container_instance_last_status"), "ecs_tasks", ["container_instance", "last_status"])
    op.create_index(op.f("ix_ecs_tasks_cluster_arn_client_token"), "ecs_tasks", ["cluster_arn", "client_token"])
    op.create_index(op.f("ix_ecs_tasks_due"), "ecs_tasks", ["due"])
    op.create_index(op.f("ix_ecs_tasks_service_arn_last_status"), "ecs_tasks", ["service_arn", "last_status"])
    op.create_table(
        "container_instances",
        sa.Column("arn", Text, nullable=False),
        sa.Column("account_id", Text, nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.Column("cluster_arn", Text, nullable=False),
        sa.Column("ec2_instance_id", Text),
        sa.Column("capacity_provider", Text),
        sa.Column("status", Text, nullable=False),
        sa.Column("document", Text, nullable=False),
        sa.Column("registered", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_container_instances_account_id")),
        sa.PrimaryKeyConstraint("arn", name=op.f("pk_container_instances")),
    )
    op.create_index(op.f("ix_container_instances_cluster_arn_status"), "container_instances", ["cluster_arn", "status"])
    op.create_table(
        "ecs_attributes",
        sa.Column("cluster_arn", Text, nullable=False),
        sa.Column("target_id", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("value", Text),
        sa.PrimaryKeyConstraint("cluster_arn", "target_id", "name", name=op.f("pk_ecs_attributes")),
    )
    op.create_table(
        "capacity_providers",
        sa.Column("id", Text, nullable=False),
        sa.Column("account_id", Text, nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("status", Text, nullable=False),
        sa.Column("update_status", Text, nullable=False),
        sa.Column("document", Text, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger()),
        sa.Column("lease", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_capacity_providers_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capacity_providers")),
        sa.UniqueConstraint("account_id", "region", "name", name=op.f("uq_capacity_providers_account_id_region_name")),
    )
    op.create_index(op.f("ix_capacity_providers_due"), "capacity_providers", ["due"])
    op.create_table(
        "cluster_attachments",
        sa.Column("id", Text, nullable=False),
        sa.Column("account_id", Text, nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.Column("cluster_arn", Text, nullable=False),
        sa.Column("capacity_provider", Text, nullable=False),
        sa.Column("type", Text, nullable=False),
        sa.Column("status", Text, nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("document", Text, nullable=False),
        sa.Column("work", Text, nullable=False),
        sa.Column("due", sa.BigInteger()),
        sa.Column("lease", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_cluster_attachments_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cluster_attachments")),
    )
    op.create_index(op.f("ix_cluster_attachments_cluster_arn"), "cluster_attachments", ["cluster_arn"])
    op.create_index(op.f("ix_cluster_attachments_due"), "cluster_attachments", ["due"])
    op.create_table(
        "insights",
        sa.Column("id", Text, nullable=False),
        sa.Column("account_id", Text, nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.Column("work", Text, nullable=False),
        sa.Column("due", sa.BigInteger()),
        sa.Column("lease", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_insights_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insights")),
    )
    op.create_index(op.f("ix_insights_due"), "insights", ["due"])
    op.create_table(
        "ecs_account_settings",
        sa.Column("account_id", Text, nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.Column("principal_arn", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("value", Text, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_ecs_account_settings_account_id")),
        sa.PrimaryKeyConstraint("account_id", "region", "principal_arn", "name", name=op.f("pk_ecs_account_settings")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
