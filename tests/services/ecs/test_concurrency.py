"""Calls on one cluster come one after the other; on PostgreSQL, where they share the account's row, the cluster's row sees to that."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text, update
from support.refusals import Refusal, refusal

from stead.store.tables import clusters

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_SECONDS = 20
DISABLED = [{"name": "containerInsights", "value": "disabled"}]
END = update(clusters).values(status="INACTIVE")
WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
CALLS: list[Callable[[Any, str], Any]] = [
    lambda ecs, _arn: refusal(ecs.update_cluster_settings, cluster="c", settings=DISABLED),
    lambda ecs, arn: refusal(ecs.tag_resource, resourceArn=arn, tags=[{"key": "k", "value": "v"}]),
]


def waits(stead: Any) -> bool:
    """On SQLite the one writer's lock is no lock of the database's: there the order of the two is left to chance."""
    store = stead.app.store
    return store.is_sqlite or bool(store.read().connection.execute(WAITING).scalar())


@pytest.mark.both_stores
@pytest.mark.parametrize("call", CALLS, ids=["update", "tag"])
def test_a_call_sees_what_another_did_before_it(stead: Any, call: Callable[[Any, str], Any]) -> None:
    """A cluster is not brought back to life by a change that began before its deletion was committed."""
    ecs = stead.client("ecs")
    arn = ecs.create_cluster(clusterName="c")["cluster"]["clusterArn"]
    with ThreadPoolExecutor(1) as other:
        with stead.app.store.write() as db:
            db.run(END)
            answer = other.submit(call, ecs, arn)
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not waits(stead):
                assert time.monotonic() < deadline
        found: Refusal = answer.result(PATIENCE_SECONDS)
        other.submit(stead.app.store.close).result()
    assert found.code in {"ClientException", "InvalidParameterException"}
    assert ecs.describe_clusters(clusters=["c"])["clusters"][0]["status"] == "INACTIVE"


@pytest.mark.both_stores
def test_every_registration_is_a_revision_of_its_own(stead: Any) -> None:
    """recorded-aws.md 11.2; the first of a family has no row to wait for, and the loser of that race goes on to the second number."""
    ecs = stead.client("ecs")
    asked = {"family": "f", "containerDefinitions": [{"name": "web", "image": "nginx", "memory": 4}]}
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: ecs.register_task_definition(**asked)["taskDefinition"]["revision"], range(12)))
        list(pool.map(lambda _: stead.app.store.close(), range(4)))
    assert sorted(made) == list(range(1, 13))
