"""``stead policy replay``: the recorded calls of a user or role, judged again as if it had other identity policies.

It reads the store itself, as ``stead service-policy set`` does, and changes nothing. Every call is proven before it counts: the mark of its
decision, the hashes of its policies, and that these still lead to that decision. Only then are the identity policies exchanged; boundary,
session, trust and organization stay as they were. What a new policy asks that was not recorded is said, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from stead.policy import authorize
from stead.store.decided import RecordedContext, layers_of, request_of, unpack
from stead.store.events import LATEST, all_between
from stead.store.policy_sets import Altered

if TYPE_CHECKING:
    from stead.policy import Decision, Layers, Policy
    from stead.store.decided import Check, Decided
    from stead.store.engine import Reader
    from stead.store.events import Found
    from stead.store.keyring import KeyRing

ALLOWED, REFUSED, UNKNOWN = "allowed", "refused", "not known"


class Outcome(NamedTuple):
    """What became of an action on a resource then, and what would now."""

    action: str
    resource: str
    then: str
    now: str
    reason: str


class Altering(NamedTuple):
    """A call whose record cannot be trusted."""

    event_id: str
    finding: str


@dataclass(slots=True)
class Uses:
    """How often an outcome was met, and when last (milliseconds)."""

    count: int = 0
    last: int = 0


@dataclass(slots=True)
class Replay:
    """The calls of one principal, judged again."""

    outcomes: dict[Outcome, Uses] = field(default_factory=dict)
    altered: list[Altering] = field(default_factory=list)
    omitted: int = 0  # checks of very long calls, which were not kept

    def note(self, outcome: Outcome, time: int) -> None:
        """Count one check."""
        uses = self.outcomes.setdefault(outcome, Uses())
        uses.count += 1
        uses.last = max(uses.last, time)

    @property
    def would_refuse(self) -> bool:
        """Whether something that was allowed would be refused."""
        return any(outcome.then == ALLOWED and outcome.now == REFUSED for outcome in self.outcomes)


class Replayer:
    """Judges the calls of ``principal_arn`` with ``policies`` in place of its identity policies."""

    def __init__(self, db: Reader, ring: KeyRing, principal_arn: str, policies: tuple[Policy, ...]) -> None:
        self._db = db
        self._ring = ring
        self._principal_arn = principal_arn
        self._policies = policies
        self._sets: dict[str, Layers] = {}

    def run(self, account_id: str, since: int) -> Replay:
        """Every recorded call from ``since`` on."""
        replay = Replay()
        for found in all_between(self._db, account_id, since, LATEST):
            try:
                self._call(found, replay)
            except Altered as error:
                replay.altered.append(Altering(found.id, str(error)))
        return replay

    def _call(self, found: Found, replay: Replay) -> None:
        if found.decided is None:  # nobody had to decide
            return
        decided = unpack(self._ring, found.id, found.decided)
        if decided.entity_arn != self._principal_arn:
            return
        replay.omitted += decided.omitted
        for check in decided.checks:
            replay.note(self._check(decided, check), found.time)

    def _check(self, decided: Decided, check: Check) -> Outcome:
        layers = layers_of(self._db, decided, check, self._sets)
        context = RecordedContext(decided, check)
        decision = authorize(request_of(decided, check, context), replace(layers, identity=self._policies))
        then = ALLOWED if check.verdict.allowed else REFUSED
        if context.unknown:
            return Outcome(check.action, check.resource, then, UNKNOWN, f"not recorded: {', '.join(sorted(context.unknown))}")
        now = ALLOWED if decision.allowed else REFUSED
        return Outcome(check.action, check.resource, then, now, _reason(decision, check.action))


def _reason(decision: Decision, action: str) -> str:
    """Why it would be refused."""
    place = ""
    if decision.statement is not None and not decision.allowed:
        place = f": {decision.policy} {decision.statement.sid or f'Statement[{decision.statement.index}]'}"
    return decision.clause(action).strip() + place
