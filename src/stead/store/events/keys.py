"""What blocks are found by: a number for each attribute value in an account and Region.

The number is a digest of all four, so an index entry is a few integers whatever a caller wrote into a name, and only one index is needed.
Two values with one number do no harm: whoever reads a block looks at the values themselves.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

import orjson

from stead.aws.ids import ordered_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stead.store.events.block import Entries, Shape

EVERYWHERE = ""  # instead of a Region: events of the account, to find one by its id
EVERYTHING = ""  # instead of an attribute: all events of the Region

# LookupEvents' attributes and an event's values of each. EventId is not among them: ids say when, and so where to look.
ATTRIBUTES: dict[str, Callable[[Shape], Iterable[str]]] = {
    "EventName": lambda shape: (shape.name,),
    "EventSource": lambda shape: (shape.source,),
    "Username": lambda shape: (shape.username,),
    "AccessKeyId": lambda shape: (shape.access_key_id,),
    "ReadOnly": lambda shape: ("true" if shape.read_only else "false",),
    "ResourceType": lambda shape: [kind for kind, _ in orjson.loads(shape.resources)],
    "ResourceName": lambda shape: [name for _, name in orjson.loads(shape.resources)],
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
    for attribute, values in ATTRIBUTES.items():
        distinct = {value for shape in entries.shapes for value in values(shape) if value}
        found.update(key(account_id, region, attribute, value) for value in distinct)
    # Ids of an older Stead do not say when, so they are indexed themselves.
    found.update(key(account_id, EVERYWHERE, "EventId", id_) for time, id_, *_ in entries.events if ordered_time(id_) != time)
    return found
