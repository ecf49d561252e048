"""Which clusters have Container Insights: a row of ``insights`` each, which ``controllers/ecs/container_insights.py`` steps (ecs-on-your-behalf.md 6).

A cluster's setting, given or the account's, is looked at whenever the cluster is written. The row ends by itself when the cluster has it no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, select, update

from stead.linked_roles import holding, work
from stead.linked_roles.work import Work
from stead.services.ecs import linked_role
from stead.store.ecs_tables import insights

if TYPE_CHECKING:
    from stead.store.engine import Row, Writer

SESSION = "ecs-container-insights"  # AWS's name for it is not established
_OFF = "disabled"
_ONE = select(insights.c.id).where(insights.c.id == bindparam("cluster"))
_DUE = update(insights).where(insights.c.id == bindparam("cluster")).values(due=bindparam("now"))


def is_on(cluster: Row | None) -> bool:
    """Whether the cluster has it, plain or enhanced."""
    if cluster is None or cluster.status != "ACTIVE":
        return False
    settings: list[dict[str, Any]] = orjson.loads(cluster.settings)
    return any(one["name"] == "containerInsights" and one["value"] != _OFF for one in settings)


def follow(db: Writer, cluster: Row, now: int) -> None:
    """The held cluster was written: begin what it has now, or look whether it has it still."""
    if db.first(_ONE, cluster=cluster.arn) is not None:
        db.run(_DUE, cluster=cluster.arn, now=now)
    elif is_on(cluster):
        db.insert(insights, id=cluster.arn, account_id=cluster.account_id, region=cluster.region, work="{}", due=now, lease=0)
        role = holding.hold(db, cluster.account_id, linked_role.service())
        if role is not None:
            work.begin(db, role, usage(cluster.arn, cluster.region), now)
    else:
        return
    db.wake_runner()


def usage(cluster: str, region: str) -> Work:
    """The unit of work that it is while it lasts."""
    return Work(cluster, region, SESSION)
