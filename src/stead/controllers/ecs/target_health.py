"""What a service's load balancers say of its tasks: one question for each target group and look, by the scheduler's session (ecs-on-your-behalf.md 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from stead.controllers.ecs.behalf import Away, Refused
from stead.services.ecs.service_neighbours import SESSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from stead.controllers.ecs.behalf import Behalf, Where

    Balancer = Mapping[str, Any]

_BAD = frozenset({"unhealthy", "OutOfService"})
_GOOD = frozenset({"healthy", "InService", "unused", "unavailable"})  # the last two: the group does no health checks


class Target(NamedTuple):
    """One registration, as a balancer knows it; classic ones know instances only."""

    group: str
    identity: str
    port: int | None


class Health(NamedTuple):
    """What is said of it."""

    state: str
    reason: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it takes requests."""
        return self.state in _GOOD

    @property
    def is_bad(self) -> bool:
        """Whether its checks failed; one that is new or on its way out is neither."""
        return self.state in _BAD


class Look(NamedTuple):
    """One look at all of a service's balancers; ``refused`` are those that said nothing, and why (nothing, when they are away)."""

    health: dict[Target, Health]
    refused: dict[str, str]


def look(behalf: Behalf, where: Where, balancers: Iterable[Balancer]) -> Look:
    """Ask each of them once."""
    seen = Look({}, {})
    for name, is_classic in dict.fromkeys((name_of(one), "loadBalancerName" in one) for one in balancers):
        try:
            seen.health.update(_instances(behalf, where, name) if is_classic else _targets(behalf, where, name))
        except Refused as refused:
            seen.refused[name] = refused.message
        except Away:
            seen.refused[name] = ""
    return seen


def name_of(balancer: Balancer) -> str:
    """What events call it."""
    return str(balancer.get("targetGroupArn") or balancer["loadBalancerName"])


def target_of(task: Mapping[str, Any], balancer: Balancer, instance_id: str | None) -> Target | None:
    """How the balancer knows a task, given by its document; None while it has no address."""
    container = next((one for one in task["containers"] if one["name"] == balancer["containerName"]), None)
    if container is None:
        return None
    if "loadBalancerName" in balancer:
        return Target(name_of(balancer), instance_id, None) if instance_id else None
    address = next((one.get("privateIpv4Address") for one in container.get("networkInterfaces") or []), None)
    if address is not None:
        return Target(name_of(balancer), address, balancer["containerPort"])
    bindings = container.get("networkBindings") or []
    port = next((one["hostPort"] for one in bindings if one.get("containerPort") == balancer["containerPort"]), None)
    return Target(name_of(balancer), instance_id, port) if instance_id and port else None


def _targets(behalf: Behalf, where: Where, arn: str) -> Iterator[tuple[Target, Health]]:
    answer = behalf.call(where, SESSION, "elbv2", "DescribeTargetHealth", {"TargetGroupArn": arn})
    for one in answer.get("TargetHealthDescriptions") or []:
        health = one.get("TargetHealth") or {}
        reason = health.get("Description") or health.get("Reason") or ""
        yield Target(arn, one["Target"]["Id"], one["Target"].get("Port")), Health(health.get("State", "initial"), reason)


def _instances(behalf: Behalf, where: Where, name: str) -> Iterator[tuple[Target, Health]]:
    answer = behalf.call(where, SESSION, "elb", "DescribeInstanceHealth", {"LoadBalancerName": name})
    for one in answer.get("InstanceStates") or []:
        state = (
            "initial" if one.get("ReasonCode") == "ELB" else one.get("State", "Unknown")
        )  # out of service for a reason that is not the instance's
        yield Target(name, one["InstanceId"], None), Health(state, one.get("Description") or "")
