from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import bindparam, update
from support.documents import allow
from support.refusals import Refusal, refusal

from stead.store.ecs_tables import capacity_providers, container_instances, ecs_services, ecs_tasks

ACCOUNT = "123456789012"
HOME = f"arn:aws:ecs:us-east-1:{ACCOUNT}:"
TAGS = [{"key": "Team", "value": "blue"}]
ROW: dict[str, Any] = {"account_id": ACCOUNT, "region": "us-east-1", "document": "{}", "due": None, "lease": 0}
PLACE: dict[str, Any] = {**ROW, "cluster_arn": f"{HOME}cluster/c", "work": "{}"}
# Of the kinds whose own operations have tests of their own: a row as those write it.
ROWS: dict[str, tuple[Any, dict[str, Any]]] = {
    "service/c/s": (
        ecs_services,
        {
            **PLACE,
            "name": "s",
            "status": "ACTIVE",
            "scheduling_strategy": "REPLICA",
            "task_definition": "f:1",
            "desired_count": 0,
            "deployments": "[]",
            "events": "[]",
            "request": "{}",
            "created": 0,
        },
    ),
    "task/c/0123": (
        ecs_tasks,
        {
            **PLACE,
            "task_definition": "f:1",
            "family": "f",
            "desired_status": "RUNNING",
            "last_status": "RUNNING",
            "health_status": "UNKNOWN",
            "version": 1,
            "created": 0,
        },
    ),
    "container-instance/c/0123": (container_instances, {**PLACE, "status": "ACTIVE", "registered": 0}),
    "capacity-provider/p": (capacity_providers, {**ROW, "name": "p", "status": "ACTIVE", "update_status": "", "created": 0}),
}
KINDS = ["cluster/c", "task-definition/f:1", *ROWS]


def invalid(message: str) -> Refusal:
    return Refusal("InvalidParameterException", 400, message)


@pytest.fixture
def resources(stead: Any) -> Any:
    """One resource of every kind."""
    ecs = stead.client("ecs")
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="f", containerDefinitions=[{"name": "web", "image": "nginx", "memory": 4}])
    with stead.app.store.write() as db:
        for name, (table, values) in ROWS.items():
            db.insert(table, id=f"{HOME}{name}", **values)
    return ecs


@pytest.mark.both_stores
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_can_have_tags(resources: Any, name: str) -> None:
    arn = f"{HOME}{name}"
    resources.tag_resource(resourceArn=arn, tags=[*TAGS, {"key": "a", "value": ""}])
    resources.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "b"}])
    assert resources.list_tags_for_resource(resourceArn=arn)["tags"] == [*TAGS, {"key": "a", "value": "b"}]
    resources.untag_resource(resourceArn=arn, tagKeys=["a", "absent"])
    assert resources.list_tags_for_resource(resourceArn=arn)["tags"] == TAGS


@pytest.mark.parametrize("name", KINDS)
def test_policies_see_the_tags(stead: Any, resources: Any, name: str) -> None:
    arn = f"{HOME}{name}"
    resources.tag_resource(resourceArn=arn, tags=TAGS)
    for number, key in enumerate(("aws:ResourceTag/Team", "ecs:ResourceTag/Team")):
        for value, allowed in (("blue", True), ("red", False)):
            document = allow("ecs:ListTagsForResource", arn, Condition={"StringEquals": {key: value}})
            ecs = stead.client("ecs", stead.user(f"user-{number}-{value}", document))
            if allowed:
                assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == TAGS
            else:
                assert refusal(ecs.list_tags_for_resource, resourceArn=arn).code == "AccessDeniedException"


ABSENT = Refusal("ResourceNotFoundException", 400, "The specified resource wasn't found.")


@pytest.mark.parametrize("operation", ["tag_resource", "untag_resource", "list_tags_for_resource"])
@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("nothing", invalid("The ARN provided is invalid.")),
        (f"arn:aws:iam::{ACCOUNT}:role/r", invalid("The ARN provided is invalid.")),
        (f"arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/c", invalid("Invalid Region in ARN")),
        (f"{HOME}task-set/c/s/t", invalid("Unsupported resource type: task-set")),
        (f"{HOME}service/s", invalid("Long arn format must be used for tagging operations")),
        (f"{HOME}task/0123", invalid("Long arn format must be used for tagging operations")),
        (f"{HOME}container-instance/0123", invalid("Long arn format must be used for tagging operations")),
        (f"{HOME}cluster/other", Refusal("ClusterNotFoundException", 400, "Cluster not found.")),
        ("arn:aws:ecs:us-east-1:999999999999:cluster/c", Refusal("ClusterNotFoundException", 400, "Cluster not found.")),
        (f"{HOME}task-definition/f:2", ABSENT),
        (f"{HOME}task-definition/f", ABSENT),
        (f"{HOME}service/c/other", ABSENT),
        (f"{HOME}task/c/4567", ABSENT),
        (f"{HOME}container-instance/c/4567", ABSENT),
        (f"{HOME}capacity-provider/other", ABSENT),
    ],
)
def test_what_has_no_tags(resources: Any, operation: str, arn: str, expected: Refusal) -> None:
    more: dict[str, Any] = {"tag_resource": {"tags": TAGS}, "untag_resource": {"tagKeys": ["a"]}}.get(operation, {})
    assert refusal(getattr(resources, operation), resourceArn=arn, **more) == expected


ENDED = [
    ("service/c/s", ecs_services.c.status, "INACTIVE", "The specified service is inactive. Specify an active service and try again."),
    ("task/c/0123", ecs_tasks.c.last_status, "STOPPED", "The specified task is stopped. Specify a running task and try again."),
    (
        "container-instance/c/0123",
        container_instances.c.status,
        "INACTIVE",
        "The specified container instance is inactive. Specify an active container instance and try again.",
    ),
]


@pytest.mark.parametrize("case", ENDED, ids=lambda case: case[0])
def test_what_has_ended_cannot_be_tagged(stead: Any, resources: Any, case: tuple[str, Any, str, str]) -> None:
    name, column, value, message = case
    with stead.app.store.write() as db:
        db.run(update(column.table).where(column.table.c.id == bindparam("arn")).values({column.name: value}), arn=f"{HOME}{name}")
    assert refusal(resources.tag_resource, resourceArn=f"{HOME}{name}", tags=TAGS) == invalid(message)


def test_a_deregistered_task_definition_and_a_deleted_cluster(resources: Any) -> None:
    resources.deregister_task_definition(taskDefinition="f:1")
    resources.create_cluster(clusterName="empty")
    resources.delete_cluster(cluster="empty")
    for name, kind in (("task-definition/f:1", "task definition"), ("cluster/empty", "cluster")):
        expected = invalid(f"The specified {kind} is inactive. Specify an active {kind} and try again.")
        assert refusal(resources.tag_resource, resourceArn=f"{HOME}{name}", tags=TAGS) == expected
