"""The context entries of a simulation: what a caller says the request's keys would be (policy-evaluation.md 10.3, recorded-aws.md 9).

The texts that recorded-aws.md 9 lacks are those of the recordings it was taken from (the stackd project's simulation.json).
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, NamedTuple

from stead.aws.errors import invalid_input
from stead.policy.conditions.binary import read_binary
from stead.policy.conditions.date import read_date
from stead.policy.conditions.ip import read_address
from stead.policy.conditions.simulated import NoText, read_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stead.aws.call import Parameters
    from stead.policy import ContextValue


class _Kind(NamedTuple):
    """One type of entry: which values it accepts, how a refusal calls them, and what they become."""

    reads: Callable[[str], Any] = str
    expected: str = ""
    value: Callable[[str], str] = str


def _read_exact_binary(text: str) -> bytes | None:
    """Base64 as AWS accepts it here: padded, and nothing in the bits that are not used."""
    read = read_binary(text)
    return read if read is not None and b64encode(read).decode() == text else None


_LIST = "List"
_KINDS = {
    "string": _Kind(),
    "boolean": _Kind(),  # any text is one: `true` in any letter case is true, everything else false
    "numeric": _Kind(read_number, "numeric format", NoText),
    "date": _Kind(read_date, "DateTime format", NoText),
    "ip": _Kind(read_address, "IP address"),
    "binary": _Kind(_read_exact_binary, "base-64 encoded binary format"),
}


def context_of(entries: Iterable[Parameters]) -> dict[str, ContextValue]:
    """The keys of a request, in lower case; a list type makes a key multivalued, whatever the number of its values."""
    found: dict[str, ContextValue] = {}
    for entry in filter(None, entries):  # an entry without any member is none
        name = entry.get("ContextKeyName")
        if not name:
            raise invalid_input("ContextKeyName cannot be null or empty.")
        value = _value(name, entry.get("ContextKeyType"), entry.get("ContextKeyValues"))
        if name.lower() in found:
            raise invalid_input(f"Duplicate context key: {name}.")
        found[name.lower()] = value
    return found


def _value(name: str, kind: str | None, values: list[str] | None) -> ContextValue:
    if kind is None:
        raise invalid_input(f"Context key {name} has invalid type null.")
    if not values:
        raise invalid_input(f"Context values for context key {name} cannot be null or empty.")
    if kind.endswith(_LIST):
        return tuple(_read(name, _KINDS[kind.removesuffix(_LIST)], value) for value in values)
    if len(values) > 1:  # the text names the type in the key's place, as AWS's does
        raise invalid_input(f"Context key {kind} expected a single value, but received {len(values)}.")
    return _read(name, _KINDS[kind], values[0])


def _read(name: str, kind: _Kind, value: str) -> str:
    if kind.reads(value) is None:
        raise invalid_input(f"Invalid context value for key {name}: expected {kind.expected}.")
    return kind.value(value)
