"""The service scheduler: a service's tasks as its deployments wish them (designs/ecs-workflows.md; ecs-on-your-behalf.md 3, 8.3, 10).

One step counts the tasks by one query, notes what failed, starts and stops some by writing their rows, and says so in events. It never touches the
outside for one task. What it asks outside is the health of targets: one question for each target group and look, between two transactions.
A service that changes is looked at every round; one that is steady when a task of its own moves, or when its targets are to be looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, select

from stead.aws.clock import DAY
from stead.controllers.ecs import deployments, rollout, service_tasks, target_health
from stead.controllers.ecs.behalf import Where
from stead.controllers.ecs.service_step import Step
from stead.controllers.runner import Again, Done
from stead.services.ecs import service_events as events
from stead.services.ecs import service_rows
from stead.services.ecs.service_rows import DRAINING, INACTIVE
from stead.services.ecs.service_shapes import FAILED
from stead.store.ecs_tables import ecs_services
from stead.store.tables import tags

if TYPE_CHECKING:
    from stead.controllers.ecs.behalf import Behalf
    from stead.controllers.ecs.pace import Pace
    from stead.controllers.ecs.target_health import Look
    from stead.store.engine import Reader, Row, Writer

BATCH = 50  # tasks that one step starts, or stops, so that nobody waits long for the database
_TOLD_AT_ONCE = 10  # tasks that one event names
_OVER = ecs_services.c.status == INACTIVE, ecs_services.c.due.is_(None)
_FORGET_TAGS = delete(tags).where(tags.c.owner.in_(select(ecs_services.c.id).where(*_OVER)))
_FORGET = delete(ecs_services).where(*_OVER)


class Services:
    """Steps rows of ``ecs_services``."""

    table = ecs_services

    def __init__(self, behalf: Behalf, pace: Pace) -> None:
        self._behalf = behalf
        self._pace = pace

    def asks(self, row: Row) -> bool:
        """Whether targets are to be looked at now."""
        return bool(_balancers(row)) and orjson.loads(row.work).get("look", 0) <= self._behalf.now()

    def ask(self, _db: Reader, row: Row) -> Look:
        """What the load balancers say."""
        return target_health.look(self._behalf, Where(row.account_id, row.region), _balancers(row))

    def reconcile(self, db: Writer, row: Row, learned: Look | None, now: int) -> Done | Again:
        """One step towards the wish."""
        service = service_rows.hold(db, row.id)
        if service is None or service.document["status"] == INACTIVE:
            return Done()
        step = Step(db, service, learned, now, self._pace)
        outcome = _drain(step) if service.document["status"] == DRAINING else _advance(step)
        service.events = events.said(service.events, service.name, step.said, now)
        service_rows.save(db, service)
        return outcome

    def sweep(self, db: Writer, _now: int) -> None:
        """Forget services that were deleted a day ago: then their rows are no longer due."""
        db.run(_FORGET_TAGS)
        db.run(_FORGET)


def _balancers(row: Row) -> list[dict[str, Any]]:
    if row.status != "ACTIVE":
        return []
    return [balancer for one in orjson.loads(row.deployments) for balancer in one["kept"]["loadBalancers"]]


def _advance(step: Step) -> Again:
    """An ACTIVE service."""
    service = step.service
    service.work.setdefault("service_deployment", step.new_service_deployment())
    step.count()
    step.note_failures()
    step.look_at_targets()
    step.replace_unhealthy(BATCH)
    deployments.judge(step)
    moved = _move(step)
    deployments.note_counts(step)
    step.tell_registrations()
    step.tell_troubles()
    if deployments.finish(step):
        return Again(step.until_next_look())
    return Again(0 if moved == BATCH else step.until_next_round())


def _move(step: Step) -> int:
    """Start and stop what the plan says, a batch at a time; how many at most of one kind."""
    service, primary = step.service, step.primary
    if primary is None:
        return 0
    desired = service.document["desiredCount"]
    plan = rollout.plan(desired, service.document["deploymentConfiguration"], primary["id"], step.tallies)
    started = _start(step, primary, min(plan.start, BATCH))
    stopped = _stop(step, plan.stop, primary["id"])
    if plan.is_empty and step.is_stuck(desired):
        step.said.append(events.STUCK)
    return max(started, stopped)


def _start(step: Step, primary: dict[str, Any], count: int) -> int:
    """None while failures are backed off from, nor for a deployment that failed."""
    if not count or primary["rolloutState"] == FAILED or step.now < step.service.work.get("not_before", 0):
        return 0
    started = service_tasks.start(step.db, step.service, primary, count, step.now)
    _say(step, events.STARTED, started.tasks)
    if started.missing:
        step.said.append(started.missing)
        step.back_off(1)
    return len(started.tasks)


def _stop(step: Step, wished: dict[str, int], primary: str) -> int:
    gone: list[str] = []
    for name, count in wished.items():
        left = min(count, BATCH - len(gone))
        if left > 0:
            reason = f"Scaling activity initiated by (deployment {primary})"
            gone += service_tasks.stop(step.db, step.service, name, left, reason=reason, now=step.now)
    if gone and step.service.document["loadBalancers"]:
        step.said.append(events.DRAINING.format(count=len(gone)))
    _say(step, events.STOPPED, gone)
    return len(gone)


def _drain(step: Step) -> Again:
    """A deleted service: its tasks are stopped; when none is left it is INACTIVE."""
    step.count()
    service = step.service
    newest = service.deployments[0]["id"]
    stopped = _stop(step, {name: tally.wanted for name, tally in step.tallies.items()}, newest)
    step.tell_registrations()
    step.tell_troubles()
    if stopped == BATCH:
        return Again()
    if any(tally.wanted or tally.leaving for tally in step.tallies.values()):
        return Again(step.until_next_round())
    service.document["status"] = INACTIVE
    service.deployments, service.work = [], {}
    return Again(DAY)


def _say(step: Step, text: str, arns: list[str]) -> None:
    """In portions, as one event names only so many."""
    for first in range(0, len(arns), _TOLD_AT_ONCE):
        portion = arns[first : first + _TOLD_AT_ONCE]
        step.said.append(text.format(count=len(portion), tasks=events.tasks(portion)))
