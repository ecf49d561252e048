"""Auto Scaling makes a target-tracking policy's alarms with its caller's rights, and a scaling plan's policies (ecs-on-your-behalf.md 1.2, 5)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from stead.services.neighbours.side_effects import causes, known, made, required

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.aws.call import Result
    from stead.services.neighbours.side_effects import Forward
    from stead.store.context import Context

PRINCIPAL, PLANS_PRINCIPAL = "autoscaling.amazonaws.com", "autoscaling-plans.amazonaws.com"
_TRACKING = "TargetTrackingScaling"
_PERIOD = 60
# The kind of alarm, how it compares, and after how many datapoints: high ones of ECS's own metric at once (ecs-on-your-behalf.md 5.2).
_ALARMS = (("AlarmHigh", "GreaterThanThreshold", 3), ("AlarmLow", "LessThanThreshold", 15))
_OF_ECS, _AT_ONCE = "AWS/ECS/ManagedScaling", 1
_PREDEFINED = {
    "ASGAverageCPUUtilization": ("AWS/EC2", "CPUUtilization"),
    "ASGAverageNetworkIn": ("AWS/EC2", "NetworkIn"),
    "ASGAverageNetworkOut": ("AWS/EC2", "NetworkOut"),
    "ALBRequestCountPerTarget": ("AWS/ApplicationELB", "RequestCountPerTarget"),
}
_NAMESPACE = "autoscaling"  # of the instructions of a plan that are about groups
_SPEC = {"CustomizedScalingMetricSpecification": "CustomizedMetricSpecification"}
_SPEC_PREDEFINED = "PredefinedScalingMetricSpecification"


@causes("autoscaling", "PutScalingPolicy")
def put_policy(context: Context, forward: Forward) -> Result:
    """A policy whose caller may make no alarms is not made."""
    asked = context.origin.parameters
    if asked.get("PolicyType") != _TRACKING or not isinstance(asked.get("TargetTrackingConfiguration"), dict):
        return forward()
    group = str(asked.get("AutoScalingGroupName"))
    required(context, PRINCIPAL, "cloudwatch:PutMetricAlarm", _alarm_arn(context, f"TargetTracking-{group}-*"))
    answer = forward()
    names = _names(answer, group)
    for kind, comparison, datapoints in _ALARMS:
        name = names[kind]
        made(context, PRINCIPAL, "cloudwatch", "PutMetricAlarm", _alarm(context, name, comparison, datapoints, answer))
    return answer


@causes("autoscaling", "DeletePolicy")
def delete_policy(context: Context, forward: Forward) -> Result:
    """Its alarms go first, so that a repetition still finds them."""
    asked = context.origin.parameters
    given = str(asked.get("PolicyName"))
    which = {
        "PolicyNames": [given.rpartition("policyName/")[2]],  # an ARN ends in the name, which every neighbour finds it by
        **({"AutoScalingGroupName": asked["AutoScalingGroupName"]} if asked.get("AutoScalingGroupName") else {}),
    }
    found = (known(context, "autoscaling", "DescribePolicies", which) or {}).get("ScalingPolicies") or []
    tracking = [policy for policy in found if policy.get("PolicyType") == _TRACKING]
    names = [name for policy in tracking for name in _names(policy, str(policy.get("AutoScalingGroupName"))).values()]
    if names:
        made(context, PRINCIPAL, "cloudwatch", "DeleteAlarms", {"AlarmNames": names})
    return forward()


@causes("autoscaling-plans", "CreateScalingPlan")
def create_plan(context: Context, forward: Forward) -> Result:
    """Its policies first: a plan whose caller may not make them is not made."""
    for policy in _policies(context.origin.parameters):
        made(context, PLANS_PRINCIPAL, "autoscaling", "PutScalingPolicy", policy)
    return forward()


@causes("autoscaling-plans", "DeleteScalingPlan")
def delete_plan(context: Context, forward: Forward) -> Result:
    """What it made goes first."""
    name = context.origin.parameters.get("ScalingPlanName")
    plans = (known(context, "autoscaling-plans", "DescribeScalingPlans", {"ScalingPlanNames": [name]}) or {}).get("ScalingPlans") or []
    for plan in plans:
        for policy in _policies(plan):
            which = {member: policy[member] for member in ("AutoScalingGroupName", "PolicyName")}
            if _is_there(context, which):
                made(context, PLANS_PRINCIPAL, "autoscaling", "DeletePolicy", which)
    return forward()


def _is_there(context: Context, which: dict[str, Any]) -> bool:
    asked = {"AutoScalingGroupName": which["AutoScalingGroupName"], "PolicyNames": [which["PolicyName"]]}
    return bool((known(context, "autoscaling", "DescribePolicies", asked) or {}).get("ScalingPolicies"))


def _policies(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The scaling policies that a plan asks for; how AWS names them is not known."""
    for instruction in plan.get("ScalingInstructions") or ():
        if instruction.get("ServiceNamespace") != _NAMESPACE:
            continue
        for tracking in instruction.get("TargetTrackingConfigurations") or ():
            yield {
                "AutoScalingGroupName": str(instruction.get("ResourceId")).rpartition("/")[2],
                "PolicyName": f"AutoScaling-{plan.get('ScalingPlanName')}",
                "PolicyType": _TRACKING,
                "TargetTrackingConfiguration": _tracking(tracking),
            }


def _tracking(of_plan: dict[str, Any]) -> dict[str, Any]:
    """A plan's tracking in Auto Scaling's own words."""
    found: dict[str, Any] = {"TargetValue": of_plan.get("TargetValue"), "DisableScaleIn": bool(of_plan.get("DisableScaleIn"))}
    if _SPEC_PREDEFINED in of_plan:
        spec = of_plan[_SPEC_PREDEFINED]
        label = {"ResourceLabel": spec["ResourceLabel"]} if spec.get("ResourceLabel") else {}
        return {**found, "PredefinedMetricSpecification": {"PredefinedMetricType": spec.get("PredefinedScalingMetricType"), **label}}
    return {**found, **{own: of_plan[theirs] for theirs, own in _SPEC.items() if theirs in of_plan}}


def _alarm(context: Context, name: str, comparison: str, datapoints: int, answer: Result) -> dict[str, Any]:
    asked = context.origin.parameters
    tracking = asked["TargetTrackingConfiguration"]
    metric = _metric(tracking, str(asked.get("AutoScalingGroupName")))
    at_once = metric["Namespace"] == _OF_ECS and comparison == "GreaterThanThreshold"
    policy = answer.get("PolicyARN")
    return {
        "AlarmName": name,
        "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy}.",
        "AlarmActions": [policy],
        "ComparisonOperator": comparison,
        "Threshold": float(tracking.get("TargetValue") or 0),
        "Period": _PERIOD,
        "EvaluationPeriods": _AT_ONCE if at_once else datapoints,
        **metric,
    }


def _metric(tracking: dict[str, Any], group: str) -> dict[str, Any]:
    custom = tracking.get("CustomizedMetricSpecification")
    if custom:
        found = {member: custom[member] for member in ("MetricName", "Namespace", "Statistic", "Unit", "Dimensions") if custom.get(member)}
        return {"Statistic": "Average", **found}
    kind = (tracking.get("PredefinedMetricSpecification") or {}).get("PredefinedMetricType")
    namespace, name = _PREDEFINED.get(str(kind), ("AWS/EC2", str(kind)))
    return {
        "Namespace": namespace,
        "MetricName": name,
        "Statistic": "Average",
        "Dimensions": [{"Name": "AutoScalingGroupName", "Value": group}],
    }


def _names(policy: Result, group: str) -> dict[str, str]:
    """The alarms' names by kind: as the neighbour says, else made from the policy's ARN, so that they are found again."""
    said = [str(alarm["AlarmName"]) for alarm in policy.get("Alarms") or ()]
    found = {}
    for kind, _, _ in _ALARMS:
        own = uuid.uuid5(uuid.NAMESPACE_URL, f"{policy.get('PolicyARN')}/{kind}")
        found[kind] = next((name for name in said if f"-{kind}-" in name), f"TargetTracking-{group}-{kind}-{own}")
    return found


def _alarm_arn(context: Context, name: str) -> str:
    return f"arn:aws:cloudwatch:{context.region}:{context.account_id}:alarm:{name}"
