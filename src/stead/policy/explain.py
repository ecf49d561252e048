"""The whole evaluation: what every layer says, not only the one that decided.

For people and for the simulator, never for the gate: it finds the same decision as :func:`stead.policy.authorize` (a property of the tests)
by asking every layer and weighing the answers afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stead.policy.decision import ALLOWED_BY_NOBODY, Decision, Effect, Unanswered
from stead.policy.evaluate import Policy, ResourceGrant, denies_caller, near_misses, resource_grant
from stead.policy.layers import Layer, Layers, organization_levels, procedure, session_policies
from stead.policy.missing import missing_keys
from stead.policy.principals import Grant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stead.policy.compile import Request, Statement, StatementReference
    from stead.policy.evaluate import NearMiss


class MatchedStatement(NamedTuple):
    """A statement that applies; ``grant`` is how one of a resource-based policy means the caller."""

    policy: Policy
    statement: StatementReference
    effect: str  # "Allow" or "Deny", as documents write it
    grant: Grant | None


class LayerCheck(NamedTuple):
    """What one layer says, or one level of an organization's (``level`` counts from 0, the root).

    ``counts`` is False where the answer did not matter, as a boundary's under a direct grant. ``near_misses`` are told of an implicit deny;
    ``missing_keys`` are those that statements read in vain and did not apply, as the policies spell them (recorded-aws.md 9).
    """

    layer: Layer
    level: int | None
    effect: Effect
    counts: bool
    matched: tuple[MatchedStatement, ...]
    near_misses: tuple[NearMiss, ...]
    missing_keys: tuple[str, ...]


class Explanation(NamedTuple):
    """The decision, and the checks in the order in which their explicit denies are blamed (policy-evaluation.md 9.2)."""

    decision: Decision
    checks: tuple[LayerCheck, ...]


class _Part(NamedTuple):
    """Policies that are pooled, and whether they bind the caller at all."""

    layer: Layer
    level: int | None
    policies: tuple[Policy, ...]
    binds: bool = True


def explain(request: Request, layers: Layers) -> Explanation:
    """Everything that ``layers`` say about ``request``."""
    grant = resource_grant(layers.resource, request)
    required = _required(request, layers, grant)
    parts = tuple(_parts(request, layers, required))
    checks = tuple(_check(part, request, layers, required) for part in parts)
    refused = _explicit_deny(checks) or _implicit_deny(parts, checks, request)
    return Explanation(refused or _granted(checks, procedure(request, layers, grant.kind).granting, grant), checks)


def _required(request: Request, layers: Layers, grant: ResourceGrant) -> frozenset[Layer]:
    """The layers whose Allow is needed, if they are there."""
    limited, granting = procedure(request, layers, grant.kind)
    limits = {Layer.BOUNDARY, Layer.SESSION} if limited else set()
    # The account entry of a trust policy is what makes the identity policies count.
    trust = {Layer.TRUST} if layers.resource_is_trust else set()
    return frozenset({Layer.SCP, Layer.RCP, *limits, *trust, *granting})


def _parts(request: Request, layers: Layers, required: frozenset[Layer]) -> Iterator[_Part]:
    """What there is to ask: the policies that exist, and the layers that must allow although they have none."""
    binding = {(layer, level) for layer, level, _ in organization_levels(request, layers)}
    for layer, levels in ((Layer.SCP, layers.scps), (Layer.RCP, layers.rcps)):
        for level, policies in enumerate(levels):
            yield _Part(layer, level, policies, (layer, level) in binding)
    if layers.resource is not None or layers.resource_layer in required:
        yield _Part(layers.resource_layer, None, (layers.resource,) if layers.resource else ())
    if layers.identity or Layer.IDENTITY in required:
        yield _Part(Layer.IDENTITY, None, layers.identity)
    if layers.boundary is not None:
        yield _Part(Layer.BOUNDARY, None, (layers.boundary,))
    session = session_policies(request, layers)
    if session is not None:
        yield _Part(Layer.SESSION, None, session)


def _check(part: _Part, request: Request, layers: Layers, required: frozenset[Layer]) -> LayerCheck:
    by_resource = part.layer is layers.resource_layer
    matched = tuple(_matched(part.policies, request, layers, by_resource=by_resource))
    effects = {statement.effect for statement in matched}
    effect: Effect = "explicitDeny" if "Deny" in effects else "allowed" if "Allow" in effects else "implicitDeny"
    return LayerCheck(
        part.layer,
        part.level,
        effect,
        part.binds and (effect == "explicitDeny" or part.layer in required),
        matched,
        tuple(near_misses(part.policies, request)) if effect == "implicitDeny" else (),
        tuple(dict.fromkeys(missing_keys(part.policies, request))),
    )


def _matched(policies: Sequence[Policy], request: Request, layers: Layers, *, by_resource: bool) -> Iterator[MatchedStatement]:
    for policy in policies:
        denies, allows = policy.document.candidates(request.action)
        for statement in sorted((*denies, *allows), key=lambda statement: statement.reference.index):
            grant = _grant(statement, request) if by_resource else None
            means = _means_caller(statement, grant, request, has_boundary=layers.boundary is not None)
            if means and statement.applies(request.resource, request.context):
                yield MatchedStatement(policy, statement.reference, "Deny" if statement.denies else "Allow", grant)


def _grant(statement: Statement, request: Request) -> Grant:
    return statement.principal.grant(request.principal) if statement.principal else Grant.NONE


def _means_caller(statement: Statement, grant: Grant | None, request: Request, *, has_boundary: bool) -> bool:
    if grant is None:
        return True
    return denies_caller(statement, request, has_boundary=has_boundary) if statement.denies else grant is not Grant.NONE


def _explicit_deny(checks: Sequence[LayerCheck]) -> Decision | None:
    for check in checks:
        if check.counts and check.effect == "explicitDeny":
            return _named(check, next(statement for statement in check.matched if statement.effect == "Deny"))
    return None


# policy-evaluation.md 9.2, the implicit ones.
_BLAME = (Layer.SCP, Layer.RCP, Layer.BOUNDARY, Layer.SESSION, Layer.IDENTITY, Layer.RESOURCE, Layer.TRUST)


def _implicit_deny(parts: Sequence[_Part], checks: Sequence[LayerCheck], request: Request) -> Decision | None:
    asked = zip(parts, checks, strict=True)
    lacking = [(part, check) for part, check in asked if check.counts and check.effect == "implicitDeny"]
    if not lacking:
        return None
    part, check = min(lacking, key=lambda pair: _BLAME.index(pair[1].layer))
    return Decision("implicitDeny", check.layer, unanswered=Unanswered(part.policies, request))


def _granted(checks: Sequence[LayerCheck], granting: Sequence[Layer], grant: ResourceGrant) -> Decision:
    if not granting:
        return ALLOWED_BY_NOBODY
    granted = next(check for check in checks if check.layer is granting[-1])
    wanted = None if granted.layer is Layer.IDENTITY else grant.kind
    return _named(granted, next(statement for statement in granted.matched if statement.grant is wanted))


def _named(check: LayerCheck, statement: MatchedStatement) -> Decision:
    return Decision(check.effect, check.layer, statement.policy.id, statement.statement)
