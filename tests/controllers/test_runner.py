"""The runner on its own, with a kind of work made for the test: rows of deletion_tasks, but nothing about roles."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import bindparam, select, update
from support import history

from stead.controllers.runner import LAST_RETRY_MS, LEASE_MS, Again, Done, Runner
from stead.store.tables import deletion_tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from stead.store.engine import Reader, Row, Writer

ACCOUNT = "123456789012"
PATIENCE_SECONDS = 20
_ROW = select(deletion_tasks).where(deletion_tasks.c.id == bindparam("row_id"))
_MARK = update(deletion_tasks).where(deletion_tasks.c.id == bindparam("row_id")).values(status=bindparam("mark"))


class Work:
    """Marks each row as ``done`` unless a test says otherwise."""

    table = deletion_tasks

    def __init__(self, outcome: Done | Again | None = None, ask: Callable[[Row], None] | None = None) -> None:
        self.outcome = outcome or Done()
        self.steps: list[str] = []
        self._ask = ask

    def asks(self, _row: Row) -> bool:
        """Whether the test said what is to happen before the transaction."""
        return self._ask is not None

    def ask(self, _db: Reader, row: Row) -> None:
        """That."""
        assert self._ask is not None
        self._ask(row)

    def reconcile(self, db: Writer, row: Row, _learned: object, _now: int) -> Done | Again:
        """Mark it."""
        self.steps.append(row.id)
        db.run(_MARK, row_id=row.id, mark="done")
        return self.outcome

    def sweep(self, db: Writer, now: int) -> None:
        """Nothing is old."""


class Clock:
    """Stands still until a test steps it."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self, _db: Reader) -> int:
        return self.now


def runner(stead: Any, work: Work, clock: Clock) -> Runner:
    return Runner(stead.app.store, [work], stead.app.recorder, clock)


def add(stead: Any, row_id: str, due: int | None) -> None:
    with stead.app.store.write() as db:
        same = {"account_id": ACCOUNT, "role_id": "r", "role_name": "r", "principal": "p", "status": "new", "created": 0, "lease": 0}
        db.insert(deletion_tasks, id=row_id, due=due, **same)
        db.wake_runner()


def row(stead: Any, row_id: str) -> Any:
    return stead.app.store.read().first(_ROW, row_id=row_id)


@pytest.mark.both_stores
def test_due_rows_are_stepped_in_the_order_of_their_time(stead: Any) -> None:
    clock, work = Clock(), Work()
    for row_id, due in (("late", clock.now), ("early", clock.now - 5), ("never", None), ("later", clock.now + 1)):
        add(stead, row_id, due)
    runner(stead, work, clock).settle()
    assert work.steps == ["early", "late"]
    assert (row(stead, "early").status, row(stead, "early").due) == ("done", None)
    clock.now += 1
    runner(stead, work, clock).settle()
    assert work.steps == ["early", "late", "later"]


@pytest.mark.both_stores
def test_again_is_when_it_says(stead: Any) -> None:
    clock, work = Clock(), Work(Again(after_ms=500))
    add(stead, "a", 0)
    runner(stead, work, clock).settle()
    assert (work.steps, row(stead, "a").due) == (["a"], clock.now + 500)
    clock.now += 499
    runner(stead, work, clock).settle()
    assert work.steps == ["a"]
    clock.now += 1
    runner(stead, work, clock).settle()
    assert work.steps == ["a", "a"]


@pytest.mark.both_stores
def test_a_stale_holder_rolls_back(stead: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It asked for longer than its lease; another runner has finished the row meanwhile, and nothing of the first one's step stays."""
    clock, quick = Clock(), Work(Again(after_ms=7))
    add(stead, "a", 0)

    def overtaken(_row: Row) -> None:
        clock.now += LEASE_MS
        assert runner(stead, quick, clock).step()
        with stead.app.store.write() as db:
            db.run(_MARK, row_id="a", mark="by the second holder")

    slow = Work(ask=overtaken)
    assert runner(stead, slow, clock).step()
    assert (quick.steps, slow.steps) == (["a"], ["a"])
    found = row(stead, "a")
    assert (found.status, found.due, found.lease) == ("by the second holder", clock.now + 7, 2)
    assert "another process has it" in caplog.text


@pytest.mark.both_stores
def test_a_leased_row_is_nobody_elses(stead: Any) -> None:
    clock, second = Clock(), Work()
    add(stead, "a", 0)
    first = Work(ask=lambda _: runner(stead, second, clock).settle())
    runner(stead, first, clock).settle()
    assert (first.steps, second.steps) == (["a"], [])


def die(*_what: object) -> None:
    raise SystemExit  # no handler of the runner's sees it, as none sees a kill


@pytest.mark.both_stores
def test_a_leased_row_whose_holder_died_is_taken_over(stead: Any) -> None:
    clock, work = Clock(), Work()
    add(stead, "a", 0)
    with pytest.raises(SystemExit):
        runner(stead, Work(ask=die), clock).step()
    assert not runner(stead, work, clock).step()
    clock.now += LEASE_MS
    runner(stead, work, clock).settle()
    assert work.steps == ["a"]


@pytest.mark.both_stores
def test_a_row_that_was_only_held_is_free_at_once(stead: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, dying, work = Clock(), Work(), Work()
    add(stead, "a", 0)
    monkeypatch.setattr(dying, "reconcile", die)
    with pytest.raises(SystemExit):
        runner(stead, dying, clock).step()
    assert row(stead, "a").lease == 0
    runner(stead, work, clock).settle()
    assert work.steps == ["a"]


@pytest.mark.both_stores
@pytest.mark.parametrize("asks", [False, True])
def test_many_runners_step_each_row_once(stead: Any, asks: bool) -> None:
    clock, works, rows = Clock(), [Work(ask=(lambda _: None) if asks else None) for _ in range(4)], [f"r{n}" for n in range(60)]
    for row_id in rows:
        add(stead, row_id, 0)
    runners = [runner(stead, work, clock) for work in works]
    for one in runners:
        one.start()
    for row_id in rows:
        wait_for(stead, row_id)
    for one in runners:
        one.stop()
    assert sorted(step for work in works for step in work.steps) == sorted(rows)


@pytest.mark.both_stores
@pytest.mark.parametrize("asks", [False, True])
def test_a_row_that_fails_is_tried_later_and_later_and_holds_up_no_other(stead: Any, asks: bool, caplog: pytest.LogCaptureFixture) -> None:
    clock, delays = Clock(), []

    def fail(taken: Row) -> None:
        if taken.id == "bad":
            raise RuntimeError("trouble")

    class Failing(Work):
        def reconcile(self, db: Writer, taken: Row, learned: object, now: int) -> Done | Again:
            outcome = super().reconcile(db, taken, learned, now)
            fail(taken)
            return outcome

    add(stead, "bad", 0)
    add(stead, "good", 1)
    failing = runner(stead, Work(ask=fail) if asks else Failing(), clock)
    failing.settle()
    assert row(stead, "good").status == "done"
    for _ in range(20):
        delays.append(row(stead, "bad").due - clock.now)
        clock.now = row(stead, "bad").due
        failing.settle()
    assert delays[:4] == [20, 40, 80, 160]
    assert max(delays) == delays[-1] == LAST_RETRY_MS
    assert row(stead, "bad").status == "new"
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 21


def wait_for(stead: Any, row_id: str) -> None:
    """Until the row is done, with a bound."""
    met = threading.Event()
    for _ in range(PATIENCE_SECONDS * 100):
        if row(stead, row_id).status == "done":
            return
        met.wait(0.01)
    pytest.fail(f"{row_id} was not stepped within {PATIENCE_SECONDS} s")


@pytest.mark.both_stores
def test_the_thread_works_until_it_is_stopped(stead: Any) -> None:
    """Woken by a commit, and by itself for rows that come due with time; at its end the waiting events are written."""
    clock, work = Clock(), Work()
    working = runner(stead, work, clock)
    stead.app.store.on_due = working.wake
    working.start()
    add(stead, "now", 0)
    wait_for(stead, "now")
    add(stead, "soon", clock.now + 1)
    clock.now += 1
    wait_for(stead, "soon")
    working.stop()
    add(stead, "after", 0)
    assert row(stead, "after").status == "new"
    assert work.steps == ["now", "soon"]


def test_events_that_wait_are_written_when_it_stops(stead: Any) -> None:
    stead.client("iam").list_users()
    assert history.names(stead.app.store.read()) == []
    stead.app.runner.start()
    stead.app.runner.stop()
    assert history.names(stead.app.store.read()) == ["ListUsers"]


def test_events_that_wait_are_written_within_seconds(stead: Any) -> None:
    stead.client("iam").list_users()
    stead.app.runner.start()
    met, store = threading.Event(), stead.app.store
    for _ in range(PATIENCE_SECONDS * 100):
        if history.names(store.read()):
            break
        met.wait(0.01)
    else:
        pytest.fail("the events were not written")
    stead.app.runner.stop()


def test_the_thread_outlives_trouble_with_the_database(stead: Any, caplog: pytest.LogCaptureFixture) -> None:
    clock, work, failed = Clock(), Work(), threading.Event()
    working = runner(stead, work, clock)

    def broken(_db: Reader) -> int:
        working._clock = clock
        failed.set()
        raise OSError("disk")

    working._clock = broken
    working.start()
    assert failed.wait(PATIENCE_SECONDS)
    add(stead, "a", 0)
    wait_for(stead, "a")
    working.stop()
    assert "background work failed" in caplog.text


@pytest.mark.both_stores
def test_the_thread_outlives_the_loss_of_its_connection(stead: Any) -> None:
    """As when PostgreSQL is restarted; SQLite has nothing to lose."""
    clock, work = Clock(), Work()
    working = runner(stead, work, clock)
    working.start()
    add(stead, "a", 0)
    wait_for(stead, "a")
    if not stead.app.store.is_sqlite:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        assert stead.app.store.read().connection.exec_driver_sql(others).scalars().all() == [True]
    add(stead, "b", 0)
    wait_for(stead, "b")
    working.stop()
