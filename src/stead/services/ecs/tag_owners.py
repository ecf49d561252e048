"""The resources of ECS that can have tags: where each is kept, and what ECS says when it is not there or no longer in use.

Said of clusters is what is reported (aws-behaviour.md 10.1); the sentences of the other kinds follow it, and those of missing ones are the service
model's descriptions of the errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, select

from stead.aws.arn import parse_arn
from stead.aws.errors import AwsError
from stead.services.ecs.names import check_arn, cluster_not_found, invalid_parameter
from stead.store.ecs_tables import capacity_providers, container_instances, ecs_services, ecs_tasks, task_definitions
from stead.store.tables import clusters

if TYPE_CHECKING:
    from sqlalchemy import Column, Select, Table

    from stead.aws.arn import Arn
    from stead.store.context import Context
    from stead.store.engine import Reader, Row, Writer


class Owner(NamedTuple):
    """One kind of resource. ``ended`` are the states in which it can have no tags, in the words of the refusal: ``advice`` is its end."""

    name: str
    find: Select[Any]
    hold: Select[Any]
    parts: int  # of its name, after the kind
    missing: AwsError
    ended: tuple[str, ...]
    advice: str


def _owner(  # noqa: PLR0913  # one line of the table below
    name: str,
    table: Table,
    key: Column[Any],
    status: Column[Any],
    *ended: str,
    parts: int = 1,
    missing: AwsError | None = None,
    advice: str = "",
) -> Owner:
    found = select(key.label("arn"), status.label("status")).where(key == bindparam("arn"), table.c.account_id == bindparam("account"))
    absent = missing or AwsError("ResourceNotFoundException", "The specified resource wasn't found.")
    return Owner(name, found, found.with_for_update(), parts, absent, ended, advice)


OWNERS: dict[str, Owner] = {
    "cluster": _owner("cluster", clusters, clusters.c.arn, clusters.c.status, "INACTIVE", missing=cluster_not_found()),
    "task-definition": _owner(
        "task definition", task_definitions, task_definitions.c.arn, task_definitions.c.status, "INACTIVE", "DELETE_IN_PROGRESS"
    ),
    "service": _owner("service", ecs_services, ecs_services.c.id, ecs_services.c.status, "INACTIVE", parts=2),
    # That stopped tasks cannot be tagged is recorded (recorded-aws.md 11.4).
    "task": _owner("task", ecs_tasks, ecs_tasks.c.id, ecs_tasks.c.last_status, "STOPPED", parts=2, advice="is stopped. Specify a running"),
    "container-instance": _owner(
        "container instance", container_instances, container_instances.c.id, container_instances.c.status, "INACTIVE", parts=2
    ),
    "capacity-provider": _owner("capacity provider", capacity_providers, capacity_providers.c.id, capacity_providers.c.status, "INACTIVE"),
}


def of(context: Context, text: str) -> Owner:
    """The kind of the resource with this ARN, or the refusal of an ARN that can have no tags."""
    arn = parse_arn(text)
    if arn is None:
        raise invalid_parameter("The ARN provided is invalid.")
    check_arn(context, arn)
    owner = OWNERS.get(_kind(arn))
    if owner is None:
        raise invalid_parameter(f"Unsupported resource type: {_kind(arn)}")  # reported for clusters, aws/aws-cli#7875
    if arn.resource.count("/") < owner.parts:  # reported, boto/boto3#2473
        raise invalid_parameter("Long arn format must be used for tagging operations")
    return owner


def find(db: Reader, context: Context, owner: Owner, arn: str) -> Row | None:
    """Its ``arn`` and ``status``."""
    return db.first(owner.find, arn=arn, account=context.account_id)


def hold(db: Writer, context: Context, owner: Owner, arn: str) -> Row | None:
    """The same, and it stands still until the commit: its tags are counted before some are added."""
    return db.first(owner.hold, arn=arn, account=context.account_id)


def living(owner: Owner, row: Row | None) -> str:
    """The ARN of the resource, which must exist and be in use."""
    if row is None:
        raise AwsError(owner.missing.code, owner.missing.message, owner.missing.status)
    if row.status in owner.ended:
        advice = owner.advice or "is inactive. Specify an active"
        raise invalid_parameter(f"The specified {owner.name} {advice} {owner.name} and try again.")
    arn: str = row.arn
    return arn


def _kind(arn: Arn) -> str:
    return arn.resource.partition("/")[0]
