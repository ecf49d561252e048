"""The service as a caller, and its session on its linked role.

This is the only place that makes a service caller (design, section 2): nothing on the wire, no header, key or token can.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stead.aws.call import Caller, CallerKind

if TYPE_CHECKING:
    from stead.aws.call import Result
    from stead.store.context import Context


def service_caller(principal: str, account_id: str) -> Caller:
    """``principal`` (e.g. ``ecs.amazonaws.com``) about to act in ``account_id``. It has no policies: only a trust policy can admit it."""
    return Caller(CallerKind.SERVICE, account_id, arn=principal, unique_id=principal, name=principal, invoked_by=principal)


def forward_access(caller: Caller, principal: str) -> Caller:
    """``caller``'s own rights in the hands of ``principal`` (a forward access session): ``aws:ViaAWSService`` and ``aws:CalledVia``."""
    return replace(caller, invoked_by=principal, via=(*caller.via, principal))


def assume_linked_role(context: Context, principal: str, role_arn: str, session_name: str) -> Result:
    """The service's session on its role, by sts:AssumeRole through the pipeline like anybody's. Refusals are AwsError AccessDenied."""
    service = service_caller(principal, context.account_id)
    return context.call("sts", "AssumeRole", {"RoleArn": role_arn, "RoleSessionName": session_name}, caller=service)
