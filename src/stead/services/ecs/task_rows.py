"""Rows of ``ecs_tasks``: made, wished away, changed. RunTask, the service scheduler and the controllers all write tasks through here.

The document says everything; the columns beside it repeat what is looked for. Whoever changes a row wakes it. A row that is looked at within a lease
anyway is left to that look: it may be held right now, and a row that becomes due under its holder would be taken from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, or_, select, update

from stead.aws.clock import SECOND
from stead.linked_roles import work
from stead.linked_roles.work import Work
from stead.services.ecs import associations, placement, task_shapes
from stead.services.ecs.instance_resources import needs_of
from stead.store.ecs_tables import ecs_tasks
from stead.store.tables import tags

if TYPE_CHECKING:
    from stead.services.ecs.task_shapes import Wish
    from stead.store.engine import Row, Writer

SESSION = "ecs-eni-provisioning"  # recorded, for the interface's calls; the kind of work that a task is counted as
RUNNING, STOPPED = "RUNNING", "STOPPED"
USER_INITIATED, FAILED_TO_START, SCHEDULER = "UserInitiated", "TaskFailedToStart", "ServiceSchedulerInitiated"
ESSENTIAL_EXITED = "EssentialContainerExited"
LOOKED_AT_SOON = 15 * SECOND  # a lease (controllers/runner.py)
_ONE = select(ecs_tasks).where(ecs_tasks.c.id == bindparam("arn"))
HOLD = _ONE.with_for_update()
_SAVE = (
    update(ecs_tasks)
    .where(ecs_tasks.c.id == bindparam("arn"))
    .values(
        desired_status=bindparam("new_desired_status"),
        last_status=bindparam("new_last_status"),
        health_status=bindparam("new_health_status"),
        version=bindparam("new_version"),
        document=bindparam("new_document"),
        work=bindparam("new_work"),
        stopped=bindparam("new_stopped"),
    )
)
_WAKE = (
    update(ecs_tasks)
    .where(ecs_tasks.c.id == bindparam("arn"), or_(ecs_tasks.c.due.is_(None), ecs_tasks.c.due > bindparam("soon")))
    .values(due=bindparam("now"))
)


def make(db: Writer, wish: Wish, role: Row | None, now: int) -> dict[str, Any]:
    """A new task in PROVISIONING; its document. ``role`` is the linked role, held, if the wish needs it: its use begins here."""
    task_id = task_shapes.new_task_id()
    document = task_shapes.document(wish, task_id, now)
    arn = document["taskArn"]
    kept = task_shapes.work(wish, task_id)
    if wish.container_instance:
        placement.reserve(db, wish.container_instance, arn, needs_of(wish.definition, wish.overrides))
    if wish.capacity_provider and not wish.is_fargate:
        associations.wake(db, wish.cluster_arn, now, now + LOOKED_AT_SOON)
    db.insert(ecs_tasks, **_columns(wish), **_changing(document, kept), id=arn, created=now, due=now, lease=0)
    shown = {**{tag["key"]: tag["value"] for tag in wish.tags}, **kept["managed_tags"]}
    db.insert_many(tags, [{"owner": arn, "tag_key": key, "name": key, "value": value} for key, value in shown.items()])
    if kept["needs_role"]:
        assert role is not None
        work.begin(db, role, usage(arn, wish.region), now)
    db.wake_runner()
    return document


def usage(arn: str, region: str) -> Work:
    """The unit of work that a task is while anything of it is left outside."""
    return Work(arn, region, SESSION)


def hold(db: Writer, arn: str) -> Row | None:
    """The task as it stands until the commit."""
    return db.first(HOLD, arn=arn)


def stop(db: Writer, row: Row, code: str, reason: str, now: int) -> dict[str, Any]:
    """Wish the held task away; its document. One that is on its way already keeps its first reason."""
    document = orjson.loads(row.document)
    if document["desiredStatus"] != STOPPED:
        wish_away(document, code, reason, now)
        document["version"] += 1
        save(db, row.id, document, orjson.loads(row.work))
        wake(db, row.id, now)
    return dict(document)


def wish_away(document: dict[str, Any], code: str, reason: str, now: int) -> None:
    """What a document says from then on; lastStatus stays as it is [recorded]."""
    document.update(desiredStatus=STOPPED, stopCode=code, stoppedReason=reason, stoppingAt=now)


def save(db: Writer, arn: str, document: dict[str, Any], kept: dict[str, Any]) -> None:
    """Write both halves of a held row, and the columns that repeat the document."""
    db.run(_SAVE, arn=arn, **{f"new_{name}": value for name, value in _changing(document, kept).items()})


def wake(db: Writer, arn: str, now: int) -> None:
    """Have the row looked at: at once, or at its next look if that is no further than a lease."""
    db.run(_WAKE, arn=arn, now=now, soon=now + LOOKED_AT_SOON)
    db.wake_runner()


def _columns(wish: Wish) -> dict[str, Any]:
    return {
        "account_id": wish.account_id,
        "region": wish.region,
        "cluster_arn": wish.cluster_arn,
        "service_arn": wish.service_arn,
        "deployment": wish.deployment,
        "task_definition": wish.definition["taskDefinitionArn"],
        "family": wish.definition["family"],
        "launch_type": wish.launch_type,
        "capacity_provider": wish.capacity_provider,
        "container_instance": wish.container_instance,
        "started_by": wish.started_by,
        "client_token": wish.client_token,
    }


def _changing(document: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    return {
        "desired_status": document["desiredStatus"],
        "last_status": document["lastStatus"],
        "health_status": document["healthStatus"],
        "version": document["version"],
        "document": orjson.dumps(document).decode(),
        "work": orjson.dumps(kept).decode(),
        "stopped": document.get("stoppedAt"),
    }
