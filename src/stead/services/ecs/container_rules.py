"""What ECS refuses in the containers of a task definition, each rule a few lines: the whole definition in, the sentences of its faults out.

The first sentence is the answer, so the order of :data:`RULES` is the order of checks. Sentences marked with a source are AWS's own; the
others follow them in form, most of all ``Invalid '...' setting for container '...'.`` (reported for containerPort, aws/aws-cli#7288).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Definition = Mapping[str, Any]
    Rule = Callable[[Definition], Iterator[str]]

MAX_CONTAINERS = 10
NAME = re.compile(r"[a-zA-Z0-9\-_]{1,255}")
_IMAGE = re.compile(r"[a-zA-Z0-9\-_:./#@]{1,255}(?:@sha256:[a-fA-F0-9]{64})?")
_FORMS = {"name": NAME, "image": _IMAGE}
PORTS = range(1, 65536)
_PORT_RANGE = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")
_HEALTH = {"interval": range(5, 301), "timeout": range(2, 61), "retries": range(1, 11), "startPeriod": range(301)}
_RESTART_PERIODS = range(60, 1801)
_LOG_OPTIONS = {"awslogs": ("awslogs-region", "awslogs-group")}
# What containers cannot have when their network is not a bridge. The form is reported for links; the documents name the members.
_NETWORKING = {
    "awsvpc": {"links": "Links are", "hostname": "Hostname is", "extraHosts": "Extra hosts are"},
    "host": {"links": "Links are"},
    "none": {"links": "Links are", "portMappings": "Port mappings are"},
}


def sentences(definition: Definition) -> Iterator[str]:
    """What is wrong with the containers, in the order of the rules."""
    for rule in RULES:
        yield from rule(definition)


def _numbers(definition: Definition) -> Iterator[str]:
    count = len(definition["containerDefinitions"])
    if not count:
        yield "Container list cannot be empty."  # reported, awsdocs/aws-cloudformation-user-guide#454
    if count > MAX_CONTAINERS:
        yield "Too many containers."  # reported, aws/amazon-ecs-cli#184


def _names(definition: Definition) -> Iterator[str]:
    containers = definition["containerDefinitions"]
    for container in containers:
        for member, form in _FORMS.items():
            if not container.get(member):
                yield f"Container.{member} should not be null or empty."  # reported, hashicorp/terraform#2888
            elif not form.fullmatch(container[member]):
                yield f"Container.{member} contains invalid characters."  # reported, hashicorp/terraform-provider-aws#5950
    if len({container["name"] for container in containers}) < len(containers):
        yield "Container names must be unique within a Task Definition."  # reported, Shippable/support#2946


def _essential(definition: Definition) -> Iterator[str]:
    if not any(container["essential"] for container in definition["containerDefinitions"]):
        yield "Task definition doesn't have any essential container."  # recorded


def _memory(definition: Definition) -> Iterator[str]:
    task = int(definition.get("memory", 0))
    for container in definition["containerDefinitions"]:
        name, sizes = container["name"], {key: container[key] for key in ("memory", "memoryReservation") if key in container}
        if not any(sizes.values()) and not task:
            yield f"Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be specified."
        for member, size in sizes.items():
            if size < 0:
                yield _invalid(member, name)
            if task and size > task:
                yield f"The '{member}' setting for container '{name}' is greater than for the task."  # reported, pulumi/pulumi-awsx#1220
        if 0 < sizes.get("memory", 0) < sizes.get("memoryReservation", 0):
            yield f"The 'memoryReservation' setting for container '{name}' is greater than its 'memory'."


def _cpu(definition: Definition) -> Iterator[str]:
    containers = definition["containerDefinitions"]
    yield from (_invalid("cpu", container["name"]) for container in containers if container["cpu"] < 0)
    if "cpu" in definition and sum(container["cpu"] for container in containers) > int(definition["cpu"]):
        # reported, klothoplatform/klotho#892
        yield "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'."


def _networking(definition: Definition) -> Iterator[str]:
    mode = definition.get("networkMode", "bridge")
    for member, subject in _NETWORKING.get(mode, {}).items():
        if any(container.get(member) for container in definition["containerDefinitions"]):
            where = " on container" if member in ("hostname", "extraHosts") else ""
            yield f"{subject} not supported{where} when networkMode={mode}."


def _ports(definition: Definition) -> Iterator[str]:
    mode = definition.get("networkMode")
    for container in definition["containerDefinitions"]:
        for mapping in container["portMappings"]:
            yield from (_invalid(member, container["name"]) for member in _bad_ports(mapping))
            if mode in ("awsvpc", "host") and mapping.get("hostPort") not in (None, mapping.get("containerPort")):
                # reported for awsvpc, aws/amazon-ecs-cli#1014
                yield f"When networkMode={mode}, the host ports and container ports in port mappings must match."


def _bad_ports(mapping: Definition) -> Iterator[str]:
    if "containerPortRange" in mapping:
        ends = _PORT_RANGE.fullmatch(mapping["containerPortRange"])
        if ends is None or not 1 <= int(ends[1]) <= int(ends[2]) <= PORTS[-1]:
            yield "containerPortRange"
    elif mapping.get("containerPort") not in PORTS:
        yield "containerPort"
    if mapping.get("hostPort", 0) != 0 and mapping["hostPort"] not in PORTS:
        yield "hostPort"


def _mounts(definition: Definition) -> Iterator[str]:
    volumes = {volume.get("name") for volume in definition["volumes"]}
    names = {container["name"] for container in definition["containerDefinitions"]}
    for container in definition["containerDefinitions"]:
        for mount in container["mountPoints"]:
            if mount.get("sourceVolume") not in volumes:
                yield f"Unknown volume '{mount.get('sourceVolume', '')}'."  # reported, wellcomecollection/platform#677
        for source in container["volumesFrom"]:
            if source.get("sourceContainer") not in names:
                yield f"Unknown container '{source.get('sourceContainer', '')}'."


def _links(definition: Definition) -> Iterator[str]:
    names = {container["name"] for container in definition["containerDefinitions"]}
    for container in definition["containerDefinitions"]:
        yield from (_invalid("links", container["name"]) for link in container.get("links", []) if link.partition(":")[0] not in names)


def _dependencies(definition: Definition) -> Iterator[str]:
    containers = {container["name"]: container for container in definition["containerDefinitions"]}
    edges = {name: [item["containerName"] for item in container.get("dependsOn", [])] for name, container in containers.items()}
    for name, container in containers.items():
        for item in container.get("dependsOn", []):
            other = containers.get(item["containerName"])
            if other is None:
                yield _invalid("dependsOn", name)
            elif item["condition"] in ("SUCCESS", "COMPLETE") and other["essential"]:  # reported, klothoplatform/klotho#892
                yield "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container"
            elif item["condition"] == "HEALTHY" and "healthCheck" not in other:
                yield "A dependency container with HEALTHY condition must have a health check"
    if _has_cycle(edges):
        yield "Container dependsOn contains a cycle"  # recorded


def _has_cycle(edges: Mapping[str, list[str]]) -> bool:
    """Take away what depends on nothing that is left, until nothing is left or nothing can go."""
    left = dict(edges)
    while free := [name for name, needs in left.items() if not any(need in left for need in needs)]:
        for name in free:
            del left[name]
    return bool(left)


def _health(definition: Definition) -> Iterator[str]:
    for container in definition["containerDefinitions"]:
        check = container.get("healthCheck")
        if check is not None and (not check["command"] or any(check.get(key, limits[0]) not in limits for key, limits in _HEALTH.items())):
            yield _invalid("healthCheck", container["name"])


def _timeouts(definition: Definition) -> Iterator[str]:
    for container in definition["containerDefinitions"]:
        for member in ("startTimeout", "stopTimeout"):
            if container.get(member, 0) < 0:
                yield _invalid(member, container["name"])
        if container.get("restartPolicy", {}).get("restartAttemptPeriod", _RESTART_PERIODS[0]) not in _RESTART_PERIODS:
            yield _invalid("restartPolicy", container["name"])


def _secrets(definition: Definition) -> Iterator[str]:
    for container in definition["containerDefinitions"]:
        names = [secret["name"] for secret in container.get("secrets", [])]
        if names and "executionRoleArn" not in definition:  # reported, hashicorp/terraform-provider-aws#6503
            yield "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
        repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        if repeated:  # reported, CircleCI-Public/aws-ecs-orb#190
            yield f"Duplicate secret names found: {', '.join(repeated)}. Each secret name must be unique."
        for name in {variable.get("name") for variable in container["environment"]}.intersection(names):
            yield (  # reported, dagster-io/dagster#11622
                "The secret name must be unique and not shared with any new or existing environment variables"
                f" set on the container, such as '{name}'."
            )


def _logs(definition: Definition) -> Iterator[str]:
    for container in definition["containerDefinitions"]:
        logging = container.get("logConfiguration", {})
        needed = _LOG_OPTIONS.get(logging.get("logDriver", ""), ())
        missing = [name for name in needed if name not in logging.get("options", {})]
        if missing:  # reported, klothoplatform/klotho#892
            yield f"Log driver {logging['logDriver']} requires options: {', '.join(missing)}"


def _limits(definition: Definition) -> Iterator[str]:
    for container in definition["containerDefinitions"]:
        if any(limit["softLimit"] > limit["hardLimit"] != -1 for limit in container.get("ulimits", [])):
            yield _invalid("ulimits", container["name"])
        for item in container.get("resourceRequirements", []):
            if "value" not in item and "sharingStrategy" not in item:
                yield _invalid("resourceRequirements", container["name"])


def _invalid(member: str, container: str) -> str:
    return f"Invalid '{member}' setting for container '{container}'."


RULES: tuple[Rule, ...] = (
    _numbers,
    _names,
    _essential,
    _memory,
    _cpu,
    _networking,
    _ports,
    _mounts,
    _links,
    _dependencies,
    _health,
    _timeouts,
    _secrets,
    _logs,
    _limits,
)
