"""A service's tasks, written by its scheduler: started in its transaction, stopped in it, looked at for what became of them.

What happens to a task then is its own controller's (tasks.py). The scheduler passes over a task that is being stepped just now; it comes back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import bindparam, case, func, select

from stead.aws.clock import MINUTE
from stead.controllers.ecs.rollout import Tally
from stead.linked_roles import catalog, holding
from stead.services.ecs import instance_resources, placement, provider_rows, provider_strategy, task_rows
from stead.services.ecs.placement import Rules
from stead.services.ecs.task_shapes import Wish
from stead.store.ecs_tables import container_instances, ecs_tasks, task_definitions
from stead.store.tables import tags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stead.services.ecs.service_rows import Service
    from stead.store.engine import Reader, Row, Writer

PRINCIPAL = "ecs.amazonaws.com"
RUNNING = "RUNNING"
_OF_SERVICE = ecs_tasks.c.service_arn == bindparam("service")
_TALLIES = (
    select(
        ecs_tasks.c.deployment, ecs_tasks.c.desired_status, ecs_tasks.c.last_status, ecs_tasks.c.health_status, func.count().label("tasks")
    )
    .where(_OF_SERVICE, ecs_tasks.c.last_status != "STOPPED")
    .group_by(ecs_tasks.c.deployment, ecs_tasks.c.desired_status, ecs_tasks.c.last_status, ecs_tasks.c.health_status)
)
# Tasks that do not run go first, then the newest of those that do; AWS's order is not published.
_TO_STOP = (
    select(ecs_tasks)
    .where(_OF_SERVICE, ecs_tasks.c.deployment == bindparam("of_deployment"), ecs_tasks.c.desired_status == RUNNING)
    .order_by(case((ecs_tasks.c.last_status == RUNNING, 1), else_=0), ecs_tasks.c.created.desc())
    .limit(bindparam("count"))
    .with_for_update(skip_locked=True)
)
_UNHEALTHY = (
    select(ecs_tasks)
    .where(_OF_SERVICE, ecs_tasks.c.desired_status == RUNNING, ecs_tasks.c.health_status == "UNHEALTHY")
    .limit(bindparam("count"))
    .with_for_update(skip_locked=True)
)
_BY_PROVIDER = (
    select(ecs_tasks.c.capacity_provider, func.count().label("tasks"))
    .where(_OF_SERVICE, ecs_tasks.c.deployment == bindparam("of_deployment"), ecs_tasks.c.desired_status == RUNNING)
    .group_by(ecs_tasks.c.capacity_provider)
)
# A stop code stands in the document only as itself: inside a text its quotes would be escaped.
_BY_INTENT = tuple(f'%"stopCode":"{code}"%' for code in (task_rows.SCHEDULER, task_rows.USER_INITIATED))
_ENDED = select(ecs_tasks.c.id, ecs_tasks.c.deployment, ecs_tasks.c.stopped, ecs_tasks.c.document).where(
    _OF_SERVICE,
    ecs_tasks.c.last_status == "STOPPED",
    ecs_tasks.c.stopped > bindparam("since"),
    *(ecs_tasks.c.document.not_like(pattern) for pattern in _BY_INTENT),
)
_AT_WORK = select(ecs_tasks.c.id, ecs_tasks.c.document).where(
    _OF_SERVICE, ecs_tasks.c.last_status == RUNNING, ecs_tasks.c.desired_status == RUNNING
)
# A refusal that keeps a task from going is its reason meanwhile; the one before is kept in its work (tasks.py).
_HELD_UP = (
    select(ecs_tasks.c.document)
    .where(
        _OF_SERVICE,
        ecs_tasks.c.last_status != "STOPPED",
        ecs_tasks.c.desired_status == "STOPPED",
        ecs_tasks.c.work.like('%"reason":%'),
    )
    .limit(10)
)
_INSTANCE = select(container_instances.c.ec2_instance_id).where(container_instances.c.id == bindparam("arn"))
_RUNNING = select(ecs_tasks.c.id).where(_OF_SERVICE, ecs_tasks.c.last_status == RUNNING, ecs_tasks.c.desired_status == RUNNING)
_DEFINITION = select(task_definitions.c.document).where(task_definitions.c.arn == bindparam("arn"))
_TAGS = select(tags.c.name, tags.c.value).where(tags.c.owner == bindparam("owner"))
_LATE_MS = MINUTE  # a task's end may be committed that much later than its time


class Started(NamedTuple):
    """The ARNs of new tasks; ``missing`` says why there are no more, in the words of an event."""

    tasks: list[str]
    missing: str = ""


def tallies(db: Reader, service: Service) -> dict[str, Tally]:
    """All deployments' tasks by one query. A task is healthy that is not UNHEALTHY, and HEALTHY if its containers are checked at all."""
    checked = {one["id"] for one in service.deployments if one["kept"].get("is_checked")}
    found: dict[str, Tally] = {}
    for row in db.all(_TALLIES, service=service.arn):
        one = _tally(row, needs_health=row.deployment in checked)
        found[row.deployment] = Tally(*(a + b for a, b in zip(one, found.get(row.deployment, Tally()), strict=True)))
    return found


def at_work(db: Reader, arn: str) -> dict[str, dict[str, Any]]:
    """The documents of the tasks that run and shall."""
    return {row.id: orjson.loads(row.document) for row in db.all(_AT_WORK, service=arn)}


def troubles(db: Reader, arn: str) -> list[str]:
    """Why tasks that shall go do not, each reason once."""
    documents = (orjson.loads(row.document) for row in db.all(_HELD_UP, service=arn))
    return sorted({document.get("stoppedReason", "") for document in documents})


def definition_of(db: Reader, arn: str) -> dict[str, Any] | None:
    """A task definition's document."""
    text = db.scalar(_DEFINITION, arn=arn)
    return None if text is None else orjson.loads(text)


def failed(db: Reader, service: Service, now: int) -> list[dict[str, Any]]:
    """The tasks that ended against the wish since the last look, each told once: their documents, with the deployment."""
    told: dict[str, int] = service.work.setdefault("told", {})
    rows = db.all(_ENDED, service=service.arn, since=max(told.values(), default=service.row.created) - _LATE_MS)
    fresh = [row for row in rows if row.id not in told]
    told.update({row.id: row.stopped for row in fresh})
    service.work["told"] = {arn: stopped for arn, stopped in told.items() if stopped > now - 2 * _LATE_MS} or dict(list(told.items())[-1:])
    return [{**orjson.loads(row.document), "deployment": row.deployment} for row in fresh]


def running(db: Reader, arn: str) -> list[str]:
    """Their ARNs alone."""
    return [row.id for row in db.all(_RUNNING, service=arn)]


def instance_id(db: Reader, task: Mapping[str, Any]) -> str | None:
    """The EC2 instance that a task runs on; none on Fargate."""
    found: str | None = db.scalar(_INSTANCE, arn=task["containerInstanceArn"]) if task.get("containerInstanceArn") else None
    return found


def start(db: Writer, service: Service, deployment: Mapping[str, Any], count: int, now: int) -> Started:
    """At most ``count`` tasks more, as many as find a place."""
    definition = definition_of(db, deployment["taskDefinition"])
    if definition is None:
        return Started([], f"was unable to place a task. Reason: {deployment['taskDefinition']} does not exist.")  # inferred
    wish = _wish(db, service, deployment, definition)
    service_of_role = catalog.find(PRINCIPAL)
    assert service_of_role is not None
    role = holding.hold(db, service.row.account_id, service_of_role)
    if wish.needs_role and role is None:
        return Started([], "failed to launch a task with (error ECS was unable to assume the service linked role.).")  # inferred
    made: list[str] = []
    by_provider = _by_provider(db, service, deployment)
    for _ in range(count):
        placed = _placed(db, service, wish, deployment, by_provider)
        if isinstance(placed, str):
            return Started(made, placed)
        made.append(task_rows.make(db, placed, role, now)["taskArn"])
    return Started(made)


def stop(  # noqa: PLR0913  # whose, how many, why
    db: Writer, service: Service, deployment: str, count: int, *, reason: str, now: int
) -> list[str]:  # as it reads
    """So many tasks of a deployment, or as many as nobody is at work on; their ARNs."""
    rows = db.all(_TO_STOP, service=service.arn, of_deployment=deployment, count=count)
    return [_stopped(db, row, reason, now) for row in rows]


def stop_unhealthy(db: Writer, service: Service, count: int, now: int) -> list[Row]:
    """The tasks whose container health checks failed."""
    rows = db.all(_UNHEALTHY, service=service.arn, count=count)
    for row in rows:
        _stopped(db, row, "Task failed container health checks", now)
    return rows


def stop_one(db: Writer, arn: str, reason: str, now: int) -> bool:
    """One task, unless it is on its way already."""
    row = task_rows.hold(db, arn)
    if row is None or row.desired_status != RUNNING:
        return False
    _stopped(db, row, reason, now)
    return True


def _stopped(db: Writer, row: Row, reason: str, now: int) -> str:
    task_rows.stop(db, row, task_rows.SCHEDULER, reason, now)
    return str(row.id)


def _tally(row: Row, *, needs_health: bool) -> Tally:
    if row.desired_status != RUNNING:
        return Tally(leaving=row.tasks)
    if row.last_status != RUNNING:
        return Tally(wanted=row.tasks)
    is_healthy = row.health_status == "HEALTHY" if needs_health else row.health_status != "UNHEALTHY"
    return Tally(row.tasks, row.tasks, row.tasks * is_healthy)


def _wish(db: Reader, service: Service, deployment: Mapping[str, Any], definition: dict[str, Any]) -> Wish:
    document = service.document
    return Wish(
        account_id=service.row.account_id,
        region=service.row.region,
        cluster_arn=document["clusterArn"],
        definition=definition,
        launch_type=deployment.get("launchType") or "EC2",
        network=(deployment.get("networkConfiguration") or {}).get("awsvpcConfiguration"),
        group=f"service:{service.name}",
        started_by=deployment["id"],
        platform_version=deployment.get("platformVersion"),
        enable_execute_command=document["enableExecuteCommand"],
        managed_tags=document["enableECSManagedTags"],
        tags=_propagated(db, service, deployment),
        service_arn=service.arn,
        deployment=deployment["id"],
        load_balancers=deployment["kept"]["loadBalancers"],
        registries=deployment["kept"]["serviceRegistries"],
        zones=deployment["kept"]["zones"],
    )


def _propagated(db: Reader, service: Service, deployment: Mapping[str, Any]) -> list[dict[str, str]]:
    owners = {"SERVICE": service.arn, "TASK_DEFINITION": deployment["taskDefinition"]}
    owner = owners.get(service.document["propagateTags"])
    return [{"key": row.name, "value": row.value} for row in db.all(_TAGS, owner=owner)] if owner else []


def _by_provider(db: Reader, service: Service, deployment: Mapping[str, Any]) -> dict[str, int]:
    rows = db.all(_BY_PROVIDER, service=service.arn, of_deployment=deployment["id"])
    return {row.capacity_provider: row.tasks for row in rows if row.capacity_provider}


def _placed(db: Writer, service: Service, wish: Wish, deployment: Mapping[str, Any], by_provider: dict[str, int]) -> Wish | str:
    """``wish`` with its capacity provider and container instance, or the event that says why there is none."""
    strategy: Sequence[Mapping[str, Any]] = deployment.get("capacityProviderStrategy") or ()
    name = provider_strategy.spread(strategy, 1, by_provider)[0] if strategy else None
    if name is not None:
        by_provider[name] = by_provider.get(name, 0) + 1
        wish = replace(wish, capacity_provider=name, launch_type=provider_strategy.launch_type_of(name))
    if wish.launch_type != "EC2":
        return wish
    rules = Rules(service.document["placementConstraints"], service.document["placementStrategy"], wish.group)
    placed = placement.choose(db, wish.cluster_arn, instance_resources.needs_of(wish.definition), rules, provider=name)
    if placed.instance is None and name is not None and provider_rows.waits(db, wish.account_id, wish.region, name):
        return wish
    if placed.instance is None:
        return placement.event_words(placed.failures)
    return replace(wish, container_instance=placed.instance.id, ec2_instance_id=placed.instance.ec2_instance_id)
