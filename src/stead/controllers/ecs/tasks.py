"""The life of a task, state by state (designs/ecs-workflows.md; ecs-on-your-behalf.md 8.2).

One step goes as far as it can without waiting. On the way up each state's workflow is entered; when the task is wished away, or a workflow was refused,
it turns to the state where that way's undoing begins. On the way down a refusal is asked again, ever later, for as long as it takes: what was made stays
in the row, the row stays due, and the use of the role is counted until nothing is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import bindparam, delete, or_, select, update

from stead.aws.clock import HOUR
from stead.controllers.ecs.behalf import Away, Refused
from stead.controllers.ecs.task import Task
from stead.controllers.runner import LEASE_MS, Again, Done
from stead.linked_roles import work
from stead.services.ecs import placement, task_rows
from stead.store.ecs_tables import ecs_services, ecs_tasks
from stead.store.tables import tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stead.controllers.ecs.behalf import Behalf
    from stead.controllers.ecs.pace import Pace
    from stead.controllers.ecs.task import Runtime, Wait, Workflow
    from stead.store.engine import Reader, Row, Writer

KEPT_MS = HOUR  # how long a stopped task can be described (ecs-on-your-behalf.md 8.2)
TIMEOUT = "Timeout waiting for network interface provisioning to complete."  # documented
EXITED = "Essential container in task exited"


class State(NamedTuple):
    """What comes ``after`` it, and where a task that is wished away in it turns ``off``; empty: it is on its way down already."""

    after: str
    off: str = ""


STATES = {
    "PROVISIONING": State("PENDING", "DEPROVISIONING"),
    "PENDING": State("ACTIVATING", "STOPPING"),
    "ACTIVATING": State("RUNNING", "DEACTIVATING"),
    "RUNNING": State("", "DEACTIVATING"),
    "DEACTIVATING": State("STOPPING"),
    "STOPPING": State("DEPROVISIONING"),
    "DEPROVISIONING": State("STOPPED"),
    "STOPPED": State(""),
}
# States of those whom a workflow of theirs concerns [recorded: PROVISIONING, PENDING, RUNNING, then DEPROVISIONING, STOPPED].
_OPTIONAL = frozenset({"ACTIVATING", "DEACTIVATING", "DEPROVISIONING"})
_WAKE_SERVICE = (
    update(ecs_services)
    .where(ecs_services.c.id == bindparam("arn"), or_(ecs_services.c.due.is_(None), ecs_services.c.due > bindparam("soon")))
    .values(due=bindparam("now"))
)
_OLD = select(ecs_tasks.c.id).where(ecs_tasks.c.stopped < bindparam("before"))
_FORGET_TAGS = delete(tags).where(tags.c.owner.in_(_OLD))
_FORGET = delete(ecs_tasks).where(ecs_tasks.c.stopped < bindparam("before"))


class Learned(NamedTuple):
    """What a step made of the row, and when to look again."""

    task: Task
    wait: Wait


class Tasks:
    """Steps rows of ``ecs_tasks``. ``provisioning`` and ``activating`` are the workflows of those states and of their opposites, in order."""

    table = ecs_tasks

    def __init__(
        self, behalf: Behalf, runtime: Runtime, pace: Pace, *, provisioning: Sequence[Workflow], activating: Sequence[Workflow]
    ) -> None:
        self._behalf = behalf
        self._runtime = runtime
        self._pace = pace
        self._provisioning = provisioning
        self._activating = activating

    def asks(self, row: Row) -> bool:
        """All but the first: that one notes that something may have been made from then on."""
        return "begun" in orjson.loads(row.work)

    def ask(self, _db: Reader, row: Row) -> Learned:
        """As far as it goes without waiting."""
        task = Task.of(row, self._behalf.now())
        try:
            wait = self._advance(task)
        except Refused as refused:
            return Learned(task, self._on_refusal(task, refused))
        except Away:
            return Learned(task, self._on_silence(task))
        _recover(task)
        return Learned(task, wait)

    def reconcile(self, db: Writer, row: Row, learned: Learned | None, now: int) -> Done | Again:
        """Write what the step made of the row, and what others made of it meanwhile."""
        current = task_rows.hold(db, row.id)
        if current is None:
            return Done()
        if learned is None:
            return _begin(db, current, now)
        document, kept = _merged(row, current, learned.task)
        task_rows.save(db, row.id, document, kept)
        _tell_service(db, row, document, now)
        if document["lastStatus"] == "STOPPED":
            _let_go(db, row, now)
            return Done()
        if current.document != row.document:
            return Again()
        return Done() if learned.wait is None else Again(learned.wait)

    def sweep(self, db: Writer, now: int) -> None:
        """Forget what stopped an hour ago."""
        db.run(_FORGET_TAGS, before=now - KEPT_MS)
        db.run(_FORGET, before=now - KEPT_MS)
        work.forget(db, now - KEPT_MS)

    def _advance(self, task: Task) -> Wait:
        while True:
            state = STATES[task.document["lastStatus"]]
            if task.is_stopping and state.off:
                self._move(task, state.off)
                continue
            if (wait := self._work(task)) is not None:
                return wait
            if not state.after and not (task.is_stopping and state.off):
                return None
            if state.after:
                self._move(task, state.after)

    def _move(self, task: Task, status: str) -> None:
        while self._is_passed_over(task, status):
            status = STATES[status].after
        task.move(status)
        if status == "STOPPED":
            _close(task)

    def _is_passed_over(self, task: Task, status: str) -> bool:
        """Only what has something to do in it is in a state [recorded: a task that ended by itself has version 5 when it is STOPPED]."""
        if status == "STOPPING":
            return not task.has_live_container
        return status in _OPTIONAL and not self._concerned(task, status)

    def _concerned(self, task: Task, status: str) -> list[Workflow]:
        workflows = self._provisioning if status.endswith("PROVISIONING") else self._activating
        return [workflow for workflow in workflows if workflow.concerns(task)]

    def _work(self, task: Task) -> Wait:
        """What the state is for; None when that is over."""
        match status := task.document["lastStatus"]:
            case "PROVISIONING" | "ACTIVATING":
                return _first_wait(self._behalf, task, self._concerned(task, status), "enter")
            case "DEACTIVATING" | "DEPROVISIONING":
                return _first_wait(self._behalf, task, self._concerned(task, status)[::-1], "leave")
            case "PENDING":
                return self._runtime.start(task)
            case "STOPPING":
                return self._runtime.stop(task)
            case "RUNNING":
                return self._follow(task)
        return None

    def _follow(self, task: Task) -> Wait:
        waits = [self._runtime.follow(task)]
        if _essential_exited(task) and not task.is_stopping:
            task_rows.wish_away(task.document, task_rows.ESSENTIAL_EXITED, EXITED, task.now)
            return None
        waits += [workflow.follow(self._behalf, task) for workflow in self._concerned(task, "RUNNING")]
        return min((wait for wait in waits if wait is not None), default=None)

    def _on_refusal(self, task: Task, refused: Refused) -> int:
        """On the way up the task cannot start; otherwise it is asked again, and what is in the way is shown as the reason [inferred]."""
        status = task.document["lastStatus"]
        why = self._why(task, refused)
        if status in {"PROVISIONING", "PENDING", "ACTIVATING"} and not task.is_stopping:
            task_rows.wish_away(task.document, task_rows.FAILED_TO_START, why, task.now)
            return 0
        if task.is_stopping:
            task.work.setdefault("reason", task.document["stoppedReason"])
            task.document["stoppedReason"] = why
        return self._later(task)

    def _on_silence(self, task: Task) -> int:
        """A neighbour that does not answer may later; an interface is waited for only so long."""
        late = task.now > task.document["createdAt"] + self._pace.provisioning_timeout
        if task.document["lastStatus"] == "PROVISIONING" and late and not task.is_stopping:
            task_rows.wish_away(task.document, task_rows.FAILED_TO_START, TIMEOUT, task.now)
        return self._later(task)

    def _why(self, task: Task, refused: Refused) -> str:
        concerned = self._concerned(task, task.document["lastStatus"])
        return next((text for workflow in concerned if (text := workflow.why(task, refused))), refused.message)

    def _later(self, task: Task) -> int:
        failures: int = task.work.get("failures", 0) + 1
        task.work["failures"] = failures
        return min(self._pace.first_retry << min(failures - 1, 16), self._pace.last_retry)


def _first_wait(behalf: Behalf, task: Task, workflows: list[Workflow], way: str) -> Wait:
    return next((wait for workflow in workflows if (wait := getattr(workflow, way)(behalf, task)) is not None), None)


def _begin(db: Writer, row: Row, now: int) -> Done | Again:
    """A task that was wished away before anything began was never anything outside."""
    document, kept = orjson.loads(row.document), orjson.loads(row.work)
    kept["begun"] = now
    if document["desiredStatus"] == "STOPPED":
        kept.setdefault("interface", {})["refused"] = True
    task_rows.save(db, row.id, document, kept)
    return Again()


def _close(task: Task) -> None:
    document = task.document
    document["stoppedAt"] = task.now
    for container in document["containers"]:
        container["lastStatus"] = "STOPPED"
    if "startedAt" in document:
        document.setdefault("executionStoppedAt", task.now)


def _let_go(db: Writer, row: Row, now: int) -> None:
    work.end(db, task_rows.usage(row.id, row.region), now)
    if row.container_instance:
        placement.release(db, row.container_instance, row.id, now)


def _recover(task: Task) -> None:
    """A step that was not refused: whatever was in the way is over."""
    task.work.pop("failures", None)
    if reason := task.work.pop("reason", None):
        task.document["stoppedReason"] = reason


def _essential_exited(task: Task) -> bool:
    essential = {name for name, one in task.work["containers"].items() if one["essential"]}
    return any(container["lastStatus"] == "STOPPED" and container["name"] in essential for container in task.document["containers"])


def _merged(taken: Row, current: Row, task: Task) -> tuple[dict[str, Any], dict[str, Any]]:
    """What others changed since the row was taken stays; where both changed the same member, the step's counts."""
    if current.document == taken.document and current.work == taken.work:
        return task.document, task.work
    document = _merge(orjson.loads(taken.document), orjson.loads(current.document), task.document)
    document["version"] = task.document["version"] + current.version - taken.version
    return document, _merge(orjson.loads(taken.work), orjson.loads(current.work), task.work)


def _merge(taken: dict[str, Any], current: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    theirs = {name: value for name, value in current.items() if value != taken.get(name) and made.get(name) == taken.get(name)}
    return {**made, **theirs}


def _tell_service(db: Writer, row: Row, document: dict[str, Any], now: int) -> None:
    """A service follows its tasks; one that will look within a lease is not woken (see task_rows)."""
    if row.service_arn and (document["lastStatus"] != row.last_status or document["healthStatus"] == "UNHEALTHY"):
        db.run(_WAKE_SERVICE, arn=row.service_arn, now=now, soon=now + LEASE_MS)
        db.wake_runner()
