"""Where events go: into the transaction of their call, or into a buffer for those that may lag.

A write's event is inserted in the write's own transaction. Events of reads and of refusals are kept in memory and written together at most
a second later, or before LookupEvents looks (in the same process): so a read costs no commit. A kill loses at most that second of them, never
a write's.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from sqlalchemy import bindparam, delete, select

from stead.aws.clock import now_ms
from stead.aws.models import GLOBAL_REGION, SERVICES
from stead.gateway import event
from stead.gateway.event import Outcome
from stead.store.policy_sets import PolicySets
from stead.store.tables import EVENTS_KEPT, events

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stead.gateway.event import Resources
    from stead.store.engine import Store, Writer
    from stead.store.policy_sets import PolicySet

log = logging.getLogger("stead")

__all__ = ["Outcome", "Recorder", "service_event"]

# Events in one transaction. So many waiting are written by the request that added the last one: a thread beside it, busy with the events of a
# burst, would take the interpreter's lock from it at every statement, and cost it far more than the writing does.
BATCH = 128
MAX_WAITING = 100_000  # with a store that cannot be written for long, the oldest reads are forgotten before memory is full
# Events are numbered in the order in which they were written, so the oldest are found without an index on time alone.
_OLDEST = select(events.c.number).order_by(events.c.number).limit(BATCH)
_FORGET = delete(events).where(events.c.number.in_(_OLDEST), events.c.time < bindparam("before"))


class Flusher(Protocol):
    """Something else that is kept in memory for up to a second and written with the events."""

    def flush(self, store: Store) -> None:
        """Write what waits; called each second, at exit, and before LookupEvents looks. It may raise: then it is asked again."""
        ...

    def clear(self) -> None:
        """Forget what waits: the account was reset."""
        ...


class Recorder:
    """Writes events, at once or within a second. Any thread may add while another one writes."""

    def __init__(self) -> None:
        self.also: list[Flusher] = []
        self._waiting: deque[Outcome] = deque(maxlen=MAX_WAITING)
        self._flushing = threading.Lock()
        self._policy_sets = PolicySets()

    def now(self, db: Writer, outcome: Outcome) -> None:
        """In the transaction of the call itself."""
        self._policy_sets.store(db, _bound_by((outcome,)))
        db.insert(events, **_row(outcome))

    def later(self, outcome: Outcome) -> None:
        """With the next flush."""
        self._waiting.append(outcome)

    def flush(self, store: Store) -> None:
        """Write what waits, a batch at a time, so that other writers have their turn in between."""
        while self._write_batch(store):
            pass
        for other in self.also:
            other.flush(store)

    def relieve(self, store: Store) -> None:
        """Called by whoever adds: write a batch at once when there is one. That it cannot be written is no fault of this call's."""
        if len(self._waiting) < BATCH:
            return
        try:
            self._write_batch(store)
        except Exception:
            log.exception("events cannot be written now, and wait")

    def clear(self) -> None:
        """Forget what waits: the account was reset."""
        self._waiting.clear()
        for other in self.also:
            other.clear()

    def forget(self, store: Store, now: int) -> None:
        """Remove what LookupEvents shows no more, a batch at a time as above."""
        removed = 1
        while removed:
            with store.write() as db:
                removed = db.run(_FORGET, before=now - EVENTS_KEPT)

    def _write_batch(self, store: Store) -> bool:
        """One transaction; what cannot be written now waits on. Whether there was anything."""
        with self._flushing:
            taken = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            if not taken:
                return False
            try:
                rows = [_row(outcome) for outcome in taken]  # before the transaction: writers queue for it
                with store.write() as db:
                    self._policy_sets.store(db, _bound_by(taken))
                    db.insert_many(events, rows)
            except BaseException:
                self._waiting.extendleft(reversed(taken))
                raise
            return True


def _bound_by(outcomes: Iterable[Outcome]) -> Iterator[PolicySet]:
    for outcome in outcomes:
        if outcome.decided is not None:
            yield from outcome.decided.policy_sets()


def service_event(db: Writer, account_id: str, name: str, details: dict[str, Any], event_id: str) -> None:
    """The event of what the operator did to AWS's own things (design D12): a service event, by nobody's key."""
    moment = now_ms()
    found = event.resources_of(str(details.get("policyArn", "")))
    row = {
        "id": event_id,
        "account_id": account_id,
        "region": GLOBAL_REGION,
        "time": moment,
        "name": name,
        "source": SERVICES["iam"].event_source,
        "username": "",
        "access_key_id": "",
        "read_only": 0,
        "resource": _name(found),
        "resources": orjson.dumps(found).decode(),
        "record": orjson.dumps(event.service_record(account_id, name, details, event_id, moment)).decode(),
    }
    db.insert(events, **row)


def _row(outcome: Outcome) -> dict[str, Any]:
    call, found = outcome.call, event.resources(outcome.target)
    return {
        "id": outcome.event_id,
        "account_id": call.caller.account_id,
        "region": event.region(call),
        "time": call.now,
        "name": call.operation,
        "source": SERVICES[call.service].event_source,
        "username": event.username(call.caller),
        "access_key_id": call.caller.access_key_id,
        "read_only": int(outcome.operation.read_only),
        "resource": _name(found),
        "resources": orjson.dumps(found).decode(),
        "record": orjson.dumps(event.record(outcome)).decode(),
        "decided": None if outcome.decided is None else outcome.decided.packed(),
    }


def _name(found: Resources) -> str | None:
    """The resource's own name, which both of its names end with."""
    return found[0][1] if found else None
