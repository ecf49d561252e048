"""The event history as it is stored: one event found by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import bindparam, select

from stead.store.tables import events

if TYPE_CHECKING:
    from stead.store.engine import Reader

_BY_ID = select(events.c.record, events.c.decided).where(events.c.id == bindparam("id"), events.c.account_id == bindparam("account"))


class Decided(NamedTuple):
    """An event's CloudTrail record, and what the gate decided about its call."""

    record: dict[str, Any]
    decided: bytes | None


def decided_of(db: Reader, account_id: str, event_id: str) -> Decided | None:
    """The event of this account with this id, whatever its Region; None when there is none (any more)."""
    row = db.first(_BY_ID, id=event_id, account=account_id)
    return None if row is None else Decided(orjson.loads(row.record), None if row.decided is None else bytes(row.decided))
