"""Load balancers: a service's task is registered as it starts, and taken out before its containers are stopped (ecs-on-your-behalf.md 1.1, 3, 8.2).

``work["targets"]`` lists the registrations of the task, each with its ``state``. It is on record as WISHED before anything is asked for, so that a
task whose start was cut off is deregistered all the same. A target of a target group drains until the load balancer says that it has left, or the
group's deregistration delay is over. A classic load balancer knows instances only: the last of a service's tasks there takes the instance out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, or_, select

from stead.aws.clock import SECOND
from stead.controllers.ecs.behalf import Refused
from stead.controllers.ecs.target_health import target_of
from stead.services.ecs.service_neighbours import SESSION
from stead.store.ecs_tables import ecs_tasks

if TYPE_CHECKING:
    from stead.aws.call import Parameters, Result
    from stead.controllers.ecs.behalf import Behalf
    from stead.controllers.ecs.pace import Pace
    from stead.controllers.ecs.task import Task, Wait
    from stead.store.engine import Store

    Made = dict[str, Any]

WISHED, REGISTERED, DRAINING, GONE = "WISHED", "REGISTERED", "DRAINING", "GONE"
NOT_REGISTERED = (
    "failed to register targets in (target-group {group}) with (error {error})"  # reported, with the two errors of VPC and state
)
NOT_DEREGISTERED = "failed to deregister targets in (target-group {group}) with (error {error})"  # inferred from it
_CLASSIC_WORDS = {"targets": "instances", "target-group": "elb"}  # inferred: the two other events differ in these words
# What is not there need not be taken out.
_NOT_THERE = frozenset({"TargetGroupNotFound", "InvalidTarget", "LoadBalancerNotFound", "AccessPointNotFound", "InvalidInstance"})
_DELAY = "deregistration_delay.timeout_seconds"
_LONGEST_DELAY = 3600  # the attribute's highest value
_OTHERS = (
    select(ecs_tasks.c.id)
    .where(
        ecs_tasks.c.service_arn == bindparam("service"),
        ecs_tasks.c.container_instance == bindparam("instance"),
        ecs_tasks.c.desired_status == "RUNNING",
        or_(ecs_tasks.c.last_status == "ACTIVATING", ecs_tasks.c.last_status == "RUNNING"),
        ecs_tasks.c.id != bindparam("arn"),
    )
    .limit(1)
)


class TargetRegistration:
    """Implements ``task.Workflow`` for ACTIVATING and DEACTIVATING. ``store`` knows the other tasks of an instance."""

    def __init__(self, pace: Pace, store: Store) -> None:
        self._pace = pace
        self._store = store

    def concerns(self, task: Task) -> bool:
        """Tasks of services with load balancers."""
        return bool(task.work["load_balancers"])

    def enter(self, behalf: Behalf, task: Task) -> Wait:
        """Register with all; the scheduler waits for their health, not the task (ecs-on-your-behalf.md 3)."""
        if "targets" not in task.work:
            task.work["targets"] = _wishes(task)
            return 0
        for one in task.work["targets"]:
            if one["state"] == WISHED:
                _register(behalf, task, one)
                one["state"] = REGISTERED
        return None

    def follow(self, behalf: Behalf, task: Task) -> Wait:
        """Nothing: the scheduler asks for the health of all targets of a group at once (``target_health``)."""

    def leave(self, behalf: Behalf, task: Task) -> Wait:
        """Deregister from all, then wait until the last has drained."""
        made = task.work.get("targets", [])
        for one in made:
            if one["state"] in {WISHED, REGISTERED}:
                self._deregister(behalf, task, one)
        waits = [wait for one in made if one["state"] == DRAINING and (wait := self._drained(behalf, task, one)) is not None]
        return min(waits, default=None)

    def why(self, task: Task, refused: Refused) -> str:
        """The event's words without the service's name [inferred]. What was refused is the first that has not changed its state."""
        if not refused.operation.startswith(("elb:", "elbv2:")):
            return ""
        text, states = (NOT_DEREGISTERED, {WISHED, REGISTERED}) if task.is_stopping else (NOT_REGISTERED, {WISHED})
        one = next((one for one in task.work.get("targets", []) if one["state"] in states), None)
        return refused.message if one is None else _worded(text, one, refused)

    def _deregister(self, behalf: Behalf, task: Task, one: Made) -> None:
        if one["classic"]:
            self._leave_instance(behalf, task, one)
            one["state"] = GONE
        else:
            one["state"] = DRAINING if _deregister_target(behalf, task, one) else GONE

    def _leave_instance(self, behalf: Behalf, task: Task, one: Made) -> None:
        """Another task that comes meanwhile is on record before it registers, and so is seen by the second look if not by the first."""
        if not self._others(task):
            try:
                _call(behalf, task, one, "DeregisterInstancesFromLoadBalancer", step="deregister")
            except Refused as refused:
                if refused.code not in _NOT_THERE:
                    raise
        if self._others(task):
            _register_instance(behalf, task, one, step="restore")

    def _others(self, task: Task) -> bool:
        row = task.row
        asked = {"service": row.service_arn, "instance": row.container_instance, "arn": row.id}
        return self._store.read().first(_OTHERS, **asked) is not None

    def _drained(self, behalf: Behalf, task: Task, one: Made) -> Wait:
        """Looks grow rarer: a delay is five minutes unless the group says otherwise."""
        if not _is_draining(behalf, task, one):
            one["state"] = GONE
            return None
        until: int = one.setdefault("until", task.now + _delay(behalf, task, one))
        if task.now >= until:
            one["state"] = GONE
            return None
        looks: int = one.get("looks", 0)
        one["looks"] = looks + 1
        return min(until - task.now, self._pace.first_retry << min(looks, 16))


def _wishes(task: Task) -> list[Made]:
    """One for each load balancer that can know the task; a container port that no host port leads to is none."""
    targets = [(one, target_of(task.document, one, task.work["ec2_instance_id"])) for one in task.work["load_balancers"]]
    return [
        {"classic": "loadBalancerName" in one, "group": target.group, "id": target.identity, "port": target.port, "state": WISHED}
        for one, target in targets
        if target is not None
    ]


def _register(behalf: Behalf, task: Task, one: Made) -> None:
    if one["classic"]:
        _register_instance(behalf, task, one, step="register")
    else:
        _call(behalf, task, one, "RegisterTargets", step="register")


def _register_instance(behalf: Behalf, task: Task, one: Made, *, step: str) -> None:
    """Unless another task of the service did."""
    known = _call(behalf, task, {**one, "id": None}, "DescribeInstanceHealth").get("InstanceStates") or []
    if one["id"] not in {state["InstanceId"] for state in known}:
        _call(behalf, task, one, "RegisterInstancesWithLoadBalancer", step=step)


def _deregister_target(behalf: Behalf, task: Task, one: Made) -> bool:
    """Whether it was there."""
    try:
        _call(behalf, task, one, "DeregisterTargets", step="deregister")
    except Refused as refused:
        if refused.code not in _NOT_THERE:
            raise
        return False
    return True


def _is_draining(behalf: Behalf, task: Task, one: Made) -> bool:
    try:
        found = _call(behalf, task, one, "DescribeTargetHealth").get("TargetHealthDescriptions") or []
    except Refused as refused:
        if refused.code not in _NOT_THERE:
            raise
        return False
    return any(state["TargetHealth"]["State"].endswith("draining") for state in found)  # draining, unhealthy.draining


def _delay(behalf: Behalf, task: Task, one: Made) -> int:
    asked = {"TargetGroupArn": one["group"]}
    attributes = behalf.call(task.where, SESSION, "elbv2", "DescribeTargetGroupAttributes", asked).get("Attributes") or []
    return SECOND * next((int(each["Value"]) for each in attributes if each["Key"] == _DELAY), _LONGEST_DELAY)


def _call(behalf: Behalf, task: Task, one: Made, operation: str, *, step: str = "") -> Result:
    intent = f"{task.task_id}/{one['group']}/{one['port']}/{step}" if step else ""
    return behalf.call(task.where, SESSION, "elb" if one["classic"] else "elbv2", operation, _parameters(one), intent=intent)


def _parameters(one: Made) -> Parameters:
    if one["classic"]:
        return {"LoadBalancerName": one["group"], **({"Instances": [{"InstanceId": one["id"]}]} if one["id"] else {})}
    return {"TargetGroupArn": one["group"], "Targets": [{"Id": one["id"], "Port": one["port"]}]}


def _worded(text: str, one: Made, refused: Refused) -> str:
    for word, classic in _CLASSIC_WORDS.items() if one["classic"] else ():
        text = text.replace(word, classic)
    return text.replace("{group}", one["group"]).replace("{error}", refused.message)
