"""The layers of policies that bind one request, and how much each of them has to say (policy-evaluation.md 2).

In the caller's own account a resource-based grant to the caller itself suffices; one to its role needs the boundary's and the session's
consent; else the identity policies must allow, with the same consent. Across accounts all layers must allow, on both sides. The organization's
layers come before all of this, as further limits: they bind by the kind of the caller, never by its name (design D20).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from stead.policy.evaluate import Pool
from stead.policy.principals import WITHOUT_ACCOUNT, Grant, PrincipalKind

if TYPE_CHECKING:
    from stead.policy.compile import Request
    from stead.policy.evaluate import Policy


class Layer(Enum):
    """The layers, in AWS's words."""

    SCP = "service control policy"
    RCP = "resource control policy"
    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    RESOURCE = "resource-based policy"
    TRUST = "role trust policy"


@dataclass(frozen=True, slots=True)
class Layers:
    """The policies that bind one request.

    ``session`` is None when the session was made without session policies, and a tuple, which must allow, when it was made with some.
    ``resource`` is the resource's own policy; ``resource_is_trust`` says that it is a role's trust policy. ``scps`` are those of the caller's
    account and ``rcps`` those of the resource's, level by level from the root to the account; no levels are no organization, and no limit.
    """

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None
    resource: Policy | None = None
    resource_is_trust: bool = False
    scps: tuple[tuple[Policy, ...], ...] = ()
    rcps: tuple[tuple[Policy, ...], ...] = ()
    identity_pool: Pool = field(init=False, repr=False, compare=False)
    boundary_pool: Pool | None = field(init=False, repr=False, compare=False)
    session_pool: Pool | None = field(init=False, repr=False, compare=False)
    identity_alone: bool = field(init=False, repr=False, compare=False)  # nothing else has a say

    def __post_init__(self) -> None:
        """Pool the layers; one that is a pool already, taken over from other layers, keeps what it remembers."""
        pool = Pool.of(self.identity)
        limits = (self.boundary, self.session, self.resource)
        made = {
            "identity": pool,
            "identity_pool": pool,
            "boundary_pool": None if self.boundary is None else Pool((self.boundary,)),
            "session_pool": None if self.session is None else Pool.of(self.session),
            "scps": tuple(map(Pool.of, self.scps)),
            "rcps": tuple(map(Pool.of, self.rcps)),
            "identity_alone": limits == (None, None, None) and not (self.resource_is_trust or self.scps or self.rcps),
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)

    @property
    def resource_layer(self) -> Layer:
        """What the resource's own policy is called."""
        return Layer.TRUST if self.resource_is_trust else Layer.RESOURCE


# policy-evaluation.md 2.3 and 2.5. Nobody but a linked role escapes the resource's organization (2.6).
_NOT_BOUND_BY_SCPS = WITHOUT_ACCOUNT | {PrincipalKind.LINKED_ROLE}


class OrganizationLevel(NamedTuple):
    """One level of an organization's policies: pooled, and each level must allow."""

    layer: Layer
    level: int
    policies: Pool


def organization_levels(request: Request, layers: Layers) -> list[OrganizationLevel]:
    """The levels that bind the request's caller, in the order of blame (policy-evaluation.md 9.2)."""
    kind = request.principal.kind
    scps = () if kind in _NOT_BOUND_BY_SCPS else layers.scps
    rcps = () if kind is PrincipalKind.LINKED_ROLE else layers.rcps
    return [
        OrganizationLevel(layer, level, Pool.of(policies))
        for layer, levels in ((Layer.SCP, scps), (Layer.RCP, rcps))
        for level, policies in enumerate(levels)
    ]


class Procedure(NamedTuple):
    """What the accounts ask for: whether boundary and session must consent, and which layers must grant; the last is named."""

    limited: bool
    granting: tuple[Layer, ...]


def procedure(request: Request, layers: Layers, grant: Grant) -> Procedure:
    """The procedure for a request that the resource's own policy grants in this way (policy-evaluation.md 2.2 to 2.4)."""
    caller = request.principal
    if caller.kind in WITHOUT_ACCOUNT:
        return Procedure(limited=False, granting=(layers.resource_layer,))
    identity = () if caller.kind is PrincipalKind.ROOT else (Layer.IDENTITY,)
    if caller.account != request.resource_account:
        return Procedure(limited=True, granting=(*identity, layers.resource_layer))
    if grant in (Grant.DIRECT, Grant.ROLE):
        return Procedure(limited=grant is Grant.ROLE, granting=(layers.resource_layer,))
    # An account entry of a trust policy hands the decision to the identity policies; without one they do not count for a role.
    if layers.resource_is_trust and grant is Grant.NONE:
        return Procedure(limited=True, granting=(Layer.TRUST,))
    return Procedure(limited=True, granting=identity)


_NO_POLICIES = Pool(())


def session_policies(request: Request, layers: Layers) -> Pool | None:
    """The session's policies, or None when it needs none. A federation session without any may do nothing (policy-evaluation.md 2.3)."""
    if layers.session is None and request.principal.kind is PrincipalKind.FEDERATED_USER:
        return _NO_POLICIES
    return layers.session_pool
