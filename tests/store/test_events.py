"""The history as it is stored: blocks, the tail, and what a search finds in both, compared with plain lists."""

from __future__ import annotations

import random
from collections import Counter
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Table, func, select, text
from support.stead import ACCOUNT

from stead.aws.ids import new_uuid, ordered_uuid
from stead.store import ecs_tables, events, prepare
from stead.store.events import BLOCK_EVENTS, BLOCK_SPAN, Event, Place, Range, Search, Shape
from stead.store.events.block import pack_events, read_decided, read_entries, read_records
from stead.store.migrations import HEAD
from stead.store.tables import event_blocks, event_keys, event_tail

if TYPE_CHECKING:
    from support.stead import Stead

    from stead.store.engine import Store

REGION, NOW = "us-east-1", 1_800_000_000_000
ATTRIBUTES = {"EventName": "name", "Username": "username", "AccessKeyId": "access_key_id", "EventSource": "source"}


def event(time: int, *, region: str = REGION, decided: bytes | None = None, id_: str = "", **more: Any) -> Event:
    same = {
        "name": "N",
        "source": "s",
        "username": "u",
        "access_key_id": "k",
        "read_only": 1,
        "resources": "[]",
        "record": b'{"eventTime":null}',
    }
    return Event(ACCOUNT, region, time, id_ or ordered_uuid(time), new_uuid(), Shape(**{**same, **more}), decided)


def ids(made: list[Event]) -> list[str]:
    """Newest first."""
    return [one.id for one in sorted(made, key=lambda one: (one.time, one.id), reverse=True)]


def everything(store: Store, search: Search, size: int = 7) -> list[str]:
    """All pages, by their ids."""
    found, place = [], Range().ceiling
    while place is not None:
        page = events.newest(store.read(), search, Range(ceiling=place), size)
        assert len(page.found) <= size
        found += [one.id for one in page.found]
        place = page.rest
    return found


def counts(store: Store) -> tuple[int, int, int]:
    db = store.read()
    tail, blocks, keys = (db.scalar(select(func.count()).select_from(table)) for table in (event_tail, event_blocks, event_keys))
    return tail, blocks, keys


def test_a_block_gives_back_what_was_put_into_it() -> None:
    made = [event(NOW + n, name=f"N{n % 3}", record=b'{"n":%d}' % (n % 3), decided=b"d%d" % n if n % 2 else None) for n in range(9)]
    packed = pack_events(made)
    entries = read_entries(packed.entries)
    assert [tuple(one) for one in entries.events] == [(one.time, one.id, one.request_id, n % 3) for n, one in enumerate(made)]
    assert [entries.shape(n)._replace(record=record) for n, record in enumerate(read_records(packed.records, entries))] == [
        one.shape for one in made[:3]
    ]
    assert [read_decided(packed.decided, n) for n in range(9)] == [one.decided for one in made]
    assert pack_events(made[:1]).decided is None


@pytest.mark.both_stores
@pytest.mark.parametrize("seed", range(3))
def test_every_search_finds_what_a_list_would(stead: Stead, seed: int) -> None:
    """Blocks that overlap in time, a tail among them, two Regions; whatever is asked comes once and newest first."""
    chance, store = random.Random(seed), stead.app.store
    made: list[Event] = []
    for _ in range(6):
        start = NOW + chance.randrange(2 * BLOCK_SPAN)
        batch = [
            event(
                start + chance.randrange(chance.choice([3, 2000, 2 * BLOCK_SPAN])),
                region=chance.choice([REGION, "eu-west-1"]),
                name=chance.choice("AB"),
                username=chance.choice("xyz"),
            )
            for _ in range(chance.choice([5, 40, 200]))
        ]
        with store.write() as db:
            chance.choice([events.insert_blocks, events.insert_tail])(db, batch)
        made += batch
    here = [one for one in made if one.region == REGION]
    assert everything(store, Search(ACCOUNT, REGION)) == ids(here)
    for attribute, field in ATTRIBUTES.items():
        for value in ("A", "x", "s", "nothing"):
            meant = [one for one in here if getattr(one.shape, field) == value]
            assert everything(store, Search(ACCOUNT, REGION, attribute, value), chance.choice([1, 7, 500])) == ids(meant)
    assert [one.id for one in events.all_between(store.read(), ACCOUNT, NOW, NOW + BLOCK_SPAN)] == ids(
        [one for one in made if one.time <= NOW + BLOCK_SPAN]
    )
    while events.pack(store):
        pass
    assert counts(store)[0] == 0
    assert everything(store, Search(ACCOUNT, REGION)) == ids(here)


@pytest.mark.both_stores
@pytest.mark.parametrize("in_blocks", [True, False])
def test_one_event_by_its_id(stead: Stead, in_blocks: bool) -> None:
    """In any Region of its account; also one of an older Stead, whose id says no time."""
    store, old = stead.app.store, new_uuid()
    made = [event(NOW + n, region="eu-west-1", decided=b"%d" % n) for n in range(20)] + [
        event(NOW + 5, region="eu-west-1", id_=old, decided=b"old")
    ]
    with store.write() as db:
        (events.insert_blocks if in_blocks else events.insert_tail)(db, made)
    for one in made:
        found = events.decided_of(store.read(), ACCOUNT, one.id)
        assert found is not None
        assert (found.id, found.decided, found.record["eventID"], found.record["requestID"]) == (
            one.id,
            one.decided,
            one.id,
            one.request_id,
        )
        assert everything(store, Search(ACCOUNT, "eu-west-1", "EventId", one.id)) == [one.id]
        assert everything(store, Search(ACCOUNT, REGION, "EventId", one.id)) == []
    for missing in (ordered_uuid(NOW), new_uuid(), "", "x" * 40):
        assert events.decided_of(store.read(), ACCOUNT, missing) is None
    assert events.decided_of(store.read(), "000000000000", made[0].id) is None


@pytest.mark.both_stores
def test_an_event_that_is_packed_meanwhile_is_found_once(stead: Stead) -> None:
    """A search reads the tail first: what moves between its two looks is there twice."""
    store, made = stead.app.store, [event(NOW + n) for n in range(5)]
    with store.write() as db:
        events.insert_tail(db, made)
        events.insert_blocks(db, made)
    assert everything(store, Search(ACCOUNT, REGION)) == ids(made)


@pytest.mark.both_stores
def test_two_processes_may_pack_at_once(stead: Stead) -> None:
    store, made = stead.app.store, [event(NOW + n) for n in range(5 * BLOCK_EVENTS)]
    with store.write() as db:
        events.insert_tail(db, made)
    together = Barrier(3)

    def work() -> None:
        together.wait()
        events.pack_if_due(store)
        store.close()

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts(store)[0] == 0
    assert everything(store, Search(ACCOUNT, REGION), 200) == ids(made)


def test_the_tail_is_packed_when_it_is_long_in_events_or_in_time(stead: Stead) -> None:
    store = stead.app.store
    for times, packed in (([0, 1], False), ([0, BLOCK_SPAN], True), ([0] * BLOCK_EVENTS, True)):
        with store.write() as db:
            db.run(event_tail.delete())
            events.insert_tail(db, [event(NOW + time) for time in times])
        events.pack_if_due(store)
        assert (counts(store)[0] == 0) is packed, times


@pytest.mark.both_stores
def test_nothing_is_left_of_what_is_forgotten(stead: Stead) -> None:
    """A block goes with its last event, and its keys with it."""
    store = stead.app.store
    old, kept = [event(NOW + n, name=f"N{n}") for n in range(300)], [event(NOW + 1000 + n) for n in range(300)]
    with store.write() as db:
        events.insert_tail(db, [event(NOW)])
        events.insert_blocks(db, [*old, *kept])
    events.forget(store, NOW + 1000)
    assert [one for one in everything(store, Search(ACCOUNT, REGION), 400) if one not in set(ids(kept))] == ids(old)[:44]
    events.forget(store, NOW + 2000)
    assert counts(store) == (0, 0, 0)


def test_a_page_goes_on_where_blocks_overlap(stead: Stead, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many of them, and however few may be opened: each step gains something."""
    monkeypatch.setattr("stead.store.events.search.MOST_BLOCKS", 1)
    store, made = stead.app.store, []
    for _ in range(4):
        made += (batch := [event(NOW + time) for time in (0, 0, 5)])
        with store.write() as db:
            events.insert_blocks(db, batch)
    page = events.newest(store.read(), Search(ACCOUNT, REGION), Range(ceiling=Place(NOW + 1, "")), 50)
    assert Counter(one.time for one in page.found) == {NOW: 8}
    assert everything(store, Search(ACCOUNT, REGION), 2) == ids(made)


@pytest.mark.both_stores
def test_events_of_an_older_stead_are_kept(stead: Stead) -> None:
    """The migration puts them into the tail; the same start packs them."""
    store = stead.app.store
    connection = store.read().connection
    later = [table for table in vars(ecs_tables).values() if isinstance(table, Table)]  # of migrations that follow
    for table in (event_tail, event_blocks, event_keys, *later):
        connection.execute(text(f"DROP TABLE {table.name}"))
    number = "INTEGER PRIMARY KEY" if store.is_sqlite else "BIGSERIAL PRIMARY KEY"
    kind = "BLOB" if store.is_sqlite else "BYTEA"
    connection.execute(
        text(
            f"CREATE TABLE events (number {number}, id TEXT UNIQUE, account_id TEXT, region TEXT, time BIGINT, name TEXT, source TEXT, "
            f"username TEXT, access_key_id TEXT, read_only INTEGER, resource TEXT, resources TEXT, record TEXT, decided {kind})"
        )
    )
    old = [event(NOW + n, id_=new_uuid() if n % 2 else "", name=f"Né{n % 4}") for n in range(3 * BLOCK_EVENTS)]
    for one in old:
        connection.execute(
            text("INSERT INTO events VALUES (:n, :id, :a, :r, :t, :name, 's', 'u', 'k', 1, NULL, '[]', :record, NULL)"),
            {"n": one.time - NOW + 1, "id": one.id, "a": ACCOUNT, "r": REGION, "t": one.time, "name": one.shape.name, "record": '{"é":1}'},
        )
    connection.execute(text("UPDATE alembic_version SET version_num = '0005'"))
    assert not connection.in_transaction() or connection.commit() is None
    migrate_from_events(stead)
    assert everything(store, Search(ACCOUNT, REGION), 500) == ids(old)
    found = events.decided_of(store.read(), ACCOUNT, old[1].id)
    assert found is not None
    assert (found.record, found.shape.name) == ({"é": 1}, "Né1")
    assert counts(store)[0] == 0


def migrate_from_events(stead: Stead) -> None:
    prepare.migrate(stead.app.store)
    events.pack_if_due(stead.app.store)
    assert prepare.revision(stead.app.store.read().connection) == HEAD
