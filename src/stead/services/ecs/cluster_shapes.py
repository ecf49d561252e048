"""A cluster as it is asked for, stored and answered (ecs-on-your-behalf.md 8.1, recorded-aws.md 11.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from stead.services.ecs.names import invalid_parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stead.aws.call import Parameters
    from stead.store.engine import Row

ACTIVE, INACTIVE = "ACTIVE", "INACTIVE"
INCLUDES = ("ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "STATISTICS", "TAGS")
BUILT_IN_PROVIDERS = frozenset({"FARGATE", "FARGATE_SPOT"})
MAX_PROVIDERS = 20
SETTINGS = {"containerInsights": ("enabled", "disabled", "enhanced")}
DEFAULT_SETTINGS = [{"name": "containerInsights", "value": "disabled"}]
ATTACHED = ("attachments", "attachmentsStatus")
EXECUTE_LOGGING = ("NONE", "DEFAULT", "OVERRIDE")
# The order is AWS's own (recorded-aws.md 11.1).
COUNTERS = (
    "runningEC2TasksCount",
    "runningFargateTasksCount",
    "pendingEC2TasksCount",
    "pendingFargateTasksCount",
    "runningExternalTasksCount",
    "pendingExternalTasksCount",
    "runningManagedInstancesTasksCount",
    "pendingManagedInstancesTasksCount",
    "activeEC2ServiceCount",
    "activeFargateServiceCount",
    "drainingEC2ServiceCount",
    "drainingFargateServiceCount",
    "activeExternalServiceCount",
    "drainingExternalServiceCount",
    "activeManagedInstancesServiceCount",
    "drainingManagedInstancesServiceCount",
)
# Members of a request that make two CreateCluster calls differ; of a list only what is in it counts, not its order.
_COMPARED = (
    "settings",
    "configuration",
    "capacityProviders",
    "defaultCapacityProviderStrategy",
    "serviceConnectDefaults",
    "tags",
)


def stored(members: Mapping[str, Any]) -> dict[str, str | None]:
    """The columns of what a create or update call gives; a member that is not given has no column."""
    columns = {
        "settings": "settings",
        "configuration": "configuration",
        "capacityProviders": "capacity_providers",
        "defaultCapacityProviderStrategy": "default_strategy",
        "serviceConnectDefaults": "service_connect_defaults",
    }
    return {column: _json(members[name]) for name, column in columns.items() if members.get(name) is not None}


def asked(request: Parameters) -> str:
    """What was asked, in a form in which equal requests are equal texts; empty for the bare name."""
    given = {name: _unordered(request[name]) for name in _COMPARED if request.get(name)}
    return orjson.dumps(given, option=orjson.OPT_SORT_KEYS).decode() if given else ""


def checked(members: Mapping[str, Any], providers: Iterable[str] = ()) -> dict[str, Any]:
    """The members of a create or update call as they will be stored, or the error of the first that ECS refuses.

    ``providers`` are the names of the account's own capacity providers.
    """
    result = {name: members[name] for name in ("configuration", "serviceConnectDefaults") if members.get(name) is not None}
    if members.get("settings") is not None:
        result["settings"] = _settings(members["settings"])
    _check_configuration(members.get("configuration") or {})
    if members.get("capacityProviders") is not None:
        result["capacityProviders"] = _providers(members["capacityProviders"], providers)
    if members.get("defaultCapacityProviderStrategy") is not None:
        result["defaultCapacityProviderStrategy"] = _strategy(
            members["defaultCapacityProviderStrategy"], result.get("capacityProviders") or []
        )
    return result


def answer(row: Row, known: Mapping[str, Any], *, include: Iterable[str] = (), tags: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """The Cluster shape; ``include`` says which of the members that cost AWS something are shown (recorded).

    ``known`` are the members that other rows tell: counts, and attachments with their status.
    """
    shown = frozenset(include)
    return {
        "clusterArn": row.arn,
        "clusterName": row.name,
        "status": row.status,
        **{name: value for name, value in known.items() if name not in ATTACHED or "ATTACHMENTS" in shown},
        "tags": tags or [],
        "settings": orjson.loads(row.settings) if "SETTINGS" in shown else [],
        "configuration": _value(row.configuration) if "CONFIGURATIONS" in shown else None,
        "capacityProviders": orjson.loads(row.capacity_providers),
        "defaultCapacityProviderStrategy": orjson.loads(row.default_strategy),
        "serviceConnectDefaults": _value(row.service_connect_defaults),
    }


def _settings(given: list[dict[str, str]]) -> list[dict[str, str]]:
    for setting in given:
        if setting.get("name") not in SETTINGS:
            raise invalid_parameter("Invalid setting 'name'")  # inferred from the next
        if setting.get("value") not in SETTINGS[setting["name"]]:
            raise invalid_parameter("Invalid setting 'value'")  # recorded
    return [{"name": setting["name"], "value": setting["value"]} for setting in given] or DEFAULT_SETTINGS


def _check_configuration(configuration: Mapping[str, Any]) -> None:
    logging = (configuration.get("executeCommandConfiguration") or {}).get("logging")
    if logging is not None and logging not in EXECUTE_LOGGING:  # the wording follows that of `include`, which is recorded
        raise invalid_parameter(f"logging should be one of [{','.join(EXECUTE_LOGGING)}]")


def _providers(given: list[str], own: Iterable[str]) -> list[str]:
    if len(given) > MAX_PROVIDERS:  # our wording
        raise invalid_parameter(
            f"The number of capacity providers has reached the maximum limit. Capacity providers per cluster: {MAX_PROVIDERS}"
        )
    if not BUILT_IN_PROVIDERS.union(own).issuperset(given):  # reported, terraform-aws-modules/terraform-aws-ecs#53
        raise invalid_parameter("The specified capacity provider was not found. Specify a valid capacity provider and try again.")
    return list(dict.fromkeys(given))


def _strategy(given: list[dict[str, Any]], providers: list[str]) -> list[dict[str, Any]]:
    items = [{"capacityProvider": item["capacityProvider"], "weight": item.get("weight", 0), "base": item.get("base", 0)} for item in given]
    for item in items:
        if item["capacityProvider"] not in providers:
            raise invalid_parameter(
                "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster."
                " Associate the capacity provider with the cluster and try again."
            )
        if not (0 <= item["weight"] <= 1000 and 0 <= item["base"] <= 100_000):  # the model's ranges, our wording
            raise invalid_parameter("The weight must be from 0 to 1000 and the base from 0 to 100000 in a capacity provider strategy.")
    if sum(item["base"] > 0 for item in items) > 1:  # documented; our wording
        raise invalid_parameter("Only one capacity provider in a capacity provider strategy can have a base defined.")
    return items


def _unordered(value: Any) -> Any:
    if isinstance(value, list):
        return sorted(value, key=lambda item: orjson.dumps(item, option=orjson.OPT_SORT_KEYS))
    return value


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _value(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)
