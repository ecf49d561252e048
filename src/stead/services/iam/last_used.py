"""When roles and access keys were last used, as answers show it (aws-behaviour.md 2.3; what counts: ``gateway/last_used.py``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select

from stead.store.tables import LAST_USED_KEPT, last_used

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from stead.store.context import Context

_NEWEST_FIRST = (last_used.c.time.desc(), last_used.c.service, last_used.c.action)
_LATEST = (
    select(last_used.c.service, last_used.c.region, last_used.c.time)
    .where(last_used.c.subject_id == bindparam("subject"), last_used.c.time > bindparam("since"))
    .order_by(*_NEWEST_FIRST)
    .limit(1)
)
_RANK = func.row_number().over(partition_by=last_used.c.subject_id, order_by=_NEWEST_FIRST).label("rank")


def of_role(context: Context, role_id: str) -> dict[str, Any]:
    """A role's RoleLastUsed: empty when it was not used in the tracking period."""
    row = context.db.first(_LATEST, subject=role_id, since=context.now - LAST_USED_KEPT)
    return {} if row is None else {"LastUsedDate": row.time, "Region": row.region}


def of_roles(context: Context, role_ids: Collection[str]) -> Mapping[str, dict[str, Any]]:
    """The same for every role of a page."""
    ranked = (
        select(last_used.c.subject_id, last_used.c.region, last_used.c.time, _RANK)
        .where(last_used.c.subject_id.in_(role_ids), last_used.c.time > context.now - LAST_USED_KEPT)
        .subquery()
    )
    rows = context.db.all_now(select(ranked).where(ranked.c.rank == 1))
    used = {row.subject_id: {"LastUsedDate": row.time, "Region": row.region} for row in rows}
    return {role_id: used.get(role_id, {}) for role_id in role_ids}


def of_key(context: Context, key_id: str) -> dict[str, Any]:
    """AccessKeyLastUsed, however long ago; of a key never used AWS says N/A and no date."""
    row = context.db.first(_LATEST, subject=key_id, since=0)
    if row is None:
        return {"Region": "N/A", "ServiceName": "N/A"}
    return {"LastUsedDate": row.time, "Region": row.region, "ServiceName": row.service}
