"""iam: managed policies, their tags and users. Versions stand in ``policy_versions.py``.

AWS's own policies are read and attached like the account's and changed by nobody.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, bindparam, delete, func, or_, select

from stead.aws.arn import iam_arn
from stead.aws.call import Target
from stead.aws.errors import delete_conflict, entity_already_exists, limit_exceeded
from stead.aws.ids import unique_id
from stead.aws.operation import Effect, operation
from stead.linked_roles.rules import refuse_reserved_path
from stead.policy import DocumentKind, validate
from stead.services.iam import managed, paths, policy_uses, tags
from stead.services.iam.paging import page
from stead.services.iam.policy_shapes import core, found, named, own
from stead.services.iam.policy_versions import add_version, delete_versions, refuse_several_versions, refuse_size
from stead.store.tables import policies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row

MAX_POLICIES = 1500
_IN_ACCOUNT = policies.c.account_id == bindparam("account")
_NAMED = select(policies.c.arn).where(_IN_ACCOUNT, policies.c.name_key == bindparam("key"))
_COUNT = select(func.count()).select_from(policies).where(_IN_ACCOUNT)
_BY_ARN = select(policies).where(policies.c.arn == bindparam("arn"))
_DELETE = delete(policies).where(policies.c.arn == bindparam("arn"))
_SCOPE = bindparam("scope", type_=Text)
_PAGE = (
    select(policies)
    .where(
        managed.VISIBLE,
        or_(_SCOPE == "All", (_SCOPE == "AWS") == (policies.c.account_id == managed.AWS)),
        policies.c.arn > bindparam("after"),
        paths.under(policies.c.path),
    )
    .order_by(policies.c.arn)
    .limit(bindparam("limit"))
)
_USED_PAGE = _PAGE.where(policies.c.arn.in_(policy_uses.USED))
_ENTITIES = (("Group", "PolicyGroups"), ("User", "PolicyUsers"), ("Role", "PolicyRoles"))


def policy_to_be(context: Context, request: Parameters) -> Target:
    """CreatePolicy is authorized on the ARN to be; its refusal names the policy (policy-evaluation.md 9.3)."""
    return Target(_arn(context, request), f"policy {request['PolicyName']}", keys=tags.request_keys(request))


def tagging_too(context: Context, request: Parameters) -> Iterator[tuple[str, Target]]:
    """A policy made with tags needs iam:TagPolicy as well (policy-evaluation.md 2.9)."""
    if request.get("Tags"):
        yield "iam:TagPolicy", policy_to_be(context, request)


@operation("iam", "CreatePolicy", Effect.PERMITS, target=policy_to_be, also=tagging_too)
def create_policy(context: Context, request: Parameters) -> Result:
    """Make a policy with its first version. The answer has no Description, even when one is given (aws-behaviour.md 2.3)."""
    name, document, given = request["PolicyName"], request["PolicyDocument"], request.get("Tags") or []
    refuse_reserved_path(request.get("Path", "/"))
    validate(document, DocumentKind.IDENTITY)
    tags.check(given, fold=False)
    refuse_size(document)
    _refuse_taken(context, name)
    arn, policy_id = _arn(context, request), unique_id("ANPA", context.account_id)
    context.writer.insert(
        policies,
        arn=arn,
        id=policy_id,
        account_id=context.account_id,
        name=name,
        name_key=name.lower(),
        path=request.get("Path", "/"),
        description=request.get("Description"),
        default_version="v1",
        next_version=2,
        created=context.now,
        updated=context.now,
    )
    add_version(context, arn, "v1", document)
    tags.write(context, policy_id, given, fold=False)
    return {"Policy": {**core(context.db.first(_BY_ARN, arn=arn), Counter()), "Tags": given or None}}


@operation("iam", "GetPolicy", target=named)
def get_policy(context: Context, request: Parameters) -> Result:
    """A policy; its Tags are there even when there are none (aws-behaviour.md 2.3)."""
    row = found(context, request)
    uses = policy_uses.counts(context, row.arn, row.arn)
    return {"Policy": {**core(row, uses), "Description": row.description, "Tags": tags.read(context, row.id)}}


def every_policy(_context: Context, request: Parameters) -> Target:
    """ListPolicies has no resource types; its refusal has a form of its own (reported, "policy path /")."""
    return Target("*", f"policy path {paths.asked(request)}")


@operation("iam", "ListPolicies", target=every_policy)
def list_policies(context: Context, request: Parameters) -> Result:
    """One page of policies, by ARN. PolicyUsageFilter works only together with OnlyAttached (recorded-aws.md 8.1)."""
    asked = {"account": context.account_id, "scope": request.get("Scope", "All"), "path_prefix": paths.asked(request)}
    statement = _PAGE
    if request.get("OnlyAttached"):
        statement, asked["usage"] = _USED_PAGE, request.get("PolicyUsageFilter", "")
    uses: Counter[tuple[str, str]] = Counter()

    def rows(after: str, limit: int) -> list[Row]:
        listed = context.db.all(statement, after=after, limit=limit, **asked)
        if listed:
            uses.update(policy_uses.counts(context, listed[0].arn, listed[-1].arn))
        return listed

    return page(request, "Policies", rows, lambda row: row.arn, lambda row: core(row, uses))


@operation("iam", "DeletePolicy", Effect.PERMITS, target=named)
def delete_policy(context: Context, request: Parameters) -> None:
    """Delete a policy that nobody uses and that has one version left."""
    row = own(context, request)
    if policy_uses.counts(context, row.arn, row.arn):
        raise delete_conflict("Cannot delete a policy attached to entities.")  # reported, rebuy-de/aws-nuke#819
    refuse_several_versions(context, row)
    tags.remove_all(context, row.id)
    delete_versions(context, row)
    context.writer.run(_DELETE, arn=row.arn)


@operation("iam", "TagPolicy", Effect.ADMINISTERS, target=named)
def tag_policy(context: Context, request: Parameters) -> None:
    """Add or replace tags; keys of policies differ by letter case (recorded-aws.md 5.2)."""
    tags.check(request["Tags"], fold=False)
    given = tags.asked(request, "Tags", fold=False)
    tags.write(context, own(context, request).id, given, fold=False)


@operation("iam", "UntagPolicy", Effect.ADMINISTERS, target=named)
def untag_policy(context: Context, request: Parameters) -> None:
    """Remove tags."""
    names = tags.asked(request, "TagKeys", fold=False)
    tags.remove(context, own(context, request).id, names, fold=False)


@operation("iam", "ListPolicyTags", target=named)
def list_policy_tags(context: Context, request: Parameters) -> Result:
    """One page of tags."""
    return tags.list_page(context, request, found(context, request).id)


@operation("iam", "ListEntitiesForPolicy", target=named)
def list_entities_for_policy(context: Context, request: Parameters) -> Result:
    """One page of who uses the policy; MaxItems counts entities of all kinds together."""
    arn = found(context, request).arn

    def rows(after: str, limit: int) -> list[Row]:
        return policy_uses.entities(context, arn, request, after, limit)

    result = page(request, "Entities", rows, lambda row: row.sort, lambda row: row)
    listed = result.pop("Entities")
    return {**{member: _entities(kind, listed) for kind, member in _ENTITIES}, **result}


def _entities(kind: str, rows: list[Row]) -> list[dict[str, Any]]:
    return [{f"{kind}Name": row.name, f"{kind}Id": row.id} for row in rows if row.kind == kind]


def _arn(context: Context, request: Parameters) -> str:
    return iam_arn(context.account_id, "policy", request.get("Path", "/"), request["PolicyName"])


def _refuse_taken(context: Context, name: str) -> None:
    if context.db.first(_NAMED, account=context.account_id, key=name.lower()) is not None:
        raise entity_already_exists(f"A policy called {name} already exists. Duplicate names are not allowed.")
    if context.db.scalar(_COUNT, account=context.account_id) >= MAX_POLICIES:
        raise limit_exceeded(f"Cannot exceed quota for PoliciesPerAccount: {MAX_POLICIES}")
