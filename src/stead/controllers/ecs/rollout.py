"""How a service gets from the tasks it has to those it wishes: pure decisions on counts (ecs-on-your-behalf.md 8.3).

Never more than maximumPercent of the desired count shall run, and of those that are healthy never fewer than minimumHealthyPercent are left by a
deployment. A task that is not healthy counts for nothing, so an old one may go at once.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

FEWEST_FAILURES, MOST_FAILURES = 3, 200


class Tally(NamedTuple):
    """The tasks of one deployment: of ``wanted``, so many run, and of those so many are healthy; ``leaving`` are on their way out."""

    wanted: int = 0
    running: int = 0
    healthy: int = 0
    leaving: int = 0


NONE = Tally()


class Plan(NamedTuple):
    """Tasks of the primary deployment to start, and of each deployment to stop."""

    start: int
    stop: dict[str, int]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do now."""
        return not self.start and not any(self.stop.values())


def plan(desired: int, configuration: Mapping[str, Any], primary: str, tallies: Mapping[str, Tally]) -> Plan:
    """The next step; ``tallies`` are by deployment."""
    most, fewest = limits(desired, configuration)
    own = tallies.get(primary, NONE)
    room = most - sum(tally.wanted for tally in tallies.values())
    start = max(0, min(desired - own.wanted, room))
    spare = sum(tally.healthy for tally in tallies.values()) - fewest
    stop = {primary: max(0, own.wanted - desired)}
    for name, tally in tallies.items():
        if name != primary:
            healthy = max(0, min(tally.healthy, spare))
            spare -= healthy
            stop[name] = tally.wanted - tally.healthy + healthy
    return Plan(start, stop)


def limits(desired: int, configuration: Mapping[str, Any]) -> tuple[int, int]:
    """The most tasks that may run, rounded down, and the fewest healthy ones, rounded up (documented)."""
    return desired * configuration["maximumPercent"] // 100, ceil(desired * configuration["minimumHealthyPercent"] / 100)


def is_complete(desired: int, primary: str, tallies: Mapping[str, Tally]) -> bool:
    """Whether the wish is reached: all desired tasks healthy, and of no other deployment anything left."""
    others = [tally for name, tally in tallies.items() if name != primary]
    own = tallies.get(primary, NONE)
    return own.wanted == own.healthy == desired and not any(tally.wanted or tally.leaving for tally in others)


def threshold(desired: int, breaker: Mapping[str, Any]) -> int:
    """After how many failed tasks the circuit breaker breaks."""
    given: Mapping[str, Any] = breaker.get("thresholdConfiguration") or {}
    value = int(given.get("value", 50))
    match given.get("type"):
        case "COUNT":
            return value
        case "UNBOUNDED_PERCENT":
            return max(1, ceil(value * desired / 100))
    return min(max(ceil(value * desired / 100), FEWEST_FAILURES), MOST_FAILURES)
