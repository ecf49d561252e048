"""Who uses which managed policy, attached or as a permissions boundary: one relation, and the questions asked of it.

The two usages are counted apart; an entity that has a policy both ways counts in each, and is listed once (recorded-aws.md 8.1).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import Text, bindparam, distinct, func, literal, or_, select, union_all

from stead.services.iam import paths
from stead.store.tables import attachments, groups, roles, users

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select, Table

    from stead.aws.call import Parameters
    from stead.store.context import Context
    from stead.store.engine import Row

ATTACHED = "PermissionsPolicy"  # PolicyUsageFilter's words
BOUNDARY = "PermissionsBoundary"
_HOLDERS = {"User": users, "Group": groups, "Role": roles}  # EntityFilter's words
_BOUNDED = {"User": users, "Role": roles}


def _holder(kind: str, holders: Table, policy_arn: ColumnElement[str], usage: str) -> Select[tuple[str, ...]]:
    return select(
        policy_arn.label("policy_arn"),
        literal(usage, Text).label("usage"),
        literal(kind, Text).label("kind"),
        holders.c.id,
        holders.c.name,
        (literal(f"{kind}/", Text) + holders.c.name_key).label("sort"),
        holders.c.path,
    ).where(holders.c.account_id == bindparam("account"))


_USES = union_all(
    *(
        _holder(kind, holders, attachments.c.policy_arn, ATTACHED).join(attachments, attachments.c.owner_id == holders.c.id)
        for kind, holders in _HOLDERS.items()
    ),
    *(_holder(kind, holders, holders.c.boundary_arn, BOUNDARY) for kind, holders in _BOUNDED.items()),
).subquery("uses")

_COUNTS = (
    select(_USES.c.policy_arn, _USES.c.usage, func.count().label("number"))
    .where(_USES.c.policy_arn >= bindparam("first"), _USES.c.policy_arn <= bindparam("last"))
    .group_by(_USES.c.policy_arn, _USES.c.usage)
)
_IN_USE = select(func.count(distinct(_USES.c.policy_arn))).where(_USES.c.policy_arn.startswith("arn:aws:iam::aws:", autoescape=True))


def _or_any(column: ColumnElement[str], parameter: str) -> ColumnElement[bool]:
    """The filter ``parameter``; an empty one lets everything pass."""
    value = bindparam(parameter, type_=Text)
    return or_(value == "", column == value)


USED = select(_USES.c.policy_arn).where(_or_any(_USES.c.usage, "usage"))
_ENTITIES = (
    select(_USES.c.kind, _USES.c.id, _USES.c.name, _USES.c.sort)
    .distinct()
    .where(
        _USES.c.policy_arn == bindparam("arn"),
        _or_any(_USES.c.kind, "kind"),
        _or_any(_USES.c.usage, "usage"),
        paths.under(_USES.c.path),
        _USES.c.sort > bindparam("after"),
    )
    .order_by(_USES.c.sort)
    .limit(bindparam("limit"))
)


def counts(context: Context, first: str, last: str) -> Counter[tuple[str, str]]:
    """How often each policy from ``first`` to ``last`` (ARNs) is used, by ARN and usage."""
    rows = context.db.all(_COUNTS, account=context.account_id, first=first, last=last)
    return Counter({(row.policy_arn, row.usage): row.number for row in rows})


def entities(context: Context, arn: str, request: Parameters, after: str, limit: int) -> list[Row]:
    """Who uses a policy, as ListEntitiesForPolicy asks; in order of ``sort``."""
    return context.db.all(
        _ENTITIES,
        account=context.account_id,
        arn=arn,
        kind=request.get("EntityFilter", ""),
        usage=request.get("PolicyUsageFilter", ""),
        path_prefix=paths.asked(request),
        after=after,
        limit=limit,
    )


def aws_policies_in_use(context: Context) -> int:
    """How many of AWS's policies the account uses."""
    number: int = context.db.scalar(_IN_USE, account=context.account_id)
    return number
