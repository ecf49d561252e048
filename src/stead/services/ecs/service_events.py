"""What a service says of itself: the texts, word for word (ecs-on-your-behalf.md 10), and the list of the latest hundred.

An event that says the same as the one before it, within six hours, is not repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stead.aws.clock import HOUR
from stead.aws.ids import new_uuid

if TYPE_CHECKING:
    from collections.abc import Iterable

    Event = dict[str, Any]

KEPT = 100
MERGED_MS = 6 * HOUR
STARTED = "has started {count} tasks: {tasks}."
STOPPED = "has stopped {count} running tasks: {tasks}."
REGISTERED = "registered {count} targets in (target-group {group})"
DEREGISTERED = "deregistered {count} targets in (target-group {group})"
CLASSIC_REGISTERED = "registered {count} instances in (elb {group})"
CLASSIC_DEREGISTERED = "deregistered {count} instances in (elb {group})"
DRAINING = "has begun draining connections on {count} tasks."
COMPLETED = "(deployment {deployment}) deployment completed."
FAILED = "(deployment {deployment}) deployment failed: tasks failed to start."
ROLLING_BACK = "rolling back to deployment {deployment}."
STEADY = "has reached a steady state."
UNHEALTHY_CONTAINER = "(task {task}) failed container health checks."
UNHEALTHY_TARGET = "(port {port}) is unhealthy in (target-group {group}) due to (reason {reason})."
UNHEALTHY_INSTANCE = "(instance {instance}) is unhealthy in (elb {group}) due to (reason {reason})"
IMPAIRED = "is unable to consistently start tasks successfully."
STUCK = (
    "was unable to stop or start tasks during a deployment because of the service deployment configuration."
    " Update the minimumHealthyPercent or maximumPercent value and try again."
)
NOT_LAUNCHED = "failed to launch a task with (error {error})."  # reported for the task role; of other refusals inferred
NOT_STOPPED = "failed to stop a task with (error {error})."  # inferred from it
HEALTH_UNKNOWN = "failed to describe target health on (target-group {group}) with (error {error})"  # inferred from the other texts


def said(events: list[Event], service: str, texts: Iterable[str], now: int) -> list[Event]:
    """``events``, newest first, with what ``service`` says now, in order."""
    for text in texts:
        message = f"(service {service}) {text}"
        if events and events[0]["message"] == message and now - events[0]["createdAt"] < MERGED_MS:
            continue
        events = [{"id": new_uuid(), "createdAt": now, "message": message}, *events[: KEPT - 1]]
    return events


def trouble(text: str, reason: str) -> str:
    """The event of a task that something is in the way of; a workflow's own words (target_registration.py) are an event as they are."""
    return reason if reason.startswith("failed to ") else text.format(error=reason.removesuffix("."))


def tasks(arns: Iterable[str]) -> str:
    """``(task A) (task B)``."""
    return " ".join(f"(task {arn.rpartition('/')[2]})" for arn in arns)
