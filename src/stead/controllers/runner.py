"""Background work: due rows are taken, stepped once, and told when they are due again (design D4).

Theory of operation. A row of work says itself what is wished; its ``due`` column says when to look (none: never again). A step that needs
only the store is one transaction, which takes the row, holds it, and writes what follows: a kill leaves the row as it was, due at once.

A step that must ask a neighbour cannot hold a transaction meanwhile. It leases the row first: its ``lease`` number is raised and ``due``
moved past the lease, so whoever looks then takes the row over from a runner that died. Then it asks; then one transaction makes every write
of the step and ends by comparing the number, so a holder that was too slow rolls back whole. A step may be begun many times and happens once.
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

LEASE_MS = 15 * SECOND  # how long neighbours may be asked before another process takes the row over
FIRST_RETRY_MS, LAST_RETRY_MS = 10, MINUTE
LOOK_EVERY_SECONDS = 0.2  # for rows that another process, or the passing of time, made due
MOST_TROUBLE = 5  # doublings of that while the database cannot be used
FLUSH_EVERY_SECONDS = 0.75  # with the look that finds it due, events lag a second at most
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

    def asks(self, row: Row) -> bool:
        """Whether this step needs a neighbour, and so a lease."""
        ...

    def ask(self, db: Reader, row: Row) -> Any:
        """If so, between two transactions: whatever must be learned from, or done at, a neighbour."""
        ...

    def reconcile(self, db: Writer, row: Row, learned: Any, now: int) -> Done | Again:
        """In the transaction: compare the row with the wish and take one step. ``learned`` is None when nothing was asked."""
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
        # Raised here too: a step that took the row without leasing it must show to a holder whose lease had run out.
        held = (this, table.c.lease == bindparam("number"))
        self.release = update(table).where(*held).values(due=bindparam("next_due"), lease=table.c.lease + 1)


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
        reader = self._store.read()
        if reader.first(queue.is_due, now=self._clock(reader)) is None:  # so that idling takes no write lock
            return False
        row = None
        try:
            with self._store.write() as db:
                row = db.first(queue.next, now=self._clock(db))
                if row is None:  # another process was quicker
                    return False
                asks = queue.controller.asks(row)
                self._lease(db, queue, row) if asks else self._reconcile(db, queue, row, None)
            if asks:
                row = row._replace(lease=row.lease + 1)
                learned = queue.controller.ask(reader, row)
                with self._store.write() as db:
                    self._reconcile(db, queue, row, learned)
        except Exception as error:
            if row is None:
                raise
            self._put_off(queue, row, error)  # one row's trouble must not end all background work
        else:
            queue.failures.pop(row.id, None)
        return True

    def _lease(self, db: Writer, queue: _Queue, row: Row) -> None:
        db.run(queue.lease, row_id=row.id, number=row.lease + 1, until=self._clock(db) + LEASE_MS)

    def _reconcile(self, db: Writer, queue: _Queue, row: Row, learned: Any) -> None:
        now = self._clock(db)
        outcome = queue.controller.reconcile(db, row, learned, now)
        self._release(db, queue, row, None if isinstance(outcome, Done) else now + outcome.after_ms)

    def _release(self, db: Writer, queue: _Queue, row: Row, next_due: int | None) -> None:
        if not db.run(queue.release, row_id=row.id, number=row.lease, next_due=next_due):
            raise LeaseLost

    def _put_off(self, queue: _Queue, row: Row, error: Exception) -> None:
        """Try again later, ever later; until then the row is as it was."""
        tries = queue.failures[row.id] = queue.failures.get(row.id, 0) + 1
        if isinstance(error, LeaseLost):
            log.warning("%s took longer than its lease; another process has it", row.id)
            return
        if not isinstance(error, Conflict):  # another transaction came first: nothing is wrong
            log.error("work on %s failed, attempt %d", row.id, tries, exc_info=error)
        delay = min(FIRST_RETRY_MS << min(tries, 16), LAST_RETRY_MS)
        with contextlib.suppress(LeaseLost), self._store.write() as db:
            self._release(db, queue, row, self._clock(db) + delay)

    def _loop(self) -> None:
        trouble = 0
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                self._round()
                trouble = 0
            except Exception:  # the database, most likely: it may come back, on another connection
                trouble = min(trouble + 1, MOST_TROUBLE)
                log.exception("background work failed; looking again")
                self._disconnect()
            self._woken.wait(LOOK_EVERY_SECONDS * 2**trouble)
        self._disconnect()

    def _disconnect(self) -> None:
        with contextlib.suppress(Exception):
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
        self._recorder.forget(self._store, now)


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
