"""A managed policy as calls find it, as policies see it, and as answers show it (aws-behaviour.md 2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stead.aws.call import Target
from stead.aws.errors import access_denied, no_such_entity
from stead.linked_roles.rules import RESERVED_PATH
from stead.services.iam import managed, tags
from stead.services.iam.policy_uses import ATTACHED, BOUNDARY

if TYPE_CHECKING:
    from collections import Counter

    from stead.aws.call import Parameters
    from stead.store.context import Context
    from stead.store.engine import Row


def named(context: Context, request: Parameters) -> Target:
    """The policy that ``PolicyArn`` names, as the resource of a call. What is no policy's ARN cannot be authorized on, so it ends here."""
    arn = request["PolicyArn"]
    managed.check_arn(arn)
    row = managed.find(context, arn)
    return Target(arn, f"policy {arn}", row, tags.request_keys(request), tags_of=row.id if row is not None else "")


def found(context: Context, request: Parameters) -> Row:
    """The policy that the call's target is, or NoSuchEntity."""
    if context.row is None:
        raise no_such_entity(f"Policy {request['PolicyArn']} was not found.")
    return context.row


def own(context: Context, request: Parameters) -> Row:
    """The same, to be changed: AWS's policies belong to another account, so that nobody here is authorized, not even the root user."""
    row = found(context, request)
    if row.account_id == managed.AWS:
        call = context.origin
        action = f"{call.service}:{call.operation}"
        raise access_denied(f"User: {call.caller.arn} is not authorized to perform: {action} on resource: policy {row.arn}")
    return row


def core(row: Row, uses: Counter[tuple[str, str]]) -> dict[str, Any]:
    """The members that every answer has; ListPolicies has no others."""
    return {
        "PolicyName": row.name,
        "PolicyId": row.id,
        "Arn": row.arn,
        "Path": row.path,
        "DefaultVersionId": row.default_version,
        "AttachmentCount": uses[row.arn, ATTACHED],
        "PermissionsBoundaryUsageCount": uses[row.arn, BOUNDARY],
        "IsAttachable": not row.path.startswith(RESERVED_PATH),
        "CreateDate": row.created,
        "UpdateDate": row.updated,
    }
