"""May they: the policy engine asked about one call, and AWS's words when the answer is no."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from stead.aws.call import CallerKind
from stead.aws.errors import AwsError, access_denied
from stead.aws.ids import authorization_id
from stead.gateway.request_context import RequestContext
from stead.policy import Layers, Policy, Principal, PrincipalKind, Request, authorize
from stead.policy.decision import ALLOWED_BY_NOBODY
from stead.store.authorization_messages import encoded_message
from stead.store.decided import Asked
from stead.store.entity_policies import compiled

if TYPE_CHECKING:
    from stead.aws.call import Caller, Target
    from stead.gateway.standing import Standing
    from stead.policy import Decision
    from stead.store.context import Context

# Whose refusals carry an encoded message, in EC2's words; of the services here only EC2's do on AWS, ECS's do not.
ENCODING_SERVICES = frozenset({"ec2"})

TRUST = "trust"  # Policy.type of a role's trust policy, whose id is the role's ARN

_KINDS = {
    CallerKind.ROOT: PrincipalKind.ROOT,
    CallerKind.USER: PrincipalKind.USER,
    CallerKind.ROLE: PrincipalKind.ROLE,
    CallerKind.SERVICE: PrincipalKind.SERVICE,
}


_NOBODY = Layers()


def check(standing: Standing, context: Context, action: str, target: Target, details: str | None = None) -> None:
    """Return if the caller may do ``action`` on ``target``; raise AccessDenied in AWS's words otherwise. Either way it is noted.

    ``details`` is where a refusal says that more is to be read, if it says so; None for a check that the call needs beside its own.
    """
    call = context.origin
    caller = call.caller
    request = Request(action, target.arn, principal_of(caller), RequestContext(context.db, call, target), caller.account_id)
    if caller.kind is CallerKind.ROOT and target.policy is None:
        # The root user has no identity policies and full access (policy-evaluation.md 2.3).
        layers, decision = _NOBODY, ALLOWED_BY_NOBODY
    else:
        layers = standing.layers(context.db, caller)
        if target.policy is not None:
            layers = replace(layers, resource=Policy(target.arn, TRUST, compiled(target.policy)), resource_is_trust=True)
        decision = authorize(request, layers)
    asked = Asked(request, layers, decision, details is None)
    context.asked.append(asked)
    if not decision.allowed:
        raise _refused(context, asked, target, details)


def _refused(context: Context, asked: Asked, target: Target, details: str | None) -> AwsError:
    text = _refusal(context, asked.request.action, target, asked.decision)
    if context.origin.service in ENCODING_SERVICES:
        message = encoded_message(context, asked)
        text = f"You are not authorized to perform this operation. {text}. Encoded authorization failure message: {message}"
        return AwsError("UnauthorizedOperation", text, 403)
    return access_denied(f"{text}{_more(context, details)}" if details else text)


def _refusal(context: Context, action: str, target: Target, decision: Decision) -> str:
    # sts:AssumeRole is refused in the short form (policy-evaluation.md 9.2, observed).
    clause = "" if target.policy is not None else decision.clause(action)
    return f"User: {context.caller.arn} is not authorized to perform: {action} on resource: {target.label or target.arn}{clause}"


def _more(context: Context, details: str) -> str:
    """The sentence that IAM adds since September 2026 (recorded-aws.md 2)."""
    name = authorization_id(context.event_id)
    return (
        f". Go to {details}/{name} for complete details, "
        f"or call the GetRequestAuthorizationDetails API with the following authorization id: {name}"
    )


def principal_of(caller: Caller) -> Principal:
    """The caller as Principal elements see it."""
    role_arn = caller.entity_arn if caller.kind is CallerKind.ROLE else None
    service = caller.name if caller.kind is CallerKind.SERVICE else None
    kind = PrincipalKind.LINKED_ROLE if caller.is_linked_role else _KINDS[caller.kind]
    return _principal(kind, caller.account_id, caller.arn, caller.unique_id, role_arn, service)


# Values, and the same ones request after request.
_principal = lru_cache(maxsize=1024)(Principal)
