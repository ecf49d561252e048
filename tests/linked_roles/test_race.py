"""A cluster can never be left behind by a deletion that raced with its creation (design D18), on both databases."""

from __future__ import annotations

import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from support.linked_roles import ROLE, delete, make, status

from stead.controllers.iam.linked_role_deletion import LinkedRoleDeletion
from stead.controllers.runner import Runner
from stead.gateway.upstream import NoNeighbours
from stead.linked_roles import lifecycle
from stead.services.ecs import linked_role
from stead.store.tables import roles

if TYPE_CHECKING:
    from collections.abc import Callable

    from stead.store.engine import Reader, Row

ROUNDS = 1000 if os.environ.get("CI") else 250  # all of them take a minute, on a busy machine two
PATIENCE_SECONDS = 30
MOST_JITTER_SECONDS = 0.004  # about what a CreateCluster takes: the removal falls anywhere into it


class Aligned(LinkedRoleDeletion):
    """Meets the creator of a cluster just before the transaction that removes the role."""

    def __init__(self, meet: Callable[[], None]) -> None:
        super().__init__(NoNeighbours())
        self._meet = meet

    def asks(self, task: Row) -> bool:
        """So that there is such a moment."""
        return bool(task.status == lifecycle.IN_PROGRESS)

    def ask(self, db: Reader, task: Row) -> Any:
        """The last thing before the removal."""
        asked = super().ask(db, task)
        self._meet()
        return asked


class Meeting:
    """Where the two meet: before the call, or after ECS has seen the role and before it holds it, in turns."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(2)
        self._made = linked_role.make
        self._random = random.Random(18)
        self._is_inside = self._has_met = False

    def begin(self, *, inside: bool) -> None:
        """A new round."""
        self._is_inside, self._has_met = inside, False

    def of_deletion(self) -> None:
        """Then the removal; a little later when the whole of the call is before it."""
        self._barrier.wait(PATIENCE_SECONDS)
        if not self._is_inside:
            threading.Event().wait(self._random.uniform(0, MOST_JITTER_SECONDS))

    def of_call(self) -> None:
        """Then the call."""
        if not self._is_inside:
            self._barrier.wait(PATIENCE_SECONDS)

    def make(self, context: Any) -> None:
        """ECS makes the role, or finds it there. It runs again when the role went away meanwhile, and then meets nobody."""
        self._made(context)
        if self._is_inside and not self._has_met:
            self._has_met = True
            self._barrier.wait(PATIENCE_SECONDS)


@pytest.mark.both_stores
def test_no_cluster_without_its_role(stead: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each round ends in one of two ways: the deletion saw the cluster and failed, or came first and the cluster's call made the role again."""
    iam, ecs = stead.client("iam"), stead.client("ecs")
    meeting = Meeting()
    monkeypatch.setattr(linked_role, "make", meeting.make)
    runner = Runner(stead.app.store, [Aligned(meeting.of_deletion)], stead.app.recorder, stead.app.now)

    def create() -> str:
        meeting.of_call()
        status: str = ecs.create_cluster(clusterName="raced")["cluster"]["status"]
        return status

    def role_is_there() -> bool:
        return stead.app.store.read().scalar(select(roles.c.name)) == ROLE

    make(iam)
    seen = {"FAILED": 0, "SUCCEEDED": 0}
    with ThreadPoolExecutor(1) as creator:
        for number in range(ROUNDS):
            task = delete(iam)
            meeting.begin(inside=number % 2 == 0)
            created = creator.submit(create)
            while runner.step():
                pass
            assert created.result(PATIENCE_SECONDS) == "ACTIVE"
            outcome, reason = status(iam, task)
            seen[outcome] += 1
            assert role_is_there(), f"round {number}: a cluster without its role, the deletion {outcome}"
            assert (reason is None) == (outcome == "SUCCEEDED")
            ecs.delete_cluster(cluster="raced")
        creator.submit(stead.app.store.close).result()
    assert min(seen.values()) >= ROUNDS // 100, seen
