"""Who holds which credentials, and which policies bind them: read once per generation of the account (design D7).

Every change of credentials, policies, attachments or the existence of a role raises the account's generation in its own transaction. Each
request reads the generation; while it stands, everything remembered here is still true, and when it moved everything is read again. So a
revoked key is refused on the very next request, in every process, and an unchanged account costs one small read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, select

from stead.aws.call import Caller, CallerKind
from stead.policy import CompiledDocument, Layers, Policy, compile_document
from stead.store.accounts import HELD_ALONE, HELD_SHARED, STANDING
from stead.store.tables import access_keys, attachments, documents, inline_policies, policies, policy_versions, roles, users

if TYPE_CHECKING:
    from stead.aws.call import Session
    from stead.store.engine import Reader, Row

_KEY = select(access_keys.c.id, access_keys.c.user_id, access_keys.c.secret, access_keys.c.status).where(
    access_keys.c.id == bindparam("id")
)
_USER = select(users).where(users.c.id == bindparam("id"))
_ROLE = select(roles).where(roles.c.id == bindparam("id"))
_INLINE = (
    select(inline_policies.c.name, documents.c.text)
    .join(documents, documents.c.hash == inline_policies.c.document_hash)
    .where(inline_policies.c.owner_id == bindparam("owner"))
)
_DEFAULT_TEXT = (
    select(policies.c.arn, documents.c.text)
    .join(policy_versions, (policy_versions.c.policy_arn == policies.c.arn) & (policy_versions.c.version_id == policies.c.default_version))
    .join(documents, documents.c.hash == policy_versions.c.document_hash)
)
_ATTACHED = _DEFAULT_TEXT.join(attachments, attachments.c.policy_arn == policies.c.arn).where(attachments.c.owner_id == bindparam("owner"))
_MANAGED = _DEFAULT_TEXT.where(policies.c.arn == bindparam("arn"))

_ALLOWS_NOTHING = (
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"none:Nothing","Resource":"*"}}'  # a valid one has statements
)


class Key(NamedTuple):
    """A long-term access key; the secret is still sealed. ``user_id`` is None for the root user's."""

    user_id: str | None
    sealed_secret: bytes
    active: bool


@dataclass(slots=True)
class _Memory:
    generation: int
    keys: dict[str, Key] = field(default_factory=dict)
    callers: dict[str, Caller] = field(default_factory=dict)  # of long-term keys, which say nothing that changes from request to request
    users: dict[str, Row] = field(default_factory=dict)
    roles: dict[str, Row] = field(default_factory=dict)
    layers: dict[str, Layers] = field(default_factory=dict)


@lru_cache(maxsize=4096)
def compiled(text: str) -> CompiledDocument:
    """A document compiled once per process, whoever holds it."""
    return compile_document(text)


class Standing:
    """One account's callers as this process remembers them."""

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self._memory = _Memory(-1)

    def now(self, db: Reader) -> int:
        """Read where the account stands, and forget what was of an older generation; what a test added to Stead's clock, in milliseconds."""
        return self._arrive(db.first(STANDING, account=self.account_id))

    def hold(self, db: Reader, *, alone: bool) -> None:
        """The same inside a transaction, holding the account's row so that it stands still until the commit."""
        self._arrive(db.first(HELD_ALONE if alone else HELD_SHARED, account=self.account_id))

    def key(self, db: Reader, access_key_id: str) -> Key | None:
        """A long-term access key, or None for one that does not exist. Unknown ids are not remembered: a stranger may invent many."""
        memory = self._memory
        found = memory.keys.get(access_key_id)
        if found is None:
            row = db.first(_KEY, id=access_key_id)
            if row is None:
                return None
            found = memory.keys[access_key_id] = Key(row.user_id, row.secret, row.status == "Active")
        return found

    @property
    def callers(self) -> dict[str, Caller]:
        """Callers by long-term access key, kept by whoever makes them for as long as the generation stands."""
        return self._memory.callers

    def user(self, db: Reader, user_id: str) -> Row | None:
        """A user by unique id."""
        return _remember(self._memory.users, db, user_id, _USER)

    def role(self, db: Reader, role_id: str) -> Row | None:
        """A role by unique id."""
        return _remember(self._memory.roles, db, role_id, _ROLE)

    def layers(self, db: Reader, caller: Caller) -> Layers:
        """The documents that bind ``caller``, without any resource's policy."""
        while (found := self._memory.layers.get(caller.entity_id)) is None:
            memory = self._memory
            gathered = self._gather(db, caller)
            self.now(db)
            if self._memory is memory:  # else the account changed between two of the reads: what they found was never true together
                memory.layers[caller.entity_id] = gathered
        session = caller.session
        if session is not None and (session.policy is not None or session.policy_arns):
            return Layers(identity=found.identity, boundary=found.boundary, session=_session_policies(db, session))
        return found

    def _gather(self, db: Reader, caller: Caller) -> Layers:
        if not caller.entity_id:
            return Layers()
        inline = (Policy(row.name, "inline", compiled(row.text)) for row in db.all(_INLINE, owner=caller.entity_id))
        managed = (Policy(row.arn, "managed", compiled(row.text)) for row in db.all(_ATTACHED, owner=caller.entity_id))
        entity = self.user(db, caller.entity_id) if caller.kind is CallerKind.USER else self.role(db, caller.entity_id)
        boundary = entity.boundary_arn if entity is not None else None
        return Layers(identity=(*inline, *managed), boundary=_managed(db, boundary) if boundary else None)

    def _arrive(self, row: Row) -> int:
        if row.generation != self._memory.generation:
            self._memory = _Memory(row.generation)
        offset: int = row.clock_offset
        return offset


def _remember(memory: dict[str, Row], db: Reader, entity_id: str, statement: object) -> Row | None:
    found = memory.get(entity_id)
    if found is None:
        found = db.first(statement, id=entity_id)  # type: ignore[arg-type]  # one of the two selects above
        if found is not None:
            memory[entity_id] = found
    return found


def _managed(db: Reader, arn: str) -> Policy:
    """A managed policy's default version. One that is gone allows nothing."""
    row = db.first(_MANAGED, arn=arn)
    return Policy(arn, "managed", compiled(row.text if row is not None else _ALLOWS_NOTHING))


def _session_policies(db: Reader, session: Session) -> tuple[Policy, ...]:
    inline = (Policy("session policy", "inline", compiled(session.policy)),) if session.policy is not None else ()
    return (*inline, *(_managed(db, arn) for arn in session.policy_arns))
