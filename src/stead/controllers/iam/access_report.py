"""iam: access reports, job by job (service-linked-roles.md 5; asked for and read in ``services/iam/access_reports.py``).

A service is in the report when the policies together grant one of its real actions on some resource it applies to. Judging a policy that
allows everything means reading the whole service reference once (8 MB), so the work is done between two transactions, under a lease.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, delete, or_, select, update

from stead.aws import reference
from stead.aws.clock import DAY
from stead.controllers.runner import Again, Done
from stead.policy.grants import Grants, granted, grants_of
from stead.store.tables import LAST_USED_KEPT, access_keys, access_reports, documents, last_used, roles, users

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stead.linked_roles.usage import Neighbours
    from stead.store.engine import Reader, Row, Writer

REPORTS_KEPT = DAY  # AWS names no time; a report is asked for to be read
_ANSWER = update(access_reports).where(access_reports.c.id == bindparam("job")).values(answer=bindparam("text"), finished=bindparam("now"))
_DOCUMENT = select(documents.c.text).where(documents.c.hash == bindparam("hash"))
_FORGET = delete(access_reports).where(access_reports.c.finished < bindparam("before"))
# A key's uses are kept as long as the key, an entity's for the tracking period.
_OLD = delete(last_used).where(last_used.c.action != "", last_used.c.time < bindparam("before"))
_OWNERLESS = delete(last_used).where(
    ~or_(
        last_used.c.subject_id.in_(select(users.c.id)),
        last_used.c.subject_id.in_(select(roles.c.id)),
        last_used.c.subject_id.in_(select(access_keys.c.id)),
    )
)


class AccessReport:
    """Steps rows of ``access_reports``: there is one step."""

    table = access_reports

    def __init__(self, _neighbours: Neighbours) -> None:
        pass

    def asks(self, _job: Row) -> bool:
        """Always: what takes long is done outside the transaction."""
        return True

    def ask(self, db: Reader, job: Row) -> list[dict[str, Any]]:
        """The answer to the question as it was frozen."""
        question = orjson.loads(job.question)
        held = [grants_of(db.scalar(_DOCUMENT, hash=digest)) for digest in question["documents"]]
        return [_row(question, *found) for found in _services(held, by_action=job.granularity == "ACTION_LEVEL")]

    def reconcile(self, db: Writer, job: Row, learned: list[dict[str, Any]], now: int) -> Done | Again:
        """Keep the answer."""
        db.run(_ANSWER, job=job.id, text=orjson.dumps(learned).decode(), now=now)
        return Done()

    def sweep(self, db: Writer, now: int) -> None:
        """Forget old reports, uses beyond the tracking period, and uses by who is no more."""
        db.run(_FORGET, before=now - REPORTS_KEPT)
        db.run(_OLD, before=now - LAST_USED_KEPT)
        db.run(_OWNERLESS)


def _services(held: Sequence[Grants], *, by_action: bool) -> Iterator[tuple[str, list[str]]]:
    """The namespaces that the documents let into, in order, each with its granted actions that are tracked."""
    named = [document.services() for document in held]
    anything = None in named
    mentioned = frozenset[str]().union(*filter(None, named))
    for namespace in reference.service_names():
        if anything or namespace in mentioned:
            actions = (
                action.name for key, action in reference.actions(namespace).items() if granted(held, f"{namespace}:{key}", action.resources)
            )
            first = next(actions, None)
            if first is not None:
                rest = [first, *actions] if by_action else []
                yield namespace, sorted(name for name in rest if reference.is_tracked(f"{namespace}:{name}"))


def _row(question: dict[str, Any], namespace: str, tracked: list[str]) -> dict[str, Any]:
    uses: dict[str, list[Any]] = question["actions"].get(namespace, {})
    row = {"ServiceName": reference.service_names()[namespace], "ServiceNamespace": namespace}
    latest = _use(question, max(uses.values(), default=None), ("LastAuthenticated", "LastAuthenticatedEntity", "LastAuthenticatedRegion"))
    actions = [
        {"ActionName": name, **_use(question, uses.get(name), ("LastAccessedTime", "LastAccessedEntity", "LastAccessedRegion"))}
        for name in tracked
    ]
    total = {"TotalAuthenticatedEntities": len(question["services"].get(namespace, ()))}
    return {**row, **latest, **total, **({"TrackedActionsLastAccessed": actions} if actions else {})}


def _use(question: dict[str, Any], use: list[Any] | None, members: tuple[str, str, str]) -> dict[str, Any]:
    """A use by the names of its members; nothing for none."""
    if use is None:
        return {}
    time, entity, region = use
    return dict(zip(members, (time, question["arns"][entity], region), strict=True))
