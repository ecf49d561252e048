"""A user as calls find it, as policies see it, and as answers show it (aws-behaviour.md 2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from stead.aws.arn import iam_arn, root_arn
from stead.aws.call import CallerKind, Target
from stead.aws.errors import validation_error
from stead.services.iam import boundaries
from stead.services.iam.owners import USER
from stead.store.tables import users

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stead.aws.call import Parameters
    from stead.store.context import Context
    from stead.store.engine import Row

    Keys = Mapping[str, str | tuple[str, ...]]

_NAMED = select(users).where(users.c.account_id == bindparam("account"), users.c.name_key == bindparam("key"))


def find(context: Context, name: str) -> Row | None:
    """The user of that name in any letter case (recorded-aws.md 5.1)."""
    return context.db.first(_NAMED, account=context.account_id, key=name.lower())


def named(context: Context, request: Parameters) -> Target:
    """The user that ``UserName`` names, as the resource of a call; one that does not exist has path ``/``."""
    return target_of(context, request["UserName"])


def named_or_caller(context: Context, request: Parameters) -> Target:
    """The user named, or who calls (recorded-aws.md 7). A session of a role is no user, and has no resource to be authorized on."""
    if "UserName" in request:
        return named(context, request)
    caller = context.caller
    if caller.kind is CallerKind.ROOT:
        return Target(root_arn(context.account_id))
    if caller.kind is not CallerKind.USER:
        raise validation_error("Must specify userName when calling with non-User credentials")  # validated, aws-behaviour.md 1.4
    return target_of(context, caller.name)


def target_of(context: Context, name: str, keys: Keys | None = None) -> Target:
    """A user as the resource of a call; ``keys`` are those of the call."""
    row = find(context, name)
    known = {**boundaries.keys(context, row), **(keys or {})}
    if row is None:
        return Target(iam_arn(context.account_id, "user", "/", name), f"user {name}", keys=known)
    return Target(arn(row), f"user {row.name}", row, known, tags_of=row.id)


def found(context: Context, name: str) -> Row:
    """The user that the call's target is, or NoSuchEntity."""
    if context.row is None:
        raise USER.missing(name)
    return context.row


def arn(row: Row) -> str:
    """The user's ARN, with its path."""
    return iam_arn(row.account_id, "user", row.path, row.name)


def core(row: Row) -> dict[str, Any]:
    """The members that every answer has; ListUsers has no others."""
    return {"Path": row.path, "UserName": row.name, "UserId": row.id, "Arn": arn(row), "CreateDate": row.created}


def shape(row: Row, tags: list[dict[str, str]]) -> dict[str, Any]:
    """The user as CreateUser and GetUser show it: tags and boundary if set."""
    return {**core(row), "PermissionsBoundary": boundaries.shape(row), "Tags": tags or None}
