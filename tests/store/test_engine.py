"""What Stead asks of a database: the contract, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import bindparam, func, select, update

from stead.aws.ids import new_uuid
from stead.store.documents import store_document
from stead.store.engine import Conflict, Store, StoreError
from stead.store.tables import accounts, documents, meta, tags, users

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.stead import Stead

ACCOUNT = "123456789012"
READ = select(meta.c.value).where(meta.c.key == bindparam("key"))
SET = update(meta).where(meta.c.key == bindparam("of")).values(value=bindparam("value"))
GENERATION = select(accounts.c.generation).where(accounts.c.id == ACCOUNT)
LOCK_ACCOUNT = GENERATION.with_for_update()
RAISE = update(accounts).where(accounts.c.id == ACCOUNT).values(generation=bindparam("generation"))
COUNT_DOCUMENTS = select(func.count()).select_from(documents).where(documents.c.hash == bindparam("hash"))
USER = select(users.c.name).where(users.c.account_id == ACCOUNT, users.c.name_key == bindparam("key"))
ROUNDS = 50


@pytest.fixture
def store(stead: Stead) -> Store:
    """The store of a fresh Stead."""
    return stead.app.store


def user_row(name: str) -> dict[str, object]:
    return {"id": new_uuid(), "account_id": ACCOUNT, "name": name, "name_key": name.lower(), "path": "/", "created": 0}


@pytest.mark.both_stores
def test_a_block_that_ends_is_kept(store: Store) -> None:
    with store.write() as db:
        db.insert(meta, key="a", value="1")
    assert store.read().scalar(READ, key="a") == "1"


class FailedError(Exception):
    """What goes wrong in a block."""


def write_and_fail(store: Store, then: Callable[[], None]) -> None:
    with store.write() as db:
        db.insert(meta, key="a", value="1")
        db.after_commit.append(then)
        raise FailedError


@pytest.mark.both_stores
def test_a_block_that_fails_leaves_nothing(store: Store) -> None:
    called: list[int] = []
    with pytest.raises(FailedError):
        write_and_fail(store, lambda: called.append(1))
    assert store.read().scalar(READ, key="a") is None
    assert called == []
    with store.write() as db:  # and the connection is as good as new
        db.insert(meta, key="a", value="2")
    assert store.read().scalar(READ, key="a") == "2"


@pytest.mark.both_stores
def test_calls_wait_for_the_commit(store: Store) -> None:
    seen: list[object] = []
    with store.write() as db:
        db.insert(meta, key="a", value="1")
        db.after_commit.append(lambda: seen.append(store.read().scalar(READ, key="a")))
        assert seen == []
    assert seen == ["1"]


@pytest.mark.both_stores
@pytest.mark.parametrize(("first", "second"), [("Alice", "alice"), ("STRASSE", "strasse"), ("a+b@c.d", "A+B@C.D")])
def test_a_name_is_unique_ignoring_case_and_keeps_its_case(first: str, second: str, store: Store, store_kind: str) -> None:
    """SQLite has one writer, who looked before; on PostgreSQL the loser of a race finds out here, and runs again."""
    with store.write() as db:
        db.insert(users, **user_row(first))
    with pytest.raises(Conflict if store_kind == "postgresql" else sqlite3.IntegrityError), store.write() as db:
        db.insert(users, **user_row(second))
    assert store.read().scalar(USER, key=second.lower()) == first


@pytest.mark.both_stores
def test_keys_that_differ_by_case_are_two(store: Store) -> None:
    """Tag keys of services that regard case, whatever the database's collation."""
    with store.write() as db:
        for key in ("Key", "key", "KEY"):
            db.insert(tags, owner="o", tag_key=key, name=key, value=key)
    rows = store.read().all(select(tags.c.tag_key).where(tags.c.owner == "o").order_by(tags.c.tag_key))
    assert sorted(row.tag_key for row in rows) == ["KEY", "Key", "key"]


@pytest.mark.both_stores
def test_a_text_is_stored_once(store: Store) -> None:
    with store.write() as db:
        digests = {store_document(db, '{"Statement": []}') for _ in range(3)}
        other = store_document(db, '{"Statement":[]}')
    (digest,) = digests
    assert digest != other
    assert store.read().scalar(COUNT_DOCUMENTS, hash=digest) == 1


@pytest.mark.both_stores
def test_a_text_stored_by_two_at_once_is_stored_once(store: Store) -> None:
    """The loser of the race has a Conflict, runs again, and finds it there."""
    barrier = threading.Barrier(4)

    def save(number: int) -> str:
        barrier.wait()
        while True:
            try:
                with store.write() as db:
                    return store_document(db, f'{{"number": {number // 4}}}')
            except Conflict:
                continue

    with ThreadPoolExecutor(4) as pool:
        digests = list(pool.map(save, range(40)))
    assert len(set(digests)) == 10
    assert {store.read().scalar(COUNT_DOCUMENTS, hash=digest) for digest in digests} == {1}


@pytest.mark.both_stores
def test_a_transaction_runs_alone_between_threads(store: Store) -> None:
    """Read, then write what follows from it: no increment may be lost."""
    before = store.read().scalar(GENERATION)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: increment(store), range(ROUNDS)))
    assert store.read().scalar(GENERATION) == before + ROUNDS


@pytest.mark.both_stores
def test_a_transaction_runs_alone_between_processes(store: Store) -> None:
    before = store.read().scalar(GENERATION)
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        pool.map(increment_in_a_process, [store.url.render_as_string(hide_password=False)] * ROUNDS)
        pool.close()
        pool.join()
    assert store.read().scalar(GENERATION) == before + ROUNDS


def increment(store: Store) -> None:
    with store.write() as db:
        generation = db.scalar(LOCK_ACCOUNT)
        db.run(RAISE, generation=generation + 1)


def increment_in_a_process(url: str) -> None:
    store = Store(url)
    increment(store)
    store.close()
    store.engine.dispose()


@pytest.mark.both_stores
def test_two_that_wait_for_each_other_have_a_conflict_and_no_harm(store: Store, store_kind: str) -> None:
    """PostgreSQL ends a deadlock by undoing one of the two; SQLite has one writer and none."""
    with store.write() as db:
        db.insert(meta, key="a", value="")
        db.insert(meta, key="b", value="")
    meet = threading.Barrier(2)

    def both(first: str, second: str) -> bool:
        try:
            with store.write() as db:
                db.run(SET, of=first, value=first)
                if store_kind == "postgresql":
                    meet.wait()
                db.run(SET, of=second, value=first)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(both, "ab", "ba"))
    assert sorted(ends) == ([False, True] if store_kind == "postgresql" else [True, True])
    assert store.read().scalar(READ, key="a") == store.read().scalar(READ, key="b") != ""


@pytest.mark.both_stores
def test_reads_see_what_was_committed_by_others(store: Store) -> None:
    """No snapshot is held between statements, and nothing uncommitted is seen."""
    assert store.read().scalar(READ, key="a") is None

    def other(hold: threading.Event, inside: threading.Event) -> None:
        with store.write() as db:
            db.insert(meta, key="a", value="1")
            inside.set()
            hold.wait()

    hold, inside = threading.Event(), threading.Event()
    thread = threading.Thread(target=other, args=(hold, inside))
    thread.start()
    inside.wait()
    assert store.read().scalar(READ, key="a") is None
    hold.set()
    thread.join()
    assert store.read().scalar(READ, key="a") == "1"


@pytest.mark.both_stores
def test_texts_of_any_letters_come_back(store: Store) -> None:
    for number, text in enumerate(["", "ü\u4e2d\U0001f600", "'; DROP TABLE meta; --", "%s %(a)s :a ?", "\\", "\t\r\n", "x" * 100_000]):
        with store.write() as db:
            db.insert(meta, key=str(number), value=text)
        assert store.read().scalar(READ, key=str(number)) == text


def test_sqlite_is_set_to_survive(store: Store) -> None:
    connection = store.read().connection
    found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys")}
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_database_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot open the database sqlite:///.*: unable to open database file"):
        Store(f"sqlite:///{tmp_path / 'nowhere' / 'stead.db'}").read()


def test_a_password_is_never_shown() -> None:
    with pytest.raises(StoreError) as caught:
        Store("postgresql+psycopg://user:hidden@127.0.0.1:1/name?connect_timeout=2").read()
    assert "hidden" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)
