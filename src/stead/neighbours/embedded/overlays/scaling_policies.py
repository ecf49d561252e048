"""Scaling policies and the names of their alarms (ecs-on-your-behalf.md 5.2). Stead makes the alarms (services/neighbours/side_effects.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.autoscaling.models import autoscaling_backends
from moto.moto_api._internal import mock_random

from stead.neighbours.embedded.overlay import Asked, Refused, overlay

if TYPE_CHECKING:
    from stead.neighbours.messages import NeighbourReply

_KINDS = ("AlarmHigh", "AlarmLow")


@overlay("autoscaling", "PutScalingPolicy")
def put(asked: Asked) -> NeighbourReply:
    """A policy that is put again keeps its alarms."""
    backend, parameters = asked.backend(autoscaling_backends), asked.parameters
    group, name = str(parameters.get("AutoScalingGroupName")), str(parameters.get("PolicyName"))
    if group not in backend.autoscaling_groups:
        raise Refused("ValidationError", "AutoScalingGroup name not found - null")
    alarms = getattr(backend.policies.get(name), "alarms", None)
    reply = asked.play()
    if reply.status >= 400:
        return reply
    policy = backend.policies[name]
    if policy.policy_type != "TargetTrackingScaling":
        return reply
    policy.alarms = alarms or [_alarm(asked, group, kind) for kind in _KINDS]
    return asked.answer({"PolicyARN": policy.arn, "Alarms": policy.alarms})


@overlay("autoscaling", "DeletePolicy")
def delete(asked: Asked) -> NeighbourReply:
    """By name or by ARN."""
    backend, given = asked.backend(autoscaling_backends), str(asked.parameters.get("PolicyName"))
    name = given.rpartition("policyName/")[2]
    if name not in backend.policies:
        raise Refused("ValidationError", f"PolicyName {given} not found")
    del backend.policies[name]
    return asked.answer({})


def _alarm(asked: Asked, group: str, kind: str) -> dict[str, Any]:
    name = f"TargetTracking-{group}-{kind}-{mock_random.uuid4()}"
    request = asked.request
    return {"AlarmName": name, "AlarmARN": f"arn:aws:cloudwatch:{request.region}:{request.account_id}:alarm:{name}"}
