"""The policies of roles, inline and attached; the mechanism is ``owned_policies.py``'s, and a linked role's are AWS's alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.aws.operation import Effect, operation
from stead.services.iam import owned_policies
from stead.services.iam.owned_policies import ROLE
from stead.services.iam.role_shapes import changeable, found, role_target

if TYPE_CHECKING:
    from stead.aws.call import Parameters, Result, Target
    from stead.store.context import Context


def _named(context: Context, request: Parameters) -> Target:
    return role_target(context, request["RoleName"])


def _with_policy(context: Context, request: Parameters) -> Target:
    return role_target(context, request["RoleName"], {"iam:policyarn": request["PolicyArn"]})


@operation("iam", "PutRolePolicy", Effect.PERMITS, target=_named)
def put_role_policy(context: Context, request: Parameters) -> Result:
    """Add an inline policy or replace its document."""
    owned_policies.check_document(request)
    owned_policies.put_inline(context, ROLE, changeable(context, request["RoleName"]), request)
    return {}


@operation("iam", "GetRolePolicy", target=_named)
def get_role_policy(context: Context, request: Parameters) -> Result:
    """One inline policy with its document."""
    return owned_policies.get_inline(context, ROLE, found(context, request["RoleName"]), request)


@operation("iam", "ListRolePolicies", target=_named)
def list_role_policies(context: Context, request: Parameters) -> Result:
    """The names of the inline policies."""
    return owned_policies.list_inline(context, found(context, request["RoleName"]), request)


@operation("iam", "DeleteRolePolicy", Effect.PERMITS, target=_named)
def delete_role_policy(context: Context, request: Parameters) -> Result:
    """Remove an inline policy."""
    owned_policies.delete_inline(context, ROLE, changeable(context, request["RoleName"]), request)
    return {}


@operation("iam", "AttachRolePolicy", Effect.PERMITS, target=_with_policy)
def attach_role_policy(context: Context, request: Parameters) -> Result:
    """Attach a managed policy; one that is attached already stays so."""
    owned_policies.attach(context, ROLE, changeable(context, request["RoleName"]), request)
    return {}


@operation("iam", "DetachRolePolicy", Effect.PERMITS, target=_with_policy)
def detach_role_policy(context: Context, request: Parameters) -> Result:
    """Detach a managed policy."""
    owned_policies.detach(context, changeable(context, request["RoleName"]), request)
    return {}


@operation("iam", "ListAttachedRolePolicies", target=_named)
def list_attached_role_policies(context: Context, request: Parameters) -> Result:
    """The managed policies that are attached."""
    return owned_policies.list_attached(context, found(context, request["RoleName"]), request)
