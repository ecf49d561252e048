"""What RunTask and StartTask ask for: the rules that a request must keep, and the tasks that it wishes for.

Texts without a mark are reported (aws-behaviour.md 10.1); what is neither is our wording and says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from stead.aws.errors import AwsError
from stead.services.ecs import linked_role, passed_roles, service_rules, tags
from stead.services.ecs.names import client_error, invalid_parameter
from stead.services.ecs.task_definition_names import ACTIVE, resolve
from stead.services.ecs.task_rows import SESSION
from stead.services.ecs.task_shapes import Wish
from stead.services.ecs.words import check_words, without_nulls

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stead.aws.call import Caller, Parameters
    from stead.store.context import Context
    from stead.store.engine import Row

MAX_COUNT, MAX_SUBNETS, MAX_SECURITY_GROUPS, MAX_STARTED_BY = 10, 16, 5, 128
MAX_CLIENT_TOKEN = 64
PLATFORM_VERSIONS = frozenset({"LATEST", "1.4.0", "1.3.0", "1.2.0", "1.1.0", "1.0.0"})


def check(operation: str, request: Parameters) -> None:
    """The rules that a request breaks by itself."""
    check_words(operation, without_nulls(request))
    if not 1 <= (1 if request.get("count") is None else request["count"]) <= MAX_COUNT:  # the number is documented; our wording
        raise invalid_parameter(f"count must be between 1 and {MAX_COUNT}.")
    if request.get("launchType") and request.get("capacityProviderStrategy"):
        raise invalid_parameter("Specify either Launch Type or Capacity Provider Strategy, but not both.")
    if request.get("propagateTags") == "SERVICE":  # documented; our wording
        raise invalid_parameter("propagateTags SERVICE is only for tasks of a service.")
    for member, limit in (("startedBy", MAX_STARTED_BY), ("clientToken", MAX_CLIENT_TOKEN)):
        if len(request.get(member) or "") > limit:  # the numbers are documented; our wording
            raise invalid_parameter(f"{member} longer than {limit}.")
    if request.get("volumeConfigurations"):
        raise AwsError("NotImplemented", f"Stead does not implement 'volumeConfigurations' of ecs:{operation} yet.", 501)
    _check_network(network_of(request))
    tags.check(request.get("tags") or [])


def network_of(request: Mapping[str, Any]) -> dict[str, Any] | None:
    """The awsvpcConfiguration, if any."""
    found: dict[str, Any] | None = without_nulls((request.get("networkConfiguration") or {}).get("awsvpcConfiguration"))
    return found


def definition_of(context: Context, text: str) -> Row:
    """The task definition that tasks are to be made of."""
    row = resolve(context, text)
    if row is None:
        raise client_error("TaskDefinition not found.")  # recorded for services
    if row.status != ACTIVE:
        raise client_error("TaskDefinition is inactive")
    return row


def check_against(request: Parameters, launch_type: str, definition: Mapping[str, Any]) -> None:
    """The rules between a request and its task definition."""
    service_rules.check_definition({**request, "launchType": launch_type}, definition)
    names = {container["name"] for container in definition["containerDefinitions"]}
    for one in (request.get("overrides") or {}).get("containerOverrides") or []:
        if one.get("name") not in names:
            raise invalid_parameter(f"Override for container named {one.get('name')} is not a container in the TaskDefinition.")
    version = request.get("platformVersion")
    if version and launch_type == "EC2":
        raise invalid_parameter("The platform version must be null when specifying an EC2 launch type.")
    if version and version not in PLATFORM_VERSIONS:  # our wording
        raise AwsError("PlatformUnknownException", "The specified platform version does not exist.")


def roles_of(request: Mapping[str, Any], definition: Mapping[str, Any]) -> list[str | None]:
    """The roles that the tasks get: the definition's, or what takes their place."""
    overrides = request.get("overrides") or {}
    return [overrides.get(member) or definition.get(member) for member in passed_roles.MEMBERS]


def check_roles(context: Context, request: Mapping[str, Any]) -> None:
    """A role that is put in another's place must exist."""
    for member in passed_roles.MEMBERS:
        if given := (request.get("overrides") or {}).get(member):
            passed_roles.checked(context, given)


def zones_of(context: Context, network: Mapping[str, Any] | None) -> dict[str, str]:
    """The availability zone of each subnet. ECS looks with its own role (ecs-on-your-behalf.md 1.1), outside of any transaction."""
    if network is None:
        return {}
    caller = linked_role.assume(context, SESSION)
    groups = network.get("securityGroups") or []
    subnets = _described(context, caller, "Subnet", "subnet", network["subnets"])
    found = _described(context, caller, "SecurityGroup", "security group", groups) if groups else []
    networks = {subnet["VpcId"] for subnet in subnets}
    for group in found:
        if {group["VpcId"]} != networks:
            raise invalid_parameter(f"Security Group {group['GroupId']} does not appear to belong to the same VPC as the input subnets.")
    return {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in subnets}


def wish(context: Context, request: Parameters, cluster: str, definition: Mapping[str, Any], **more: Any) -> Wish:
    """One task of the request; ``more`` says where it runs."""
    overrides = without_nulls(request.get("overrides") or {})
    return Wish(
        account_id=context.account_id,
        region=context.region,
        cluster_arn=cluster,
        definition=dict(definition),
        network=network_of(request),
        overrides=overrides,
        group=request.get("group") or "",
        started_by=request.get("startedBy"),
        platform_version=request.get("platformVersion"),
        enable_execute_command=bool(request.get("enableExecuteCommand")),
        managed_tags=bool(request.get("enableECSManagedTags")),
        client_token=request.get("clientToken") or None,
        request=literal(request),
        **more,
    )


def literal(request: Parameters) -> str:
    """What a repetition must say, to the letter (recorded-aws.md 11.4)."""
    return orjson.dumps(request, default=str).decode()


def _check_network(network: Mapping[str, Any] | None) -> None:
    if network is None:
        return
    if not network.get("subnets"):
        raise invalid_parameter("subnets can not be empty.")
    for member, limit in (("subnets", MAX_SUBNETS), ("securityGroups", MAX_SECURITY_GROUPS)):
        if len(network.get(member) or []) > limit:  # the numbers are the model's; the wording follows that of clusters
            raise invalid_parameter(f"{member} can have at most {limit} items.")


def _described(context: Context, caller: Caller, kind: str, words: str, ids: Iterable[str]) -> list[dict[str, Any]]:
    member = "GroupIds" if kind == "SecurityGroup" else "SubnetIds"
    try:
        answer = context.call("ec2", f"Describe{kind}s", {member: list(ids)}, caller=caller)
    except AwsError as error:
        if error.status == 503:
            raise
        text = f"Error retrieving {words} information for [{', '.join(ids)}]: {error.message} (ErrorCode: {error.code})"
        raise invalid_parameter(text) from error
    found: list[dict[str, Any]] = answer[f"{kind}s"]
    return found
