"""Who holds which credentials, and which policies bind them: read once per generation of the account (design D7).

Every change of credentials, policies, attachments, membership or the existence of a role raises the account's generation in its own transaction. Each
request reads the generation; while it stands, everything remembered here is still true, and when it moved everything is read again. So a
revoked key is refused on the very next request, in every process, and an unchanged account costs one small read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, select

from stead.aws.call import Caller, CallerKind
from stead.policy import Layers, Policy
from stead.store.accounts import HELD_ALONE, HELD_SHARED, STANDING
from stead.store.entity_policies import INLINE, compiled, managed_policy, own_policies, user_policies
from stead.store.tables import access_keys, roles, users

if TYPE_CHECKING:
    from stead.aws.call import Session
    from stead.store.engine import Reader, Row

_KEY = select(access_keys.c.id, access_keys.c.user_id, access_keys.c.secret, access_keys.c.status).where(
    access_keys.c.id == bindparam("id")
)
_USER = select(users).where(users.c.id == bindparam("id"))
_ROLE = select(roles).where(roles.c.id == bindparam("id"))


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
        if caller.kind is CallerKind.USER:
            entity, identity = self.user(db, caller.entity_id), user_policies(db, caller.entity_id)
        else:
            entity, identity = self.role(db, caller.entity_id), own_policies(db, caller.entity_id)
        boundary = entity.boundary_arn if entity is not None else None
        return Layers(identity=identity, boundary=managed_policy(db, boundary) if boundary else None)

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


def _session_policies(db: Reader, session: Session) -> tuple[Policy, ...]:
    inline = (Policy("session policy", INLINE, compiled(session.policy)),) if session.policy is not None else ()
    return (*inline, *(managed_policy(db, arn) for arn in session.policy_arns))
