from __future__ import annotations

from typing import Any

import pytest
from support.documents import allow
from support.refusals import Refusal, refusal

from stead.store.ecs_tables import container_instances

ACCOUNT = "123456789012"
HOME = f"arn:aws:ecs:us-east-1:{ACCOUNT}:"
INSTANCES = [f"{HOME}container-instance/c/{name}" for name in ("one", "two")]
KIND = {"targetType": "container-instance"}
BLUE = {"name": "stack", "value": "blue"}


def invalid(message: str) -> Refusal:
    return Refusal("InvalidParameterException", 400, message)


@pytest.fixture
def ecs(stead: Any) -> Any:
    """Root's client, with two container instances in cluster c and one that is gone."""
    client = stead.client("ecs")
    client.create_cluster(clusterName="c")
    client.create_cluster(clusterName="other")
    row = {"account_id": ACCOUNT, "region": "us-east-1", "cluster_arn": f"{HOME}cluster/c", "document": "{}", "work": "{}", "lease": 0}
    with stead.app.store.write() as db:
        for arn in INSTANCES:
            db.insert(container_instances, **row, id=arn, status="ACTIVE", registered=0)
        db.insert(container_instances, **row, id=f"{HOME}container-instance/c/gone", status="INACTIVE", registered=0)
    return client


@pytest.mark.both_stores
def test_attributes_are_put_listed_and_deleted(ecs: Any) -> None:
    one, two = INSTANCES
    plain = {"name": "plain"}
    asked = [{**BLUE, "targetId": one}, {**plain, "targetId": "two", **KIND}, {**BLUE, "targetId": two}]
    assert ecs.put_attributes(cluster="c", attributes=asked)["attributes"] == [
        {**BLUE, "targetId": one},
        {**plain, "targetId": two},
        {**BLUE, "targetId": two},
    ]
    every = [{**BLUE, "targetId": one}, {**plain, "targetId": two}, {**BLUE, "targetId": two}]
    assert ecs.list_attributes(cluster="c", **KIND)["attributes"] == every
    pages = ecs.get_paginator("list_attributes").paginate(cluster=f"{HOME}cluster/c", **KIND, PaginationConfig={"PageSize": 1})
    assert [page["attributes"] for page in pages] == [[item] for item in every]
    ecs.put_attributes(cluster="c", attributes=[{"name": "stack", "value": "green", "targetId": one}])
    for filters, found in (({"attributeName": "stack", "attributeValue": "blue"}, [two]), ({"attributeName": "stack"}, [one, two])):
        assert [item["targetId"] for item in ecs.list_attributes(cluster="c", **KIND, **filters)["attributes"]] == found
    ecs.delete_attributes(cluster="c", attributes=[{"name": "stack", "targetId": two}, {"name": "absent", "targetId": one}])
    left = [{"name": "stack", "value": "green", "targetId": one}, {**plain, "targetId": two}]
    assert ecs.list_attributes(cluster="c", **KIND)["attributes"] == left
    assert ecs.list_attributes(cluster="other", **KIND)["attributes"] == []


LIMIT = Refusal(
    "AttributeLimitExceededException", 400, "The number of attributes has reached the maximum limit. Attributes per resource: 10"
)
ABSENT = Refusal("TargetNotFoundException", 400, "The specified target wasn't found.")
NO_CLUSTER = Refusal("ClusterNotFoundException", 400, "Cluster not found.")


def test_an_instance_has_ten_of_the_customers_own(ecs: Any) -> None:
    ten = [{"name": f"a{number}", "targetId": "one", **KIND} for number in range(10)]
    ecs.put_attributes(cluster="c", attributes=ten)
    ecs.put_attributes(cluster="c", attributes=ten)
    ecs.put_attributes(cluster="c", attributes=[{"name": "ecs.agents-own", "targetId": "one", **KIND}])
    assert refusal(ecs.put_attributes, cluster="c", attributes=[{"name": "more", "targetId": "one", **KIND}]) == LIMIT


@pytest.mark.parametrize(
    ("operation", "asked", "expected"),
    [
        ("put_attributes", {"cluster": "none", "attributes": [{**BLUE, "targetId": "one"}]}, NO_CLUSTER),
        ("put_attributes", {"cluster": "c", "attributes": [{**BLUE, "targetId": "gone"}]}, ABSENT),
        ("put_attributes", {"cluster": "c", "attributes": [BLUE]}, ABSENT),
        ("put_attributes", {"cluster": "other", "attributes": [{**BLUE, "targetId": INSTANCES[0]}]}, ABSENT),
        ("delete_attributes", {"cluster": "c", "attributes": [{**BLUE, "targetId": "gone"}]}, ABSENT),
        ("put_attributes", {"cluster": "c", "attributes": []}, invalid("attributes must have from 1 to 10 items.")),
        ("put_attributes", {"cluster": "c", "attributes": [{"name": "a b", "targetId": "one"}]}, invalid("Attribute validation failed")),
        ("put_attributes", {"cluster": "c", "attributes": [{**BLUE, "value": " x"}]}, invalid("Attribute validation failed")),
        ("put_attributes", {"cluster": "c", "attributes": [{"name": "a" * 129}]}, invalid("Attribute validation failed")),
        (
            "put_attributes",
            {"cluster": "c", "attributes": [{**BLUE, "targetType": "task"}]},
            invalid("targetType should be one of [container-instance]"),
        ),
        ("list_attributes", {"cluster": "none", **KIND}, NO_CLUSTER),
        ("list_attributes", {"targetType": "task"}, invalid("targetType should be one of [container-instance]")),
        (
            "list_attributes",
            {"cluster": "c", **KIND, "attributeValue": "v"},
            invalid("You must specify an attribute name to filter by value."),
        ),
        ("list_attributes", {"cluster": "c", **KIND, "nextToken": "-"}, invalid("Invalid token.")),
    ],
)
def test_what_is_refused(ecs: Any, operation: str, asked: dict[str, Any], expected: Refusal) -> None:
    assert refusal(getattr(ecs, operation), **asked) == expected


def test_each_instance_is_authorized(stead: Any, ecs: Any) -> None:
    """policy-evaluation.md 2.9, 8.6: the instances, with their cluster as a condition key."""
    condition = {"ArnEquals": {"ecs:cluster": f"{HOME}cluster/c"}}
    alice = stead.client("ecs", stead.user("alice", allow("ecs:PutAttributes", INSTANCES[0], Condition=condition)))
    items = [{**BLUE, "targetId": arn} for arn in INSTANCES]
    alice.put_attributes(cluster="c", attributes=items[:1])
    assert f"ecs:PutAttributes on resource: {INSTANCES[1]} " in refusal(alice.put_attributes, cluster="c", attributes=items).message
    assert refusal(alice.put_attributes, cluster="other", attributes=items[:1]).code == "AccessDeniedException"
    assert len(ecs.list_attributes(cluster="c", **KIND)["attributes"]) == 1


def test_the_address_for_agents_leads_nowhere(ecs: Any) -> None:
    """No agent that was pointed at Stead may go on to talk to AWS."""
    found = ecs.discover_poll_endpoint(cluster="c", containerInstance="one")
    addresses = [found[name] for name in ("endpoint", "telemetryEndpoint", "serviceConnectEndpoint")]
    assert all(address.startswith("https://ecs-") and address.endswith(".us-east-1.stead.invalid/") for address in addresses)
