"""The tables of ECS beside its clusters (designs/ecs-workflows.md); the rules are those of :mod:`stead.store.tables`.

A row that work is done on has ``id``, ``due`` and ``lease`` (design D4). ``document`` is JSON in the shape that ECS answers; ``work`` is JSON of
what was made outside for the row and must be unmade. The other columns are those that lists, counts and the scheduler look for.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, UniqueConstraint

from stead.store.tables import Milliseconds, Text, metadata

ecs_families = Table(
    "ecs_families",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    Column("region", Text, primary_key=True),
    Column("family", Text, primary_key=True),
    Column("last_revision", Integer, nullable=False),  # numbering goes on when all revisions are gone (recorded-aws.md 11.2)
)

task_definitions = Table(
    "task_definitions",
    metadata,
    Column("arn", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("region", Text, nullable=False),
    Column("family", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("status", Text, nullable=False),  # ACTIVE, INACTIVE, DELETE_IN_PROGRESS
    Column("document", Text, nullable=False),
    Column("registered", Milliseconds, nullable=False),
    Column("deregistered", Milliseconds),
    UniqueConstraint("account_id", "region", "family", "revision"),
    Index(None, "account_id", "region", "status", "family", "revision"),
)

ecs_services = Table(
    "ecs_services",
    metadata,
    Column("id", Text, primary_key=True),  # the ARN; a name used again replaces the INACTIVE service
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("region", Text, nullable=False),
    Column("cluster_arn", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),  # ACTIVE, DRAINING, INACTIVE
    Column("launch_type", Text),
    Column("scheduling_strategy", Text, nullable=False),
    Column("task_definition", Text, nullable=False),
    Column("desired_count", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Column("deployments", Text, nullable=False),  # JSON: newest first
    Column("events", Text, nullable=False),  # JSON: the latest hundred, newest first
    Column("request", Text, nullable=False),  # JSON: what CreateService was asked, to tell a repetition from a conflict
    Column("work", Text, nullable=False),
    Column("created", Milliseconds, nullable=False),
    Column("due", Milliseconds, index=True),
    Column("lease", BigInteger, nullable=False),
    Index(None, "cluster_arn", "status", "name"),
)

ecs_tasks = Table(
    "ecs_tasks",
    metadata,
    Column("id", Text, primary_key=True),  # the ARN
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("region", Text, nullable=False),
    Column("cluster_arn", Text, nullable=False),
    Column("service_arn", Text),
    Column("deployment", Text),  # ecs-svc/<digits> of the deployment that made it
    Column("task_definition", Text, nullable=False),
    Column("family", Text, nullable=False),
    Column("launch_type", Text),
    Column("capacity_provider", Text),
    Column("container_instance", Text),
    Column("started_by", Text),
    Column("desired_status", Text, nullable=False),
    Column("last_status", Text, nullable=False),
    Column("health_status", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("client_token", Text),
    Column("document", Text, nullable=False),
    Column("work", Text, nullable=False),
    Column("created", Milliseconds, nullable=False),
    Column("stopped", Milliseconds),
    Column("due", Milliseconds, index=True),
    Column("lease", BigInteger, nullable=False),
    Index(None, "cluster_arn", "desired_status", "last_status"),
    Index(None, "service_arn", "last_status"),
    Index(None, "container_instance", "last_status"),
    Index(None, "cluster_arn", "client_token"),
)

container_instances = Table(
    "container_instances",
    metadata,
    Column("id", Text, primary_key=True),  # the ARN
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("region", Text, nullable=False),
    Column("cluster_arn", Text, nullable=False),
    Column("ec2_instance_id", Text),
    Column("capacity_provider", Text),
    Column("status", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("work", Text, nullable=False),  # JSON: what each task has of it; its Auto Scaling group
    Column("registered", Milliseconds, nullable=False),
    Column("due", Milliseconds, index=True),
    Column("lease", BigInteger, nullable=False),
    Index(None, "cluster_arn", "status"),
)

ecs_attributes = Table(
    "ecs_attributes",
    metadata,
    Column("cluster_arn", Text, primary_key=True),
    Column("target_id", Text, primary_key=True),  # a container instance's ARN
    Column("name", Text, primary_key=True),
    Column("value", Text),
)

capacity_providers = Table(
    "capacity_providers",
    metadata,
    Column("id", Text, primary_key=True),  # the ARN
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("update_status", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("created", Milliseconds, nullable=False),
    Column("due", Milliseconds, index=True),
    Column("lease", BigInteger, nullable=False),
    UniqueConstraint("account_id", "region", "name"),
)

# One capacity provider in one cluster, with what was made for it outside.
cluster_attachments = Table(
    "cluster_attachments",
    metadata,
    Column("id", Text, primary_key=True),  # the attachment's id
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("region", Text, nullable=False),
    Column("cluster_arn", Text, nullable=False, index=True),
    Column("capacity_provider", Text, nullable=False),
    Column("type", Text, nullable=False),  # asp, as_policy
    Column("status", Text, nullable=False),
    Column("wanted", Integer, nullable=False),  # 0: to be undone
    Column("document", Text, nullable=False),
    Column("work", Text, nullable=False),
    Column("due", Milliseconds, index=True),
    Column("lease", BigInteger, nullable=False),
)

insights = Table(
    "insights",
    metadata,
    Column("id", Text, primary_key=True),  # the cluster's ARN
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("region", Text, nullable=False),
    Column("work", Text, nullable=False),
    Column("due", Milliseconds, index=True),
    Column("lease", BigInteger, nullable=False),
)

ecs_account_settings = Table(
    "ecs_account_settings",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    Column("region", Text, primary_key=True),
    Column("principal_arn", Text, primary_key=True),  # empty: the account's default
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
