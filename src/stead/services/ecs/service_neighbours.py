"""What CreateService and UpdateService ask other services about what they are given, by a session of the linked role (ecs-on-your-behalf.md 1.1).

Load balancers are asked for their target groups and names, Cloud Map for the registry (EC2, for the network, by task_requests.py). A neighbour that refuses
or is away refuses the call; nothing is written yet. With a customer's ``role``, ECS asks by a session of that role.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stead.aws.errors import AwsError
from stead.linked_roles import session
from stead.services.ecs import linked_role
from stead.services.ecs.names import invalid_parameter
from stead.services.ecs.service_rules import is_awsvpc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stead.aws.call import Caller
    from stead.store.context import Context

    Definition = Mapping[str, Any]

SESSION = "ecs-service-scheduler"  # recorded for the scheduler's own calls
_GROUP = ("the specified targetGroupArn", "ECS service role")
_CLASSIC = ("the listeners configured on your load balancer", "role")
_TARGET_TYPES = {True: "ip", False: "instance"}


def check(context: Context, ecs: Caller, wish: Mapping[str, Any], definition: Definition) -> None:
    """Refuse a service whose load balancers or registry are not there or do not fit."""
    for balancer in wish.get("loadBalancers") or []:
        if balancer.get("targetGroupArn"):
            _check_target_group(context, ecs, balancer["targetGroupArn"], definition)
        else:
            _check_classic(context, ecs, balancer["loadBalancerName"], definition)
    for registry in wish.get("serviceRegistries") or []:
        _check_registry(context, ecs, registry)


def with_role(context: Context, arn: str, wish: Mapping[str, Any]) -> Caller:
    """ECS by a session of a customer's role, which must trust it."""
    try:
        made = session.assume_linked_role(context, linked_role.PRINCIPAL, arn, SESSION)
    except AwsError as error:
        is_group = any(balancer.get("targetGroupArn") for balancer in wish["loadBalancers"])
        raise _unable(error, *(_GROUP if is_group else _CLASSIC)) from error
    return context.gateway.session_caller(context, made["Credentials"]["SessionToken"])


def _check_target_group(context: Context, ecs: Caller, arn: str, definition: Definition) -> None:
    try:
        groups = context.call("elbv2", "DescribeTargetGroups", {"TargetGroupArns": [arn]}, caller=ecs)["TargetGroups"]
    except AwsError as error:
        raise _unable(error, *_GROUP) from error
    group = groups[0]
    if not group.get("LoadBalancerArns"):  # reported, hashicorp/terraform#32908
        raise invalid_parameter(f"The target group with targetGroupArn {arn} does not have an associated load balancer.")
    wanted, kind = _TARGET_TYPES[is_awsvpc(definition)], group.get("TargetType") or "instance"
    if kind != wanted:  # reported, hashicorp/terraform-provider-aws#11723
        mode = definition.get("networkMode") or "bridge"
        raise invalid_parameter(
            f"The provided target group {arn} has target type {kind}, which is incompatible with the {mode} network mode"
            " specified in the task definition."
        )


def _check_classic(context: Context, ecs: Caller, name: str, definition: Definition) -> None:
    if is_awsvpc(definition):  # documented; our wording
        raise invalid_parameter("Classic Load Balancers are not supported for services whose tasks use the awsvpc network mode.")
    try:
        context.call("elb", "DescribeLoadBalancers", {"LoadBalancerNames": [name]}, caller=ecs)
    except AwsError as error:
        if error.code in {"LoadBalancerNotFound", "AccessPointNotFound"}:  # reported, aws/amazon-ecs-agent#647
            raise invalid_parameter(f"The load balancer {name} does not exist.") from error
        raise _unable(error, *_CLASSIC) from error


def _check_registry(context: Context, ecs: Caller, registry: Mapping[str, Any]) -> None:
    arn = registry.get("registryArn") or ""
    try:
        context.call("servicediscovery", "GetService", {"Id": arn.rpartition("/")[2]}, caller=ecs)
    except AwsError as error:
        if error.status == 503:
            raise
        raise invalid_parameter(f"Unable to retrieve the service registry {arn}: {error.message}") from error  # our wording


def _unable(error: AwsError, what: str, whose: str) -> AwsError:
    """A neighbour's own refusal is told; one of the role's policy has words of ECS's (service-linked-roles.md 2.3)."""
    if error.status == 503:
        return error
    if error.code == "AccessDenied":
        return invalid_parameter(
            f"Unable to assume role and validate {what}. Please verify that the {whose} being passed has the proper permissions."
        )
    return invalid_parameter(error.message)  # inferred
