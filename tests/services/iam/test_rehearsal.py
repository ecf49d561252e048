"""`--rehearse-propagation`: new things cannot be used for a while, as on AWS (design D16)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.linked_roles import delete, make
from support.refusals import Refusal, refusal
from support.stead import Stead

from stead.app import App

if TYPE_CHECKING:
    from collections.abc import Iterator

YOUNG_SECONDS = 5


@pytest.fixture
def rehearsing(settings: Any) -> Iterator[Stead]:
    """A Stead that rehearses propagation (design D16)."""
    app = App(replace(settings, rehearse_propagation=YOUNG_SECONDS))
    yield Stead(app)
    app.store.close()


def test_a_young_role_cannot_be_assumed_yet(rehearsing: Any) -> None:
    """A first deploy fails as on AWS, and its retry succeeds."""
    make(rehearsing.client("iam"))
    ecs = rehearsing.client("ecs")
    providers = {"clusterName": "first", "capacityProviders": ["FARGATE"]}
    text = "Unable to assume the service linked role. Please verify that the ECS service linked role exists."
    assert refusal(ecs.create_cluster, **providers) == Refusal("InvalidParameterException", 400, text)
    rehearsing.advance(YOUNG_SECONDS)
    assert ecs.create_cluster(**providers)["cluster"]["status"] == "ACTIVE"


def test_a_young_task_is_not_found_yet(rehearsing: Any) -> None:
    """Recorded: for some seconds AWS does not know a new task."""
    iam = rehearsing.client("iam")
    make(iam)
    task = delete(iam)
    rehearsing.settle()
    text = "Cannot find deletion status for given id."
    assert refusal(iam.get_service_linked_role_deletion_status, DeletionTaskId=task) == Refusal("NoSuchEntity", 404, text)
    rehearsing.advance(YOUNG_SECONDS)
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
