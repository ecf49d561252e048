"""iam: the account's users, groups, roles and managed policies with everything that hangs on them, in one list of pages.

The kinds come one after the other, each by its own sort key; a marker is the kind's digit and the key, so a page may end anywhere. What
hangs on a page's entities is read for all of them together. Of AWS's policies those are shown that the account uses. Permissions boundaries
are left out (aws-behaviour.md 8.1, reported).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from stead.aws.operation import operation
from stead.services.iam import group_shapes, instance_profiles, last_used, managed, policy_shapes, policy_uses, role_shapes, user_shapes
from stead.services.iam.paging import page
from stead.services.iam.trust_policies import shown
from stead.store import tables
from stead.store.tables import attachments, documents, group_members, groups, inline_policies, policies, policy_versions, roles, users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import ColumnElement, Select

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row

    Lists = dict[str, list[dict[str, Any]]]


def _page(statement: Select[Any], account: ColumnElement[str], sort: ColumnElement[str]) -> Select[Any]:
    """One page of a kind, with its sort key as ``sort``."""
    mine = statement.add_columns(sort.label("sort")).where(account == bindparam("account"), sort > bindparam("after"))
    return mine.order_by(sort).limit(bindparam("limit"))


_USERS = _page(select(users), users.c.account_id, users.c.name_key)
_GROUPS = _page(select(groups), groups.c.account_id, groups.c.name_key)
_ROLES = _page(role_shapes.ROLES, roles.c.account_id, roles.c.name_key)
_OWN_POLICIES = _page(select(policies), policies.c.account_id, policies.c.arn)
_AWS_POLICIES = (
    select(policies, policies.c.arn.label("sort"))
    .where(policies.c.account_id == managed.AWS, policies.c.arn.in_(policy_uses.USED), policies.c.arn > bindparam("after"))
    .order_by(policies.c.arn)
    .limit(bindparam("limit"))
)
_INLINE = (
    select(inline_policies.c.owner_id, inline_policies.c.name, documents.c.text)
    .join(documents, documents.c.hash == inline_policies.c.document_hash)
    .order_by(inline_policies.c.name_key)
)
_ATTACHED = (
    select(attachments.c.owner_id, policies.c.name, policies.c.arn)
    .join(policies, policies.c.arn == attachments.c.policy_arn)
    .order_by(policies.c.arn)
)
_TAGS = select(tables.tags.c.owner, tables.tags.c.name, tables.tags.c.value).order_by(tables.tags.c.tag_key)
_GROUPS_OF = (
    select(group_members.c.user_id, groups.c.name).join(groups, groups.c.id == group_members.c.group_id).order_by(groups.c.name_key)
)
_VERSIONS = (
    select(policy_versions, documents.c.text)
    .join(documents, documents.c.hash == policy_versions.c.document_hash)
    .order_by(policy_versions.c.created.desc(), policy_versions.c.version_id.desc())
)


@dataclass(frozen=True, slots=True, eq=False)
class _Kind:
    """One kind of entity: its place in the order, its name in Filter, its list in the answer, how it is read and how it is shown."""

    digit: str
    filter: str
    member: str
    page: Select[Any]
    details: Callable[[Context, list[Row]], list[dict[str, Any]]]


@operation("iam", "GetAccountAuthorizationDetails")
def get_account_authorization_details(context: Context, request: Parameters) -> Result:
    """One page; without a filter, of everything."""
    wanted = [kind for kind in KINDS if kind.filter in request.get("Filter", [kind.filter])]

    def rows(after: str, limit: int) -> list[tuple[_Kind, Row]]:
        found: list[tuple[_Kind, Row]] = []
        for kind in wanted:
            if kind.digit >= after[:1]:
                start = after[1:] if kind.digit == after[:1] else ""
                found += [(kind, row) for row in _read(context, kind, start, limit - len(found))]
        return found

    result = page(request, "found", rows, lambda item: item[0].digit + item[1].sort, lambda item: item)
    return {**_shown(context, result.pop("found")), **result}


def _read(context: Context, kind: _Kind, after: str, limit: int) -> list[Row]:
    # Only the last kind has the parameter usage, which the others ignore: attached or a boundary, both are uses.
    return context.db.all(kind.page, account=context.account_id, after=after, limit=limit, usage="")


def _shown(context: Context, found: Iterable[tuple[_Kind, Row]]) -> Result:
    result: Result = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": []}
    by_kind: defaultdict[_Kind, list[Row]] = defaultdict(list)
    for kind, row in found:
        by_kind[kind].append(row)
    for kind, rows in by_kind.items():
        result[kind.member] += kind.details(context, rows)
    return result


def _users(context: Context, rows: list[Row]) -> list[dict[str, Any]]:
    inline, attached, tags = _hanging(context, rows)
    joined: dict[str, list[str]] = {row.id: [] for row in rows}
    for group in context.db.all_now(_GROUPS_OF.where(group_members.c.user_id.in_(joined))):
        joined[group.user_id].append(group.name)
    return [
        {
            **user_shapes.core(row),
            "UserPolicyList": inline[row.id],
            "GroupList": joined[row.id],
            "AttachedManagedPolicies": attached[row.id],
            "Tags": tags[row.id],
        }
        for row in rows
    ]


def _groups(context: Context, rows: list[Row]) -> list[dict[str, Any]]:
    inline, attached, _ = _hanging(context, rows)
    return [{**group_shapes.shape(row), "GroupPolicyList": inline[row.id], "AttachedManagedPolicies": attached[row.id]} for row in rows]


def _roles(context: Context, rows: list[Row]) -> list[dict[str, Any]]:
    inline, attached, tags = _hanging(context, rows)
    profiles = instance_profiles.holding(context, [row.id for row in rows])
    used = last_used.of_roles(context, [row.id for row in rows])
    return [
        {
            **role_shapes.core(row, trust),
            "InstanceProfileList": profiles[row.id],
            "RolePolicyList": inline[row.id],
            "AttachedManagedPolicies": attached[row.id],
            "Tags": tags[row.id],
            "RoleLastUsed": used[row.id],
        }
        for row, trust in zip(rows, shown(context, [row.trust for row in rows]), strict=True)
    ]


def _policies(context: Context, rows: list[Row]) -> list[dict[str, Any]]:
    arns = [row.arn for row in rows]
    uses = policy_uses.counts(context, min(arns), max(arns))
    default = {row.arn: row.default_version for row in rows}
    versions: Lists = {arn: [] for arn in arns}
    for version in context.db.all_now(_VERSIONS.where(policy_versions.c.policy_arn.in_(arns))):
        versions[version.policy_arn].append(
            {
                "Document": managed.encoded(version.text),
                "VersionId": version.version_id,
                "IsDefaultVersion": version.version_id == default[version.policy_arn],
                "CreateDate": version.created,
            }
        )
    return [{**policy_shapes.core(row, uses), "Description": row.description, "PolicyVersionList": versions[row.arn]} for row in rows]


def _hanging(context: Context, rows: list[Row]) -> tuple[Lists, Lists, Lists]:
    """Inline policies, attachments and tags, each by owner."""
    ids = [row.id for row in rows]
    lists: tuple[Lists, ...] = tuple({owner: [] for owner in ids} for _ in range(3))
    inline, attached, tags = lists
    for policy in context.db.all_now(_INLINE.where(inline_policies.c.owner_id.in_(ids))):
        inline[policy.owner_id].append({"PolicyName": policy.name, "PolicyDocument": managed.encoded(policy.text)})
    for policy in context.db.all_now(_ATTACHED.where(attachments.c.owner_id.in_(ids))):
        attached[policy.owner_id].append({"PolicyName": policy.name, "PolicyArn": policy.arn})
    for tag in context.db.all_now(_TAGS.where(tables.tags.c.owner.in_(ids))):
        tags[tag.owner].append({"Key": tag.name, "Value": tag.value})
    return inline, attached, tags


KINDS = (
    _Kind("1", "User", "UserDetailList", _USERS, _users),
    _Kind("2", "Group", "GroupDetailList", _GROUPS, _groups),
    _Kind("3", "Role", "RoleDetailList", _ROLES, _roles),
    _Kind("4", "LocalManagedPolicy", "Policies", _OWN_POLICIES, _policies),
    _Kind("5", "AWSManagedPolicy", "Policies", _AWS_POLICIES, _policies),
)
