"""How long a log group keeps its events: one of a few numbers of days (ecs-on-your-behalf.md 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.neighbours.embedded.overlay import Asked, Refused, overlay

if TYPE_CHECKING:
    from stead.neighbours.messages import NeighbourReply

_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


@overlay("logs", "PutRetentionPolicy")
def put(asked: Asked) -> NeighbourReply:
    """No other number."""
    days = asked.parameters.get("retentionInDays")
    if days not in _DAYS:
        text = f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
        raise Refused("InvalidParameterException", f"{text}Member must satisfy enum value set: {list(_DAYS)}")
    return asked.play()
