"""What was decided, and AWS's words for it (policy-evaluation.md 9.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from stead.policy.evaluate import NearMiss, near_misses
from stead.policy.layers import Layer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stead.policy.compile import Request, StatementReference
    from stead.policy.evaluate import Policy

Effect = Literal["allowed", "explicitDeny", "implicitDeny"]

# The trust policy is the only one with "the".
_DENYING = {layer: f" with an explicit deny in a {layer.value}" for layer in Layer} | {
    Layer.IDENTITY: " with an explicit deny in an identity-based policy",
    Layer.TRUST: " with an explicit deny in the role trust policy",
}


class Unanswered(NamedTuple):
    """The policies of which one had to allow, and what they were asked."""

    policies: Sequence[Policy]
    request: Request


class Decision(NamedTuple):
    """What was decided, and by what.

    ``layer`` is the one that decided or is blamed; None when nobody had to allow (root). ``policy`` and ``statement`` name the statement that
    decided; an implicit deny has none, but may have near misses.
    """

    effect: Effect
    layer: Layer | None = None
    policy: str | None = None
    statement: StatementReference | None = None
    unanswered: Unanswered | None = None

    @property
    def allowed(self) -> bool:
        """Whether the request may go on."""
        return self.effect == "allowed"

    @property
    def near_misses(self) -> tuple[NearMiss, ...]:
        """The conditions that kept Allow statements from applying: worked out when somebody asks, from the request as it then is."""
        return () if self.unanswered is None else tuple(near_misses(*self.unanswered))

    def clause(self, action: str) -> str:
        """The end of AWS's refusal, which tells the reason.

        >>> Decision("implicitDeny", Layer.IDENTITY).clause("iam:GetRole")
        ' because no identity-based policy allows the iam:GetRole action'
        """
        if self.layer is None or self.effect == "allowed":
            return ""
        if self.effect == "explicitDeny":
            return _DENYING[self.layer]
        return f" because no {self.layer.value} allows the {action} action"


# Nobody had to allow: the root user in its own account.
ALLOWED_BY_NOBODY = Decision("allowed")
