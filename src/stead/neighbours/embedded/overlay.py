"""Stead's own behaviour where moto has none (design D10): a function around one operation, beside the operation's name.

It runs inside the journaled call, from the call's seed and at its moment, so it must take time and randomness from there alone. What it keeps,
it keeps on moto's own objects: so it goes when they go, and comes back when the journal is played.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from stead.neighbours.embedded import words

if TYPE_CHECKING:
    from collections.abc import Callable

    from stead.neighbours.messages import NeighbourReply, NeighbourRequest

    Play = Callable[[NeighbourRequest], NeighbourReply]
    Overlay = Callable[["Asked"], NeighbourReply]

_overlays: dict[tuple[str, str], Overlay] = {}


class Refused(Exception):  # noqa: N818  # an answer, as AWS would give it
    """What an overlay raises for the caller to see."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


class Asked:
    """One call at an overlay. ``concerns`` is for compaction: the one resource that the call is about, when only moto's state can tell."""

    def __init__(self, request: NeighbourRequest, play: Play) -> None:
        self.request = request
        self.now = request.now
        self.concerns = ""
        self._play = play

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """What is asked, by the model's names."""
        return words.read(self.request)

    def play(self) -> NeighbourReply:
        """What moto answers."""
        return self._play(self.request)

    def answer(self, members: dict[str, Any]) -> NeighbourReply:
        """An answer in the caller's protocol; values may be moto's objects."""
        return words.written(self.request, members)

    def backend(self, backends: Any) -> Any:
        """Moto's state of the call's account and Region."""
        return backends[self.request.account_id][self.request.region]


def overlay(service: str, *operations: str) -> Callable[[Overlay], Overlay]:
    """Declare the decorated function as what happens at these operations. It may refuse, play, and change what moto holds or answers."""

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


def kept(holder: Any, name: str, make: Callable[[], Any] = dict) -> Any:
    """What an overlay keeps on ``holder``, an object of moto's."""
    return vars(holder).setdefault(f"stead_{name}", make())
