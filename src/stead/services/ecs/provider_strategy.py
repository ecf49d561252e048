"""Which capacity provider the next tasks go to: first each provider's base, then by weight (ecs-on-your-behalf.md 5.3)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from stead.services.ecs.names import invalid_parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Item = Mapping[str, Any]

LAUNCH_TYPES = {"FARGATE": "FARGATE", "FARGATE_SPOT": "FARGATE"}  # of AWS's own providers; every other one has instances


def launch_type_of(provider: str) -> str:
    """The launch type of tasks that the provider runs."""
    return LAUNCH_TYPES.get(provider, "EC2")


def check(strategy: Iterable[Item], associated: Iterable[str]) -> None:
    """Refuse a strategy that the cluster cannot follow."""
    if not {item["capacityProvider"] for item in strategy} <= set(associated):
        raise invalid_parameter(
            "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster."
            " Associate the capacity provider with the cluster and try again."
        )
    if not any(item.get("weight", 0) > 0 or item.get("base", 0) > 0 for item in strategy):  # the beginning is reported
        raise invalid_parameter("There are no capacity providers with a weight value greater than zero in the capacity provider strategy.")


def spread(strategy: Iterable[Item], count: int, running: Mapping[str, int] | None = None) -> list[str]:
    """The providers of ``count`` further tasks, beside those that run already."""
    numbers, chosen = Counter(running or {}), []
    for _ in range(count):
        name = _next(list(strategy), numbers)
        numbers[name] += 1
        chosen.append(name)
    return chosen


def _next(strategy: list[Item], numbers: Counter[str]) -> str:
    below = [item for item in strategy if numbers[item["capacityProvider"]] < item.get("base", 0)]
    weighted = [item for item in strategy if item.get("weight", 0) > 0]
    best = below[0] if below else min(weighted or strategy, key=lambda item: _load(item, numbers))
    return str(best["capacityProvider"])


def _load(item: Item, numbers: Counter[str]) -> float:
    """How far the provider would be along its share with one task more."""
    beyond: int = numbers[item["capacityProvider"]] - item.get("base", 0) + 1
    return beyond / max(int(item.get("weight", 0)), 1)
