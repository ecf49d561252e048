"""Which policies bound a call: a set of references to documents, stored once by its hash, like the documents themselves.

Most calls of a caller are bound by the same policies, so an event names the set and not its members. What is read back is checked against the
hashes all the way down: an event's mark covers the set's hash, the set its documents' hashes, and these their texts.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from stead.policy import Layers, Policy
from stead.store.documents import digest_of
from stead.store.entity_policies import compiled
from stead.store.tables import documents, policy_sets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stead.store.engine import Reader, Writer

REMEMBERED = 4096  # sets and texts that a process knows to be stored
_SET = select(policy_sets.c.content).where(policy_sets.c.hash == bindparam("hash"))
_TEXT = select(documents.c.text).where(documents.c.hash == bindparam("hash"))
# Two processes may store one set at the same time. Both databases understand this statement, whose class is PostgreSQL's.
_STORE_SET = insert(policy_sets).values(hash=bindparam("hash"), content=bindparam("content")).on_conflict_do_nothing()
_STORE_TEXT = insert(documents).values(hash=bindparam("hash"), text=bindparam("text")).on_conflict_do_nothing()


class Altered(Exception):  # noqa: N818  # a finding about what is stored, not an error of the program
    """Something that was kept is not what it was, or is gone; the message says what."""


class PolicySet(NamedTuple):
    """The content of ``layers`` in references."""

    hash: str
    content: str
    layers: Layers


@lru_cache(maxsize=REMEMBERED)
def policy_set(layers: Layers) -> PolicySet:
    """``layers`` as they are stored; the same ones come call after call."""
    content = orjson.dumps(
        [
            _references(layers.identity),
            _reference(layers.boundary),
            _references(layers.session),
            _reference(layers.resource),
            layers.resource_is_trust,
            [_references(level) for level in layers.scps],
            [_references(level) for level in layers.rcps],
        ]
    )
    return PolicySet(hashlib.sha256(content).hexdigest(), content.decode(), layers)


def _references(policies: tuple[Policy, ...] | None) -> list[Any] | None:
    return None if policies is None else [_reference(policy) for policy in policies]


def _reference(policy: Policy | None) -> list[str] | None:
    return None if policy is None else [policy.id, policy.type, digest_of(policy.document.text)]


class PolicySets:
    """Stores sets, and remembers which of them are stored."""

    def __init__(self) -> None:
        self._stored: set[str] = set()

    def store(self, db: Writer, sets: Iterable[PolicySet]) -> None:
        """Store those of ``sets`` that this process has not stored, with documents that nothing else keeps: session policies, for one."""
        new = {found.hash: found for found in sets if found.hash not in self._stored}
        for found in new.values():
            db.run(_STORE_SET, hash=found.hash, content=found.content)
            for policy in members(found.layers):
                db.run(_STORE_TEXT, hash=digest_of(policy.document.text), text=policy.document.text)
        if new:
            db.after_commit.append(lambda: self._remember(new))

    def _remember(self, hashes: Iterable[str]) -> None:
        if len(self._stored) > REMEMBERED:
            self._stored = set()
        self._stored.update(hashes)


def members(layers: Layers) -> Iterator[Policy]:
    """Every policy of ``layers``."""
    yield from layers.identity
    yield from layers.session or ()
    yield from (policy for policy in (layers.boundary, layers.resource) if policy is not None)
    for level in (*layers.scps, *layers.rcps):
        yield from level


def stored_layers(db: Reader, digest: str) -> Layers:
    """The layers of a stored set, with the documents as they were; raises Altered."""
    content = db.scalar(_SET, hash=digest)
    if content is None or hashlib.sha256(content.encode()).hexdigest() != digest:
        raise Altered(f"the policy set {digest} {'is missing' if content is None else 'was changed'}")
    identity, boundary, session, resource, is_trust, scps, rcps = orjson.loads(content)
    return Layers(
        identity=_policies(db, identity),
        boundary=_policy(db, boundary) if boundary else None,
        session=None if session is None else _policies(db, session),
        resource=_policy(db, resource) if resource else None,
        resource_is_trust=is_trust,
        scps=tuple(_policies(db, level) for level in scps),
        rcps=tuple(_policies(db, level) for level in rcps),
    )


def _policies(db: Reader, references: list[list[str]]) -> tuple[Policy, ...]:
    return tuple(_policy(db, reference) for reference in references)


def _policy(db: Reader, reference: list[str]) -> Policy:
    name, kind, digest = reference
    text = db.scalar(_TEXT, hash=digest)
    if text is None or digest_of(text) != digest:
        raise Altered(f"the document of policy {name} {'is missing' if text is None else 'was changed'}")
    return Policy(name, kind, compiled(text))
