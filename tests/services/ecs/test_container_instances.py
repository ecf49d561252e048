"""Container instances: registered as an agent does, described, listed with the query language, drained, deregistered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.refusals import refusal

if TYPE_CHECKING:
    from support.stead import Stead

HOME = "arn:aws:ecs:us-east-1:123456789012:"


def identity(number: int = 1, size: str = "c5.large", zone: str = "us-east-1a") -> str:
    return json.dumps({"instanceId": f"i-{number:017x}", "instanceType": size, "availabilityZone": zone, "imageId": "ami-1"})


def resources(cpu: int = 2048, memory: int = 3768) -> list[dict[str, Any]]:
    return [
        {"name": "CPU", "type": "INTEGER", "integerValue": cpu},
        {"name": "MEMORY", "type": "INTEGER", "integerValue": memory},
        {"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22", "2375"]},
    ]


@pytest.fixture
def ecs(stead: Stead) -> Any:
    client = stead.client("ecs")
    client.create_cluster(clusterName="blue")
    return client


def registered(ecs: Any, number: int = 1, **more: Any) -> str:
    given = {"instanceIdentityDocument": identity(number), "totalResources": resources(), **more}
    return str(ecs.register_container_instance(cluster="blue", **given)["containerInstance"]["containerInstanceArn"])


@pytest.mark.both_stores
def test_register_describe_list_and_deregister(ecs: Any) -> None:
    made = ecs.register_container_instance(
        cluster="blue",
        instanceIdentityDocument=identity(),
        totalResources=resources(),
        versionInfo={"agentVersion": "1.80.0"},
        attributes=[{"name": "ecs.capability.task-eni"}, {"name": "colour", "value": "red"}],
        tags=[{"key": "team", "value": "blue"}],
    )["containerInstance"]
    arn = made["containerInstanceArn"]
    assert arn.startswith(f"{HOME}container-instance/blue/")
    assert (made["status"], made["agentConnected"], made["ec2InstanceId"], made["version"]) == ("ACTIVE", True, f"i-{1:017x}", 1)
    assert {one["name"]: one.get("value") for one in made["attributes"]} == {
        "colour": "red",
        "ecs.ami-id": "ami-1",
        "ecs.availability-zone": "us-east-1a",
        "ecs.capability.task-eni": None,
        "ecs.instance-type": "c5.large",
        "ecs.os-type": "linux",
    }
    assert [one.get("integerValue") or one.get("stringSetValue") for one in made["remainingResources"]] == [2048, 3768, ["22", "2375"], []]
    assert ecs.list_container_instances(cluster="blue")["containerInstanceArns"] == [arn]
    found = ecs.describe_container_instances(cluster="blue", containerInstances=[arn.rpartition("/")[2], "none"], include=["TAGS"])
    assert [one["tags"] for one in found["containerInstances"]] == [[{"key": "team", "value": "blue"}]]
    assert found["failures"] == [{"arn": f"{HOME}container-instance/blue/none", "reason": "MISSING"}]
    gone = ecs.deregister_container_instance(cluster="blue", containerInstance=arn)["containerInstance"]
    assert (gone["status"], gone["agentConnected"]) == ("INACTIVE", False)
    assert ecs.list_container_instances(cluster="blue")["containerInstanceArns"] == []


def test_an_agent_that_registers_again_keeps_its_instance_and_the_customers_attributes(ecs: Any) -> None:
    arn = registered(ecs)
    ecs.put_attributes(cluster="blue", attributes=[{"name": "rack", "value": "7", "targetId": arn}])
    again = ecs.register_container_instance(cluster="blue", instanceIdentityDocument=identity(), totalResources=resources(cpu=4096))
    assert again["containerInstance"]["containerInstanceArn"] == arn
    assert again["containerInstance"]["version"] == 2
    assert {"name": "rack", "value": "7"} in again["containerInstance"]["attributes"]


@pytest.mark.parametrize(
    ("expression", "numbers"),
    [
        ("attribute:ecs.instance-type == c5.large", {1, 2}),
        ("attribute:ecs.instance-type =~ c5.*", {1, 2, 3}),
        ("attribute:ecs.availability-zone in [us-east-1b, us-east-1c]", {2, 3}),
        ("attribute:ecs.availability-zone !in [us-east-1b] and attribute:ecs.instance-type != c5.xlarge", {1}),
        ("attribute:colour exists", {1}),
        ("attribute:colour !exists and not (attribute:ecs.instance-type == 'c5.xlarge')", {2}),
        ("runningTasksCount > 0", set()),
        ("agentConnected == true", {1, 2, 3}),
        (f'ec2InstanceId == "i-{2:017x}"', {2}),
    ],
)
def test_the_cluster_query_language(ecs: Any, expression: str, numbers: set[int]) -> None:
    given = {1: ("c5.large", "us-east-1a"), 2: ("c5.large", "us-east-1b"), 3: ("c5.xlarge", "us-east-1c")}
    arns = {
        registered(
            ecs, number, instanceIdentityDocument=identity(number, size, zone), attributes=[{"name": "colour"}] if number == 1 else []
        ): number
        for number, (size, zone) in given.items()
    }
    found = ecs.list_container_instances(cluster="blue", filter=expression)["containerInstanceArns"]
    assert {arns[arn] for arn in found} == numbers


@pytest.mark.parametrize(
    "expression", ["attribute:a ==", "(", "attribute:a", "a == b or", "runningTasksCount > many", "not " * 100 + "a exists", "&"]
)
def test_what_is_no_expression(ecs: Any, expression: str) -> None:
    assert refusal(ecs.list_container_instances, cluster="blue", filter=expression) == (
        "InvalidParameterException",
        400,
        f"Invalid expression: {expression}",
    )


def test_pages(ecs: Any) -> None:
    arns = {registered(ecs, number) for number in range(5)}
    pages = list(ecs.get_paginator("list_container_instances").paginate(cluster="blue", PaginationConfig={"PageSize": 2}))
    assert [len(page["containerInstanceArns"]) for page in pages] == [2, 2, 1]
    assert {arn for page in pages for arn in page["containerInstanceArns"]} == arns


def test_draining_and_back(ecs: Any) -> None:
    arn = registered(ecs)
    answer = ecs.update_container_instances_state(cluster="blue", containerInstances=[arn, "none"], status="DRAINING")
    assert [one["status"] for one in answer["containerInstances"]] == ["DRAINING"]
    assert [one["reason"] for one in answer["failures"]] == ["MISSING"]
    assert ecs.list_container_instances(cluster="blue", status="DRAINING")["containerInstanceArns"] == [arn]
    answer = ecs.update_container_instances_state(cluster="blue", containerInstances=[arn], status="ACTIVE")
    assert answer["containerInstances"][0]["version"] == 3
    assert refusal(ecs.update_container_instances_state, cluster="blue", containerInstances=[arn], status="REGISTERING") == (
        "InvalidParameterException",
        400,
        "Container instance status should be one of [ACTIVE,DRAINING]",
    )


def test_a_cluster_with_instances_cannot_be_deleted(ecs: Any) -> None:
    arn = registered(ecs)
    text = "The Cluster cannot be deleted while Container Instances are active or draining."
    assert refusal(ecs.delete_cluster, cluster="blue") == ("ClusterContainsContainerInstancesException", 400, text)
    assert ecs.describe_clusters(clusters=["blue"])["clusters"][0]["registeredContainerInstancesCount"] == 1
    ecs.deregister_container_instance(cluster="blue", containerInstance=arn)
    assert ecs.delete_cluster(cluster="blue")["cluster"]["status"] == "INACTIVE"
    assert refusal(lambda: registered(ecs)) == ("ClusterNotFoundException", 400, "Cluster not found.")
