"""Which container instance a task goes to, and what it takes there. RunTask, StartTask, the service scheduler and waiting tasks place through here.

:func:`choose` looks; :func:`reserve` takes, in the transaction that writes the task, and finds out if somebody was quicker (then the transaction
runs again); :func:`release` gives back, when the task is STOPPED. What tasks took stands in the instance's row, by the tasks' ARNs, so that both may
be repeated and placing does not read every task.
"""

from __future__ import annotations

import secrets
from collections import Counter
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import bindparam, select, update

from stead.aws.clock import SECOND
from stead.services.ecs import associations, instance_resources, query_language
from stead.store.ecs_tables import container_instances, ecs_attributes, ecs_tasks
from stead.store.engine import Conflict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from stead.services.ecs.instance_resources import Needs
    from stead.services.ecs.query_language import Facts
    from stead.store.engine import Reader, Row, Writer

ACTIVE, DRAINING, INACTIVE = "ACTIVE", "DRAINING", "INACTIVE"
NO_INSTANCES = "No Container Instances were found in your cluster."  # of RunTask and of the service's event
_OF_CLUSTER = (
    select(container_instances)
    .where(container_instances.c.cluster_arn == bindparam("cluster"), container_instances.c.status != INACTIVE)
    .order_by(container_instances.c.registered, container_instances.c.id)
)
_ONE = select(container_instances).where(container_instances.c.id == bindparam("arn"))
HOLD = _ONE.with_for_update()
_KEEP = update(container_instances).where(container_instances.c.id == bindparam("arn")).values(work=bindparam("new_work"))
_DUE = (
    update(container_instances)
    .where(container_instances.c.id == bindparam("arn"), container_instances.c.due > bindparam("soon"))
    .values(due=bindparam("now"))
)
LOOKED_AT_SOON = 15 * SECOND  # as in task_rows.py: a row may be held right now
_ATTRIBUTES = (
    select(ecs_attributes)
    .where(ecs_attributes.c.cluster_arn == bindparam("cluster"))
    .order_by(ecs_attributes.c.target_id, ecs_attributes.c.name)
)
_TASKS = select(ecs_tasks.c.container_instance, ecs_tasks.c.last_status, ecs_tasks.c.document).where(
    ecs_tasks.c.cluster_arn == bindparam("cluster"), ecs_tasks.c.container_instance.is_not(None), ecs_tasks.c.last_status != "STOPPED"
)
_PENDING = frozenset({"PROVISIONING", "PENDING", "ACTIVATING"})
_CUSTOM = "attribute:"
# `random` spreads nothing; `spread` by default goes over instances, `binpack` fills the fullest.
_BINPACK = {"cpu": "CPU", "memory": "MEMORY"}


class Failure(NamedTuple):
    """Why not on this instance, as RunTask tells it; ``said`` is the same in the words of a service's event."""

    arn: str
    reason: str
    detail: str = ""

    def answer(self) -> dict[str, str]:
        """As RunTask and StartTask answer it."""
        return {name: value for name, value in self._asdict().items() if value}


class Placement(NamedTuple):
    """The instance, or why none."""

    instance: Row | None
    failures: tuple[Failure, ...] = ()


class Rules(NamedTuple):
    """The task's placement constraints and strategy, as RunTask and services have them, and its group."""

    constraints: Sequence[Mapping[str, Any]] = ()
    strategy: Sequence[Mapping[str, Any]] = ()
    group: str = ""


NO_RULES = Rules()


class _Candidate(NamedTuple):
    row: Row
    document: dict[str, Any]
    tasks: dict[str, dict[str, Any]]
    left: list[dict[str, Any]]
    facts: dict[str, Any]
    groups: Counter[str]


def choose(  # noqa: PLR0913  # what for, and what is left out
    db: Reader, cluster: str, needs: Needs, rules: Rules = NO_RULES, *, provider: str | None = None, only: Collection[str] | None = None
) -> Placement:
    """The best instance of the cluster for one more task; ``provider`` and ``only`` leave others out. Nothing is written."""
    candidates = [
        one
        for one in _candidates(db, cluster)
        if (provider is None or one.row.capacity_provider == provider) and (only is None or one.row.id in only)
    ]
    failures = [Failure(one.row.id, reason) for one in candidates if (reason := _refusal(one, needs, rules))]
    refused = {failure.arn for failure in failures}
    fitting = [one for one in candidates if one.row.id not in refused]
    return Placement(_best(fitting, rules).row if fitting else None, tuple(failures))


def reserve(db: Writer, arn: str, task: str, needs: Needs) -> Row:
    """Take what ``task`` needs of the instance, held until the commit."""
    row = db.first(HOLD, arn=arn)
    if row is None:
        raise Conflict
    kept = orjson.loads(row.work)
    document = orjson.loads(row.document)
    others = {name: taken for name, taken in kept["tasks"].items() if name != task}
    left = instance_resources.remaining(document["registeredResources"], others)
    if row.status != ACTIVE or instance_resources.lacking(needs, left, others, instance_type(document)):
        raise Conflict
    keep(db, row, {**kept, "tasks": {**others, task: needs.kept()}})
    return row


def release(db: Writer, arn: str, task: str, now: int) -> None:
    """Give it back; nothing happens if it had nothing. The instance is looked at again: it may be empty, or waiting to be left."""
    row = db.first(HOLD, arn=arn)
    if row is None:
        return
    kept = orjson.loads(row.work)
    if kept["tasks"].pop(task, None) is not None:
        keep(db, row, kept)
        db.run(_DUE, arn=arn, now=now, soon=now + LOOKED_AT_SOON)
        if row.capacity_provider:
            associations.wake(db, row.cluster_arn, now, now + LOOKED_AT_SOON)
        db.wake_runner()


def keep(db: Writer, row: Row, kept: Mapping[str, Any]) -> None:
    """Write the ``work`` of a held instance."""
    db.run(_KEEP, arn=row.id, new_work=orjson.dumps(kept).decode())


def instance_type(document: Mapping[str, Any]) -> str | None:
    """As it was registered."""
    found: str | None = document.get("instanceType")
    return found


def facts_of(db: Reader, cluster: str) -> dict[str, dict[str, Any]]:
    """What the cluster query language can ask of each instance, by ARN."""
    return {one.row.id: one.facts for one in _candidates(db, cluster)}


def event_words(failures: Iterable[Failure]) -> str:
    """The end of the event of a task that could not be placed (ecs-on-your-behalf.md 10)."""
    closest = min(failures, key=lambda failure: (failure.reason in {"MISSING", "INACTIVE"}, failure.arn), default=None)
    begin = "was unable to place a task because no container instance met all of its requirements."
    if closest is None:
        return f"{begin} Reason: {NO_INSTANCES}"
    identity = closest.arn.rpartition("/")[2]
    said = _SAID.get(closest.reason) or f'encountered error "{closest.reason}"'
    return f"{begin} The closest matching (container-instance {identity}) {said}."


_SAID = {
    "RESOURCE:CPU": "has insufficient CPU units available",
    "RESOURCE:MEMORY": "has insufficient memory available",
    "RESOURCE:PORTS": "is already using a port required by your task",
    "ATTRIBUTE": "is missing an attribute required by your task",
}

# Reported of RunTask's failures.
_UNMET = {
    "memberOf": "MemberOf placement constraint unsatisfied.",
    "distinctInstance": "DistinctInstance placement constraint unsatisfied.",
}


def _candidates(db: Reader, cluster: str) -> list[_Candidate]:
    attributes = {
        arn: {row.name: row.value or "" for row in rows}
        for arn, rows in groupby(db.all(_ATTRIBUTES, cluster=cluster), key=attrgetter("target_id"))
    }
    groups: dict[str, Counter[str]] = {}
    states: dict[str, Counter[bool]] = {}
    for task in db.all(_TASKS, cluster=cluster):
        groups.setdefault(task.container_instance, Counter())[orjson.loads(task.document)["group"]] += 1
        states.setdefault(task.container_instance, Counter())[task.last_status in _PENDING] += 1
    return [
        _candidate(row, attributes.get(row.id, {}), groups.get(row.id, Counter()), states.get(row.id, Counter()))
        for row in db.all(_OF_CLUSTER, cluster=cluster)
    ]


def _candidate(row: Row, attributes: Mapping[str, str], groups: Counter[str], states: Counter[bool]) -> _Candidate:
    document, tasks = orjson.loads(row.document), orjson.loads(row.work)["tasks"]
    left = instance_resources.remaining(document["registeredResources"], tasks)
    facts = {
        **{f"{_CUSTOM}{name}": value for name, value in attributes.items()},
        "agentConnected": document["agentConnected"],
        "agentVersion": document["versionInfo"].get("agentVersion"),
        "ec2InstanceId": row.ec2_instance_id,
        "registeredAt": row.registered,
        "runningTasksCount": states[False],
        "pendingTasksCount": states[True],
        "status": row.status,
        "task:group": tuple(groups),
    }
    return _Candidate(row, document, tasks, left, facts, groups)


def _refusal(one: _Candidate, needs: Needs, rules: Rules) -> str:
    if one.row.status != ACTIVE:
        return "INACTIVE"
    if not one.document["agentConnected"]:
        return "AGENT"
    if any(
        one.facts.get(f"{_CUSTOM}{name}") is None or value not in {None, one.facts[f"{_CUSTOM}{name}"]} for name, value in needs.attributes
    ):
        return "ATTRIBUTE"
    for constraint in rules.constraints:
        if not _meets(one, constraint, rules.group):
            return _UNMET[constraint.get("type") or "memberOf"]
    return instance_resources.lacking(needs, one.left, one.tasks, instance_type(one.document))


def _meets(one: _Candidate, constraint: Mapping[str, Any], group: str) -> bool:
    if constraint.get("type") == "distinctInstance":
        return not one.groups[group]
    return query_language.parse(constraint.get("expression") or "")(one.facts)


def _best(fitting: list[_Candidate], rules: Rules) -> _Candidate:
    """One strategy after the other leaves the equally good ones; then chance."""
    for item in rules.strategy:
        scores = {one.row.id: _score(one, item, fitting, rules.group) for one in fitting}
        best = min(scores.values())
        fitting = [one for one in fitting if scores[one.row.id] == best]
    return secrets.choice(fitting)


def _score(one: _Candidate, item: Mapping[str, Any], all_: list[_Candidate], group: str) -> float:
    """The lower the better."""
    kind, field = item.get("type"), item.get("field") or ""
    if kind == "binpack":
        return instance_resources.value(one.left, _BINPACK.get(field.lower(), "MEMORY"))
    if kind == "spread":
        if field in {"instanceId", "host"}:
            return one.groups[group]
        return sum(other.groups[group] for other in all_ if _place(other.facts, field) == _place(one.facts, field))
    return 0


def _place(facts: Facts, field: str) -> str | None:
    found: str | None = facts.get(field)
    return found
