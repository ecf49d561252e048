"""The kinds of entity that own policies: how AWS names each, and its quotas (policy-evaluation.md 7.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stead.aws.errors import no_such_entity

if TYPE_CHECKING:
    from stead.aws.errors import AwsError


@dataclass(frozen=True, slots=True)
class OwnerKind:
    """One kind of owner."""

    noun: str  # in texts
    member: str  # in requests and answers
    inline_size: int  # of all inline policies together, white space not counted
    attached: int = 10

    def missing(self, name: str) -> AwsError:
        """Nobody has this name."""
        return no_such_entity(f"The {self.noun} with name {name} cannot be found.")

    def missing_policy(self, name: str) -> AwsError:
        """The owner has no inline policy of this name."""
        return no_such_entity(f"The {self.noun} policy with name {name} cannot be found.")


USER = OwnerKind("user", "UserName", inline_size=2048)
GROUP = OwnerKind("group", "GroupName", inline_size=5120)
ROLE = OwnerKind("role", "RoleName", inline_size=10240)
