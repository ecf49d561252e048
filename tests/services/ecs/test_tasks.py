"""The calls on tasks: what they answer, refuse and count. What becomes of tasks is tested in tests/controllers/ecs/."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import allow, statement
from support.ecs import Scene
from support.refusals import refusal

if TYPE_CHECKING:
    from support.stead import Stead

NETWORK: dict[str, Any] = {"awsvpcConfiguration": {"subnets": ["subnet-0"]}}


@pytest.fixture
def scene(acting: Stead) -> Scene:
    """A cluster, a network, and a Fargate task definition ``web``."""
    made = Scene(acting)
    made.definition()
    made.ecs.register_task_definition(family="bridge", containerDefinitions=[{"name": "web", "image": "nginx", "memory": 128}])
    return made


@pytest.mark.both_stores
def test_a_new_task_as_recorded(scene: Scene) -> None:
    asked = {"launchType": "FARGATE", "networkConfiguration": scene.network, "startedBy": "me", "tags": [{"key": "team", "value": "blue"}]}
    answer = scene.ecs.run_task(cluster="c", taskDefinition="web", **asked)
    (task,) = answer["tasks"]
    shown = {
        name: task[name]
        for name in ("version", "lastStatus", "desiredStatus", "group", "platformVersion", "platformFamily", "cpu", "memory")
    }
    assert shown == {
        "version": 1,
        "lastStatus": "PROVISIONING",
        "desiredStatus": "RUNNING",
        "group": "family:web",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "cpu": "256",
        "memory": "512",
    }
    assert task["attributes"] == [{"name": "ecs.cpu-architecture", "value": "x86_64"}]
    assert task["overrides"] == {"containerOverrides": [{"name": "web"}], "inferenceAcceleratorOverrides": []}
    assert (task["ephemeralStorage"], task["enableExecuteCommand"], task["startedBy"]) == ({"sizeInGiB": 20}, False, "me")
    (attachment,) = task["attachments"]
    assert (attachment["type"], attachment["status"]) == ("ElasticNetworkInterface", "PRECREATED")
    assert attachment["details"] == [{"name": "subnetId", "value": scene.subnet}]
    (container,) = task["containers"]
    assert (container["lastStatus"], container["networkInterfaces"], container["cpu"]) == ("PENDING", [], "0")
    assert task["tags"] == [{"key": "team", "value": "blue"}]
    assert answer["failures"] == []
    assert scene.task(task["taskArn"])["tags"] == []
    (shown,) = scene.ecs.describe_tasks(cluster="c", tasks=[task["taskArn"].rpartition("/")[2]], include=["TAGS"])["tasks"]
    assert shown["tags"] == task["tags"]


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"cluster": "gone"}, "ClusterNotFoundException", "Cluster not found."),
    ({"taskDefinition": "gone"}, "ClientException", "TaskDefinition not found."),
    ({"taskDefinition": "inactive:1"}, "ClientException", "TaskDefinition is inactive"),
    ({"count": 0}, "InvalidParameterException", "count must be between 1 and 10."),
    ({"count": 11}, "InvalidParameterException", "count must be between 1 and 10."),
    (
        {"capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]},
        "InvalidParameterException",
        "Specify either Launch Type or Capacity Provider Strategy, but not both.",
    ),
    (
        {"networkConfiguration": None},
        "InvalidParameterException",
        "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
    ),
    ({"networkConfiguration": {"awsvpcConfiguration": {"subnets": []}}}, "InvalidParameterException", "subnets can not be empty."),
    (
        {"taskDefinition": "bridge", "launchType": "EC2", "networkConfiguration": NETWORK},
        "InvalidParameterException",
        "Network Configuration is not valid for the given networkMode of this task definition.",
    ),
    (
        {"taskDefinition": "bridge", "launchType": "FARGATE", "networkConfiguration": None},
        "InvalidParameterException",
        "Task definition does not support launch_type FARGATE.",
    ),
    (
        {"launchType": "EC2", "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0"], "assignPublicIp": "ENABLED"}}},
        "InvalidParameterException",
        "Assign public IP is not supported for this launch type.",
    ),
    (
        {"launchType": "EC2", "platformVersion": "1.4.0"},
        "InvalidParameterException",
        "The platform version must be null when specifying an EC2 launch type.",
    ),
    ({"platformVersion": "9.9.9"}, "PlatformUnknownException", "The specified platform version does not exist."),
    (
        {"overrides": {"containerOverrides": [{"name": "db"}]}},
        "InvalidParameterException",
        "Override for container named db is not a container in the TaskDefinition.",
    ),
    (
        {"networkConfiguration": NETWORK},
        "InvalidParameterException",
        "Error retrieving subnet information for [subnet-0]: The subnet ID 'subnet-0' does not exist (ErrorCode: InvalidSubnetID.NotFound)",
    ),
    (
        {"taskDefinition": "bridge", "launchType": "EC2", "networkConfiguration": None},
        "InvalidParameterException",
        "No Container Instances were found in your cluster.",
    ),
    ({"tags": [{"key": "aws:x", "value": ""}]}, "InvalidParameterException", "Tag keys beginning with aws: are reserved for system use."),
]


@pytest.mark.parametrize(("change", "code", "message"), REFUSED, ids=[f"{case[1]}-{number}" for number, case in enumerate(REFUSED)])
def test_run_task_refuses(scene: Scene, change: dict[str, Any], code: str, message: str) -> None:
    scene.definition("inactive")
    scene.ecs.deregister_task_definition(taskDefinition="inactive:1")
    asked = {"cluster": "c", "taskDefinition": "web", "launchType": "FARGATE", "networkConfiguration": scene.network, **change}
    asked = {name: value for name, value in asked.items() if value is not None}
    assert refusal(scene.ecs.run_task, **asked) == (code, 400, message)
    assert scene.ecs.list_tasks(cluster="c")["taskArns"] == []


@pytest.mark.both_stores
def test_a_task_that_needs_the_role_needs_it_now(scene: Scene) -> None:
    iam = scene.stead.client("iam")
    scene.ecs.delete_cluster(cluster="c")
    iam.delete_service_linked_role(RoleName="AWSServiceRoleForECS")
    scene.stead.settle()
    reader = scene.stead.user("reader", allow(["ecs:*", "iam:PassRole"]))
    scene.stead.client("ecs", reader).create_cluster(clusterName="c")  # it may not make the role
    message = "Unable to assume the service linked role. Please verify that the ECS service linked role exists."
    assert refusal(scene.run) == ("InvalidParameterException", 400, message)


@pytest.mark.both_stores
def test_the_same_token_gives_the_same_tasks(scene: Scene) -> None:
    first = scene.run(clientToken="t")
    assert scene.run(clientToken="t") == first
    assert refusal(scene.run, clientToken="t", startedBy="other")[:2] == ("ConflictException", 400)
    assert scene.ecs.list_tasks(cluster="c")["taskArns"] == [first]


def test_who_may_run_a_task(scene: Scene) -> None:
    role = scene.stead.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=_trust())["Role"]["Arn"]
    scene.definition("privileged", taskRoleArn=role)
    elsewhere = statement(
        "Allow", "ecs:RunTask", Condition={"ArnEquals": {"ecs:cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/other"}}
    )
    rows = [
        ("nobody", allow("ecs:ListClusters"), "web", "ecs:RunTask on resource: arn:aws:ecs:us-east-1:123456789012:task-definition/web:1"),
        ("stranger", elsewhere, "web", "ecs:RunTask"),
        ("runner", allow("ecs:RunTask"), "privileged", f"iam:PassRole on resource: {role}"),
    ]
    for name, document, family, refused in rows:
        ecs = scene.stead.client("ecs", scene.stead.user(name, document))
        asked = {"cluster": "c", "taskDefinition": family, "launchType": "FARGATE", "networkConfiguration": scene.network}
        code, _, message = refusal(ecs.run_task, **asked)
        assert code == "AccessDeniedException"
        assert refused in message


def test_propagated_and_managed_tags(scene: Scene) -> None:
    scene.definition("tagged", tags=[{"key": "team", "value": "blue"}, {"key": "stage", "value": "test"}])
    arn = scene.run(
        taskDefinition="tagged", propagateTags="TASK_DEFINITION", tags=[{"key": "team", "value": "red"}], enableECSManagedTags=True
    )
    (task,) = scene.ecs.describe_tasks(cluster="c", tasks=[arn], include=["TAGS"])["tasks"]
    assert {tag["key"]: tag["value"] for tag in task["tags"]} == {"team": "red", "stage": "test", "aws:ecs:clusterName": "c"}


@pytest.mark.both_stores
def test_lists_and_counts(scene: Scene) -> None:
    arns = sorted(scene.run(startedBy=f"job-{number % 2}") for number in range(4))
    scene.stead.settle()
    pages = scene.ecs.get_paginator("list_tasks").paginate(cluster="c", PaginationConfig={"PageSize": 3})
    assert [arn for page in pages for arn in page["taskArns"]] == arns
    assert len(scene.ecs.list_tasks(cluster="c", startedBy="job-0")["taskArns"]) == 2
    assert scene.ecs.list_tasks(cluster="c", family="bridge")["taskArns"] == []
    scene.stop(arns[0])
    assert scene.ecs.list_tasks(cluster="c", desiredStatus="STOPPED")["taskArns"] == arns[:1]
    (cluster,) = scene.ecs.describe_clusters(clusters=["c"], include=["STATISTICS"])["clusters"]
    assert (cluster["runningTasksCount"], cluster["pendingTasksCount"]) == (3, 0)
    assert {"name": "runningFargateTasksCount", "value": "3"} in cluster["statistics"]


@pytest.mark.both_stores
def test_a_cluster_with_tasks_stays(scene: Scene) -> None:
    arn = scene.run()
    for step in (lambda: None, scene.stead.settle, lambda: scene.stop(arn)):
        step()
        refused = refusal(scene.ecs.delete_cluster, cluster="c")
        assert refused == ("ClusterContainsTasksException", 400, "The Cluster cannot be deleted while Tasks are active.")
    scene.stead.settle()
    assert scene.ecs.delete_cluster(cluster="c")["cluster"]["status"] == "INACTIVE"


def test_what_is_not_there(scene: Scene) -> None:
    arn = "arn:aws:ecs:us-east-1:123456789012:task/c/0123456789abcdef0123456789abcdef"
    assert scene.ecs.describe_tasks(cluster="c", tasks=[arn, arn.rpartition("/")[2]])["failures"] == [{"arn": arn, "reason": "MISSING"}] * 2
    rows: list[tuple[str, dict[str, Any], str, str]] = [
        ("describe_tasks", {"tasks": []}, "InvalidParameterException", "Tasks cannot be empty."),
        ("describe_tasks", {"tasks": [arn], "include": ["X"]}, "InvalidParameterException", "include should be one of [TAGS]"),
        ("describe_tasks", {"tasks": [arn], "cluster": "gone"}, "ClusterNotFoundException", "Cluster not found."),
        ("stop_task", {"task": arn}, "InvalidParameterException", "The referenced task was not found."),
        ("stop_task", {"task": "no id"}, "InvalidParameterException", "Task Identifier is invalid"),
        ("list_tasks", {"serviceName": "s"}, "ServiceNotFoundException", "Service not found."),
        ("start_task", {"taskDefinition": "bridge", "containerInstances": []}, "ClientException", "Container Instances cannot be empty."),
    ]
    for operation, asked, code, message in rows:
        assert refusal(getattr(scene.ecs, operation), **{"cluster": "c", **asked}) == (code, 400, message)
    answer = scene.ecs.start_task(cluster="c", taskDefinition="bridge", containerInstances=["0" * 32])
    missing = "arn:aws:ecs:us-east-1:123456789012:container-instance/c/" + "0" * 32
    assert (answer["tasks"], answer["failures"]) == ([], [{"arn": missing, "reason": "MISSING"}])


def _trust() -> str:
    principal = {"Service": "ecs-tasks.amazonaws.com"}
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}})
