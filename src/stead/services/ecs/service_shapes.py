"""A service as it is stored and answered, and its deployments (recorded-aws.md 11.3, ecs-on-your-behalf.md 8.3).

A deployment keeps what its tasks are made of; ``kept`` in it is never shown. What a service has beside that (grace period, tags, ECS Exec) holds
for whatever task is made next, so changing it makes no deployment (the service model says so at each member of UpdateService).
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import orjson

from stead.services.ecs import service_names
from stead.services.ecs.names import name_of
from stead.services.ecs.service_rows import ACTIVE, DRAINING, PRIMARY, Count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stead.aws.call import Parameters
    from stead.services.ecs.service_rows import Service

IN_PROGRESS, COMPLETED, FAILED = "IN_PROGRESS", "COMPLETED", "FAILED"
_BREAKER = {
    "enable": False,
    "rollback": False,
    "resetOnHealthyTask": True,
    "thresholdConfiguration": {"type": "BOUNDED_PERCENT", "value": 50},
}
_CONFIGURATION = {
    "deploymentCircuitBreaker": _BREAKER,
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
    "strategy": "ROLLING",
    "bakeTimeInMinutes": 0,
}
_DEFAULTS: dict[str, Any] = {
    "loadBalancers": [],
    "serviceRegistries": [],
    "placementConstraints": [],
    "placementStrategy": [],
    "schedulingStrategy": "REPLICA",
    "deploymentController": {"type": "ECS"},
    "enableECSManagedTags": False,
    "propagateTags": "NONE",
    "enableExecuteCommand": False,
    "availabilityZoneRebalancing": "ENABLED",
    "resourceManagementType": "CUSTOMER",
}
_GIVEN = (
    "loadBalancers",
    "serviceRegistries",
    "desiredCount",
    "capacityProviderStrategy",
    "platformVersion",
    "placementConstraints",
    "placementStrategy",
    "networkConfiguration",
    "healthCheckGracePeriodSeconds",
    "enableECSManagedTags",
    "propagateTags",
    "enableExecuteCommand",
    "availabilityZoneRebalancing",
)
_OF_DEPLOYMENTS = (
    "taskDefinition",
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "platformFamily",
    "networkConfiguration",
)
_KEPT = ("loadBalancers", "serviceRegistries")
# Members of UpdateService that make a deployment when they change (the service model's words).
DEPLOYED = frozenset({"taskDefinition", "networkConfiguration", "platformVersion", *_KEPT})
_LASTING = ("registered", "completed", "told")  # of a service's work, whatever is deployed next
_NOT_COMPARED = frozenset({"tags", "clientToken", "cluster"})  # tags: recorded


def asked(request: Parameters) -> str:
    """What a repetition with the same token must say."""
    return orjson.dumps({name: value for name, value in request.items() if name not in _NOT_COMPARED}, option=orjson.OPT_SORT_KEYS).decode()


def wished(request: Parameters) -> dict[str, Any]:
    """The members of a create or update call that a service keeps; a network without its public address is DISABLED."""
    given = {name: request[name] for name in _GIVEN if request.get(name) is not None}
    if vpc := (given.get("networkConfiguration") or {}).get("awsvpcConfiguration"):
        whole = {"subnets": vpc["subnets"], "securityGroups": vpc.get("securityGroups") or [], "assignPublicIp": "DISABLED"}
        given["networkConfiguration"] = {"awsvpcConfiguration": {**whole, **{k: v for k, v in vpc.items() if v is not None}}}
    return given


def configured(current: Mapping[str, Any], given: Mapping[str, Any] | None) -> dict[str, Any]:
    """A deployment configuration with what is given of it in the place of what was."""
    changes = {name: value for name, value in (given or {}).items() if value is not None}
    if "deploymentCircuitBreaker" in changes:
        changes["deploymentCircuitBreaker"] = {**_BREAKER, **changes["deploymentCircuitBreaker"]}
    return {**current, **changes}


def document(  # noqa: PLR0913  # what was asked, and what was found out
    request: Parameters, arn: str, definition: Mapping[str, Any], *, role_arn: str | None, creator: str, now: int
) -> dict[str, Any]:
    """A new service. ``request`` has its launch type or strategy decided."""
    launch_type = request.get("launchType")
    made = {
        "serviceArn": arn,
        "serviceName": name_of(arn),
        "clusterArn": service_names.home_of(arn),
        "status": ACTIVE,
        "launchType": launch_type,
        "taskDefinition": definition["taskDefinitionArn"],
        "deploymentConfiguration": configured(_CONFIGURATION, request.get("deploymentConfiguration")),
        "roleArn": role_arn,
        "createdAt": now,
        "createdBy": creator,
        **_DEFAULTS,
        **_fargate(request, definition),
        **wished(request),
    }
    if made["loadBalancers"]:
        made.setdefault("healthCheckGracePeriodSeconds", 0)
    return {name: value for name, value in made.items() if value is not None}


def deployment(service: Mapping[str, Any], definition: Mapping[str, Any], zones: Mapping[str, str], now: int) -> dict[str, Any]:
    """A new primary deployment of ``service`` as it now is. ``zones`` are the availability zones of its subnets."""
    number = str(10**18 + secrets.randbelow(9 * 10**18))
    identity = f"ecs-svc/{number}"
    made = {
        "id": identity,
        "status": PRIMARY,
        "desiredCount": service["desiredCount"],
        "failedTasks": 0,
        "createdAt": now,
        "updatedAt": now,
        "rolloutState": IN_PROGRESS,
        "rolloutStateReason": f"ECS deployment {identity} in progress.",
        **{name: service[name] for name in _OF_DEPLOYMENTS if name in service},
        "kept": {**{name: service[name] for name in _KEPT}, "zones": dict(zones), "is_checked": _is_checked(definition)},
    }
    if made.get("platformVersion") == "LATEST":
        made["platformVersion"] = "1.4.0"  # recorded
    return made


def change(service: Service, changes: Parameters, definition: Mapping[str, Any], zones: Mapping[str, str], now: int) -> None:
    """UpdateService: the members that are given, and a new primary deployment if its tasks would be others or it is forced."""
    document, before = service.document, _deployed(service.document)
    document.update(wished(changes), taskDefinition=definition["taskDefinitionArn"])
    document["deploymentConfiguration"] = configured(document["deploymentConfiguration"], changes.get("deploymentConfiguration"))
    if document.get("capacityProviderStrategy"):
        document.pop("launchType", None)
    if changes.get("forceNewDeployment") or _deployed(document) != before:
        for one in service.deployments:
            one["status"] = ACTIVE
        service.deployments.insert(0, deployment(document, definition, zones, now))
        service.work = {name: value for name, value in service.work.items() if name in _LASTING}
    elif service.primary is not None and service.primary["desiredCount"] != document["desiredCount"]:
        service.primary.update(desiredCount=document["desiredCount"], updatedAt=now)
        service.work.pop("steady", None)


def drain(service: Service, now: int) -> None:
    """DeleteService: nothing is wanted any more; its deployments are DRAINING too [recorded]."""
    service.document.update(status=DRAINING, desiredCount=0)
    for one in service.deployments:
        one.update(status=DRAINING, desiredCount=0, updatedAt=now)


def answer(service: Service, counts: Mapping[str, Count], tags: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """The Service shape."""
    total = sum(counts.values(), start=Count())
    shown = {
        **service.document,
        "runningCount": total.running,
        "pendingCount": total.pending,
        "deployments": [_deployment(one, counts.get(one["id"], Count())) for one in service.deployments],
        "events": service.events,
        "currentServiceDeployment": service.work.get("service_deployment"),
        "currentServiceRevisions": [_revision(service.arn, one, counts.get(one["id"], Count())) for one in service.deployments],
    }
    if tags:
        shown["tags"] = tags
    return {name: value for name, value in shown.items() if value is not None}


def service_deployment(service: Service) -> str:
    """The ARN of a new service deployment; the form of its last part is observed: 21 letters and digits."""
    return service_names.belonging(service.arn, "service-deployment", secrets.token_urlsafe(32).replace("-", "").replace("_", "")[:21])


def _is_checked(definition: Mapping[str, Any]) -> bool:
    return any(one.get("healthCheck") and one.get("essential", True) for one in definition["containerDefinitions"])


def _deployed(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: document.get(name) for name in DEPLOYED}


def _deployment(one: Mapping[str, Any], count: Count) -> dict[str, Any]:
    return {
        **{name: value for name, value in one.items() if name != "kept"},
        "runningCount": count.running,
        "pendingCount": count.pending,
    }


def _revision(arn: str, one: Mapping[str, Any], count: Count) -> dict[str, Any]:
    return {
        "arn": service_names.belonging(arn, "service-revision", one["id"].rpartition("/")[2]),
        "requestedTaskCount": one["desiredCount"],
        "runningTaskCount": count.running,
        "pendingTaskCount": count.pending,
    }


def _fargate(request: Parameters, definition: Mapping[str, Any]) -> dict[str, Any]:
    """Of a Fargate service only (recorded)."""
    providers = {item["capacityProvider"] for item in request.get("capacityProviderStrategy") or []}
    if request.get("launchType") != "FARGATE" and not providers & {"FARGATE", "FARGATE_SPOT"}:
        return {}
    family = (definition.get("runtimePlatform") or {}).get("operatingSystemFamily") or "LINUX"
    return {"platformVersion": "LATEST", "platformFamily": "Linux" if family == "LINUX" else family.title().replace("_", " ")}
