"""Auto Scaling plans, which moto lacks altogether (ecs-on-your-behalf.md 5.5). What a plan makes is made by services/neighbours/side_effects.py."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.autoscaling.models import autoscaling_backends

from stead.neighbours.embedded.overlay import Asked, Refused, kept, overlay

if TYPE_CHECKING:
    from stead.neighbours.messages import NeighbourReply

Plan = dict[str, Any]

_SERVICE = "autoscaling-plans"
_FIRST_VERSION = 1
_PAGE = 50
_MOST = 100  # plans of one account and Region (documented)
_POLICY_TYPE = "TargetTrackingScaling"


@overlay(_SERVICE, "CreateScalingPlan")
def create(asked: Asked) -> NeighbourReply:
    """Active at once."""
    parameters, plans = asked.parameters, _plans(asked)
    name = str(parameters.get("ScalingPlanName"))
    if name in plans:
        raise Refused("ValidationException", f"Scaling plan {name} already exists")
    if len(plans) >= _MOST:
        raise Refused("LimitExceededException", "You have reached the limit of scaling plans")
    for member in ("ApplicationSource", "ScalingInstructions"):
        if not parameters.get(member):
            raise Refused("ValidationException", f"{member} must not be empty")
    plans[name] = {
        "ScalingPlanName": name,
        "ScalingPlanVersion": _FIRST_VERSION,
        "ApplicationSource": parameters["ApplicationSource"],
        "ScalingInstructions": parameters["ScalingInstructions"],
        "CreationTime": _moment(asked),
        **_active(asked),
    }
    return asked.answer({"ScalingPlanVersion": _FIRST_VERSION})


@overlay(_SERVICE, "UpdateScalingPlan")
def update(asked: Asked) -> NeighbourReply:
    """What is given replaces what was."""
    plan = _plan(asked)
    given = {name: asked.parameters[name] for name in ("ApplicationSource", "ScalingInstructions") if asked.parameters.get(name)}
    plan.update(given, **_active(asked))
    return asked.answer({})


@overlay(_SERVICE, "DeleteScalingPlan")
def delete(asked: Asked) -> NeighbourReply:
    """Gone at once."""
    del _plans(asked)[_plan(asked)["ScalingPlanName"]]
    return asked.answer({})


@overlay(_SERVICE, "DescribeScalingPlans")
def describe(asked: Asked) -> NeighbourReply:
    """By name, by source, or all."""
    parameters = asked.parameters
    names, sources = parameters.get("ScalingPlanNames"), parameters.get("ApplicationSources")
    found = [
        plan
        for plan in _plans(asked).values()
        if (not names or plan["ScalingPlanName"] in names) and (not sources or plan["ApplicationSource"] in sources)
    ]
    return _page(asked, "ScalingPlans", found)


@overlay(_SERVICE, "DescribeScalingPlanResources")
def describe_resources(asked: Asked) -> NeighbourReply:
    """One resource for each instruction."""
    plan = _plan(asked)
    found = [_resource(plan, instruction) for instruction in plan["ScalingInstructions"]]
    return _page(asked, "ScalingPlanResources", found)


def _resource(plan: Plan, instruction: dict[str, Any]) -> dict[str, Any]:
    named = {name: instruction[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
    policies = [
        {"PolicyName": f"AutoScaling-{plan['ScalingPlanName']}", "PolicyType": _POLICY_TYPE, "TargetTrackingConfiguration": tracking}
        for tracking in instruction.get("TargetTrackingConfigurations") or ()
    ]
    of = {"ScalingPlanName": plan["ScalingPlanName"], "ScalingPlanVersion": plan["ScalingPlanVersion"]}
    return {**of, **named, "ScalingPolicies": policies, "ScalingStatusCode": "Active"}


def _page(asked: Asked, member: str, found: list[dict[str, Any]]) -> NeighbourReply:
    token = str(asked.parameters.get("NextToken") or "0")
    if not token.isdecimal():
        raise Refused("InvalidNextTokenException", "The token provided is not valid.")
    start, most = int(token), int(asked.parameters.get("MaxResults") or _PAGE)
    rest = {"NextToken": str(start + most)} if start + most < len(found) else {}
    return asked.answer({member: found[start : start + most], **rest})


def _plan(asked: Asked) -> Plan:
    name, version = str(asked.parameters.get("ScalingPlanName")), asked.parameters.get("ScalingPlanVersion")
    found = _plans(asked).get(name)
    if found is None or version not in (None, found["ScalingPlanVersion"]):
        raise Refused("ObjectNotFoundException", f"No scaling plan found for plan name {name} and version {version}")
    return found


def _plans(asked: Asked) -> dict[str, Plan]:
    held: dict[str, Plan] = kept(asked.backend(autoscaling_backends), "plans")
    return held


def _active(asked: Asked) -> dict[str, Any]:
    return {
        "StatusCode": "Active",
        "StatusMessage": "Scaling plan has been created and applied to all resources.",
        "StatusStartTime": _moment(asked),
    }


def _moment(asked: Asked) -> datetime:
    return datetime.fromtimestamp(asked.now / 1000, UTC)
