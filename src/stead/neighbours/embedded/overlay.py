"""Stead's own behaviour where moto has none (design D10): a function around one operation, beside the operation's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from stead.neighbours.messages import NeighbourReply, NeighbourRequest

    Play = Callable[[NeighbourRequest], NeighbourReply]
    Overlay = Callable[[NeighbourRequest, Play], NeighbourReply]

_overlays: dict[tuple[str, str], Overlay] = {}


def overlay(service: str, *operations: str) -> Callable[[Overlay], Overlay]:
    """Declare the decorated function as what happens at these operations. It may refuse, play, and change what moto holds or answers.

    It runs inside the journaled call, from the call's seed and at its moment, so it must take time and randomness from there alone.
    """

    def declare(run: Overlay) -> Overlay:
        for operation in operations:
            if (service, operation) in _overlays:
                raise ValueError(f"{service}:{operation} has two overlays")
            _overlays[service, operation] = run
        return run

    return declare


def overlay_of(service: str, operation: str) -> Overlay | None:
    """The declared function, if any."""
    return _overlays.get((service, operation))
