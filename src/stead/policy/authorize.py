"""The decision: which layers must allow, and which is blamed (policy-evaluation.md 2).

An explicit deny in any layer decides. Otherwise, in the caller's own account, a resource-based grant to the caller itself suffices; one to
its role needs the boundary's and the session's consent; else the identity policies must allow, with the same consent. Across accounts all
layers must allow, on both sides. Organization layers (SCP, RCP) come before all of this, as further limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal, NamedTuple

from stead.policy.evaluate import (
    Match,
    NearMiss,
    Policy,
    ResourceGrant,
    first_allow,
    first_deny,
    near_misses,
    resource_deny,
    resource_grant,
)
from stead.policy.principals import WITHOUT_ACCOUNT, Grant, PrincipalKind

if TYPE_CHECKING:
    from stead.policy.compile import Request, StatementReference

Effect = Literal["allowed", "explicitDeny", "implicitDeny"]


class Layer(Enum):
    """The layers, in AWS's words."""

    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    RESOURCE = "resource-based policy"
    TRUST = "role trust policy"


# policy-evaluation.md 9.2: the trust policy is the only one with "the".
_DENYING = {layer: f" with an explicit deny in a {layer.value}" for layer in Layer} | {
    Layer.IDENTITY: " with an explicit deny in an identity-based policy",
    Layer.TRUST: " with an explicit deny in the role trust policy",
}


@dataclass(frozen=True, slots=True)
class Layers:
    """The policies that bind one request.

    ``session`` is None when the session was made without session policies, and a tuple, which must allow, when it was made with some.
    ``resource`` is the resource's own policy; ``resource_is_trust`` says that it is a role's trust policy.
    """

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None
    resource: Policy | None = None
    resource_is_trust: bool = False


class Decision(NamedTuple):
    """What was decided, and by what.

    ``layer`` is the one that decided or is blamed; None when nobody had to allow (root). ``policy`` and ``statement`` name the statement that
    decided; an implicit deny has none, but may have near misses.
    """

    effect: Effect
    layer: Layer | None = None
    policy: str | None = None
    statement: StatementReference | None = None
    near_misses: tuple[NearMiss, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the request may go on."""
        return self.effect == "allowed"

    def clause(self, action: str) -> str:
        """The end of AWS's refusal, which tells the reason (policy-evaluation.md 9.2).

        >>> Decision("implicitDeny", Layer.IDENTITY).clause("iam:GetRole")
        ' because no identity-based policy allows the iam:GetRole action'
        """
        if self.layer is None or self.effect == "allowed":
            return ""
        if self.effect == "explicitDeny":
            return _DENYING[self.layer]
        return f" because no {self.layer.value} allows the {action} action"


_ROOT_ALLOWED = Decision("allowed")


def authorize(request: Request, layers: Layers) -> Decision:
    """Whether ``layers`` allow ``request``, and why (or why not)."""
    denied = _explicit_deny(request, layers)
    if denied is not None:
        return denied
    grant = resource_grant(layers.resource, request)
    caller = request.principal
    if caller.kind in WITHOUT_ACCOUNT:
        return _by_resource(request, layers, grant)
    if caller.account == request.resource_account:
        return _in_the_account(request, layers, grant)
    return _across_accounts(request, layers, grant)


def _explicit_deny(request: Request, layers: Layers) -> Decision | None:
    """The order only chooses whom to blame (policy-evaluation.md 9.2)."""
    if layers.resource is not None:
        denied = resource_deny(layers.resource, request, has_boundary=layers.boundary is not None)
        if denied:
            return _decided("explicitDeny", _resource_layer(layers), denied)
    denied = first_deny(layers.identity, request)
    if denied:
        return _decided("explicitDeny", Layer.IDENTITY, denied)
    if layers.boundary is not None:
        denied = first_deny((layers.boundary,), request)
        if denied:
            return _decided("explicitDeny", Layer.BOUNDARY, denied)
    denied = first_deny(layers.session, request) if layers.session else None
    return _decided("explicitDeny", Layer.SESSION, denied) if denied else None


def _by_resource(request: Request, layers: Layers, grant: ResourceGrant) -> Decision:
    """Any kind of grant will do, but there must be one."""
    layer = _resource_layer(layers)
    return _decided("allowed", layer, grant.match) if grant.match else _implicit_deny(layer, request, layers)


def _in_the_account(request: Request, layers: Layers, grant: ResourceGrant) -> Decision:
    """policy-evaluation.md 2.2."""
    if grant.kind is Grant.DIRECT:
        return _by_resource(request, layers, grant)
    lacking = _lacking_limit(request, layers)
    if lacking:
        return _implicit_deny(lacking, request, layers)
    # An account entry of a trust policy hands the decision to the identity policies; without one they do not count for a role.
    if grant.kind is Grant.ROLE or (layers.resource_is_trust and grant.kind is Grant.NONE):
        return _by_resource(request, layers, grant)
    return _by_identity(request, layers)


def _across_accounts(request: Request, layers: Layers, grant: ResourceGrant) -> Decision:
    """policy-evaluation.md 2.4: nothing is bypassed, and an account entry is a full grant."""
    lacking = _lacking_limit(request, layers)
    if lacking:
        return _implicit_deny(lacking, request, layers)
    identity = _by_identity(request, layers)
    return _by_resource(request, layers, grant) if identity.allowed else identity


def _by_identity(request: Request, layers: Layers) -> Decision:
    if request.principal.kind is PrincipalKind.ROOT:
        return _ROOT_ALLOWED
    allowed = first_allow(layers.identity, request)
    return _decided("allowed", Layer.IDENTITY, allowed) if allowed else _implicit_deny(Layer.IDENTITY, request, layers)


def _lacking_limit(request: Request, layers: Layers) -> Layer | None:
    """The first limiting layer that is there and does not allow."""
    if layers.boundary is not None and first_allow((layers.boundary,), request) is None:
        return Layer.BOUNDARY
    session = layers.session
    # A federation session without session policies has no identity permissions (policy-evaluation.md 2.3).
    if session is None and request.principal.kind is PrincipalKind.FEDERATED_USER:
        session = ()
    return Layer.SESSION if session is not None and first_allow(session, request) is None else None


def _resource_layer(layers: Layers) -> Layer:
    return Layer.TRUST if layers.resource_is_trust else Layer.RESOURCE


def _decided(effect: Effect, layer: Layer, match: Match) -> Decision:
    return Decision(effect, layer, match.policy.id, match.statement.reference)


def _implicit_deny(layer: Layer, request: Request, layers: Layers) -> Decision:
    return Decision("implicitDeny", layer, near_misses=tuple(near_misses(_policies_of(layer, layers), request)))


def _policies_of(layer: Layer, layers: Layers) -> tuple[Policy, ...]:
    if layer is Layer.IDENTITY:
        return layers.identity
    if layer is Layer.SESSION:
        return layers.session or ()
    single = layers.boundary if layer is Layer.BOUNDARY else layers.resource
    return (single,) if single else ()
