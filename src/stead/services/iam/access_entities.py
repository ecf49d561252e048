"""Whom an access report or a search for granting policies is about: the user, group, role or managed policy that an ARN names.

An ARN is matched by account, type and final name; its path may be wrong or missing (service-linked-roles.md 5, recorded, like the texts).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from stead.aws.arn import parse_arn
from stead.aws.call import Target
from stead.aws.errors import access_denied, no_such_entity, validation_error
from stead.services.iam import group_shapes, managed, role_shapes, user_shapes
from stead.store.tables import policies

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from stead.aws.arn import Arn
    from stead.aws.call import Parameters
    from stead.aws.errors import AwsError
    from stead.store.context import Context

    Find = Callable[[Context, str], Target]

_POLICY = select(policies).where(policies.c.account_id == bindparam("account"), policies.c.name_key == bindparam("key"))


def located(context: Context, request: Parameters) -> Target:
    """What the call is authorized on: the entity with its own path, or the ARN as given when there is none."""
    text: str = request["Arn"]
    arn = parse_arn(text)
    if arn is None or (arn.partition, arn.service) != ("aws", "iam") or not _is_ours(context, arn):
        return Target(text)
    target = _policy(context, arn) if _kind(arn) == "policy" else _find(context, arn)
    return target if target is not None and target.row is not None else Target(text)


def checked(context: Context, request: Parameters, kinds: Collection[str], unsupported: Callable[[str], AwsError]) -> str:
    """The kind of the entity that is there, of those that the operation takes; every refusal in its turn."""
    text: str = request["Arn"]
    arn = parse_arn(text)
    if arn is None:
        raise validation_error("Invalid ARN:  Could not be parsed!")  # as for policies' ARNs (aws-behaviour.md 1.4)
    if arn.partition != "aws":
        raise validation_error("Invalid ARN partition")
    if arn.service != "iam":
        raise validation_error("Invalid service in ARN")
    if not _is_ours(context, arn):
        raise access_denied(f"User: {context.caller.arn} is not authorized to perform the operation on {text}")
    if _kind(arn) not in kinds:
        raise unsupported(text)
    if context.row is None:
        raise no_such_entity(f"ARN {text} does not exist.")
    return _kind(arn)


def _kind(arn: Arn) -> str:
    return arn.resource.partition("/")[0]


def _name(arn: Arn) -> str:
    return arn.resource.rpartition("/")[2]


def _is_ours(context: Context, arn: Arn) -> bool:
    return arn.account == context.account_id or (arn.account == managed.AWS and _kind(arn) == "policy")


def _find(context: Context, arn: Arn) -> Target | None:
    find = _FIND.get(_kind(arn))
    return None if find is None else find(context, _name(arn))


def _policy(context: Context, arn: Arn) -> Target:
    row = context.db.first(_POLICY, account=arn.account, key=_name(arn).lower())
    return Target(str(arn)) if row is None else Target(row.arn, f"policy {row.arn}", row, tags_of=row.id)


_FIND: dict[str, Find] = {
    "user": user_shapes.target_of,
    "group": group_shapes.target_of,
    "role": role_shapes.role_target,
}
