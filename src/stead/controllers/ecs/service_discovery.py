"""Service discovery: a service's task is an instance of a Cloud Map service while it runs (ecs-on-your-behalf.md 1.1, 4).

Cloud Map works asynchronously: what was asked for is an operation, which is looked at until it is over. The records and health checks that Cloud Map
makes in Route 53 it makes with the rights of this session. ``work["discovery"]`` lists the registrations, each with its ``state``; as for load
balancers it is on record as WISHED before anything is asked for. A service with HealthCheckCustomConfig is told the health of the task's containers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from stead.controllers.ecs.behalf import Refused
from stead.controllers.ecs.target_health import target_of
from stead.services.ecs.names import name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stead.aws.call import Parameters, Result
    from stead.controllers.ecs.behalf import Behalf
    from stead.controllers.ecs.pace import Pace
    from stead.controllers.ecs.task import Task, Wait

    Made = dict[str, Any]

SESSION = "ecs-service-discovery"  # inferred; the session's name is not published
WISHED, REGISTERING, REGISTERED, LEAVING, GONE = "WISHED", "REGISTERING", "REGISTERED", "LEAVING", "GONE"
_BUSY = frozenset({"DuplicateRequest", "ResourceInUse"})  # an operation on the same instance is not over
_NOT_THERE = frozenset({"InstanceNotFound", "ServiceNotFound", "CustomHealthNotFound"})


class _Asked(NamedTuple):
    """The operation that a state waits for, and the state that its failure leaves."""

    operation: str
    failed: str


_ASKED = {REGISTERING: _Asked("RegisterInstance", WISHED), LEAVING: _Asked("DeregisterInstance", REGISTERED)}


class ServiceDiscovery:
    """Implements ``task.Workflow`` for ACTIVATING and DEACTIVATING."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    def concerns(self, task: Task) -> bool:
        """Tasks of services with a registry."""
        return bool(task.work["registries"])

    def enter(self, behalf: Behalf, task: Task) -> Wait:
        """Register, and see the operation end well."""
        if "discovery" not in task.work:
            task.work["discovery"] = [_wish(registry) for registry in task.work["registries"]]
            return 0
        for registry, one in zip(task.work["registries"], task.work["discovery"], strict=True):
            if one["state"] == WISHED:
                _register(behalf, task, registry, one)
            if one["state"] != REGISTERED and not _is_over(behalf, task, one, REGISTERING):
                return self._pace.first_retry
            one["state"] = REGISTERED
        return None

    def follow(self, behalf: Behalf, task: Task) -> Wait:
        """Tell Cloud Map when the containers' health changed; while it is not known nothing is told."""
        status = task.document["healthStatus"]
        for one in task.work.get("discovery", []):
            if one["is_custom"] and status in {"HEALTHY", "UNHEALTHY"} and status != one.get("health"):
                _tell(behalf, task, one, status)
                one["health"] = status
        return None

    def leave(self, behalf: Behalf, task: Task) -> Wait:
        """Deregister, and see the operation end well."""
        for one in task.work.get("discovery", []):
            if one["state"] in {WISHED, REGISTERING, REGISTERED}:
                _deregister(behalf, task, one)
            if one["state"] != GONE and not _is_over(behalf, task, one, LEAVING):
                return self._pace.first_retry
            one["state"] = GONE
        return None

    def why(self, task: Task, refused: Refused) -> str:  # noqa: ARG002  # the protocol's
        """Cloud Map's own words, for want of ECS's."""
        return refused.message if refused.operation.startswith("servicediscovery:") else ""


def _wish(registry: Mapping[str, Any]) -> Made:
    return {"service": registry["registryArn"].rpartition("/")[2], "state": WISHED, "is_custom": False}


def _register(behalf: Behalf, task: Task, registry: Mapping[str, Any], one: Made) -> None:
    """Not when the instance is there as it should be: an answer may have been lost."""
    found = _call(behalf, task, "GetService", {"Id": one["service"]})["Service"]
    one["is_custom"] = bool(found.get("HealthCheckCustomConfig"))
    _call(behalf, task, "GetNamespace", {"Id": found["NamespaceId"]})  # one that is being deleted takes no instance
    wished = _attributes(behalf, task, registry)
    if wished.items() <= _registered(behalf, task, one).items():
        one["state"] = REGISTERED
        return
    _begin(behalf, task, one, REGISTERING, {"CreatorRequestId": task.task_id, "Attributes": wished})


def _deregister(behalf: Behalf, task: Task, one: Made) -> None:
    try:
        _begin(behalf, task, one, LEAVING, {})
    except Refused as refused:
        if refused.code not in _NOT_THERE:
            raise
        one["state"] = GONE


def _begin(behalf: Behalf, task: Task, one: Made, state: str, more: Parameters) -> None:
    """Ask for an operation; nothing changes while another one is at work on the instance. One that failed is asked for under another intent."""
    operation = _ASKED[state].operation
    intent = f"{task.task_id}/{one['service']}/{operation}/{one.get('failures', 0)}"
    try:
        answer = _call(behalf, task, operation, {**_instance(task, one), **more}, intent=intent)
    except Refused as refused:
        if refused.code not in _BUSY:
            raise
    else:
        one.update(state=state, operation=answer["OperationId"])


def _is_over(behalf: Behalf, task: Task, one: Made, state: str) -> bool:
    """Whether the operation was asked for and succeeded. One that failed is a refusal, and asked for again if the task needs it still."""
    if one["state"] != state:
        return False
    try:
        found = _call(behalf, task, "GetOperation", {"OperationId": one["operation"]})["Operation"]
    except Refused as refused:
        if refused.code != "OperationNotFound":  # Cloud Map forgets those that are long over
            raise
        return True
    if found["Status"] == "FAIL":
        one.update(state=_ASKED[state].failed, failures=one.get("failures", 0) + 1)
        raise Refused(f"servicediscovery:{_ASKED[state].operation}", found.get("ErrorCode", ""), found.get("ErrorMessage", ""))
    return bool(found["Status"] == "SUCCESS")


def _registered(behalf: Behalf, task: Task, one: Made) -> dict[str, str]:
    """The attributes of the instance; none if it is not there."""
    try:
        found = _call(behalf, task, "GetInstance", _instance(task, one))["Instance"]
    except Refused as refused:
        if refused.code not in _NOT_THERE:
            raise
        return {}
    attributes: dict[str, str] = found.get("Attributes") or {}
    return attributes


def _tell(behalf: Behalf, task: Task, one: Made, status: str) -> None:
    """If Cloud Map says otherwise. An instance that somebody else took out is not put back (reported, hashicorp/terraform-provider-aws#46930)."""
    one["told"] = one.get("told", 0) + 1
    try:
        asked = {"ServiceId": one["service"], "Instances": [task.task_id]}
        if _call(behalf, task, "GetInstancesHealthStatus", asked).get("Status", {}).get(task.task_id) != status:
            intent = f"{task.task_id}/{one['service']}/health/{one['told']}"
            _call(behalf, task, "UpdateInstanceCustomHealthStatus", {**_instance(task, one), "Status": status}, intent=intent)
    except Refused as refused:
        if refused.code not in _NOT_THERE:
            raise


def _attributes(behalf: Behalf, task: Task, registry: Mapping[str, Any]) -> dict[str, str]:
    """Those of ecs-on-your-behalf.md 4, as far as they are known."""
    address, zone = _place(behalf, task)
    known = {
        "AWS_INSTANCE_IPV4": address,
        "AWS_INSTANCE_PORT": _port(task, registry),
        "AVAILABILITY_ZONE": zone,
        "REGION": task.where.region,
        "ECS_SERVICE_NAME": task.work["service"],
        "ECS_CLUSTER_NAME": name_of(task.row.cluster_arn),
        "ECS_TASK_DEFINITION_FAMILY": task.row.family,
        "EC2_INSTANCE_ID": task.work["ec2_instance_id"],
    }
    return {name: str(value) for name, value in known.items() if value}


def _place(behalf: Behalf, task: Task) -> tuple[str | None, str | None]:
    """Address and Availability Zone: the task's own, or its instance's."""
    interfaces = task.document["containers"][0].get("networkInterfaces") or []
    if interfaces or not task.work["ec2_instance_id"]:
        return next((one["privateIpv4Address"] for one in interfaces), None), task.document.get("availabilityZone")
    asked = {"InstanceIds": [task.work["ec2_instance_id"]]}
    answer = behalf.call(task.where, SESSION, "ec2", "DescribeInstances", asked)
    instance = answer["Reservations"][0]["Instances"][0]
    return instance.get("PrivateIpAddress"), instance["Placement"].get("AvailabilityZone")


def _port(task: Task, registry: Mapping[str, Any]) -> int | None:
    """The registry's port, or where its container's is reached from outside."""
    if not registry.get("containerPort"):
        return registry.get("port")
    reached = target_of(task.document, {"targetGroupArn": registry["registryArn"], **registry}, task.work["ec2_instance_id"])
    return None if reached is None else reached.port


def _instance(task: Task, one: Made) -> Parameters:
    return {"ServiceId": one["service"], "InstanceId": task.task_id}


def _call(behalf: Behalf, task: Task, operation: str, parameters: Parameters, *, intent: str = "") -> Result:
    return behalf.call(task.where, SESSION, "servicediscovery", operation, parameters, intent=intent)
