"""The operations on services: what is asked, refused, answered (recorded-aws.md 11.3, ecs-on-your-behalf.md 8.3, aws-behaviour.md 10.1)."""

from __future__ import annotations

from typing import Any

import pytest
from support.documents import allow
from support.every_operation import TRUST
from support.linked_roles import ROLE_ARN, exists
from support.refusals import Refusal, refusal

CLUSTER = "arn:aws:ecs:us-east-1:123456789012:cluster/default"
ARN = "arn:aws:ecs:us-east-1:123456789012:service/default/s"
FARGATE = {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}
CONTAINER = {"name": "web", "image": "nginx", "memory": 128, "portMappings": [{"containerPort": 80}]}
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/t/0123456789abcdef"
REGISTRY = "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-1"
BALANCED = [{"targetGroupArn": GROUP, "containerName": "web", "containerPort": 80}]
UNABLE = "Unable to assume the service linked role. Please verify that the ECS service linked role exists."


def invalid(message: str, code: str = "InvalidParameterException") -> Refusal:
    """ECS's usual refusal."""
    return Refusal(code, 400, message)


@pytest.fixture
def ecs(stead: Any) -> Any:
    """A client; there are the default cluster and the task definitions ``web`` (bridge) and ``fargate``."""
    made = stead.client("ecs")
    made.create_cluster()
    made.register_task_definition(family="web", containerDefinitions=[CONTAINER])
    made.register_task_definition(family="fargate", containerDefinitions=[CONTAINER], **FARGATE)
    return made


def create(ecs: Any, **more: Any) -> Any:
    """A service of no task."""
    return ecs.create_service(**{"serviceName": "s", "taskDefinition": "web", "desiredCount": 0, **more})["service"]


def describe(ecs: Any) -> Any:
    """The service as it is."""
    return ecs.describe_services(services=["s"])["services"][0]


@pytest.mark.both_stores
def test_a_new_service_of_no_task(ecs: Any) -> None:
    """Recorded, all of it."""
    made = create(ecs)
    number = made["deployments"][0]["id"].removeprefix("ecs-svc/")
    assert len(number) == 19
    assert number.isdecimal()
    assert made.pop("createdAt")
    (deployment,) = made.pop("deployments")
    assert deployment.pop("createdAt") == deployment.pop("updatedAt")
    definition = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1"
    assert deployment == {
        "id": f"ecs-svc/{number}",
        "status": "PRIMARY",
        "taskDefinition": definition,
        "desiredCount": 0,
        "pendingCount": 0,
        "runningCount": 0,
        "failedTasks": 0,
        "launchType": "EC2",
        "rolloutState": "IN_PROGRESS",
        "rolloutStateReason": f"ECS deployment ecs-svc/{number} in progress.",
    }
    breaker = {
        "enable": False,
        "rollback": False,
        "resetOnHealthyTask": True,
        "thresholdConfiguration": {"type": "BOUNDED_PERCENT", "value": 50},
    }
    assert made == {
        "serviceArn": ARN,
        "serviceName": "s",
        "clusterArn": CLUSTER,
        "status": "ACTIVE",
        "launchType": "EC2",
        "taskDefinition": definition,
        "desiredCount": 0,
        "runningCount": 0,
        "pendingCount": 0,
        "loadBalancers": [],
        "serviceRegistries": [],
        "placementConstraints": [],
        "placementStrategy": [],
        "events": [],
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"},
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": breaker,
            "maximumPercent": 200,
            "minimumHealthyPercent": 100,
            "strategy": "ROLLING",
            "bakeTimeInMinutes": 0,
        },
        "createdBy": "arn:aws:iam::123456789012:root",
        "enableECSManagedTags": False,
        "propagateTags": "NONE",
        "enableExecuteCommand": False,
        "availabilityZoneRebalancing": "ENABLED",
        "resourceManagementType": "CUSTOMER",
        "currentServiceRevisions": [
            {
                "arn": f"arn:aws:ecs:us-east-1:123456789012:service-revision/default/s/{number}",
                "requestedTaskCount": 0,
                "runningTaskCount": 0,
                "pendingTaskCount": 0,
            }
        ],
    }


BREAKS: list[tuple[dict[str, Any], Refusal]] = [
    ({"desiredCount": None}, invalid("DesiredCount is missing")),
    ({"desiredCount": -1}, invalid("DesiredCount can not be lesser than 0")),
    ({"deploymentConfiguration": {"maximumPercent": 99}}, invalid("maximumPercent must be at least 100")),
    ({"deploymentConfiguration": {"minimumHealthyPercent": 101}}, invalid("minimumHealthyPercent must be at most 100")),
    ({"schedulingStrategy": "SOME"}, invalid("Scheduling strategy should be one of [REPLICA,DAEMON]")),
    (
        {"schedulingStrategy": "DAEMON"},
        invalid(
            "The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and try again"
        ),
    ),
    ({"launchType": "SHIP"}, invalid("launch type should be one of [EC2,FARGATE]", "ClientException")),
    ({"clientToken": "t" * 37}, invalid("idempotency token longer than 36.")),
    ({"taskDefinition": "none"}, invalid("TaskDefinition not found.", "ClientException")),
    ({"taskDefinition": "web:7"}, invalid("TaskDefinition not found.", "ClientException")),
    (
        {"launchType": "EC2", "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}]},
        invalid("Specify either Launch Type or Capacity Provider Strategy, but not both."),
    ),
    ({"launchType": "FARGATE"}, invalid("Task definition does not support launch_type FARGATE.")),
    (
        {"taskDefinition": "fargate"},
        invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified."),
    ),
    ({"networkConfiguration": NETWORK}, invalid("Network Configuration is not valid for the given networkMode of this task definition.")),
    ({"networkConfiguration": {"awsvpcConfiguration": {"subnets": []}}}, invalid("subnets can not be empty.")),
    ({"loadBalancers": [{**BALANCED[0], "containerName": ""}]}, invalid("Container Name can not be blank.")),
    (
        {"loadBalancers": [{**BALANCED[0], "containerName": "db"}]},
        invalid("The container db does not exist in the task definition."),
    ),
    (
        {"loadBalancers": [{**BALANCED[0], "containerPort": 81}]},
        invalid("The container web did not have a container port 81 defined."),
    ),
    (
        {"loadBalancers": BALANCED * 2, "role": "somebody"},
        invalid("You cannot specify an IAM role for services that require a service linked role."),
    ),
    (
        {"taskDefinition": "fargate", "networkConfiguration": NETWORK, "loadBalancers": BALANCED, "role": "somebody"},
        invalid("You cannot specify an IAM role for services that require a service linked role."),
    ),
    (
        {"serviceRegistries": [{"registryArn": REGISTRY, "containerName": "web", "containerPort": 80}], "role": "somebody"},
        invalid("You cannot specify an IAM role for services that require a service linked role."),
    ),
    (
        {"serviceRegistries": [{"registryArn": REGISTRY}]},
        invalid(
            "When specifying 'host' or 'bridge' for networkMode, values for 'containerName' and 'containerPort' must be specified"
            f" from the task definition. Registry: {REGISTRY}"
        ),
    ),
    ({"loadBalancers": BALANCED, "role": "nobody"}, invalid("Role is not valid", "ClientException")),
    ({"cluster": "none"}, invalid("Cluster not found.", "ClusterNotFoundException")),
    ({"cluster": "none", "desiredCount": -1}, invalid("Cluster not found.", "ClusterNotFoundException")),
]


@pytest.mark.parametrize(("more", "refused"), BREAKS)
def test_what_is_refused(ecs: Any, more: dict[str, Any], refused: Refusal) -> None:
    asked = {"serviceName": "s", "taskDefinition": "web", "desiredCount": 0, **more}
    assert refusal(ecs.create_service, **{name: value for name, value in asked.items() if value is not None}) == refused
    assert ecs.list_services()["serviceArns"] == []


@pytest.mark.parametrize(
    ("more", "member"),
    [
        ({"deploymentController": {"type": "EXTERNAL"}}, "deploymentController"),
        ({"schedulingStrategy": "DAEMON", "desiredCount": None}, "schedulingStrategy"),
        ({"deploymentConfiguration": {"strategy": "BLUE_GREEN"}}, "strategy"),
        ({"serviceConnectConfiguration": {"enabled": True}}, "serviceConnectConfiguration"),
    ],
)
def test_what_is_left_for_later(ecs: Any, more: dict[str, Any], member: str) -> None:
    asked = {"serviceName": "s", "taskDefinition": "web", "desiredCount": 0, **more}
    refused = refusal(ecs.create_service, **{name: value for name, value in asked.items() if value is not None})
    assert refused == Refusal("NotImplemented", 501, f"Stead does not implement '{member}' of ecs:CreateService yet.")


@pytest.mark.both_stores
def test_a_repetition_with_its_token(ecs: Any) -> None:
    """Recorded: tags are not compared, and not changed."""
    first = create(ecs, clientToken="t", tags=[{"key": "a", "value": "1"}])
    again = create(ecs, clientToken="t", tags=[{"key": "a", "value": "2"}])
    assert (again["createdAt"], again["tags"]) == (first["createdAt"], [{"key": "a", "value": "1"}])
    conflict = invalid("Creation of service was not idempotent.")
    for more in ({"clientToken": "t", "taskDefinition": "web:1"}, {"clientToken": "u"}, {}):
        asked = {"serviceName": "s", "taskDefinition": "web", "desiredCount": 0, **more}
        assert refusal(ecs.create_service, **asked) == conflict


def test_a_clusters_default_strategy_is_a_services(stead: Any, ecs: Any) -> None:
    ecs.put_cluster_capacity_providers(
        cluster="default", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}]
    )
    made = create(ecs)
    assert "launchType" not in made
    assert made["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}]
    assert stead is not None


@pytest.mark.both_stores
def test_an_update_makes_a_deployment_only_if_tasks_would_be_others(stead: Any, ecs: Any) -> None:
    create(ecs)
    stead.settle()
    (first,) = describe(ecs)["deployments"]
    for same in (
        {"desiredCount": 0},
        {"taskDefinition": "web:1"},
        {"enableExecuteCommand": True},
        {"deploymentConfiguration": {"maximumPercent": 150}},
    ):
        assert [one["id"] for one in ecs.update_service(service="s", **same)["service"]["deployments"]] == [first["id"]]
    assert describe(ecs)["deploymentConfiguration"]["minimumHealthyPercent"] == 100
    new, old = ecs.update_service(service=ARN, forceNewDeployment=True)["service"]["deployments"]
    assert (new["status"], old["status"], old["id"]) == ("PRIMARY", "ACTIVE", first["id"])
    stead.settle()
    (left,) = describe(ecs)["deployments"]
    assert (left["id"], left["rolloutState"]) == (new["id"], "COMPLETED")


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        ({"service": "none"}, invalid("Service not found.", "ServiceNotFoundException")),
        ({"service": "s", "cluster": "none"}, invalid("Cluster not found.", "ClusterNotFoundException")),
        ({"service": "s", "desiredCount": -1}, invalid("DesiredCount can not be lesser than 0")),
        ({"service": "s", "taskDefinition": "none"}, invalid("TaskDefinition not found.", "ClientException")),
        (
            {"service": ARN.replace("default", "other")},
            invalid("Invalid identifier: Identifier is for cluster other. Your cluster is default"),
        ),
        ({"service": ARN.replace("us-east-1", "eu-west-1")}, invalid("Invalid Region in ARN")),
        ({"service": CLUSTER}, invalid("Unsupported resource type: cluster")),
    ],
)
def test_what_an_update_is_refused(ecs: Any, asked: dict[str, Any], refused: Refusal) -> None:
    create(ecs)
    assert refusal(ecs.update_service, **asked) == refused


@pytest.mark.both_stores
def test_deletion(stead: Any, ecs: Any) -> None:
    create(ecs, desiredCount=1)
    stead.settle()
    assert refusal(ecs.delete_service, service="s") == invalid("The service cannot be stopped while it is scaled above 0.")
    ecs.update_service(service="s", desiredCount=0)
    deleted = ecs.delete_service(service="s")["service"]
    assert (deleted["status"], deleted["desiredCount"]) == ("DRAINING", 0)
    assert ecs.delete_service(service="s")["service"]["status"] == "DRAINING"  # recorded
    assert ecs.list_services()["serviceArns"] == []
    assert refusal(ecs.create_service, serviceName="s", taskDefinition="web", desiredCount=0) == invalid(
        "Unable to Start a service that is still Draining."
    )
    assert refusal(ecs.update_service, service="s") == invalid("Service was not ACTIVE.", "ServiceNotActiveException")
    stead.settle()
    assert (describe(ecs)["status"], describe(ecs)["deployments"]) == ("INACTIVE", [])
    assert refusal(ecs.delete_service, service="s").code == "ServiceNotFoundException"
    assert create(ecs)["status"] == "ACTIVE"


def test_a_forced_deletion(ecs: Any) -> None:
    create(ecs, desiredCount=1)
    deleted = ecs.delete_service(service="s", force=True)["service"]
    assert (deleted["status"], deleted["desiredCount"], deleted["deployments"][0]["status"]) == ("DRAINING", 0, "DRAINING")


def test_a_deleted_service_is_forgotten_after_a_day(stead: Any, ecs: Any) -> None:
    create(ecs)
    ecs.delete_service(service="s")
    stead.settle()
    stead.settle()
    assert describe(ecs)["status"] == "INACTIVE"
    stead.advance(86401)
    stead.settle()
    assert ecs.describe_services(services=["s"])["failures"] == [{"arn": ARN, "reason": "MISSING"}]


def test_describing(ecs: Any) -> None:
    create(ecs, tags=[{"key": "a", "value": "1"}])
    answer = ecs.describe_services(services=["s", ARN, "none"])
    assert [one["serviceArn"] for one in answer["services"]] == [ARN]
    assert answer["failures"] == [{"arn": ARN.replace("/s", "/none"), "reason": "MISSING"}]
    assert "tags" not in answer["services"][0]
    assert ecs.describe_services(services=["s"], include=["TAGS"])["services"][0]["tags"] == [{"key": "a", "value": "1"}]
    assert refusal(ecs.describe_services, services=[]) == invalid("Services cannot be empty.")
    assert refusal(ecs.describe_services, services=["s"], cluster="none") == invalid("Cluster not found.", "ClusterNotFoundException")
    assert refusal(ecs.describe_services, services=["s"], include=["ALL"]).message == "include should be one of [TAGS]"


@pytest.mark.both_stores
def test_listing(ecs: Any) -> None:
    for name in ("b", "a", "c"):
        create(ecs, serviceName=name)
    pages = ecs.get_paginator("list_services").paginate(PaginationConfig={"PageSize": 2})
    assert [[arn[-1] for arn in page["serviceArns"]] for page in pages] == [["a", "b"], ["c"]]
    assert ecs.list_services(launchType="FARGATE")["serviceArns"] == []
    assert len(ecs.list_services(launchType="EC2", schedulingStrategy="REPLICA")["serviceArns"]) == 3
    assert refusal(ecs.list_services, cluster="none") == invalid("Cluster not found.", "ClusterNotFoundException")
    assert refusal(ecs.list_services, nextToken="?") == invalid("Invalid token.")


def test_a_cluster_with_services_stays(stead: Any, ecs: Any) -> None:
    create(ecs)
    assert ecs.describe_clusters()["clusters"][0]["activeServicesCount"] == 1
    assert refusal(ecs.delete_cluster, cluster="default") == invalid(
        "The Cluster cannot be deleted while Services are active.", "ClusterContainsServicesException"
    )
    ecs.delete_service(service="s")
    stead.settle()
    assert ecs.delete_cluster(cluster="default")["cluster"]["status"] == "INACTIVE"
    assert refusal(ecs.create_service, serviceName="s", taskDefinition="web", desiredCount=0) == invalid(
        "The referenced cluster was inactive.", "ClientException"
    )


def test_a_service_brings_the_role_if_its_creator_may(stead: Any, ecs: Any) -> None:
    """Design D14; and who may not has no service that needs it."""
    iam = stead.client("iam")
    ecs.delete_cluster(cluster="default")
    iam.delete_service_linked_role(RoleName="AWSServiceRoleForECS")
    stead.settle()
    assert not exists(iam)
    poor = stead.client("ecs", stead.user("alice", allow("ecs:*")))
    poor.create_cluster()
    wish = {"taskDefinition": "fargate", "desiredCount": 0, "launchType": "FARGATE", "networkConfiguration": NETWORK}
    assert refusal(poor.create_service, serviceName="s", **wish) == invalid(UNABLE)
    poor.create_service(serviceName="bridge", taskDefinition="web", desiredCount=0)
    assert not exists(iam)
    stead.client("ecs").update_service(service="bridge", desiredCount=0)
    assert iam.get_role(RoleName="AWSServiceRoleForECS")["Role"]["Arn"] == ROLE_ARN


def test_a_role_that_is_passed_needs_the_permission(stead: Any, ecs: Any) -> None:
    assert ecs is not None
    stead.client("iam").create_role(RoleName="mine", AssumeRolePolicyDocument=TRUST)
    poor = stead.client("ecs", stead.user("alice", allow("ecs:*")))
    asked = {"serviceName": "s", "taskDefinition": "web", "desiredCount": 0, "loadBalancers": BALANCED, "role": "mine"}
    assert (
        "is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/mine"
        in refusal(poor.create_service, **asked).message
    )
    assert refusal(stead.client("ecs").create_service, **asked) == invalid(
        "Unable to assume role and validate the specified targetGroupArn."
        " Please verify that the ECS service role being passed has the proper permissions."
    )
