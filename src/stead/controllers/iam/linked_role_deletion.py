"""iam: the deletion of linked roles, task by task (service-linked-roles.md 2.5; the states are ``linked_roles/lifecycle.py``'s)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete

from stead.aws.clock import DAY
from stead.controllers.runner import Again, Done
from stead.linked_roles import catalog, lifecycle, usage
from stead.store.tables import deletion_tasks

if TYPE_CHECKING:
    from stead.linked_roles.catalog import LinkedService
    from stead.linked_roles.usage import Neighbours, Use
    from stead.store.engine import Reader, Row, Writer

log = logging.getLogger("stead")

KEPT_MS = 30 * DAY  # how long the end of a task can be asked for
_FORGET = delete(deletion_tasks).where(deletion_tasks.c.finished < bindparam("before"))


class LinkedRoleDeletion:
    """Steps rows of ``deletion_tasks``; each state is a commit of its own."""

    table = deletion_tasks

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    def ask(self, db: Reader, task: Row) -> frozenset[Use] | None:
        """What the neighbours hold that needs the role; None when that cannot be established."""
        role, service = lifecycle.role_of(db, task), _service(task)
        if task.status != lifecycle.IN_PROGRESS or role is None or service is None:
            return frozenset()
        try:
            return usage.ask(self._neighbours, service, role)
        except usage.Unknown as error:
            log.warning("the role %s stays: %s", task.role_name, error)
            return None

    def reconcile(self, db: Writer, task: Row, at_neighbours: frozenset[Use] | None, now: int) -> Done | Again:
        """One state further."""
        if task.status == lifecycle.NOT_STARTED:
            lifecycle.start_deletion(db, task)
            return Again()
        lifecycle.finish_deletion(db, _service(task), task, at_neighbours, now)
        return Done()

    def sweep(self, db: Writer, now: int) -> None:
        """Forget tasks that ended long ago."""
        db.run(_FORGET, before=now - KEPT_MS)


def _service(task: Row) -> LinkedService | None:
    return catalog.find(task.principal)
