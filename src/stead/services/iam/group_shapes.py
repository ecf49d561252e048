"""A group as calls find it, as policies see it, and as answers show it. Groups have neither tags nor boundaries (policy-evaluation.md 8.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from stead.aws.arn import iam_arn
from stead.aws.call import Target
from stead.services.iam.owners import GROUP
from stead.store.tables import groups

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stead.aws.call import Parameters
    from stead.store.context import Context
    from stead.store.engine import Row

_NAMED = select(groups).where(groups.c.account_id == bindparam("account"), groups.c.name_key == bindparam("key"))


def find(context: Context, name: str) -> Row | None:
    """The group of that name in any letter case (recorded-aws.md 5.1)."""
    return context.db.first(_NAMED, account=context.account_id, key=name.lower())


def named(context: Context, request: Parameters) -> Target:
    """The group that ``GroupName`` names, as the resource of a call; one that does not exist has path ``/``."""
    return target_of(context, request["GroupName"])


def target_of(context: Context, name: str, keys: Mapping[str, str | tuple[str, ...]] | None = None) -> Target:
    """A group as the resource of a call."""
    row = find(context, name)
    if row is None:
        return Target(iam_arn(context.account_id, "group", "/", name), f"group {name}", keys=keys or {})
    return Target(arn(row), f"group {row.name}", row, keys or {})


def found(context: Context, name: str) -> Row:
    """The group that the call's target is, or NoSuchEntity."""
    if context.row is None:
        raise GROUP.missing(name)
    return context.row


def arn(row: Row) -> str:
    """The group's ARN, with its path."""
    return iam_arn(row.account_id, "group", row.path, row.name)


def shape(row: Row) -> dict[str, Any]:
    """The members that every answer has, and no others (aws-behaviour.md 2.3)."""
    return {"Path": row.path, "GroupName": row.name, "GroupId": row.id, "Arn": arn(row), "CreateDate": row.created}
