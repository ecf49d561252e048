"""A task as it is stored and answered: the document of a new one, in the shape of DescribeTasks (ecs-on-your-behalf.md 2.2, 8.2).

``work`` stands beside the document and is never shown: what the controllers must know that no answer says.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stead.aws.ids import new_uuid
from stead.services.ecs.names import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ENI = "ElasticNetworkInterface"
PLATFORM_VERSION = "1.4.0"  # what LATEST stands for [recorded]
_OF_THE_DEFINITION = ("cpu", "memory", "memoryReservation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a new task is to be. ``definition`` is the task definition's document; ``network`` an awsvpcConfiguration.

    ``service_arn`` and ``deployment`` are a service's; ``load_balancers`` and ``registries`` are what its tasks are registered with.
    ``request`` is what a repetition with the same ``client_token`` must say.
    """

    account_id: str
    region: str
    cluster_arn: str
    definition: dict[str, Any]
    launch_type: str = "EC2"
    capacity_provider: str | None = None
    container_instance: str | None = None
    ec2_instance_id: str | None = None
    network: dict[str, Any] | None = None
    zones: Mapping[str, str] = field(default_factory=dict)  # availability zones of the subnets
    overrides: dict[str, Any] = field(default_factory=dict)
    group: str = ""
    started_by: str | None = None
    platform_version: str | None = None
    enable_execute_command: bool = False
    managed_tags: bool = False
    tags: Iterable[dict[str, str]] = ()
    service_arn: str | None = None
    deployment: str | None = None
    load_balancers: Iterable[dict[str, Any]] = ()
    registries: Iterable[dict[str, Any]] = ()
    client_token: str | None = None
    request: str = ""

    @property
    def is_fargate(self) -> bool:
        """Whether AWS's own hosts run it."""
        return self.launch_type == "FARGATE"

    @property
    def waits(self) -> bool:
        """Whether it has no place yet: it waits for an instance of its capacity provider."""
        return self.launch_type == "EC2" and self.container_instance is None

    @property
    def needs_role(self) -> bool:
        """Whether ECS must act for it outside: only then does it need the linked role."""
        return self.network is not None or bool(self.load_balancers) or bool(self.registries)


def new_task_id() -> str:
    """32 hexadecimal digits."""
    return secrets.token_hex(16)


def task_arn(wish: Wish, task_id: str) -> str:
    """The ARN of a task to be."""
    return f"arn:aws:ecs:{wish.region}:{wish.account_id}:task/{name_of(wish.cluster_arn)}/{task_id}"


def document(wish: Wish, task_id: str, now: int) -> dict[str, Any]:
    """What RunTask answers: version 1, nothing made yet; PROVISIONING is only for what waits for an interface [recorded]."""
    arn, definition, overrides = task_arn(wish, task_id), wish.definition, wish.overrides
    attachments = [] if wish.network is None else [_attachment(wish.network, task_id)]
    made: dict[str, Any] = {
        "attachments": attachments,
        "attributes": [{"name": "ecs.cpu-architecture", "value": _architecture(definition)}],
        "availabilityZone": wish.zones.get(attachments[0]["details"][0]["value"]) if attachments else None,
        "capacityProviderName": wish.capacity_provider,
        "clusterArn": wish.cluster_arn,
        "containerInstanceArn": wish.container_instance,
        "containers": [_container(wish, arn, one) for one in definition["containerDefinitions"]],
        "cpu": overrides.get("cpu") or definition.get("cpu"),
        "createdAt": now,
        "desiredStatus": "RUNNING",
        "enableExecuteCommand": wish.enable_execute_command,
        "group": wish.group or f"family:{definition['family']}",
        "healthStatus": "UNKNOWN",
        "inferenceAccelerators": [],
        "lastStatus": "PROVISIONING" if wish.network is not None or wish.waits else "PENDING",
        "launchType": wish.launch_type,
        "memory": overrides.get("memory") or definition.get("memory"),
        "overrides": _overrides(wish),
        "startedBy": wish.started_by,
        "tags": [],
        "taskArn": arn,
        "taskDefinitionArn": definition["taskDefinitionArn"],
        "version": 1,
        **(_fargate(wish) if wish.is_fargate else {}),
    }
    return {name: value for name, value in made.items() if value is not None}


def work(wish: Wish, task_id: str) -> dict[str, Any]:
    """The other half of a new row."""
    return {
        "containers": {one["name"]: _of_container(one) for one in wish.definition["containerDefinitions"]},
        "network": wish.network,
        "needs_role": wish.needs_role,
        "managed_tags": managed_tags(wish),
        "service": name_of(wish.service_arn) if wish.service_arn else None,
        "load_balancers": list(wish.load_balancers),
        "registries": list(wish.registries),
        "ec2_instance_id": wish.ec2_instance_id,
        "network_mode": wish.definition.get("networkMode", "bridge"),
        "task_id": task_id,
        "request": wish.request,
    }


def managed_tags(wish: Wish) -> dict[str, str]:
    """The tags that enableECSManagedTags adds to the task and its interface (ecs-on-your-behalf.md 2.3)."""
    if not wish.managed_tags:
        return {}
    service = {"aws:ecs:serviceName": name_of(wish.service_arn)} if wish.service_arn else {}
    return {"aws:ecs:clusterName": name_of(wish.cluster_arn), **service}


def health_of(task: dict[str, Any], kept: dict[str, Any]) -> str:
    """A task's healthStatus, from those of its essential containers that have a health check."""
    checked = {name for name, one in kept["containers"].items() if one["essential"] and one["health"]}
    states = {container.get("healthStatus", "UNKNOWN") for container in task["containers"] if container["name"] in checked}
    if "UNHEALTHY" in states:
        return "UNHEALTHY"
    return "HEALTHY" if states == {"HEALTHY"} else "UNKNOWN"


def _attachment(network: dict[str, Any], task_id: str) -> dict[str, Any]:
    """One subnet of those given takes it, by the digits of the task's id: the choice AWS makes is not published."""
    subnets = network["subnets"]
    subnet = subnets[int(task_id, 16) % len(subnets)]
    return {"id": new_uuid(), "type": ENI, "status": "PRECREATED", "details": [{"name": "subnetId", "value": subnet}]}


def _container(wish: Wish, arn: str, definition: dict[str, Any]) -> dict[str, Any]:
    override: dict[str, Any] = next(
        (one for one in wish.overrides.get("containerOverrides") or [] if one.get("name") == definition["name"]), {}
    )
    sizes = {name: override.get(name, definition.get(name)) for name in _OF_THE_DEFINITION}
    shown = {
        "containerArn": f"{arn.replace(':task/', ':container/')}/{new_uuid()}",
        "taskArn": arn,
        "name": definition["name"],
        "image": definition["image"],
        "lastStatus": "PENDING",
        "networkBindings": None if wish.is_fargate else [],
        "networkInterfaces": [],
        "healthStatus": "UNKNOWN" if definition.get("healthCheck") else None,
        **{name: str(value) for name, value in sizes.items() if value is not None},
    }
    if wish.enable_execute_command:
        shown["managedAgents"] = [{"name": "ExecuteCommandAgent", "lastStatus": "PENDING"}]
    return {name: value for name, value in shown.items() if value is not None}


def _overrides(wish: Wish) -> dict[str, Any]:
    """Every container has an item, the inference accelerators an empty list [recorded]."""
    given = {one["name"]: one for one in wish.overrides.get("containerOverrides") or [] if one.get("name")}
    containers = [given.get(one["name"], {"name": one["name"]}) for one in wish.definition["containerDefinitions"]]
    return {"inferenceAcceleratorOverrides": [], **wish.overrides, "containerOverrides": containers}


def _of_container(definition: dict[str, Any]) -> dict[str, Any]:
    ports = definition.get("portMappings") or []
    return {"essential": definition.get("essential", True), "health": bool(definition.get("healthCheck")), "ports": ports}


def _architecture(definition: dict[str, Any]) -> str:
    return str((definition.get("runtimePlatform") or {}).get("cpuArchitecture") or "x86_64").lower()


def _fargate(wish: Wish) -> dict[str, Any]:
    family = (wish.definition.get("runtimePlatform") or {}).get("operatingSystemFamily") or "LINUX"
    version = wish.platform_version
    return {
        "platformVersion": PLATFORM_VERSION if version in {None, "LATEST"} else version,
        "platformFamily": "Linux" if family == "LINUX" else family.title().replace("_", " "),
        "ephemeralStorage": wish.overrides.get("ephemeralStorage") or wish.definition.get("ephemeralStorage") or {"sizeInGiB": 20},
    }
