"""iam: inline policies and attachments of users (``owned_policies.py`` does the work)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.aws.operation import Effect, operation
from stead.services.iam import owned_policies, user_shapes
from stead.services.iam.owned_policies import USER
from stead.services.iam.user_shapes import found, named

if TYPE_CHECKING:
    from stead.aws.call import Parameters, Result, Target
    from stead.store.context import Context


def with_policy(context: Context, request: Parameters) -> Target:
    """The user, with the policy to be attached or detached as ``iam:PolicyARN``."""
    return user_shapes.target_of(context, request["UserName"], {"iam:policyarn": request["PolicyArn"]})


@operation("iam", "PutUserPolicy", Effect.PERMITS, target=named)
def put_user_policy(context: Context, request: Parameters) -> None:
    """Add or replace an inline policy."""
    owned_policies.check_document(request)
    owned_policies.put_inline(context, USER, found(context, request["UserName"]), request)


@operation("iam", "GetUserPolicy", target=named)
def get_user_policy(context: Context, request: Parameters) -> Result:
    """An inline policy's document."""
    return owned_policies.get_inline(context, USER, found(context, request["UserName"]), request)


@operation("iam", "ListUserPolicies", target=named)
def list_user_policies(context: Context, request: Parameters) -> Result:
    """One page of the names of inline policies."""
    return owned_policies.list_inline(context, found(context, request["UserName"]), request)


@operation("iam", "DeleteUserPolicy", Effect.PERMITS, target=named)
def delete_user_policy(context: Context, request: Parameters) -> None:
    """Delete an inline policy."""
    owned_policies.delete_inline(context, USER, found(context, request["UserName"]), request)


@operation("iam", "AttachUserPolicy", Effect.PERMITS, target=with_policy)
def attach_user_policy(context: Context, request: Parameters) -> None:
    """Attach a managed policy."""
    owned_policies.attach(context, USER, found(context, request["UserName"]), request)


@operation("iam", "DetachUserPolicy", Effect.PERMITS, target=with_policy)
def detach_user_policy(context: Context, request: Parameters) -> None:
    """Detach a managed policy."""
    owned_policies.detach(context, found(context, request["UserName"]), request)


@operation("iam", "ListAttachedUserPolicies", target=named)
def list_attached_user_policies(context: Context, request: Parameters) -> Result:
    """One page of attached managed policies."""
    return owned_policies.list_attached(context, found(context, request["UserName"]), request)
