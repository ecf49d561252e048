"""What blocks are found by: a number for each attribute value in an account and Region.

The number is a digest of all four, so an index entry is a few integers whatever a caller wrote into a name, and only one index is needed.
Two values with one number do no harm: whoever reads a block looks at the values themselves.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from stead.aws.ids import ordered_time
from stead.store.events.block import Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stead.store.events.block import Entries

EVERYWHERE = ""  # instead of a Region: events of the account, to find one by its id
EVERYTHING = ""  # instead of an attribute: all events of the Region


class Attribute(NamedTuple):
    """Where an attribute of LookupEvents stands in a shape, and the values that are stored there."""

    column: int
    values: Callable[[Any], Iterable[str]]

    def matching(self, entries: Entries, value: str) -> set[int]:
        """The shapes of a block with this value."""
        found: Iterable[tuple[int, Any]] = enumerate(entries.columns[self.column])
        if self.column == _RESOURCES:  # most resources are others: no need to read them as JSON
            text = orjson.dumps(value).decode()
            found = ((number, stored) for number, stored in found if text in stored)
        return {number for number, stored in found if value in self.values(stored)}


def _at(field: str, values: Callable[[Any], Iterable[str]] = lambda stored: (stored,)) -> Attribute:
    return Attribute(Shape._fields.index(field), values)


_RESOURCES = Shape._fields.index("resources")
# EventId is not among them: ids say when, and so where to look.
ATTRIBUTES = {
    "EventName": _at("name"),
    "EventSource": _at("source"),
    "Username": _at("username"),
    "AccessKeyId": _at("access_key_id"),
    "ReadOnly": _at("read_only", lambda stored: ("true" if stored else "false",)),
    "ResourceType": _at("resources", lambda stored: [kind for kind, _ in orjson.loads(stored)]),
    "ResourceName": _at("resources", lambda stored: [name for _, name in orjson.loads(stored)]),
}


@lru_cache(maxsize=8192)
def key(account_id: str, region: str, attribute: str = EVERYTHING, value: str = "") -> int:
    """The number of events with this value. A resource is indexed by the last part of its name, in which its name and its ARN agree."""
    if attribute == "ResourceName":
        value = value.rpartition("/")[2]
    digest = hashlib.blake2b(orjson.dumps((account_id, region, attribute, value)), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def keys_of(account_id: str, region: str, entries: Entries) -> set[int]:
    """Every key of a block."""
    found = {key(account_id, EVERYWHERE), key(account_id, region)}
    for name, attribute in ATTRIBUTES.items():
        values = {value for stored in set(entries.columns[attribute.column]) for value in attribute.values(stored) if value}
        found.update(key(account_id, region, name, value) for value in values)
    # Ids of an older Stead do not say when, so they are indexed themselves.
    found.update(key(account_id, EVERYWHERE, "EventId", id_) for time, id_, *_ in entries.events if ordered_time(id_) != time)
    return found
