"""The decision: an explicit deny in any layer decides, else every layer that has a say must allow (policy-evaluation.md 2).

The order of the questions chooses only whom to blame (9.2). Of all reasons this finds one; :mod:`stead.policy.explain` finds all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.policy.decision import ALLOWED_BY_NOBODY, Decision, Effect, Unanswered
from stead.policy.evaluate import Match, Policy, Pool, ResourceGrant, first, first_allow, first_deny, resource_deny, resource_grant
from stead.policy.layers import Layer, Layers, organization_levels, procedure, session_policies
from stead.policy.principals import PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stead.policy.compile import Request
    from stead.policy.layers import OrganizationLevel


# Those of whom the identity policies of their own account decide alone when there is nothing else (policy-evaluation.md 2.3).
_BY_IDENTITY = (PrincipalKind.USER, PrincipalKind.ROLE, PrincipalKind.LINKED_ROLE)  # a tuple: an enum is slow to hash
_NO_LEVELS: tuple[OrganizationLevel, ...] = ()


def authorize(request: Request, layers: Layers) -> Decision:
    """Whether ``layers`` allow ``request``, and why (or why not)."""
    caller = request.principal
    if layers.identity_alone and caller.kind in _BY_IDENTITY and caller.account == request.resource_account:
        return _by_identity_alone(request, layers.identity_pool)
    organization = organization_levels(request, layers) if layers.scps or layers.rcps else _NO_LEVELS
    refused = _explicit_deny(request, layers, organization) or _lacking_level(request, organization)
    if refused is not None:
        return refused
    grant = resource_grant(layers.resource, request)
    limited, granting = procedure(request, layers, grant.kind)
    refused = _lacking_limit(request, layers) if limited else None
    if refused is not None:
        return refused
    decision = ALLOWED_BY_NOBODY
    for layer in granting:
        decision = _by_identity(request, layers) if layer is Layer.IDENTITY else _by_resource(request, layers, grant)
        if not decision.allowed:
            break
    return decision


def _by_identity_alone(request: Request, pool: Pool) -> Decision:
    """The commonest question by far, in its own account and with nothing else to ask: one look-up."""
    denies, allows = pool.candidates(request.action)
    if denies and (denied := first(denies, request)):
        return _decided("explicitDeny", Layer.IDENTITY, denied)
    if allows and (allowed := first(allows, request)):
        return _decided("allowed", Layer.IDENTITY, allowed)
    return _implicit_deny(Layer.IDENTITY, pool, request)


def _explicit_deny(request: Request, layers: Layers, organization: Sequence[OrganizationLevel]) -> Decision | None:
    for layer, _, policies in organization:
        if denied := first_deny(policies, request):
            return _decided("explicitDeny", layer, denied)
    if layers.resource is not None:
        denied = resource_deny(layers.resource, request, has_boundary=layers.boundary is not None)
        if denied:
            return _decided("explicitDeny", layers.resource_layer, denied)
    pools = ((Layer.IDENTITY, layers.identity_pool), (Layer.BOUNDARY, layers.boundary_pool), (Layer.SESSION, layers.session_pool))
    for layer, pool in pools:
        if pool is not None and (denied := first_deny(pool, request)):
            return _decided("explicitDeny", layer, denied)
    return None


def _lacking_level(request: Request, organization: Sequence[OrganizationLevel]) -> Decision | None:
    for layer, _, policies in organization:
        if first_allow(policies, request) is None:
            return _implicit_deny(layer, policies, request)
    return None


def _lacking_limit(request: Request, layers: Layers) -> Decision | None:
    """The first limiting layer that is there and does not allow."""
    for layer, pool in ((Layer.BOUNDARY, layers.boundary_pool), (Layer.SESSION, session_policies(request, layers))):
        if pool is not None and first_allow(pool, request) is None:
            return _implicit_deny(layer, pool, request)
    return None


def _by_identity(request: Request, layers: Layers) -> Decision:
    allowed = first_allow(layers.identity_pool, request)
    return _decided("allowed", Layer.IDENTITY, allowed) if allowed else _implicit_deny(Layer.IDENTITY, layers.identity_pool, request)


def _by_resource(request: Request, layers: Layers, grant: ResourceGrant) -> Decision:
    if grant.match:
        return _decided("allowed", layers.resource_layer, grant.match)
    return _implicit_deny(layers.resource_layer, (layers.resource,) if layers.resource else (), request)


def _decided(effect: Effect, layer: Layer, match: Match) -> Decision:
    return Decision(effect, layer, match.policy.id, match.statement.reference)


def _implicit_deny(layer: Layer, policies: Sequence[Policy], request: Request) -> Decision:
    return Decision("implicitDeny", layer, unanswered=Unanswered(policies, request))
