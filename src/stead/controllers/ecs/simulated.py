"""The simulated runtime: containers that come, stay and go at the recorded pace, and do nothing (ecs-on-your-behalf.md 2.1).

That one fails or ends is said from outside, by ``POST /_stead/container`` (wire/internal.py): it writes the container in the task's document as an
agent would report it.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

from stead.services.ecs.task_shapes import health_of

if TYPE_CHECKING:
    from stead.controllers.ecs.pace import Pace
    from stead.controllers.ecs.task import Task, Wait

_DIGITS = 10
_EPHEMERAL = range(32768, 61000)  # Linux's own


class SimulatedRuntime:
    """Implements ``task.Runtime`` without anything outside."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    def start(self, task: Task) -> Wait:
        """Pull, then run, all containers at once."""
        document = task.document
        document.setdefault("pullStartedAt", task.now)
        if left := task.wait("pull", self._pace.pull):
            return left
        document.setdefault("pullStoppedAt", task.now)
        if left := task.wait("start", self._pace.start):
            return left
        for container in document["containers"]:
            if container["lastStatus"] == "PENDING":
                _run(task, container)
        document["startedAt"] = task.now
        document["healthStatus"] = health_of(document, task.work)
        return None

    def follow(self, task: Task) -> Wait:
        """Nothing happens by itself."""
        task.document["healthStatus"] = health_of(task.document, task.work)
        return None

    def stop(self, task: Task) -> Wait:
        """SIGTERM, and after a while no container is left; one that never ran has no exit code."""
        if any(container["lastStatus"] == "RUNNING" for container in task.document["containers"]) and (
            left := task.wait("stop", self._pace.stop)
        ):
            return left
        for container in task.document["containers"]:
            if container["lastStatus"] == "RUNNING":
                container["exitCode"] = 0  # a simulated container heeds SIGTERM
            container["lastStatus"] = "STOPPED"
            for agent in container.get("managedAgents", ()):
                agent["lastStatus"] = "STOPPED"
        if "startedAt" in task.document:
            task.document.setdefault("executionStoppedAt", task.now)
        return None


def _run(task: Task, container: dict[str, Any]) -> None:
    container["lastStatus"] = "RUNNING"
    container["imageDigest"] = f"sha256:{hashlib.sha256(container['image'].encode()).hexdigest()}"
    container["runtimeId"] = f"{task.task_id}-{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"  # recorded form
    for agent in container.get("managedAgents", ()):
        agent["lastStatus"], agent["lastStartedAt"] = "RUNNING", task.now
    kept = task.work["containers"][container["name"]]
    if task.work["ec2_instance_id"] and task.work["network_mode"] in {"bridge", "host"}:
        container["networkBindings"] = [_binding(mapping, task.work["network_mode"]) for mapping in kept["ports"]]
    if kept["health"]:
        container["healthStatus"] = "HEALTHY"


def _binding(mapping: dict[str, Any], mode: str) -> dict[str, Any]:
    """Where a container's port is reached on its instance: as the mapping says, or at one of the instance's ephemeral ports."""
    inside = mapping["containerPort"]
    outside = mapping.get("hostPort") or (inside if mode == "host" else secrets.choice(_EPHEMERAL))
    return {"bindIP": "0.0.0.0", "containerPort": inside, "hostPort": outside, "protocol": mapping.get("protocol") or "tcp"}  # noqa: S104  # what Docker says
