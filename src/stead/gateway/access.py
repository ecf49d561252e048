"""May they: the policy engine asked about one call, and AWS's words when the answer is no."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from stead.aws.call import CallerKind
from stead.aws.errors import access_denied
from stead.gateway.request_context import RequestContext
from stead.policy import Policy, Principal, PrincipalKind, Request, authorize
from stead.store.entity_policies import compiled

if TYPE_CHECKING:
    from stead.aws.call import Call, Caller, Target
    from stead.gateway.standing import Standing
    from stead.store.engine import Reader

_KINDS = {
    CallerKind.ROOT: PrincipalKind.ROOT,
    CallerKind.USER: PrincipalKind.USER,
    CallerKind.ROLE: PrincipalKind.ROLE,
    CallerKind.SERVICE: PrincipalKind.SERVICE,
}


def check(standing: Standing, db: Reader, call: Call, action: str, target: Target) -> None:
    """Return if ``call``'s caller may do ``action`` on ``target``; raise AccessDenied in AWS's words otherwise."""
    caller = call.caller
    if caller.kind is CallerKind.ROOT and target.policy is None:
        return  # the root user has no identity policies and full access (policy-evaluation.md 2.3)
    layers = standing.layers(db, caller)
    if target.policy is not None:
        layers = replace(layers, resource=Policy(target.arn, "trust", compiled(target.policy)), resource_is_trust=True)
    request = Request(action, target.arn, principal_of(caller), RequestContext(db, call, target), caller.account_id)
    decision = authorize(request, layers)
    if not decision.allowed:
        # sts:AssumeRole is refused in the short form (policy-evaluation.md 9.2, observed).
        clause = "" if target.policy is not None else decision.clause(action)
        raise access_denied(f"User: {caller.arn} is not authorized to perform: {action} on resource: {target.label or target.arn}{clause}")


def principal_of(caller: Caller) -> Principal:
    """The caller as Principal elements see it."""
    role_arn = caller.entity_arn if caller.kind is CallerKind.ROLE else None
    service = caller.name if caller.kind is CallerKind.SERVICE else None
    kind = PrincipalKind.LINKED_ROLE if caller.is_linked_role else _KINDS[caller.kind]
    return _principal(kind, caller.account_id, caller.arn, caller.unique_id, role_arn, service)


# Values, and the same ones request after request.
_principal = lru_cache(maxsize=1024)(Principal)
