"""What a request says, wherever it says it: the texts of its members by the members' names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST = 2_000  # texts of one request that are looked at; larger requests hold data (log events, metrics), not names


def texts(parameters: Mapping[str, Any]) -> dict[str, list[str]]:
    """Every text below ``parameters``, in order, under the lower-case name of the nearest member above it."""
    found: dict[str, list[str]] = {}
    for count, (name, text) in enumerate(_walk("", parameters)):
        if count == MOST:
            break
        found.setdefault(name, []).append(text)
    return found


def _walk(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(str(key).lower(), item)
    elif isinstance(value, list):
        for item in value:
            yield from _walk(name, item)
