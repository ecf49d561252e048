"""ecs: capacity providers of Auto Scaling groups (ecs-on-your-behalf.md 5). Those of managed instances are not implemented.

CreateCapacityProvider looks at the group with the linked role, and puts the tag ``AmazonECSManaged`` on it with the caller's own rights: the
role's policy lets ECS change only groups that have it. Updates and deletions are accepted and done by ``controllers/ecs/capacity_providers.py``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from stead.aws import page_tokens
from stead.aws.call import Target
from stead.aws.errors import AwsError, not_implemented
from stead.aws.operation import Effect, operation
from stead.linked_roles import holding, session
from stead.services.ecs import linked_role, provider_rows, tags
from stead.services.ecs.names import client_error, invalid_parameter
from stead.services.ecs.provider_rows import ACTIVE, BUILT_IN, ENABLED
from stead.services.ecs.words import check_words
from stead.store.ecs_tables import capacity_providers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row

SESSION = "ecs-capacity-providers"  # AWS's name for it is not established
TAG = "AmazonECSManaged"
MAX_SHOWN = 10
_NAME = re.compile(r"[a-zA-Z0-9\-_]{1,255}")
_RESERVED = ("aws", "ecs", "fargate")
_MANAGED_INSTANCES = "managedInstancesProvider"
# Reported, hashicorp/terraform-provider-aws: the four texts below.
_NO_ROLE = "ECS Service Linked Role does not exist. Please create a Service linked role for ECS and try again."
_THERE = "The specified capacity provider already exists. To change the configuration of an existing capacity provider, update the capacity provider."
_GROUP_USED = (
    "The specified Auto Scaling group ARN is already being used by another capacity provider."
    " Specify a unique Auto Scaling group ARN and try again."
)
_UNPROTECTED = (
    "The managed termination protection setting for the capacity provider is invalid. To enable managed termination protection for a capacity"
    " provider, the Auto Scaling group must have instance protection from scale in enabled."
)
_NO_TAGS = (  # documented, troubleshooting of capacity providers
    "The capacity provider could not be created because you do not have autoscaling:CreateOrUpdateTags permissions to create tags on the"
    " Auto Scaling group. Add permissions and try again."
)
_MISSING = "The specified capacity provider does not exist. Specify a valid name or ARN and try again."


def _target(context: Context, name: str, keys: dict[str, Any] | None = None) -> Target:
    row = provider_rows.find(context.db, context.account_id, context.region, name)
    arn = provider_rows.provider_arn(context, name)
    return Target(arn, row=row, keys=keys or {}, tags_of=arn if row is not None else "")


def _to_be(context: Context, request: Parameters) -> Target:
    return _target(context, request["name"], {**tags.request_keys(request), **_keys(request)})


def _named(context: Context, request: Parameters) -> Target:
    return _target(context, provider_rows.provider_name(context, request["name"]), _keys(request))


def _to_delete(context: Context, request: Parameters) -> Target:
    return _target(context, provider_rows.provider_name(context, request["capacityProvider"]))


def _keys(request: Parameters) -> dict[str, Any]:
    """Keys of managed instances only (Service Authorization Reference)."""
    given = request.get(_MANAGED_INSTANCES) or {}
    template = given.get("instanceLaunchTemplate") or {}
    keys = {"ecs:propagate-tags": given.get("propagateTags")} if given.get("propagateTags") else {}
    if template.get("instanceMetadataTagsPropagation") is not None:
        keys["ecs:instance-metadata-tags-propagation"] = str(template["instanceMetadataTagsPropagation"]).lower()
    return keys


def _prepare(context: Context, request: Parameters) -> None:
    """What is asked of Auto Scaling, before the transaction."""
    if request.get(_MANAGED_INSTANCES):
        raise not_implemented("ecs", "CreateCapacityProvider with managedInstancesProvider")
    check_words("CreateCapacityProvider", request)
    _check_name(request["name"])
    tags.check(request.get("tags") or [])
    given = request.get("autoScalingGroupProvider")
    if not given:
        raise invalid_parameter("A capacity provider must be specified with an Auto Scaling group.")  # our wording
    provider = context.noted["provider"] = provider_rows.filled(given)
    _check_free(context, request["name"], provider)
    if holding.find(context.db, context.account_id, linked_role.service()) is None:
        raise client_error(_NO_ROLE)
    group = _group(context, provider)
    _check_protection(provider, group)
    provider["autoScalingGroupArn"] = group["AutoScalingGroupARN"]
    _mark(context, group["AutoScalingGroupName"])


@operation("ecs", "CreateCapacityProvider", Effect.WRITES, target=_to_be, also=tags.on_create, before=_prepare)
def create_capacity_provider(context: Context, request: Parameters) -> Result:
    """ACTIVE at once; an INACTIVE one of the name is made anew."""
    provider = context.noted["provider"]
    if linked_role.hold(context) is None:
        raise client_error(_NO_ROLE)
    _check_free(context, request["name"], provider)
    there, document = _held(context, request["name"]), {"autoScalingGroupProvider": provider}
    if there is None:
        context.writer.insert(
            capacity_providers,
            id=provider_rows.provider_arn(context, request["name"]),
            account_id=context.account_id,
            region=context.region,
            name=request["name"],
            status=ACTIVE,
            update_status="",
            document=orjson.dumps(document).decode(),
            created=context.now,
            lease=0,
        )
    else:
        tags.remove_all(context, there.id)
        provider_rows.change(context.writer, there, status=ACTIVE, update_status="", document=document, due=None)
    tags.write(context, provider_rows.provider_arn(context, request["name"]), request.get("tags") or [])
    return _shown(context, request["name"], with_tags=True)


def _prepare_update(context: Context, request: Parameters) -> None:
    if request.get(_MANAGED_INSTANCES):
        raise not_implemented("ecs", "UpdateCapacityProvider with managedInstancesProvider")
    check_words("UpdateCapacityProvider", request)
    row = _active(context.row)
    before = orjson.loads(row.document)["autoScalingGroupProvider"]
    provider = context.noted["provider"] = provider_rows.filled(request.get("autoScalingGroupProvider") or {}, before)
    if provider["managedTerminationProtection"] == ENABLED:
        _check_protection(provider, _group(context, provider))


@operation("ecs", "UpdateCapacityProvider", Effect.WRITES, target=_named, before=_prepare_update)
def update_capacity_provider(context: Context, request: Parameters) -> Result:
    """Accepted; the scaling policies of its clusters follow."""
    name = provider_rows.provider_name(context, request["name"])
    row = _active(_held(context, name))
    document = {"autoScalingGroupProvider": context.noted["provider"]}
    provider_rows.change(context.writer, row, status=ACTIVE, update_status="UPDATE_IN_PROGRESS", document=document, due=context.now)
    context.writer.wake_runner()
    return _shown(context, name, with_tags=True)


@operation("ecs", "DeleteCapacityProvider", Effect.WRITES, target=_to_delete)
def delete_capacity_provider(context: Context, request: Parameters) -> Result:
    """Accepted; that it is still associated shows later, in its updateStatus."""
    name = provider_rows.provider_name(context, request["capacityProvider"])
    if name in BUILT_IN:
        raise invalid_parameter("The specified capacity provider cannot be deleted.")  # our wording
    row = _active(_held(context, name))
    document = orjson.loads(row.document)
    document.pop("updateStatusReason", None)
    provider_rows.change(context.writer, row, status=ACTIVE, update_status="DELETE_IN_PROGRESS", document=document, due=context.now)
    context.writer.wake_runner()
    return _shown(context, name, with_tags=True)


def _asked_for(context: Context, request: Parameters) -> Target:
    """The first of those that are named; without names the action is on all."""
    names = list(dict.fromkeys(provider_rows.provider_name(context, text) for text in request.get("capacityProviders") or ()))
    context.noted["providers"] = found = [_target(context, name) for name in names]
    return found[0] if found else Target(provider_rows.provider_arn(context, "*"))


def _the_others(context: Context, _request: Parameters) -> Iterator[tuple[str, Target]]:
    for target in context.noted["providers"][1:]:
        yield "ecs:DescribeCapacityProviders", target


@operation("ecs", "DescribeCapacityProviders", target=_asked_for, also=_the_others)
def describe_capacity_providers(context: Context, request: Parameters) -> Result:
    """Those named, of any status; or every one that is ACTIVE, a page at a time."""
    if not {"TAGS"}.issuperset(request.get("include") or ()):
        raise invalid_parameter("include should be one of [TAGS]")  # recorded for clusters
    with_tags = "TAGS" in (request.get("include") or ())
    targets: list[Target] = context.noted["providers"]
    if targets:
        shown = [(target.arn, _one(context, target, with_tags=with_tags)) for target in targets]
        failures = [{"arn": arn, "reason": "MISSING"} for arn, one in shown if one is None]
        return {"capacityProviders": [one for _, one in shown if one is not None], "failures": failures}
    return _page(context, request, with_tags=with_tags)


def _page(context: Context, request: Parameters, *, with_tags: bool) -> Result:
    count = request.get("maxResults") or MAX_SHOWN
    if not 1 <= count <= MAX_SHOWN:  # documented; our wording
        raise invalid_parameter(f"maxResults must be between 1 and {MAX_SHOWN}.")
    try:
        after = page_tokens.key_of(request.get("nextToken") or "")
    except ValueError as error:
        raise invalid_parameter("Invalid token.") from error  # our wording
    own = {row.name: row for row in provider_rows.active(context.db, context.account_id, context.region)}
    names = [name for name in sorted((*BUILT_IN, *own)) if name > after]
    shown = [
        provider_rows.answer(own[name], tags.read(context, own[name].id) if with_tags else [])
        if name in own
        else provider_rows.built_in(context, name)
        for name in names[:count]
    ]
    token = page_tokens.token(names[count - 1]) if len(names) > count else None
    return {"capacityProviders": shown, "failures": [], "nextToken": token}


def _one(context: Context, target: Target, *, with_tags: bool) -> dict[str, Any] | None:
    name = target.arn.rpartition("/")[2]
    if name in BUILT_IN:
        return provider_rows.built_in(context, name)
    return None if target.row is None else provider_rows.answer(target.row, tags.read(context, target.arn) if with_tags else [])


def _shown(context: Context, name: str, *, with_tags: bool) -> Result:
    row = provider_rows.find(context.db, context.account_id, context.region, name)
    assert row is not None
    return {"capacityProvider": provider_rows.answer(row, tags.read(context, row.id) if with_tags else [])}


def _held(context: Context, name: str) -> Row | None:
    return provider_rows.hold(context.writer, context.account_id, context.region, name)


def _active(row: Row | None) -> Row:
    if row is None or row.status != ACTIVE:
        raise client_error(_MISSING)
    if row.update_status.endswith("IN_PROGRESS"):  # our wording
        raise AwsError("UpdateInProgressException", "The specified capacity provider is being changed. Wait and try again.")
    return row


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise invalid_parameter(f"Capacity provider must match ^[a-zA-Z0-9\\-_]{{1,255}}$, but was {name}")  # worded as of clusters
    if name.lower().startswith(_RESERVED):  # the model's rule, our wording
        raise invalid_parameter("The capacity provider name cannot begin with aws, ecs, or fargate.")


def _check_free(context: Context, name: str, provider: dict[str, Any]) -> None:
    group = provider_rows.group_of(provider["autoScalingGroupArn"])
    for row in provider_rows.active(context.db, context.account_id, context.region):
        if row.name == name:
            raise client_error(_THERE)
        if provider_rows.group_name(orjson.loads(row.document)) == group:
            raise client_error(_GROUP_USED)


def _group(context: Context, provider: dict[str, Any]) -> dict[str, Any]:
    """The group as the linked role sees it."""
    caller = linked_role.assume(context, SESSION)
    name = provider_rows.group_of(provider["autoScalingGroupArn"])
    try:
        found = context.call("autoscaling", "DescribeAutoScalingGroups", {"AutoScalingGroupNames": [name]}, caller=caller)
    except AwsError as error:
        raise _told(error) from error
    groups: list[dict[str, Any]] = found.get("AutoScalingGroups") or []
    if not groups:
        raise client_error("The specified Auto Scaling group ARN was not found. Specify a valid ARN and try again.")  # our wording
    return groups[0]


def _check_protection(provider: dict[str, Any], group: dict[str, Any]) -> None:
    if provider["managedTerminationProtection"] == ENABLED and (
        provider["managedScaling"]["status"] != ENABLED or not group.get("NewInstancesProtectedFromScaleIn")
    ):
        raise invalid_parameter(_UNPROTECTED)


def _mark(context: Context, group: str) -> None:
    """With the caller's own rights: the role's policy has no CreateOrUpdateTags (ecs-on-your-behalf.md 5.1)."""
    tag = {"ResourceId": group, "ResourceType": "auto-scaling-group", "Key": TAG, "Value": "", "PropagateAtLaunch": True}
    caller = session.forward_access(context.caller, linked_role.PRINCIPAL)
    try:
        context.call("autoscaling", "CreateOrUpdateTags", {"Tags": [tag]}, caller=caller)
    except AwsError as error:
        if error.code == "AccessDenied":
            raise client_error(_NO_TAGS) from error
        raise _told(error) from error


def _told(error: AwsError) -> AwsError:
    """Another service's refusal in ECS's answer; a service that is away is away."""
    return error if error.status >= 500 else client_error(error.message)
