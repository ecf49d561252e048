"""The decisions of one call on their way to its event.

Nothing is worked out while the call runs: the parts are kept, and become bytes when the event's row is made, for most calls up to a second
later. That is sound because the parts do not change: the call, its targets and the compiled policies are values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from stead.store.decided import Check, Decided, Verdict, pack
from stead.store.policy_sets import policy_set

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.store.context import Context
    from stead.store.decided import Asked
    from stead.store.keyring import KeyRing
    from stead.store.policy_sets import PolicySet


class Decisions(NamedTuple):
    """What the gate asked and was answered about the call of one event."""

    ring: KeyRing
    event_id: str
    entity_arn: str
    asked: tuple[Asked, ...]

    def packed(self) -> bytes:
        """The bytes to keep with the event."""
        shared: dict[str, Any] = {}
        checks = []
        for request, layers, decision, is_dependent in self.asked:
            shared, own, unread = request.context.snapshot()  # type: ignore[attr-defined]  # the gate's requests have a RequestContext
            key = policy_set(layers).hash
            checks.append(
                Check(request.action, request.resource, request.resource_account, is_dependent, own, unread, key, Verdict.of(decision))
            )
        return pack(self.ring, self.event_id, Decided(self.asked[0].request.principal, self.entity_arn, shared, tuple(checks)))

    def policy_sets(self) -> Iterator[PolicySet]:
        """The policies that must be stored with it."""
        return (policy_set(asked.layers) for asked in self.asked)


def of(context: Context) -> Decisions | None:
    """The decisions of a call, or None when nobody had to decide."""
    if not context.asked:
        return None
    return Decisions(context.keys, context.event_id, context.caller.entity_arn, tuple(context.asked))
