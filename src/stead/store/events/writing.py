"""Into the tail, from there into blocks, and out of the history after its time."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, insert, select

from stead.store.events.block import BLOCK_EVENTS, BLOCK_SPAN, Event, Shape, pack_events, read_entries
from stead.store.events.keys import keys_of
from stead.store.tables import event_blocks, event_keys, event_tail

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from stead.store.engine import Row, Store, Writer

PACK_EVENTS = 8 * BLOCK_EVENTS  # in one transaction, so that other writers have their turn
FORGET_BLOCKS = 32  # likewise
_DUE = select(func.count().label("count"), (func.max(event_tail.c.time) - func.min(event_tail.c.time)).label("span")).select_from(
    event_tail
)
_WAITING = select(event_tail).order_by(event_tail.c.number).limit(PACK_EVENTS).with_for_update(skip_locked=True)
_UNLIST = delete(event_tail).where(event_tail.c.number == bindparam("number"))
_ADDED = ("account_id", "region", "first", "last", "entries", "records", "decided")
_ADD = insert(event_blocks).values({name: bindparam(name) for name in _ADDED}).returning(event_blocks.c.number)
# Blocks are numbered in the order in which they were written, so the oldest are found without an index on time alone.
_OLDEST = select(event_blocks.c.number).order_by(event_blocks.c.number).limit(FORGET_BLOCKS)
_FORGOTTEN = select(event_blocks).where(event_blocks.c.number.in_(_OLDEST), event_blocks.c.last < bindparam("before"))
_FORGET_BLOCK = delete(event_blocks).where(event_blocks.c.number == bindparam("number"))
_FORGET_KEY = delete(event_keys).where(
    event_keys.c.key == bindparam("key"),
    event_keys.c.last == bindparam("last"),
    event_keys.c.first == bindparam("first"),
    event_keys.c.block == bindparam("block"),
)
_FORGET_TAIL = delete(event_tail).where(event_tail.c.time < bindparam("before"))


def insert_tail(db: Writer, events: Iterable[Event]) -> None:
    """Keep events where that costs one row each."""
    for event in events:
        db.insert(event_tail, **_tail_row(event))


def insert_blocks(db: Writer, events: Iterable[Event]) -> None:
    """Keep many events as blocks."""
    for block in _blocks(events):
        _insert_block(db, block)


def pack_if_due(store: Store) -> None:
    """Pack the tail when it holds a block's worth of events, or of time."""
    count, span = store.read().first(_DUE)  # type: ignore[misc]  # an aggregate has one row
    if count >= BLOCK_EVENTS or (span or 0) >= BLOCK_SPAN:
        while pack(store):
            pass


def pack(store: Store) -> bool:
    """Put the oldest events of the tail into blocks, a transaction's worth; whether more may wait."""
    with store.write() as db:
        rows = db.all(_WAITING)
        insert_blocks(db, map(event_of, rows))
        db.run_many(_UNLIST, [{"number": row.number} for row in rows])
    return len(rows) == PACK_EVENTS


def forget(store: Store, before: int) -> None:
    """Remove the blocks whose last event is older, a transaction's worth at a time."""
    with store.write() as db:
        db.run(_FORGET_TAIL, before=before)
    while _forget_blocks(store, before):
        pass


def event_of(row: Row) -> Event:
    """An event in the tail."""
    shape = Shape(row.name, row.source, row.username, row.access_key_id, row.read_only, row.resources, bytes(row.record))
    return Event(row.account_id, row.region, row.time, row.id, row.request_id, shape, row.decided)


def _tail_row(event: Event) -> dict[str, Any]:
    row = {**event._asdict(), **event.shape._asdict()}
    del row["shape"]
    return row


def _blocks(events: Iterable[Event]) -> Iterator[Sequence[Event]]:
    """In order, by account and Region, neither too many nor too long."""
    for _, same in groupby(sorted(events), key=lambda event: event[:2]):
        block: list[Event] = []
        for event in same:
            if len(block) == BLOCK_EVENTS or (block and event.time - block[0].time > BLOCK_SPAN):
                yield block
                block = []
            block.append(event)
        yield block


def _insert_block(db: Writer, events: Sequence[Event]) -> None:
    account_id, region, first = events[0][:3]
    last, packed = events[-1].time, pack_events(events)
    stored = {"entries": packed.entries, "records": packed.records, "decided": packed.decided}
    number = db.scalar(_ADD, account_id=account_id, region=region, first=first, last=last, **stored)
    keys = sorted(keys_of(account_id, region, packed.read))
    db.insert_many(event_keys, [{"key": key, "last": last, "first": first, "block": number} for key in keys])


def _forget_blocks(store: Store, before: int) -> bool:
    with store.write() as db:
        blocks = db.all(_FORGOTTEN, before=before)
        for block in blocks:
            keys = keys_of(block.account_id, block.region, read_entries(block.entries))
            db.run_many(_FORGET_KEY, [{"key": key, "last": block.last, "first": block.first, "block": block.number} for key in keys])
        db.run_many(_FORGET_BLOCK, [{"number": block.number} for block in blocks])
    return bool(blocks)
