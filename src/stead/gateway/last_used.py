"""When something was used last: by whom, which service and action, in which Region (service-linked-roles.md 5).

A call counts once its signature is verified, whatever becomes of it; a denied one too. A request only writes into a dictionary; what is in
there is written together each second and at a clean exit, so a kill loses at most that second. The later time wins, whichever process
writes first, and rows are written in one order, so processes do not deadlock.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from sqlalchemy.dialects.postgresql import insert  # its ON CONFLICT is compiled for SQLite in the same words

from stead.store.engine import Conflict
from stead.store.tables import last_used

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.aws.call import Caller
    from stead.store.engine import Store

Key = tuple[str, str, str]  # whose use (an entity's id or an access key's), of which service, of which action (none: of an access key)
Use = tuple[int, str]  # when, in which Region

_NEW = insert(last_used)
_WRITE = _NEW.on_conflict_do_update(
    index_elements=[last_used.c.subject_id, last_used.c.service, last_used.c.action],
    set_={"time": _NEW.excluded.time, "region": _NEW.excluded.region},
    where=_NEW.excluded.time > last_used.c.time,
)
_NAMES = ("subject_id", "service", "action", "time", "region")


class LastUsed:
    """What this process saw and has not written yet. Any thread may note while another one writes."""

    def __init__(self) -> None:
        self._latest: dict[Key, Use] = {}
        self._flushing = threading.Lock()

    def note(self, caller: Caller, service: str, action: str, region: str, now: int) -> None:
        """``caller`` calls. An access key is used only by the call that it signed, not by a service that goes on with the caller's rights."""
        use = now, region
        if caller.entity_id:
            self._latest[caller.entity_id, service, action] = use
        if caller.session is None and caller.access_key_id and not caller.via:
            self._latest[caller.access_key_id, service, ""] = use

    def flush(self, store: Store) -> None:
        """Write what was noted, in one transaction; what cannot be written now waits on."""
        with self._flushing:
            taken = dict(self._take())
            if not taken:
                return
            try:
                with store.write() as db:
                    db.run_many(_WRITE, [dict(zip(_NAMES, (*key, *use), strict=True)) for key, use in sorted(taken.items())])
            except Conflict:  # with a deletion of old rows: a second later it is over
                self._put_back(taken)
            except BaseException:
                self._put_back(taken)
                raise

    def clear(self) -> None:
        """Forget what was noted: the account was reset."""
        self._latest.clear()

    def _take(self) -> Iterator[tuple[Key, Use]]:
        """Item by item: a note made meanwhile is either taken or stays."""
        while self._latest:
            yield self._latest.popitem()

    def _put_back(self, taken: dict[Key, Use]) -> None:
        for key, use in taken.items():
            self._latest.setdefault(key, use)  # what was noted meanwhile is later
