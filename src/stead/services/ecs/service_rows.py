"""Rows of ``ecs_services``: found, held, changed; and their tasks, counted.

The columns ``document``, ``deployments``, ``events`` and ``work`` are JSON. :class:`Service` is a row taken apart, which its API operations and the
scheduler change and write as a whole, held from the read to the commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import bindparam, func, select, update

from stead.store.ecs_tables import ecs_services, ecs_tasks

if TYPE_CHECKING:
    from stead.store.engine import Reader, Row, Writer

ACTIVE, DRAINING, INACTIVE = "ACTIVE", "DRAINING", "INACTIVE"
PRIMARY = "PRIMARY"
_THIS = ecs_services.c.id == bindparam("arn")
FIND = select(ecs_services).where(_THIS, ecs_services.c.account_id == bindparam("account"))
_HOLD = select(ecs_services).where(_THIS).with_for_update()
_CHANGING = ("status", "launch_type", "task_definition", "desired_count", "document", "deployments", "events", "work")
_SAVE = update(ecs_services).where(_THIS).values({name: bindparam(f"new_{name}") for name in _CHANGING})
_WAKE = update(ecs_services).where(_THIS).values(due=bindparam("now"))
_COUNTS = (
    select(ecs_tasks.c.deployment, ecs_tasks.c.desired_status, ecs_tasks.c.last_status, func.count().label("tasks"))
    .where(ecs_tasks.c.service_arn == bindparam("arn"), ecs_tasks.c.last_status != "STOPPED")
    .group_by(ecs_tasks.c.deployment, ecs_tasks.c.desired_status, ecs_tasks.c.last_status)
)


class Count(NamedTuple):
    """A deployment's tasks: those that shall run and do, those that shall and do not yet, and those that shall not and are not gone."""

    running: int = 0
    pending: int = 0
    leaving: int = 0

    @property
    def wanted(self) -> int:
        """The tasks that shall run."""
        return self.running + self.pending

    def __add__(self, other: object) -> Count:
        """Both together."""
        assert isinstance(other, Count)
        return Count(self.running + other.running, self.pending + other.pending, self.leaving + other.leaving)


@dataclass(slots=True)
class Service:
    """One service's row, taken apart."""

    row: Row
    document: dict[str, Any]
    deployments: list[dict[str, Any]]
    events: list[dict[str, Any]]
    work: dict[str, Any]

    @classmethod
    def of(cls, row: Row) -> Service:
        """A fresh copy."""
        return cls(row, *(orjson.loads(text) for text in (row.document, row.deployments, row.events, row.work)))

    @property
    def arn(self) -> str:
        """The service's ARN."""
        return str(self.document["serviceArn"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.document["serviceName"])

    @property
    def primary(self) -> dict[str, Any] | None:
        """The deployment that is wished; a deleted service has none."""
        return next((one for one in self.deployments if one["status"] == PRIMARY), None)


def hold(db: Writer, arn: str) -> Service | None:
    """The service as it stands until the commit."""
    row = db.first(_HOLD, arn=arn)
    return None if row is None else Service.of(row)


def columns(service: Service) -> dict[str, Any]:
    """The columns that change."""
    document = service.document
    return {
        "status": document["status"],
        "launch_type": document.get("launchType") or ("FARGATE" if "platformFamily" in document else "EC2"),
        "task_definition": document["taskDefinition"],
        "desired_count": document["desiredCount"],
        "document": _json(document),
        "deployments": _json(service.deployments),
        "events": _json(service.events),
        "work": _json(service.work),
    }


def save(db: Writer, service: Service) -> None:
    """Write a held service, if it changed."""
    new = columns(service)
    if any(getattr(service.row, name) != value for name, value in new.items()):
        db.run(_SAVE, arn=service.arn, **{f"new_{name}": value for name, value in new.items()})


def wake(db: Writer, arn: str, now: int) -> None:
    """Have the scheduler look at once."""
    db.run(_WAKE, arn=arn, now=now)
    db.wake_runner()


def counts(db: Reader, arn: str) -> dict[str, Count]:
    """The tasks of each deployment, by one query. What ECS counts as running shall run too [recorded]."""
    found: dict[str, Count] = {}
    for row in db.all(_COUNTS, arn=arn):
        found[row.deployment] = found.get(row.deployment, Count()) + _count(row)
    return found


def _count(row: Row) -> Count:
    if row.desired_status != "RUNNING":
        return Count(leaving=row.tasks)
    return Count(running=row.tasks) if row.last_status == "RUNNING" else Count(pending=row.tasks)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
