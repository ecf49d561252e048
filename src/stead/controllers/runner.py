"""Background work: due rows are leased, stepped once, and told when they are due again (design D4).

Theory of operation. A row of work says itself what is wished; its ``due`` column says when to look (none: never again). Taking a row raises
its ``lease`` number and moves ``due`` past the lease, so a runner that dies loses the row to whoever looks then. Every write of a step is in
one transaction, and that transaction ends by comparing the lease number: a holder that was too slow rolls back whole. So a step may be
begun many times and happens once.

A step has two halves. ``ask`` runs first and outside any transaction: there neighbours are asked, for as long as it takes. ``reconcile``
runs in the transaction, with what was learned, and waits for nobody.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import bindparam, select, update

from stead.aws.clock import HOUR, MINUTE, SECOND
from stead.store.engine import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Table

    from stead.gateway.record import Recorder
    from stead.store.engine import Reader, Row, Store, Writer

log = logging.getLogger("stead")

LEASE_MS = MINUTE  # how long a step may take, neighbours included, before another process takes its row over
FIRST_RETRY_MS = 10
LOOK_EVERY_SECONDS = 0.2  # for rows that another process, or the passing of time, made due
FLUSH_EVERY_SECONDS = 1.0
SWEEP_EVERY_SECONDS = HOUR / SECOND
STOP_SECONDS = 2.0  # what a step that waits for a neighbour is given at the end; it is resumed elsewhere


@dataclass(frozen=True, slots=True)
class Done:
    """The row needs no further look."""


@dataclass(frozen=True, slots=True)
class Again:
    """Look at the row once more, ``after_ms`` from now."""

    after_ms: int = 0


class LeaseLost(Exception):  # noqa: N818  # no error: another process did the work
    """Another process took the row over; nothing of this step may stay."""


class Controller(Protocol):
    """One kind of work: the rows of ``table``, which has the columns ``id``, ``due`` and ``lease``."""

    table: Table

    def ask(self, db: Reader, row: Row) -> Any:
        """Before the transaction: whatever must be learned from, or done at, a neighbour."""
        ...

    def reconcile(self, db: Writer, row: Row, learned: Any, now: int) -> Done | Again:
        """In the transaction: compare the row with the wish and take one step."""
        ...

    def sweep(self, db: Writer, now: int) -> None:
        """Now and then: remove what nobody need keep."""
        ...


class _Queue:
    """The rows of one controller, and the four statements that every kind of work shares."""

    def __init__(self, controller: Controller) -> None:
        table = controller.table
        due = table.c.due <= bindparam("now")
        this = table.c.id == bindparam("row_id")
        self.controller = controller
        self.failures: dict[str, int] = {}
        self.is_due = select(table.c.id).where(due).limit(1)
        self.next = select(table).where(due).order_by(table.c.due).limit(1).with_for_update(skip_locked=True)
        self.lease = update(table).where(this).values(lease=bindparam("number"), due=bindparam("until"))
        self.release = update(table).where(this, table.c.lease == bindparam("number")).values(due=bindparam("next_due"))


class Runner:
    """One process's background work. ``clock`` is Stead's time, which a test may step; it may read the store."""

    def __init__(self, store: Store, controllers: Sequence[Controller], recorder: Recorder, clock: Callable[[Reader], int]) -> None:
        self._store = store
        self._queues = [_Queue(controller) for controller in controllers]
        self._recorder = recorder
        self._clock = clock
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._chores = (_Chore(FLUSH_EVERY_SECONDS, self._flush), _Chore(SWEEP_EVERY_SECONDS, self._sweep))

    def start(self) -> None:
        """Work in a thread of its own until :meth:`stop`."""
        self._thread = threading.Thread(target=self._loop, name="stead-runner", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the current step, and write the events that wait."""
        self._stopping.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)
        self._flush()

    def wake(self) -> None:
        """A row was made due: look now. Safe from any thread."""
        self._woken.set()

    def settle(self) -> None:
        """Step in the calling thread until nothing is due, then sweep."""
        while self.step():
            pass
        self._sweep()

    def step(self) -> bool:
        """Step one due row of each kind; whether there was any."""
        stepped = [self._step_one(queue) for queue in self._queues]
        return any(stepped)

    def _step_one(self, queue: _Queue) -> bool:
        row = self._take(queue)
        if row is None:
            return False
        try:
            self._work(queue, row)
            queue.failures.pop(row.id, None)
        except LeaseLost:
            log.warning("%s took longer than its lease; another process has it", row.id)
        except Exception as error:  # noqa: BLE001  # one row's trouble must not end all background work
            self._put_off(queue, row, error)
        return True

    def _take(self, queue: _Queue) -> Row | None:
        db = self._store.read()
        if db.first(queue.is_due, now=self._clock(db)) is None:  # so that idling takes no write lock
            return None
        with self._store.write() as writer:
            now = self._clock(writer)
            row = writer.first(queue.next, now=now)
            if row is None:
                return None
            writer.run(queue.lease, row_id=row.id, number=row.lease + 1, until=now + LEASE_MS)
            return row._replace(lease=row.lease + 1)

    def _work(self, queue: _Queue, row: Row) -> None:
        learned = queue.controller.ask(self._store.read(), row)
        with self._store.write() as db:
            now = self._clock(db)
            outcome = queue.controller.reconcile(db, row, learned, now)
            self._release(db, queue, row, None if isinstance(outcome, Done) else now + outcome.after_ms)

    def _release(self, db: Writer, queue: _Queue, row: Row, next_due: int | None) -> None:
        if not db.run(queue.release, row_id=row.id, number=row.lease, next_due=next_due):
            raise LeaseLost

    def _put_off(self, queue: _Queue, row: Row, error: Exception) -> None:
        """Try again later, ever later; until then the row is as it was."""
        tries = queue.failures[row.id] = queue.failures.get(row.id, 0) + 1
        if not isinstance(error, Conflict):  # another transaction came first: nothing is wrong
            log.error("work on %s failed, attempt %d", row.id, tries, exc_info=error)
        delay = min(FIRST_RETRY_MS << min(tries, 16), LEASE_MS)
        with contextlib.suppress(Exception), self._store.write() as db:  # if this fails too, the lease runs out by itself
            self._release(db, queue, row, self._clock(db) + delay)

    def _loop(self) -> None:
        trouble = 0
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                self._round()
                trouble = 0
            except Exception:  # the database, most likely: it may come back
                trouble += 1
                log.exception("background work failed; looking again")
            self._woken.wait(min(LOOK_EVERY_SECONDS * 2**trouble, 10))
        self._store.close()

    def _round(self) -> None:
        more = True
        while more and not self._stopping.is_set():
            more = self.step()
            for chore in self._chores:
                chore.do_if_due()

    def _flush(self) -> None:
        self._recorder.flush(self._store)

    def _sweep(self) -> None:
        with self._store.write() as db:
            now = self._clock(db)
            for queue in self._queues:
                queue.controller.sweep(db, now)


class _Chore:
    """Something done every so often, by the machine's own clock."""

    def __init__(self, every: float, do: Callable[[], None]) -> None:
        self._every = every
        self._do = do
        self._due = time.monotonic() + every

    def do_if_due(self) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + self._every
            self._do()
