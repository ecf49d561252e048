"""The policies that bind a user, group or role, read through the public API: what ``stead policy explain`` evaluates.

botocore turns documents into dictionaries; here they stay the texts that they are, so that lines can be told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from stead.aws.arn import Arn, parse_arn
from stead.commands.output import CommandError
from stead.policy import Layers, Policy, Principal, PrincipalKind, compile_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stead.policy import ContextValue

    Ask = Callable[..., dict[str, Any]]  # an IAM operation by name, as commands.client.call asks it

_MEMBERS = {"user": "UserName", "group": "GroupName", "role": "RoleName"}
_TRUST_ACTIONS = frozenset({"sts:assumerole", "sts:tagsession", "sts:setsourceidentity"})


class Bound(NamedTuple):
    """Somebody, what binds them, and the condition keys that they bring. ``arn`` is the entity's own, also for a session of it."""

    arn: str
    principal: Principal
    layers: Layers
    keys: dict[str, ContextValue]


class _Entity(NamedTuple):
    account: str
    kind: str
    name: str
    session: str = ""


def read(ask: Ask, arn: str, action: str, resource: str) -> Bound:
    """Everything that has a say in ``action`` on ``resource`` by ``arn``: a user's, group's or role's ARN, or a session's."""
    entity = _entity(arn)
    stored = _stored(ask, entity)
    boundary = stored.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    layers = Layers(
        identity=tuple(_identity(ask, entity)),
        boundary=_managed(ask, boundary) if boundary else None,
        resource=_trust(ask, resource) if action.lower() in _TRUST_ACTIONS else None,
        resource_is_trust=action.lower() in _TRUST_ACTIONS,
    )
    return Bound(stored["Arn"], _principal(entity, arn, stored), layers, _keys(entity, stored))


def _entity(arn: str) -> _Entity:
    match parse_arn(arn):
        case Arn(service="sts", account=account, resource=text) if text.startswith("assumed-role/"):
            _, name, session = (*text.split("/", 2), "")[:3]
            return _Entity(account, "role", name, session)
        case Arn(service="iam", account=account, resource=text) if text.partition("/")[0] in _MEMBERS:
            return _Entity(account, text.partition("/")[0], text.rpartition("/")[2])
    raise CommandError(f"{arn} is not the ARN of a user, group, role or role session")


def _stored(ask: Ask, entity: _Entity) -> dict[str, Any]:
    found: dict[str, Any] = ask(f"get_{entity.kind}", **{_MEMBERS[entity.kind]: entity.name})[entity.kind.capitalize()]
    return found


def _identity(ask: Ask, entity: _Entity) -> Iterator[Policy]:
    """Its own policies and those of its groups, a managed one once."""
    owners = [entity]
    if entity.kind == "user":
        groups = _all(ask, "list_groups_for_user", "Groups", UserName=entity.name)
        owners += [_Entity(entity.account, "group", group["GroupName"]) for group in groups]
    attached: dict[str, None] = {}
    for owner in owners:
        yield from _inline(ask, owner)
        member = {_MEMBERS[owner.kind]: owner.name}
        held = _all(ask, f"list_attached_{owner.kind}_policies", "AttachedPolicies", **member)
        attached |= dict.fromkeys(policy["PolicyArn"] for policy in held)
    yield from (_managed(ask, arn) for arn in attached)


def _inline(ask: Ask, owner: _Entity) -> Iterator[Policy]:
    member = {_MEMBERS[owner.kind]: owner.name}
    for name in _all(ask, f"list_{owner.kind}_policies", "PolicyNames", **member):
        text = ask(f"get_{owner.kind}_policy", PolicyName=name, **member)["PolicyDocument"]
        yield _policy(f"{name} of {owner.kind} {owner.name}", "inline", text)


def _managed(ask: Ask, arn: str) -> Policy:
    version = ask("get_policy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return _policy(arn, "managed", ask("get_policy_version", PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])


def _trust(ask: Ask, arn: str) -> Policy | None:
    match parse_arn(arn):
        case Arn(service="iam", resource=text) if text.startswith("role/"):
            role = ask("get_role", RoleName=text.rpartition("/")[2])["Role"]
            return _policy(f"trust policy of role {role['RoleName']}", "trust", role["AssumeRolePolicyDocument"])
    return None


def _policy(name: str, kind: str, encoded: str) -> Policy:
    return Policy(name, kind, compile_document(unquote(encoded)))


def _all(ask: Ask, operation: str, member: str, **parameters: Any) -> Iterator[Any]:
    page = ask(operation, **parameters)
    yield from page[member]
    while page.get("IsTruncated"):
        page = ask(operation, **parameters, Marker=page["Marker"])
        yield from page[member]


def _principal(entity: _Entity, arn: str, stored: dict[str, Any]) -> Principal:
    unique_id = stored[f"{entity.kind.capitalize()}Id"]
    if entity.kind != "role":
        return Principal(PrincipalKind.USER, entity.account, arn, unique_id)
    # Of whatever kind: what tells linked roles apart are organizations, of which the API knows nothing.
    user_id = f"{unique_id}:{entity.session}" if entity.session else unique_id
    return Principal(PrincipalKind.ROLE, entity.account, arn, user_id, role_arn=stored["Arn"])


def _keys(entity: _Entity, stored: dict[str, Any]) -> dict[str, ContextValue]:
    """What the request of such a caller has for certain (policy-evaluation.md 8.1)."""
    unique_id = stored[f"{entity.kind.capitalize()}Id"]
    keys: dict[str, ContextValue] = {
        "aws:principalarn": stored["Arn"],
        "aws:principalaccount": entity.account,
        "aws:userid": f"{unique_id}:{entity.session}" if entity.session else unique_id,
    }
    if entity.kind == "user":
        keys |= {"aws:username": stored["UserName"], "aws:principaltype": "User"}
    if entity.kind == "role":
        keys["aws:principaltype"] = "AssumedRole"
    return keys | {f"aws:principaltag/{tag['Key'].lower()}": tag["Value"] for tag in stored.get("Tags", ())}
