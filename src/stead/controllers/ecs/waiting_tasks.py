"""Tasks that wait in PROVISIONING for an instance of a capacity provider whose group ECS scales (ecs-on-your-behalf.md 5.3).

A waiting task is one of launch type EC2 without an instance. Its own controller lets it wait; the provider's gives it a place when there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, select, update

from stead.services.ecs import placement, task_rows
from stead.services.ecs.instance_resources import Needs, needs_of
from stead.services.ecs.placement import Rules
from stead.store.ecs_tables import ecs_services, ecs_tasks, task_definitions

if TYPE_CHECKING:
    from stead.controllers.ecs.behalf import Behalf, Refused
    from stead.controllers.ecs.pace import Pace
    from stead.controllers.ecs.task import Task, Wait
    from stead.store.engine import Reader, Row, Writer

AT_ONCE = 100  # of one step
_WAITING = (
    select(ecs_tasks)
    .where(ecs_tasks.c.cluster_arn == bindparam("cluster"), ecs_tasks.c.desired_status == "RUNNING")
    .where(ecs_tasks.c.last_status == "PROVISIONING", ecs_tasks.c.capacity_provider == bindparam("provider"))
    .where(ecs_tasks.c.container_instance.is_(None))
    .order_by(ecs_tasks.c.created, ecs_tasks.c.id)
    .limit(AT_ONCE)
)
_SERVICE = select(ecs_services.c.document).where(ecs_services.c.id == bindparam("arn"))
_DEFINITION = select(task_definitions.c.document).where(task_definitions.c.arn == bindparam("arn"))
_ASSIGN = update(ecs_tasks).where(ecs_tasks.c.id == bindparam("arn")).values(container_instance=bindparam("instance"))


class WaitForInstance:
    """The first workflow of a task's PROVISIONING."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    def concerns(self, task: Task) -> bool:
        """One without a place."""
        return task.document["launchType"] == "EC2" and not task.document.get("containerInstanceArn")

    def enter(self, _behalf: Behalf, _task: Task) -> Wait:
        """Until it is given one."""
        return self._pace.capacity_look

    def follow(self, _behalf: Behalf, _task: Task) -> Wait:
        """It never runs."""

    def leave(self, _behalf: Behalf, _task: Task) -> Wait:
        """Nothing was made."""

    def why(self, _task: Task, _refused: Refused) -> str:
        """Nothing is asked."""
        return ""


def waiting(db: Reader, cluster: str, provider: str) -> list[Row]:
    """The oldest of them."""
    return db.all(_WAITING, cluster=cluster, provider=provider)


def needs(db: Reader, task: Row) -> Needs:
    """What the task takes of its instance."""
    definition = orjson.loads(db.scalar(_DEFINITION, arn=task.task_definition))
    return needs_of(definition, orjson.loads(task.document).get("overrides"))


def place(db: Writer, cluster: str, provider: str, now: int) -> int:
    """Give each waiting task a place while there is room; how many got one. A task that does not fit lets smaller ones pass."""
    placed = 0
    for found in waiting(db, cluster, provider):
        row = task_rows.hold(db, found.id)
        if row is None or row.document != found.document:
            continue
        wanted = needs(db, row)
        instance = placement.choose(db, cluster, wanted, _rules(db, row), provider=provider).instance
        if instance is not None:
            _assign(db, row, placement.reserve(db, instance.id, row.id, wanted), now)
            placed += 1
    return placed


def _assign(db: Writer, row: Row, instance: Row, now: int) -> None:
    document, kept = orjson.loads(row.document), orjson.loads(row.work)
    document["containerInstanceArn"] = instance.id
    kept["ec2_instance_id"] = instance.ec2_instance_id
    task_rows.save(db, row.id, document, kept)
    db.run(_ASSIGN, arn=row.id, instance=instance.id)
    task_rows.wake(db, row.id, now)


def _rules(db: Reader, row: Row) -> Rules:
    """A service's own; of a task that RunTask made only the group is remembered."""
    group: str = orjson.loads(row.document)["group"]
    text = db.scalar(_SERVICE, arn=row.service_arn) if row.service_arn else None
    service: dict[str, Any] = orjson.loads(text) if text else {}
    return Rules(service.get("placementConstraints") or (), service.get("placementStrategy") or (), group)
