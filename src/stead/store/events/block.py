"""One event, what it shares with others, and the form of a block of them.

``entries`` is JSON: the shapes column by column (what LookupEvents filters by, and last how long each one's record is: so a filter looks at one
column and makes no shape that it does not need) and per event its time, id, request id and shape. ``records`` are the shapes' records, one after the other, and ``decided`` what the gate decided about each event, in order; both
compressed, for they repeat themselves: a hundred records take the place of two, for a microsecond an event.
"""

from __future__ import annotations

import zlib
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from stead.aws.clock import MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

BLOCK_EVENTS = 128
BLOCK_SPAN = MINUTE  # the largest difference between the times of two events in a block
_FASTEST = 1
_LENGTH_BYTES = 4


class Shape(NamedTuple):
    """What events of the same call by the same caller have in common. ``record`` is the CloudTrail record without time and ids."""

    name: str
    source: str
    username: str
    access_key_id: str
    read_only: int
    resources: str  # JSON: [[type, name], ...], the ARN among the names
    record: bytes


class Event(NamedTuple):
    """One event. ``request_id`` is None where the record needs nothing filled in: an event that no request caused, or one of an older Stead."""

    account_id: str
    region: str
    time: int
    id: str
    request_id: str | None
    shape: Shape
    decided: bytes | None = None


class Entries(NamedTuple):
    """A block's first part, read. ``columns`` are the shapes' values in the order of Shape's fields, the lengths of records instead of them."""

    columns: list[list[Any]]
    events: list[tuple[int, str, str | None, int]]  # time, id, request id, number of its shape

    def shape(self, number: int) -> Shape:
        """One shape, without its record."""
        return Shape._make([*(column[number] for column in self.columns[:-1]), b""])


class Packed(NamedTuple):
    """The three parts of a block as they are stored, and the first once more, unpacked."""

    read: Entries
    entries: bytes
    records: bytes
    decided: bytes | None


def pack_events(events: Sequence[Event]) -> Packed:
    """A block of these."""
    numbers: dict[Shape, int] = {}
    listed = [(e.time, e.id, e.request_id, numbers.setdefault(e.shape, len(numbers))) for e in events]
    *columns, records = map(list, zip(*numbers, strict=True))
    entries = Entries([*columns, list(map(len, records))], listed)
    decided = zlib.compress(_join(e.decided for e in events), _FASTEST) if any(e.decided for e in events) else None
    return Packed(entries, orjson.dumps([*entries]), zlib.compress(b"".join(records), _FASTEST), decided)


def read_entries(stored: bytes) -> Entries:
    """What can be filtered by."""
    return Entries._make(orjson.loads(stored))


def read_records(stored: bytes, entries: Entries) -> list[bytes]:
    """Each shape's record."""
    joined = zlib.decompress(stored)
    return [joined[start:end] for start, end in pairwise(accumulate(entries.columns[-1], initial=0))]


def read_decided(stored: bytes | None, number: int) -> bytes | None:
    """What was decided about the event at this place in its block."""
    if stored is None:
        return None
    for place, decided in enumerate(_split(zlib.decompress(stored))):
        if place == number:
            return decided or None
    return None


def _join(parts: Iterable[bytes | None]) -> bytes:
    return b"".join(len(part or b"").to_bytes(_LENGTH_BYTES) + (part or b"") for part in parts)


def _split(joined: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(joined):
        end = start + _LENGTH_BYTES + int.from_bytes(joined[start : start + _LENGTH_BYTES])
        yield joined[start + _LENGTH_BYTES : end]
        start = end
