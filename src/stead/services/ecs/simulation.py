"""What a test says of a simulated container (wire/internal.py): the words that an agent would have for a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from stead.services.ecs import task_rows
from stead.services.ecs.task_shapes import health_of

if TYPE_CHECKING:
    from stead.store.engine import Writer

HEALTH = frozenset({"HEALTHY", "UNHEALTHY", "UNKNOWN"})


def tell(db: Writer, task: str, name: str, health: str | None, exit_code: int | None, now: int) -> bool:  # noqa: PLR0913, PLR0917  # a whole message
    """Whether that container runs, and so is now as it was said; ValueError for what nothing can be."""
    if (health is None) == (exit_code is None) or health not in {None, *HEALTH} or not isinstance(exit_code, int | None):
        raise ValueError(health)
    row = task_rows.hold(db, task)
    document = {"containers": []} if row is None else orjson.loads(row.document)
    found = next((one for one in document["containers"] if one["name"] == name and one["lastStatus"] == "RUNNING"), None)
    if row is None or found is None:
        return False
    found.update(_said(health, exit_code))
    kept = orjson.loads(row.work)
    document["healthStatus"] = health_of(document, kept)
    task_rows.save(db, row.id, document, kept)
    task_rows.wake(db, row.id, now)
    return True


def _said(health: str | None, exit_code: int | None) -> dict[str, Any]:
    return {"healthStatus": health} if exit_code is None else {"lastStatus": "STOPPED", "exitCode": exit_code}
