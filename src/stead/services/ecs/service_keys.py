"""The condition keys of calls on services (policy-evaluation.md 8.6); which call has which is the Service Authorization Reference's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from stead.services.ecs import fargate, service_names, tags, task_definition_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stead.aws.call import Parameters
    from stead.store.context import Context

    Value = str | tuple[str, ...]

# Members whose value is a key as it is.
_PLAIN = {
    "enableExecuteCommand": "ecs:enable-execute-command",
    "enableECSManagedTags": "ecs:enable-ecs-managed-tags",
    "propagateTags": "ecs:propagate-tags",
}


def of(context: Context, request: Parameters, arn: str) -> dict[str, Value]:
    """The keys of a call on the service ``arn``; absent members have none."""
    keys: dict[str, Value] = {"ecs:cluster": service_names.home_of(arn), **tags.request_keys(request)}
    keys.update({key: _text(request[name]) for name, key in _PLAIN.items() if request.get(name) is not None})
    keys.update(_of_network((request.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}))
    if strategy := request.get("capacityProviderStrategy"):
        home = f"arn:aws:ecs:{context.region}:{context.account_id}:capacity-provider/"
        keys["ecs:capacity-provider"] = tuple(home + item["capacityProvider"] for item in strategy if item.get("capacityProvider"))
    if request.get("taskDefinition"):
        keys.update(_of_definition(context, request["taskDefinition"]))
    connect = request.get("serviceConnectConfiguration") or {}
    if connect:
        keys["ecs:enable-service-connect"] = _text(bool(connect.get("enabled")))
    if connect.get("namespace"):
        keys["ecs:namespace"] = connect["namespace"]
    if request.get("vpcLatticeConfigurations"):
        keys["ecs:enable-vpc-lattice"] = "true"
    if any((volume or {}).get("managedEBSVolume") for volume in request.get("volumeConfigurations") or []):
        keys["ecs:enable-ebs-volumes"] = "true"
    return keys


def _of_network(network: Mapping[str, Any]) -> dict[str, Value]:
    keys: dict[str, Value] = {}
    if network.get("subnets"):
        keys["ecs:subnet"] = tuple(network["subnets"])
    if network.get("assignPublicIp"):
        keys["ecs:auto-assign-public-ip"] = _text(network["assignPublicIp"] == "ENABLED")
    return keys


def _of_definition(context: Context, text: str) -> dict[str, Value]:
    row = task_definition_names.resolve(context, text)
    if row is None:
        return {"ecs:task-definition": task_definition_names.definition_arn(context, text)}
    definition = orjson.loads(row.document)
    sizes = {f"ecs:task-{name}": str(fargate.units(name, definition[name])) for name in ("cpu", "memory") if definition.get(name)}
    return {"ecs:task-definition": row.arn, **sizes}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
