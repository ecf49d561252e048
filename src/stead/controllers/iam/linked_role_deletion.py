"""iam: the deletion of linked roles, task by task (service-linked-roles.md 2.5; the states are ``linked_roles/lifecycle.py``'s)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete

from stead.aws.clock import DAY
from stead.controllers.runner import Again, Done
from stead.linked_roles import catalog, lifecycle, usage
from stead.linked_roles.usage import Asked
from stead.store.tables import deletion_tasks

if TYPE_CHECKING:
    from stead.linked_roles.catalog import LinkedService
    from stead.linked_roles.usage import Neighbours
    from stead.store.engine import Reader, Row, Writer

log = logging.getLogger("stead")

KEPT_MS = 30 * DAY  # how long the end of a task can be asked for
_FORGET = delete(deletion_tasks).where(deletion_tasks.c.finished < bindparam("before"))


class LinkedRoleDeletion:
    """Steps rows of ``deletion_tasks``; each state is a commit of its own."""

    table = deletion_tasks

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    def asks(self, task: Row) -> bool:
        """Before the last look, if the service has probes that any neighbour can answer."""
        service = _service(task)
        return task.status == lifecycle.IN_PROGRESS and service is not None and usage.asks(self._neighbours, service)

    def ask(self, db: Reader, task: Row) -> Asked:
        """What the neighbours hold that needs the role."""
        role, service = lifecycle.role_of(db, task), _service(task)
        if role is None or service is None:
            return Asked()
        try:
            return Asked(usage.ask(self._neighbours, service, role))
        except usage.Unknown as error:
            log.warning("the role %s stays: %s", task.role_name, error)
            return Asked(complete=False)

    def reconcile(self, db: Writer, task: Row, asked: Asked | None, now: int) -> Done | Again:
        """One state further."""
        if task.status == lifecycle.NOT_STARTED:
            lifecycle.start_deletion(db, task)
            return Again()
        lifecycle.finish_deletion(db, _service(task), task, asked or Asked(), now)
        return Done()

    def sweep(self, db: Writer, now: int) -> None:
        """Forget tasks that ended long ago."""
        db.run(_FORGET, before=now - KEPT_MS)


def _service(task: Row) -> LinkedService | None:
    return catalog.find(task.principal)
