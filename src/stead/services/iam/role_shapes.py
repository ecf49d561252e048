"""A role as calls find it, as policies see it, and as answers show it.

Which member stands in which answer: aws-behaviour.md 2.3, settled by recorded-aws.md 8.2 and service-linked-roles.md 2.1 and 2.4. Each
answer has a function of its own here; all of them begin with the six members of :func:`core`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from stead.aws.arn import iam_arn
from stead.aws.call import Target
from stead.linked_roles import rules
from stead.services.iam import boundaries, last_used, managed, tags
from stead.services.iam.owners import ROLE
from stead.services.iam.trust_policies import shown
from stead.store.tables import documents, roles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stead.store.context import Context
    from stead.store.engine import Row

    Value = str | tuple[str, ...]

# Most roles share a few trust policies, and encoding one costs more than reading its role.
_encoded = lru_cache(maxsize=4096)(managed.encoded)
ROLES = select(roles, documents.c.text.label("trust")).join(documents, documents.c.hash == roles.c.trust_hash)
_ROLE = ROLES.where(roles.c.account_id == bindparam("account"), roles.c.name_key == bindparam("name_key"))


def role_named(context: Context, name: str) -> Row | None:
    """The role of that name in any letter case (recorded-aws.md 5.1), with the text of its trust policy as ``trust``."""
    return context.db.first(_ROLE, account=context.account_id, name_key=name.lower())


def role_target(context: Context, name: str, keys: Mapping[str, Value] | None = None) -> Target:
    """A role as the resource of a call; a role that does not exist has path ``/``.

    ``iam:AWSServiceName`` (design D13) and ``iam:PermissionsBoundary`` come from the role; ``keys`` are those of the call.
    """
    row = role_named(context, name)
    known: dict[str, Value] = {**rules.service_keys(row), **boundaries.keys(context, row), **(keys or {})}
    if row is None:
        return Target(iam_arn(context.account_id, "role", "/", name), f"role {name}", keys=known)
    return Target(role_arn(row), f"role {row.name}", row, known, tags_of=row.id)


def found(context: Context, name: str) -> Row:
    """The role that the call's target is, or NoSuchEntity."""
    if context.row is None:
        raise ROLE.missing(name)
    return context.row


def changeable(context: Context, name: str) -> Row:
    """The same, to be changed: a linked role is AWS's to change, whatever else may be wrong with the call."""
    row = found(context, name)
    rules.refuse_change(row)
    return row


def role_arn(row: Row) -> str:
    """The role's ARN, with its path."""
    return iam_arn(row.account_id, "role", row.path, row.name)


def core(row: Row, trust: str) -> dict[str, Any]:
    """What every answer about a role shows; ``trust`` as it is to be shown. All that CreateServiceLinkedRole answers."""
    return {
        "Path": row.path,
        "RoleName": row.name,
        "RoleId": row.id,
        "Arn": role_arn(row),
        "CreateDate": row.created,
        "AssumeRolePolicyDocument": _encoded(trust),
    }


def listed(row: Row, trust: str) -> dict[str, Any]:
    """An item of ListRoles: without boundary, tags and last use."""
    return {**described(row, trust), "MaxSessionDuration": row.max_session_duration}


def described(row: Row, trust: str) -> dict[str, Any]:
    """UpdateRoleDescription's answer: without MaxSessionDuration and last use. A description of no characters is none."""
    return {**core(row, trust), "Description": row.description or None}


def created(context: Context, row: Row, trust: str) -> dict[str, Any]:
    """CreateRole's answer: without description and duration even when they were given."""
    return {**core(row, trust), "PermissionsBoundary": boundaries.shape(row), "Tags": tags.read(context, row.id) or None}


def detailed(context: Context, row: Row) -> dict[str, Any]:
    """GetRole's answer: everything; ``RoleLastUsed`` is there, and empty, when the role was never used."""
    (trust,) = shown(context, [row.trust])
    return {
        **listed(row, trust),
        "RoleLastUsed": last_used.of_role(context, row.id),
        "PermissionsBoundary": boundaries.shape(row),
        "Tags": tags.read(context, row.id) or None,
    }
