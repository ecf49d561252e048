"""Service work under a linked role, counted while it lasts (design D18).

A unit of work is a row, begun in the transaction that makes the work and so before any session for it exists, ended in the one that finishes it.
In between, the role's deletion is refused and names the resource (service-linked-roles.md 2.5; issue 5: no session can be revoked).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, delete, update

from stead.store.tables import role_usage

if TYPE_CHECKING:
    from stead.store.engine import Row, Writer

_THIS = role_usage.c.id == bindparam("key")
_REMOVE = delete(role_usage).where(_THIS)
_END = update(role_usage).where(_THIS, role_usage.c.ended.is_(None)).values(ended=bindparam("now"))
_FORGET = delete(role_usage).where(role_usage.c.ended < bindparam("before"))


class Work(NamedTuple):
    """One unit: the resource that a refused deletion names, its Region, and the kind of session that the work needs."""

    resource: str
    region: str
    session_name: str

    @property
    def key(self) -> str:
        """The row's id: work that is begun again takes the place of what it was before."""
        return f"{self.resource} {self.session_name}"


def begin(db: Writer, role: Row, work: Work, now: int) -> None:
    """Count ``work`` as use of ``role``, which the transaction holds (``holding.hold``)."""
    db.run(_REMOVE, key=work.key)
    columns = {"region": work.region, "resource": work.resource, "session_name": work.session_name}
    db.insert(role_usage, id=work.key, role_id=role.id, started=now, **columns)


def end(db: Writer, work: Work, now: int) -> None:
    """The work is over; nothing happens if it never began."""
    db.run(_END, key=work.key, now=now)


def forget(db: Writer, before: int) -> None:
    """Remove what ended earlier than ``before``."""
    db.run(_FORGET, before=before)
