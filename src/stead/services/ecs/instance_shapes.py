"""A container instance as it is registered, stored and answered (ecs-on-your-behalf.md 8.4, 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from stead.aws.arn import parse_arn
from stead.services.ecs import instance_resources
from stead.services.ecs.names import check_arn, invalid_parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stead.aws.call import Parameters
    from stead.store.context import Context
    from stead.store.engine import Row

KIND = "container-instance"
INCLUDES = ("TAGS", "CONTAINER_INSTANCE_HEALTH")
# What the instance's identity document says, and the attribute that ECS itself makes of it (developer guide, "Attributes").
_ATTRIBUTES = {
    "availabilityZone": "ecs.availability-zone",
    "instanceType": "ecs.instance-type",
    "imageId": "ecs.ami-id",
    "architecture": "ecs.cpu-architecture",
}


def instance_arn(context: Context, cluster: str, reference: str) -> str:
    """The ARN that an id or an ARN of either spelling stands for; nothing is looked up."""
    arn = parse_arn(reference)
    if arn is None:
        return f"{home(cluster)}{reference}"
    check_arn(context, arn)
    kind, _, name = arn.resource.partition("/")
    if kind != KIND:
        raise invalid_parameter(f"Unsupported resource type: {kind}")  # reported for clusters, aws/aws-cli#7875
    return reference if "/" in name else f"{home(cluster)}{name}"


def home(cluster: str) -> str:
    """What the ARNs of all instances of the cluster begin with."""
    return f"{cluster.replace(':cluster/', f':{KIND}/')}/"


def identity(request: Parameters) -> dict[str, str]:
    """The EC2 identity document that the agent brings; its signature is not verified, Stead has no key of EC2's."""
    text = request.get("instanceIdentityDocument")
    if not text:
        return {}
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise invalid_parameter("The instance identity document is invalid.")  # our wording
    return {name: value for name, value in found.items() if isinstance(value, str)}


def document(request: Parameters, arn: str, told: Mapping[str, str], now: int, version: int = 1) -> dict[str, Any]:
    """What is stored: the answer's members that do not change with tasks, and the instance type for placement."""
    return {
        "containerInstanceArn": arn,
        "version": version,
        "versionInfo": request.get("versionInfo") or {},
        "registeredResources": instance_resources.registered(request.get("totalResources") or []),
        "agentConnected": True,
        "registeredAt": now,
        "attachments": [],
        "instanceType": told.get("instanceType"),
    }


def attributes_of(request: Parameters, told: Mapping[str, str]) -> list[dict[str, Any]]:
    """The agent's attributes, and those that ECS makes itself."""
    made: dict[str, str | None] = {"ecs.os-type": "linux"}
    made.update({name: told[member] for member, name in _ATTRIBUTES.items() if told.get(member)})
    given = {one["name"]: one.get("value") for one in request.get("attributes") or ()}
    return [{"name": name, "value": value} for name, value in {**given, **made}.items()]


def answer(
    row: Row, shown: Iterable[Mapping[str, str | None]], counts: Mapping[bool, int], tags: list[dict[str, str]], *, health: bool = False
) -> dict[str, Any]:
    """The ContainerInstance shape; ``counts`` are the tasks on it, by whether they are pending."""
    stored = orjson.loads(row.document)
    stored.pop("instanceType", None)
    tasks = orjson.loads(row.work)["tasks"]
    checked = {"overallStatus": "OK", "details": [{"type": "CONTAINER_RUNTIME", "status": "OK"}]}
    return {
        **stored,
        "ec2InstanceId": row.ec2_instance_id,
        "capacityProviderName": row.capacity_provider,
        "status": row.status,
        "remainingResources": instance_resources.remaining(stored["registeredResources"], tasks),
        "runningTasksCount": counts.get(False, 0),
        "pendingTasksCount": counts.get(True, 0),
        "attributes": list(shown),
        "tags": tags,
        "healthStatus": checked if health else None,
    }


def failure(arn: str, reason: str) -> dict[str, str]:
    """What Describe and Update say of one that they cannot serve."""
    return {"arn": arn, "reason": reason}
