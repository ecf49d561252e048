"""The health of a target group's targets (ecs-on-your-behalf.md 3), from the times of registration and the time of the question.

A target here answers every health check with 200 on the port that it is registered with, whatever the path. So a group whose matcher does not
take 200, or whose health check asks another port, finds its targets unhealthy: that is how a test makes them so, by ModifyTargetGroup.
moto knows a target by its id alone; here it is id and port, since one instance has several.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.ec2.models import ec2_backends
from moto.elbv2.models import elbv2_backends

from stead.neighbours.embedded.overlay import Asked, Refused, kept, overlay

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stead.neighbours.messages import NeighbourReply

Key = tuple[str, int]  # id and port
_SUCCESS = 200
_OWN_PORT = "traffic-port"


@dataclass(slots=True)
class Target:
    """Milliseconds; ``left`` is 0 while it is registered."""

    since: int
    left: int = 0


# The states that need no sum, with reason and description in AWS's words.
_NOT_USED = ("unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer")
_NOT_REGISTERED = ("unused", "Target.NotRegistered", "Target is not registered to the target group")
_STOPPED = ("unused", "Target.InvalidState", "Target is in the stopped state")
_DRAINING = ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
_REGISTERING = ("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
_CHECKING = ("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
_UNCHECKED = ("unavailable", "Target.HealthCheckDisabled", "Health checks are not enabled for this target")
_MISMATCH = ("unhealthy", "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{_SUCCESS}]")
_REFUSED = ("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
_HEALTHY = ("healthy", "", "")


@overlay("elbv2", "RegisterTargets")
def register(asked: Asked) -> NeighbourReply:
    """A target that is registered again goes on as it was; one that was draining begins anew."""
    reply = asked.play()
    if reply.status < 400:
        group = _group(asked)
        targets = _targets(group)
        for key in [key for key, target in targets.items() if _has_left(group, target, asked.now)]:
            del targets[key]
        for key in _keys(group, asked.parameters.get("Targets") or ()):
            if key not in targets or targets[key].left:
                targets[key] = Target(asked.now)
    return reply


@overlay("elbv2", "DeregisterTargets")
def deregister(asked: Asked) -> NeighbourReply:
    """They drain. One that is not registered is no error (documented)."""
    group = _group(asked)
    targets = _targets(group)
    used = _is_used(asked, group)
    for key in _keys(group, asked.parameters.get("Targets") or ()):
        known = targets.get(key)
        if known is None or known.left:
            continue
        if used:
            known.left = asked.now
        else:
            del targets[key]
    registered = {name for (name, _), target in targets.items() if not target.left}
    for name in [name for name in group.targets if name not in registered]:
        del group.targets[name]
    return asked.answer({})


@overlay("elbv2", "ModifyTargetGroup")
def modify(asked: Asked) -> NeighbourReply:
    """The checks begin anew when what they ask changes."""
    before = _checks(_group(asked))
    reply = asked.play()
    if reply.status < 400 and _checks(_group(asked)) != before:
        _group(asked).stead_checked_since = asked.now
    return reply


@overlay("elbv2", "DescribeTargetHealth")
def describe(asked: Asked) -> NeighbourReply:
    """Of the targets that are named, or of all that are registered or drain."""
    group = _group(asked)
    targets = _targets(group)
    keys = _keys(group, asked.parameters.get("Targets") or ()) or [
        key for key, target in targets.items() if not _has_left(group, target, asked.now)
    ]
    used = _is_used(asked, group)
    return asked.answer({"TargetHealthDescriptions": [_described(asked, group, key, used=used) for key in keys]})


def _described(asked: Asked, group: Any, key: Key, *, used: bool) -> dict[str, Any]:
    state, reason, description = _health(asked, group, key, used=used)
    health = {"State": state, **({"Reason": reason, "Description": description} if reason else {})}
    port = str(key[1]) if group.health_check_port == _OWN_PORT else str(group.health_check_port)
    return {"Target": {"Id": key[0], "Port": key[1]}, "HealthCheckPort": port, "TargetHealth": health}


def _health(asked: Asked, group: Any, key: Key, *, used: bool) -> tuple[str, str, str]:
    target = _targets(group).get(key)
    if target is None or _has_left(group, target, asked.now):
        return _NOT_REGISTERED
    if target.left:
        return _DRAINING
    if not used:
        return _NOT_USED
    instance = asked.backend(ec2_backends).get_instance_by_id(key[0]) if key[0].startswith("i-") else None
    if instance is not None and instance.state != "running":
        return _STOPPED
    if not group.health_check_enabled:
        return _UNCHECKED
    return _checked(group, key, target, asked.now)


def _checked(group: Any, key: Key, target: Target, now: int) -> tuple[str, str, str]:
    """A new target needs one check to be healthy; all the rest takes as many as the group's thresholds say."""
    changed = getattr(group, "stead_checked_since", 0)
    interval = int(group.health_check_interval_seconds) * 1000
    bad = _failure(group, key)
    if changed <= target.since:
        needed, earlier = (int(group.unhealthy_threshold_count) if bad else 1), (_CHECKING if now > target.since else _REGISTERING)
    else:
        needed, earlier = (int(group.unhealthy_threshold_count), _HEALTHY) if bad else (int(group.healthy_threshold_count), _REFUSED)
    done = now - max(changed, target.since) >= needed * interval
    return (bad or _HEALTHY) if done else earlier


def _failure(group: Any, key: Key) -> tuple[str, str, str] | None:
    port = group.health_check_port
    if port != _OWN_PORT and int(port) != key[1]:
        return _REFUSED
    codes = (getattr(group, "matcher", None) or {}).get("HttpCode")
    return _MISMATCH if codes and not _takes(str(codes), _SUCCESS) else None


def _takes(codes: str, code: int) -> bool:
    """Whether a matcher like ``200,301-399`` takes ``code``."""
    return any(int(low) <= code <= int(high or low) for low, high in re.findall(r"(\d+)(?:-(\d+))?", codes))


def _checks(group: Any) -> tuple[Any, ...]:
    return group.health_check_port, group.health_check_path, (getattr(group, "matcher", None) or {}).get("HttpCode")


def _has_left(group: Any, target: Target, now: int) -> bool:
    delay = int(group.attributes["deregistration_delay.timeout_seconds"]) * 1000
    return bool(target.left) and now >= target.left + delay


def _is_used(asked: Asked, group: Any) -> bool:
    """Whether a listener, by its default action or a rule, sends to ``group``."""
    balancers = asked.backend(elbv2_backends).load_balancers.values()
    listeners = [listener for balancer in balancers for listener in balancer.listeners.values()]
    return any(group.arn in _sent_to(action.data) for listener in listeners for action in _actions(listener))


def _actions(listener: Any) -> list[Any]:
    return [*listener.default_actions, *(action for rule in listener.rules.values() for action in rule.actions)]


def _sent_to(action: dict[str, Any]) -> list[Any]:
    several = (action.get("ForwardConfig") or {}).get("TargetGroups") or ()
    return [action.get("TargetGroupArn"), *(one.get("TargetGroupArn") for one in several)]


def _group(asked: Asked) -> Any:
    found = asked.backend(elbv2_backends).target_groups.get(asked.parameters.get("TargetGroupArn"))
    if found is None:
        raise Refused("TargetGroupNotFound", "One or more target groups not found")
    return found


def _targets(group: Any) -> dict[Key, Target]:
    held: dict[Key, Target] = kept(group, "targets")
    return held


def _keys(group: Any, targets: Iterable[dict[str, Any]]) -> list[Key]:
    return [(str(target.get("Id")), int(target.get("Port") or group.port or 0)) for target in targets]
