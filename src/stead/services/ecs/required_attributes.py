"""Which attributes a container instance must have to run a task definition: ``requiresAttributes``.

Recorded are those of awsvpc and of the order of containers (recorded-aws.md 11.2); the others are the capabilities that Amazon's open
container agent registers, each named after what it can do. One line is one reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stead.aws.arn import parse_arn
from stead.services.ecs.fargate import is_in_ecr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Definition = Mapping[str, Any]

OLD, NEW = "com.amazonaws.ecs.capability.", "ecs.capability."
_REMOTE_API = f"{OLD}docker-remote-api."
# The oldest version of Docker's API with this logging driver.
_DRIVER_APIS = {
    "json-file": "1.18",
    "syslog": "1.18",
    "journald": "1.19",
    "awslogs": "1.19",
    "gelf": "1.20",
    "fluentd": "1.20",
    "splunk": "1.22",
}

# Of a container: whether it needs them, and what they are.
_CONTAINER: tuple[tuple[Callable[[Definition], Any], tuple[str, ...]], ...] = (
    (lambda c: c.get("privileged"), (f"{OLD}privileged-container",)),
    (lambda c: "memoryReservation" in c, (f"{_REMOTE_API}1.21",)),
    (lambda c: "healthCheck" in c, (f"{_REMOTE_API}1.24", f"{NEW}container-health-check")),
    (lambda c: c.get("linuxParameters", {}).get("initProcessEnabled"), (f"{_REMOTE_API}1.25",)),
    (lambda c: c.get("dependsOn") or "startTimeout" in c or "stopTimeout" in c, (f"{NEW}container-ordering",)),  # recorded
    (lambda c: _of_secrets(c, "ssm"), (f"{NEW}secrets.ssm.environment-variables",)),
    (lambda c: _of_secrets(c, "secretsmanager"), (f"{NEW}secrets.asm.environment-variables",)),
    (lambda c: c.get("environmentFiles"), (f"{NEW}env-files.s3",)),
    (lambda c: "repositoryCredentials" in c, (f"{NEW}private-registry-authentication.secretsmanager",)),
    (lambda c: c.get("restartPolicy", {}).get("enabled"), (f"{NEW}container-restart-policy",)),
    (lambda c: is_in_ecr(c["image"]), (f"{OLD}ecr-auth",)),
)
# Of the task.
_TASK: tuple[tuple[Callable[[Definition], Any], tuple[str, ...]], ...] = (
    (lambda t: t.get("networkMode") == "awsvpc", (f"{_REMOTE_API}1.18", f"{NEW}task-eni")),  # recorded
    (lambda t: "taskRoleArn" in t and t.get("networkMode") != "host", (f"{OLD}task-iam-role",)),
    (lambda t: "taskRoleArn" in t and t.get("networkMode") == "host", (f"{OLD}task-iam-role-network-host",)),
    (lambda t: "executionRoleArn" in t and _logs_to(t, "awslogs"), (f"{NEW}execution-role-awslogs",)),
    (
        lambda t: "executionRoleArn" in t and any(is_in_ecr(c["image"]) for c in t["containerDefinitions"]),
        (f"{NEW}execution-role-ecr-pull",),
    ),
    (lambda t: "pidMode" in t or "ipcMode" in t, (f"{NEW}pid-ipc-namespace-sharing",)),
    (lambda t: "proxyConfiguration" in t, (f"{NEW}aws-appmesh",)),
    (lambda t: any("efsVolumeConfiguration" in v for v in t["volumes"]), (f"{_REMOTE_API}1.25", f"{NEW}efsAuth")),
    (lambda t: any("fsxWindowsFileServerVolumeConfiguration" in v for v in t["volumes"]), (f"{NEW}fsxWindowsFileServer",)),
    (lambda t: t.get("enableFaultInjection"), (f"{NEW}fault-injection",)),
)


def required(definition: Definition) -> list[dict[str, str]]:
    """The attributes, each once, by name: AWS's order is not known."""
    found = {name for applies, names in _TASK if applies(definition) for name in names}
    for container in definition["containerDefinitions"]:
        found.update(name for applies, names in _CONTAINER if applies(container) for name in names)
        found.update(_of_logging(container))
        found.update(f"{NEW}firelens.{kind}" for kind in _firelens(container))
    return [{"name": name} for name in sorted(found)]


def _of_logging(container: Definition) -> Iterator[str]:
    driver = container.get("logConfiguration", {}).get("logDriver")
    if driver is not None:
        yield f"{OLD}logging-driver.{driver}"
    if driver in _DRIVER_APIS:
        yield _REMOTE_API + _DRIVER_APIS[driver]


def _firelens(container: Definition) -> list[str]:
    return [container["firelensConfiguration"]["type"]] if "firelensConfiguration" in container else []


def _of_secrets(container: Definition, service: str) -> bool:
    """Whether some secret is kept there; a name that is no ARN is a parameter of SSM."""
    arns = [parse_arn(secret["valueFrom"]) for secret in container.get("secrets", [])]
    return any((arn.service if arn is not None else "ssm") == service for arn in arns)


def _logs_to(definition: Definition, driver: str) -> bool:
    return any(container.get("logConfiguration", {}).get("logDriver") == driver for container in definition["containerDefinitions"])
