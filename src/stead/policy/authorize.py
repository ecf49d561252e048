"""The decision: an explicit deny in any layer decides, else every layer that has a say must allow (policy-evaluation.md 2).

The order of the questions chooses only whom to blame (9.2). Of all reasons this finds one; :mod:`stead.policy.explain` finds all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.policy.decision import ALLOWED_BY_NOBODY, Decision, Effect
from stead.policy.evaluate import Match, Policy, ResourceGrant, first_allow, first_deny, near_misses, resource_deny, resource_grant
from stead.policy.layers import Layer, Layers, organization_levels, procedure, session_policies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stead.policy.compile import Request
    from stead.policy.layers import OrganizationLevel


def authorize(request: Request, layers: Layers) -> Decision:
    """Whether ``layers`` allow ``request``, and why (or why not)."""
    organization = organization_levels(request, layers) if layers.scps or layers.rcps else ()
    refused = _explicit_deny(request, layers, organization)
    if refused is None and organization:
        refused = _lacking_level(request, organization)
    if refused is not None:
        return refused
    grant = resource_grant(layers.resource, request)
    limited, granting = procedure(request, layers, grant.kind)
    if limited and (lacking := _lacking_limit(request, layers)):
        return lacking
    decision = ALLOWED_BY_NOBODY
    for layer in granting:
        decision = _by_identity(request, layers) if layer is Layer.IDENTITY else _by_resource(request, layers, grant)
        if not decision.allowed:
            break
    return decision


def _explicit_deny(request: Request, layers: Layers, organization: Sequence[OrganizationLevel]) -> Decision | None:
    for layer, _, policies in organization:
        if denied := first_deny(policies, request):
            return _decided("explicitDeny", layer, denied)
    if layers.resource is not None:
        denied = resource_deny(layers.resource, request, has_boundary=layers.boundary is not None)
        if denied:
            return _decided("explicitDeny", layers.resource_layer, denied)
    if denied := first_deny(layers.identity, request):
        return _decided("explicitDeny", Layer.IDENTITY, denied)
    if layers.boundary is not None and (denied := first_deny((layers.boundary,), request)):
        return _decided("explicitDeny", Layer.BOUNDARY, denied)
    if layers.session and (denied := first_deny(layers.session, request)):
        return _decided("explicitDeny", Layer.SESSION, denied)
    return None


def _lacking_level(request: Request, organization: Sequence[OrganizationLevel]) -> Decision | None:
    for layer, _, policies in organization:
        if first_allow(policies, request) is None:
            return _implicit_deny(layer, policies, request)
    return None


def _lacking_limit(request: Request, layers: Layers) -> Decision | None:
    """The first limiting layer that is there and does not allow."""
    if layers.boundary is not None and first_allow((layers.boundary,), request) is None:
        return _implicit_deny(Layer.BOUNDARY, (layers.boundary,), request)
    session = session_policies(request, layers)
    if session is not None and first_allow(session, request) is None:
        return _implicit_deny(Layer.SESSION, session, request)
    return None


def _by_identity(request: Request, layers: Layers) -> Decision:
    if allowed := first_allow(layers.identity, request):
        return _decided("allowed", Layer.IDENTITY, allowed)
    return _implicit_deny(Layer.IDENTITY, layers.identity, request)


def _by_resource(request: Request, layers: Layers, grant: ResourceGrant) -> Decision:
    if grant.match:
        return _decided("allowed", layers.resource_layer, grant.match)
    return _implicit_deny(layers.resource_layer, (layers.resource,) if layers.resource else (), request)


def _decided(effect: Effect, layer: Layer, match: Match) -> Decision:
    return Decision(effect, layer, match.policy.id, match.statement.reference)


def _implicit_deny(layer: Layer, policies: Sequence[Policy], request: Request) -> Decision:
    return Decision("implicitDeny", layer, near_misses=tuple(near_misses(policies, request)))
