"""Where events go: into the transaction of their call, or into a buffer for those that may lag.

A write's event is inserted in the write's own transaction. Events of reads and of refusals are kept in memory and written together at most
a second later, or before LookupEvents looks (in the same process): so a read costs no commit. A kill loses at most that second of them, never
a write's. How they are stored is store/events/.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from stead.aws.clock import now_ms
from stead.aws.models import GLOBAL_REGION
from stead.gateway import event
from stead.gateway.event import Outcome
from stead.store import events
from stead.store.events import BLOCK_EVENTS, Event
from stead.store.policy_sets import PolicySets
from stead.store.tables import EVENTS_KEPT

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from stead.store.engine import Store, Writer
    from stead.store.events import Shape
    from stead.store.policy_sets import PolicySet

log = logging.getLogger("stead")

__all__ = ["Outcome", "Recorder", "service_event"]

MAX_WAITING = 100_000  # with a store that cannot be written for long, the oldest reads are forgotten before memory is full
SHAPES_KEPT = 1024  # of calls without an answer in their event; a kilobyte each


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
        self._shapes: dict[Hashable, Shape] = {}
        self._in_tail = 0  # what this process put there since it packed it

    def now(self, db: Writer, outcome: Outcome) -> None:
        """In the transaction of the call itself."""
        self._policy_sets.store(db, _bound_by((outcome,)))
        events.insert_tail(db, [self._event(outcome)])
        self._in_tail += 1

    def later(self, outcome: Outcome) -> None:
        """With the next flush."""
        self._waiting.append(outcome)

    def flush(self, store: Store) -> None:
        """Write what waits, a batch at a time, so that other writers have their turn in between."""
        while self._write_batch(store):
            pass
        self._pack(store)
        for other in self.also:
            other.flush(store)

    def relieve(self, store: Store) -> None:
        """Called by whoever added: write a block at once when there is one. That it cannot be written is no fault of this call's.

        A thread beside it, busy with the events of a burst, would take the interpreter's lock from it at every statement, and cost it far
        more than the writing does.
        """
        try:
            if len(self._waiting) >= BLOCK_EVENTS:
                self._write_batch(store)
            if self._in_tail >= BLOCK_EVENTS:
                self._pack(store)
        except Exception:
            log.exception("events cannot be written now, and wait")

    def clear(self) -> None:
        """Forget what waits: the account was reset."""
        self._waiting.clear()
        for other in self.also:
            other.clear()

    def forget(self, store: Store, now: int) -> None:
        """Remove what LookupEvents shows no more."""
        events.forget(store, now - EVENTS_KEPT)

    def _pack(self, store: Store) -> None:
        self._in_tail = 0
        events.pack_if_due(store)

    def _write_batch(self, store: Store) -> bool:
        """One transaction; what cannot be written now waits on. Whether there was anything. A whole batch need not pass through the tail."""
        with self._flushing:
            taken = [self._waiting.popleft() for _ in range(min(BLOCK_EVENTS, len(self._waiting)))]
            if not taken:
                return False
            try:
                made = [self._event(outcome) for outcome in taken]  # before the transaction: writers queue for it
                insert = events.insert_blocks if len(made) == BLOCK_EVENTS else events.insert_tail
                with store.write() as db:
                    self._policy_sets.store(db, _bound_by(taken))
                    insert(db, made)
            except BaseException:
                self._waiting.extendleft(reversed(taken))
                raise
            return True

    def _event(self, outcome: Outcome) -> Event:
        call, decided = outcome.call, outcome.decided
        packed = None if decided is None else decided.packed()
        return Event(call.caller.account_id, event.region(call), call.now, outcome.event_id, call.request_id, self._shape(outcome), packed)

    def _shape(self, outcome: Outcome) -> Shape:
        """Reads repeat themselves; what was refused or answered does not."""
        call, target = outcome.call, outcome.target
        if outcome.error is not None or outcome.result is not None:
            return event.shape(outcome)
        asked = (call.service, call.operation, call.region, target.arn if target else None, tuple(call.parameters.items()))
        key = (call.caller, call.source_ip, call.user_agent, asked)
        try:
            found = self._shapes.get(key)
        except TypeError:  # a parameter that is a list or a structure
            return event.shape(outcome)
        if found is None:
            if len(self._shapes) >= SHAPES_KEPT:
                self._shapes = {}
            found = self._shapes[key] = event.shape(outcome)
        return found


def _bound_by(outcomes: Iterable[Outcome]) -> Iterator[PolicySet]:
    for outcome in outcomes:
        if outcome.decided is not None:
            yield from outcome.decided.policy_sets()


def service_event(db: Writer, account_id: str, name: str, details: dict[str, Any], event_id: str) -> None:
    """The event of what the operator did to AWS's own things (design D12): a service event, by nobody's key."""
    moment = now_ms()
    shape = event.service_shape(account_id, name, details, event_id, moment)
    events.insert_tail(db, [Event(account_id, GLOBAL_REGION, moment, event_id, None, shape)])
