"""What AWS Fargate takes of a task definition: sizes of tasks, and what it has no room for.

The sizes are those of AWS's documentation (task size); ``recorded`` and ``reported`` texts are marked, the others follow the form of those.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stead.services.ecs.names import client_error, invalid_parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from stead.aws.errors import AwsError

    Definition = Mapping[str, Any]

GIB = 1024
# CPU units: the memory that goes with them, in MiB.
SIZES: dict[int, range | tuple[int, ...]] = {
    256: (512, 1 * GIB, 2 * GIB),
    512: range(1 * GIB, 4 * GIB + 1, GIB),
    1024: range(2 * GIB, 8 * GIB + 1, GIB),
    2048: range(4 * GIB, 16 * GIB + 1, GIB),
    4096: range(8 * GIB, 30 * GIB + 1, GIB),
    8192: range(16 * GIB, 60 * GIB + 1, 4 * GIB),
    16384: range(32 * GIB, 120 * GIB + 1, 8 * GIB),
}
LOG_DRIVERS = ("awslogs", "splunk", "awsfirelens")
EPHEMERAL_GIB = (21, 200)
TIMEOUTS = {"startTimeout": range(2, 2**31), "stopTimeout": range(2, 121)}  # recorded as refused outside; the text is not published
_LINUX_PARAMETERS = ("devices", "sharedMemorySize", "maxSwap", "swappiness")
_ECR = re.compile(r"[0-9]{12}\.dkr[.-]ecr\.[^/]+/.*")
_SIZES = {"cpu": re.compile(r"([0-9]*\.?[0-9]+) ?v?cpus?", re.IGNORECASE), "memory": re.compile(r"([0-9]*\.?[0-9]+) ?gb", re.IGNORECASE)}
_LARGEST = {"cpu": 196_608, "memory": 32 * 1024 * GIB}


def units(member: str, text: str) -> int:
    """CPU units or MiB: a number, or a text such as ``.5 vCPU`` or ``2 GB``."""
    scaled = _SIZES[member].fullmatch(text)
    size = int(float(scaled[1]) * GIB) if scaled else int(text) if re.fullmatch("[0-9]{1,9}", text) else 0
    if not 0 < size <= _LARGEST[member]:
        raise invalid_parameter(f"Invalid '{member}' setting for task.")  # recorded for a cpu that is empty or no number
    return size


def problems(definition: Definition) -> Iterator[AwsError]:
    """Why Fargate cannot run ``definition``, whose sizes are plain numbers in text; nothing when it can."""
    yield from map(client_error, _of_task(definition))
    for container in definition["containerDefinitions"]:
        yield from map(client_error, _of_container(definition, container))


def _of_task(definition: Definition) -> Iterator[str]:
    if definition.get("networkMode") != "awsvpc":
        yield "Fargate only supports network mode ‘awsvpc’."  # noqa: RUF001  # recorded, with these quotes
    for member in ("cpu", "memory"):
        if member not in definition:
            yield f"Fargate requires that '{member}' be defined at the task level."  # reported, aws/amazon-ecs-cli#982
    yield from _size(definition)
    if definition.get("pidMode") == "host":
        yield "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'."
    if "ipcMode" in definition:
        yield "Tasks using the Fargate launch type do not support ipcMode."  # reported, cn-terraform/terraform-aws-ecs-fargate#2
    yield from _unsupported(_task_features(definition))
    low, high = EPHEMERAL_GIB
    if not low <= definition.get("ephemeralStorage", {}).get("sizeInGiB", low) <= high:
        yield f"Invalid 'ephemeralStorage' setting for task. The size must be between {low} and {high} GiB."


def _size(definition: Definition) -> Iterator[str]:
    cpu, memory = int(definition.get("cpu", 0)), int(definition.get("memory", 0))
    if cpu and memory and memory not in SIZES.get(cpu, ()):  # recorded
        yield (
            f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory."
            " See the Amazon ECS documentation for the valid values."
        )


def _task_features(definition: Definition) -> Iterator[str]:
    for volume in definition["volumes"]:
        if "sourcePath" in volume.get("host", {}):
            yield "sourcePath"
        if "dockerVolumeConfiguration" in volume:
            yield "dockerVolumeConfiguration"
    if definition["placementConstraints"]:
        yield "placementConstraints"
    if definition.get("inferenceAccelerators"):
        yield "inferenceAccelerators"


def _of_container(definition: Definition, container: Definition) -> Iterator[str]:
    yield from _unsupported(_container_features(container))
    for member, allowed in TIMEOUTS.items():
        if member in container and container[member] not in allowed:
            yield f"Invalid '{member}' setting for container '{container['name']}'."
    driver = container.get("logConfiguration", {}).get("logDriver")
    if driver is not None and driver not in LOG_DRIVERS:
        yield f"Fargate does not support log driver {driver}."
    if "executionRoleArn" in definition:
        return
    if driver == "awslogs":  # reported, virtual-kubelet/virtual-kubelet#193
        yield "Fargate requires task definition to have execution role ARN to support log driver awslogs."
    if is_in_ecr(container["image"]):  # reported, hashicorp/terraform-provider-aws#3051
        yield "Fargate requires task definition to have execution role ARN to support ECR images."


def _container_features(container: Definition) -> Iterator[str]:
    if container.get("privileged"):
        yield "privileged"
    yield from (name for name in _LINUX_PARAMETERS if container.get("linuxParameters", {}).get(name))
    if container.get("dockerSecurityOptions"):
        yield "dockerSecurityOptions"
    yield from (item["type"] for item in container.get("resourceRequirements", []))


def _unsupported(features: Iterable[str]) -> Iterator[str]:
    """The form is reported for sourcePath, cloudposse/terraform-aws-ecs-alb-service-task#174."""
    return (f"Fargate compatible task definitions do not support {name}" for name in features)


def is_in_ecr(image: str) -> bool:
    """Whether an image comes from a private repository of Amazon ECR."""
    return _ECR.fullmatch(image) is not None
