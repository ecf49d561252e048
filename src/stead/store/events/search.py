"""Events found again: the tail and the blocks of one key, merged newest first.

A page continues at a place, a pair of time and id, so it neither repeats nor misses an event, whatever was recorded meanwhile. The tail is
read before the blocks: an event that is packed between the two is found twice, which shows, and never missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import bindparam, select, tuple_

from stead.aws.clock import iso_seconds
from stead.aws.ids import ordered_time
from stead.store.events.block import BLOCK_SPAN, Entries, Shape, read_decided, read_entries, read_records
from stead.store.events.keys import ATTRIBUTES, EVERYTHING, EVERYWHERE, key
from stead.store.events.writing import event_of
from stead.store.tables import event_blocks, event_keys, event_tail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.store.engine import Reader, Row
    from stead.store.events.block import Event

LATEST = 2**62
BLOCKS_AT_ONCE = 8
# One search opens so many blocks and no more. Only a name that many other things share, looked for by an ARN, can need them.
MOST_BLOCKS = 128
_TAIL = select(event_tail).where(event_tail.c.account_id == bindparam("account"))
_PLACE = (event_keys.c.last, event_keys.c.first, event_keys.c.block)
_BLOCKS = (
    select(*_PLACE, *(event_blocks.c[name] for name in ("region", "entries", "records", "decided")))
    .join_from(event_keys, event_blocks, event_blocks.c.number == event_keys.c.block)
    .where(
        event_keys.c.key == bindparam("key"),
        event_keys.c.last >= bindparam("start"),
        event_keys.c.first <= bindparam("end"),
        tuple_(*_PLACE) < tuple_(bindparam("last"), bindparam("first"), bindparam("block")),
    )
    .order_by(*(column.desc() for column in _PLACE))
    .limit(BLOCKS_AT_ONCE)
)


class Place(NamedTuple):
    """Where an event stands in the history."""

    time: int
    id: str


class Range(NamedTuple):
    """Events from ``start`` to ``end``, both included, and before ``ceiling``. Times are milliseconds."""

    start: int = 0
    end: int = LATEST
    ceiling: Place = Place(LATEST, "")

    def holds(self, time: int, id_: str) -> bool:
        """Whether an event is one of these."""
        return self.start <= time <= self.end and (time, id_) < self.ceiling


class Found(NamedTuple):
    """An event that was found. ``shape`` is without its record, which is here as it is shown."""

    time: int
    id: str
    shape: Shape
    record: dict[str, Any]
    decided: bytes | None


class Page(NamedTuple):
    """``rest`` is where the search goes on: the ceiling of the next page, None when there is nothing more."""

    found: list[Found]
    rest: Place | None


class Search(NamedTuple):
    """What is looked for: events of an account, in one Region or everywhere, with one value of one attribute or all."""

    account_id: str
    region: str = EVERYWHERE
    attribute: str = EVERYTHING
    value: str = ""

    def key(self) -> int:
        """The key that its blocks are found by: of an event's id not even the Region is known, and its time says enough."""
        if self.attribute != "EventId":
            return key(*self)
        return key(self.account_id, EVERYWHERE, *(("EventId", self.value) if ordered_time(self.value) is None else ()))

    def within(self, range_: Range) -> Range:
        """``range_``, or the part of it that matters."""
        moment = ordered_time(self.value) if self.attribute == "EventId" else None
        return range_ if moment is None else range_._replace(start=max(moment, range_.start), end=min(moment, range_.end))

    def matches(self, entries: Entries) -> list[int]:
        """The events of a block that are meant."""
        if self.attribute == "EventId":
            return [number for number, event in enumerate(entries.events) if event[1] == self.value]
        if self.attribute == EVERYTHING:
            return list(range(len(entries.events)))
        shapes = ATTRIBUTES[self.attribute].matching(entries, self.value)
        return [number for number, event in enumerate(entries.events) if event[3] in shapes]


@dataclass
class _Block:
    row: Row

    @cached_property
    def entries(self) -> Entries:
        return read_entries(self.row.entries)

    @cached_property
    def records(self) -> list[bytes]:
        return read_records(self.row.records, self.entries)

    def decided(self, number: int) -> bytes | None:
        return read_decided(self.row.decided, number)


class _Tail:
    """The tail, as if it were a block."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events
        listed = [(event.time, event.id, event.request_id, number) for number, event in enumerate(events)]
        *columns, self.records = map(list, zip(*(event.shape for event in events), strict=True)) if events else [[] for _ in Shape._fields]
        self.entries = Entries([*columns, []], listed)

    def decided(self, number: int) -> bytes | None:
        return self._events[number].decided


_Source = _Block | _Tail
_Candidate = tuple[int, str, _Source, int]  # time, id, and where it is


def newest(db: Reader, search: Search, range_: Range, count: int) -> Page:
    """The ``count`` newest events. A page may hold fewer, or none, and still go on."""
    range_ = search.within(range_)
    walk = _Walk(db, search, range_, MOST_BLOCKS)
    found = list(islice(walk.newest_first(), count + 1))
    if len(found) > count:
        return Page([_found(one) for one in found[:count]], Place(*found[count - 1][:2]))
    return Page([_found(one) for one in found], walk.stopped_at)


def all_between(db: Reader, account_id: str, start: int, end: int) -> Iterator[Found]:
    """Every event of an account from one time to another, in all Regions, newest first."""
    walk = _Walk(db, Search(account_id), Range(start, end), None)
    return map(_found, walk.newest_first())


def decided_of(db: Reader, account_id: str, event_id: str) -> Found | None:
    """The event of this account with this id, whatever its Region; None when there is none (any more)."""
    found = newest(db, Search(account_id, EVERYWHERE, "EventId", event_id), Range(), 1).found
    return found[0] if found else None


class _Walk:
    """One way through the history, from the newest event on; ``stopped_at`` is where it was given up, if it was."""

    def __init__(self, db: Reader, search: Search, range_: Range, most: int | None) -> None:
        self._db, self._search, self._range, self._most = db, search, range_, most
        self._waiting: list[_Candidate] = []  # oldest first
        self.stopped_at: Place | None = None

    def newest_first(self) -> Iterator[_Candidate]:
        """The events, each once."""
        seen = ""
        for candidate in self._merged():
            if candidate[1] != seen:
                yield candidate
            seen = candidate[1]

    def _merged(self) -> Iterator[_Candidate]:
        """A candidate's turn comes when no block that is still closed reaches beyond its time."""
        self._open(_Tail(self._tail()))
        for opened, row in enumerate(self._blocks()):
            while self._waiting and self._waiting[-1][0] > row.last:
                yield self._waiting.pop()
            if self._most is not None and opened >= self._most and row.last + 1 < self._range.ceiling.time:  # or nothing would be gained
                self.stopped_at = Place(row.last + 1, "")
                return
            self._open(_Block(row))
        yield from reversed(self._waiting)

    def _open(self, source: _Source) -> None:
        entries, region = source.entries, self._search.region
        if isinstance(source, _Block) and region not in {EVERYWHERE, source.row.region}:
            return
        for number in self._search.matches(entries):
            time, id_ = entries.events[number][:2]
            if self._range.holds(time, id_):
                self._waiting.append((time, id_, source, number))
        self._waiting.sort(key=_place)

    def _tail(self) -> list[Event]:
        region = self._search.region
        rows = self._db.all(_TAIL, account=self._search.account_id)
        return [event_of(row) for row in rows if region in {EVERYWHERE, row.region}]

    def _blocks(self) -> Iterator[Row]:
        end = min(self._range.end, self._range.ceiling.time)
        last, first, block = end + BLOCK_SPAN + 1, 0, 0
        bounds = {"key": self._search.key(), "start": self._range.start, "end": end}
        while rows := self._db.all(_BLOCKS, **bounds, last=last, first=first, block=block):
            yield from rows
            last, first, block = rows[-1].last, rows[-1].first, rows[-1].block


def _place(candidate: _Candidate) -> tuple[int, str]:
    return candidate[:2]


def _found(candidate: _Candidate) -> Found:
    time, id_, source, number = candidate
    request_id, shape = source.entries.events[number][2:]
    record = orjson.loads(source.records[shape])
    if request_id is not None:  # else the record is complete
        record.update(eventTime=iso_seconds(time), requestID=request_id, eventID=id_)
    return Found(time, id_, source.entries.shape(shape), record, source.decided(number))
