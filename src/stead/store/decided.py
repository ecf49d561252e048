"""What the gate decided about a call, kept beside its event: enough to decide it again, and proof that nobody changed it.

The bytes are JSON (packed when long) after a mark of the key ring over them and the event's id: whoever can write the database can neither
alter a decision nor move it to another event. Condition keys that all checks of a call share stand once; each check adds its own. Of tag lists
that no policy asked for nothing is known, so a check also says which keys it cannot answer for.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from stead.policy import Decision, Explanation, Layer, Principal, PrincipalKind, Request, StatementReference, authorize, explain
from stead.store.policy_sets import Altered, stored_layers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.policy import ContextValue, Layers
    from stead.store.engine import Reader
    from stead.store.keyring import KeyRing

    Keys = Mapping[str, ContextValue]

PURPOSE = "decisions"
_FORMAT = 1
_PLAIN, _PACKED = b"\0", b"\1"
_PACK_ABOVE = 2048  # shorter ones are many, and packing costs them more than it saves
MAX_BYTES = 64 * 1024  # of one call; a call on a hundred resources needs a tenth of it
NOTHING_KNOWN = ("",)  # the prefix of every key


class Verdict(NamedTuple):
    """The part of a decision that is kept: the rest follows from the documents."""

    effect: str
    layer: str | None
    policy: str | None
    statement: int | None

    @classmethod
    def of(cls, decision: Decision) -> Verdict:
        """``decision`` in plain values."""
        layer, statement = decision.layer, decision.statement
        return cls(decision.effect, layer.value if layer else None, decision.policy, statement.index if statement else None)

    @property
    def allowed(self) -> bool:
        """Whether the request could go on."""
        return self.effect == "allowed"

    def decision(self) -> Decision:
        """The decision, without what is not kept of it."""
        statement = None if self.statement is None else StatementReference(self.statement, None)
        return Decision(self.effect, Layer(self.layer) if self.layer else None, self.policy, statement)  # type: ignore[arg-type]  # as stored


class Asked(NamedTuple):
    """A question as the gate has just put it to the engine, and the answer. The request's context is one that can make a snapshot."""

    request: Request
    layers: Layers
    decision: Decision
    is_dependent: bool


class Check(NamedTuple):
    """One question to the engine. ``keys`` are this check's own; ``unread`` are prefixes of keys that it cannot answer for."""

    action: str
    resource: str
    account: str
    is_dependent: bool
    keys: Keys
    unread: tuple[str, ...]
    policies: str
    verdict: Verdict


class Decided(NamedTuple):
    """All questions of one call. ``entity_arn`` is the user or role whose policies bound it; ``omitted`` counts checks that were too long."""

    principal: Principal
    entity_arn: str
    keys: Keys
    checks: tuple[Check, ...]
    omitted: int = 0


def pack(ring: KeyRing, event_id: str, decided: Decided) -> bytes:
    """``decided`` as bytes that only this ring can make, and only for this event."""
    body = _body(decided)
    while len(body) > MAX_BYTES and decided.checks:
        decided = _shortened(decided)
        body = _body(decided)
    return ring.mark(event_id.encode() + body, PURPOSE) + body


def _body(decided: Decided) -> bytes:
    principal, entity_arn, keys, checks, omitted = decided
    plain = orjson.dumps(
        (_FORMAT, _principal(principal), entity_arn, keys, [(*check[:7], tuple(check.verdict)) for check in checks], omitted)
    )
    return _PLAIN + plain if len(plain) <= _PACK_ABOVE else _PACKED + zlib.compress(plain, 1)


def _principal(principal: Principal) -> tuple[str | None, ...]:
    return (
        principal.kind.value,
        principal.account,
        principal.arn,
        principal.user_id,
        principal.role_arn,
        principal.service,
        principal.parent_arn,
        principal.provider,
    )


def _shortened(decided: Decided) -> Decided:
    """Without the first half of the checks: a refusal is the last one."""
    kept = decided.checks[(len(decided.checks) + 1) // 2 :]
    return decided._replace(checks=kept, omitted=decided.omitted + len(decided.checks) - len(kept))


def unpack(ring: KeyRing, event_id: str, stored: bytes) -> Decided:
    """What :func:`pack` packed for this event; raises Altered."""
    mark, body = stored[: ring.MARK_BYTES], stored[ring.MARK_BYTES :]
    if not ring.is_marked(event_id.encode() + body, mark, PURPOSE):
        raise Altered("the stored decision was changed, or belongs to another event")
    _, principal, entity_arn, keys, checks, omitted = orjson.loads(zlib.decompress(body[1:]) if body[:1] == _PACKED else body[1:])
    kind, *names = principal
    return Decided(Principal(PrincipalKind(kind), *names), entity_arn, _keys(keys), tuple(map(_check, checks)), omitted)


def _check(stored: list[Any]) -> Check:
    action, resource, account, is_dependent, keys, unread, policies, verdict = stored
    return Check(action, resource, account, is_dependent, _keys(keys), tuple(unread), policies, Verdict(*verdict))


def _keys(stored: dict[str, Any]) -> Keys:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()}


class RecordedContext(Mapping[str, "ContextValue"]):
    """The condition keys of a check as they were; ``unknown`` collects the keys asked for that were not recorded."""

    def __init__(self, decided: Decided, check: Check) -> None:
        self._known = {**decided.keys, **check.keys}
        self._unread = check.unread
        self.unknown: set[str] = set()

    def __getitem__(self, key: str) -> ContextValue:
        if key not in self._known and key.startswith(self._unread):
            self.unknown.add(key)
        return self._known[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def request_of(decided: Decided, check: Check, context: Mapping[str, ContextValue]) -> Request:
    """The question of ``check`` once more."""
    return Request(check.action, check.resource, decided.principal, context, check.account)


def layers_of(db: Reader, decided: Decided, check: Check, known: dict[str, Layers] | None = None) -> Layers:
    """The policies that bound ``check``, which must still lead to its decision; raises Altered. ``known`` remembers sets for many calls."""
    known = {} if known is None else known
    layers = known.get(check.policies)
    if layers is None:
        layers = known[check.policies] = stored_layers(db, check.policies)
    again = authorize(request_of(decided, check, RecordedContext(decided, check)), layers)
    if Verdict.of(again) != check.verdict:
        raise Altered("the stored decision does not follow from the stored request and policies")
    return layers


def explanation(db: Reader, decided: Decided, check: Check) -> Explanation:
    """Everything that the policies of that moment said about ``check``; raises Altered."""
    return explain(request_of(decided, check, RecordedContext(decided, check)), layers_of(db, decided, check))
