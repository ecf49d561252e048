"""A service's deployments: how each ends (ecs-on-your-behalf.md 8.3).

| rolloutState | when |
|---|---|
| IN_PROGRESS | from UpdateService, or a roll back |
| COMPLETED | all desired tasks are healthy and nothing is left of the others, which are then gone from the list |
| FAILED | the circuit breaker counted too many failed tasks; with rollback, the last completed deployment is wished again |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stead.controllers.ecs import rollout
from stead.controllers.ecs.service_step import STEADY_AGAIN_MS
from stead.services.ecs import service_events as events
from stead.services.ecs.service_rows import ACTIVE, PRIMARY
from stead.services.ecs.service_shapes import COMPLETED, FAILED, IN_PROGRESS

if TYPE_CHECKING:
    from stead.controllers.ecs.service_step import Step

BROKEN = "ECS deployment circuit breaker: tasks failed to start."
ROLLING_BACK = "ECS deployment circuit breaker: rolling back to deploymentId {deployment}."


def judge(step: Step) -> None:
    """A task that became healthy forgives the failures before it; else the circuit breaker may break."""
    primary, work = step.primary, step.service.work
    if primary is None:
        return
    healthy = step.tallies.get(primary["id"], rollout.NONE).healthy
    breaker = step.service.document["deploymentConfiguration"]["deploymentCircuitBreaker"]
    if healthy > work.get("best", 0):
        work.pop("failures", None)
        work.pop("not_before", None)
        if breaker.get("resetOnHealthyTask", True) and primary["failedTasks"]:
            primary["failedTasks"] = 0
    work["best"] = healthy
    if (
        breaker["enable"]
        and primary["rolloutState"] == IN_PROGRESS
        and primary["failedTasks"] >= rollout.threshold(primary["desiredCount"], breaker)
    ):
        _fail(step, primary, rolls_back=breaker["rollback"])


def note_counts(step: Step) -> None:
    """A former deployment wishes what it still has."""
    for one in step.service.deployments:
        left = step.tallies.get(one["id"], rollout.NONE).wanted
        if one["status"] == ACTIVE and one["desiredCount"] != left:
            one.update(desiredCount=left, updatedAt=step.now)


def finish(step: Step) -> bool:
    """Whether the service is as it is wished; if so, its deployment is completed and it says that it is steady."""
    service, primary = step.service, step.primary
    _forget_failed(step)
    if primary is None or not rollout.is_complete(service.document["desiredCount"], primary["id"], step.tallies):
        service.work.pop("steady", None)
        return False
    service.deployments = [one for one in service.deployments if one is primary]
    if primary["rolloutState"] == IN_PROGRESS:
        reason = f"ECS deployment {primary['id']} completed."
        primary.update(rolloutState=COMPLETED, rolloutStateReason=reason, updatedAt=step.now)
        service.work["completed"] = dict(primary)
        step.said.append(events.COMPLETED.format(deployment=primary["id"]))
    if step.now - service.work.get("steady", 0) >= STEADY_AGAIN_MS:
        service.work["steady"] = step.now
        step.said.append(events.STEADY)
    return True


def _fail(step: Step, primary: dict[str, Any], *, rolls_back: bool) -> None:
    step.said.append(events.FAILED.format(deployment=primary["id"]))
    primary.update(rolloutState=FAILED, rolloutStateReason=BROKEN, updatedAt=step.now)
    former = step.service.work.get("completed")
    if rolls_back and former is not None and former["id"] != primary["id"]:
        _roll_back(step, primary, former)


def _roll_back(step: Step, failed: dict[str, Any], former: dict[str, Any]) -> None:
    """The former deployment, by its own id, is the primary one again; what the service is follows it."""
    service = step.service
    identity = former["id"]
    failed["status"] = ACTIVE
    again = {
        **former,
        "status": PRIMARY,
        "desiredCount": service.document["desiredCount"],
        "rolloutState": IN_PROGRESS,
        "rolloutStateReason": ROLLING_BACK.format(deployment=identity),
        "failedTasks": 0,
        "updatedAt": step.now,
    }
    service.deployments = [again, *(one for one in service.deployments if one["id"] != identity)]
    members = ("taskDefinition", "networkConfiguration", "platformVersion", "loadBalancers", "serviceRegistries")
    held = {**former, **former["kept"], "platformVersion": service.document.get("platformVersion")}
    service.document.update({name: held[name] for name in members if held.get(name) is not None})
    for name in ("failures", "not_before", "best", "healthy"):
        service.work.pop(name, None)
    step.said.append(events.ROLLING_BACK.format(deployment=identity))


def _forget_failed(step: Step) -> None:
    """A former deployment is gone when nothing is left of it."""
    live = {name for name, tally in step.tallies.items() if tally.wanted or tally.leaving}
    step.service.deployments = [one for one in step.service.deployments if one["status"] == PRIMARY or one["id"] in live]
