"""Cloud Map: what becomes of a service's tasks there, by whose session, and what a refusal stops (ecs-on-your-behalf.md 1.1, 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.balancing import PORT, Front, address
from support.linked_role_policy import without

from stead.services.ecs import simulation

if TYPE_CHECKING:
    from support.stead import Stead

SESSION = "ecs-service-discovery"


@pytest.fixture
def front(acting: Stead) -> Front:
    return Front(acting)


@pytest.fixture
def registry(front: Front) -> Any:
    """A Cloud Map service in a private DNS namespace."""
    return front.registry(front.namespace()[1])


def serve(front: Front, registry: Any, **more: Any) -> None:
    """Service ``s`` with one task, if nothing is wrong."""
    asked = {"serviceRegistries": [{"registryArn": registry["Arn"], **more.pop("where", {})}], "loadBalancers": None, **more}
    front.serve(**asked)
    front.settle()


def identity(task: Any) -> str:
    return str(task["taskArn"].rpartition("/")[2])


def test_a_task_is_an_instance_while_it_runs(front: Front, registry: Any) -> None:
    serve(front, registry)
    (task,) = front.tasks()
    assert task["lastStatus"] == "RUNNING"
    attributes = {
        "AWS_INSTANCE_IPV4": address(task),
        "AVAILABILITY_ZONE": task["availabilityZone"],
        "REGION": "us-east-1",
        "ECS_SERVICE_NAME": "s",
        "ECS_CLUSTER_NAME": "c",
        "ECS_TASK_DEFINITION_FAMILY": "web",
    }
    assert front.instances(registry["Id"]) == {identity(task): attributes}
    (call,) = front.done(SESSION, "RegisterInstance")
    assert call["userIdentity"]["arn"].endswith(f":assumed-role/AWSServiceRoleForECS/{SESSION}")
    assert call["userIdentity"]["invokedBy"] == "ecs.amazonaws.com"
    assert (call["requestParameters"]["serviceId"], call["requestParameters"]["instanceId"]) == (registry["Id"], identity(task))
    assert {"GetService", "GetNamespace", "GetInstance", "GetOperation"} <= {call["eventName"] for call in front.calls(SESSION)}
    front.scale(0)
    front.settle(5)
    assert front.instances(registry["Id"]) == {}
    assert front.task(task["taskArn"])["lastStatus"] == "STOPPED"
    assert len(front.done(SESSION, "DeregisterInstance")) == 1


@pytest.mark.parametrize(
    ("family", "where", "port"),
    [
        ("web", {"port": 8443}, 8443),
        ("web", {"containerName": "web", "containerPort": PORT}, PORT),
        ("bridge", {"containerName": "web", "containerPort": PORT}, 8080),
    ],
)
def test_the_port_is_that_where_the_container_is_reached(front: Front, family: str, where: dict[str, Any], port: int) -> None:
    registry = front.registry(front.namespace()[1], "SRV")
    instance = front.instance()
    ec2 = {"launchType": "EC2", "networkConfiguration": None, "taskDefinition": family} if family == "bridge" else {}
    serve(front, registry, where=where, **ec2)
    (task,) = front.tasks()
    (attributes,) = front.instances(registry["Id"]).values()
    assert attributes["AWS_INSTANCE_PORT"] == str(port)
    if ec2:
        (known,) = front.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
        assert attributes["EC2_INSTANCE_ID"] == instance
        assert attributes["AWS_INSTANCE_IPV4"] == known["PrivateIpAddress"]
        assert attributes["AVAILABILITY_ZONE"] == known["Placement"]["AvailabilityZone"]
        assert front.done(SESSION, "DescribeInstances")
    else:
        assert attributes["AWS_INSTANCE_IPV4"] == address(task)


def say(front: Front, task: Any, health: str) -> None:
    """A container's health changes."""
    with front.stead.app.store.write() as db:
        assert simulation.tell(db, task["taskArn"], "web", health, None, front.stead.app.now(db))
    front.settle_tasks()


def test_cloud_map_is_told_the_health_of_containers(front: Front, registry: Any) -> None:
    serve(front, registry, taskDefinition="checked")
    (task,) = front.tasks()
    assert task["healthStatus"] == "HEALTHY"
    assert front.done(SESSION, "UpdateInstanceCustomHealthStatus") == []  # as Cloud Map has it already
    for status in ("UNHEALTHY", "HEALTHY"):
        say(front, task, status)
        asked = {"ServiceId": registry["Id"], "Instances": [identity(task)]}
        assert front.cloud_map.get_instances_health_status(**asked)["Status"] == {identity(task): status}
    told = front.done(SESSION, "UpdateInstanceCustomHealthStatus")
    assert [call["requestParameters"]["status"] for call in told] == ["UNHEALTHY", "HEALTHY"]
    assert front.done(SESSION, "GetInstancesHealthStatus")


@pytest.mark.parametrize("action", ["RegisterInstance", "GetService", "GetNamespace", "GetInstance"])
def test_without_the_permission_no_task_starts_and_nothing_is_left(front: Front, registry: Any, action: str) -> None:
    serve(front, registry, count=0)
    with without(front.stead, f"servicediscovery:{action}"):
        front.scale(1)
        front.settle()
        stopped = front.tasks("STOPPED")[0]
        assert f"is not authorized to perform: servicediscovery:{action}" in stopped["stoppedReason"]
        assert stopped["stopCode"] == "TaskFailedToStart"
        assert front.instances(registry["Id"]) == {}
    front.settle(900)
    front.until(lambda: front.instances(registry["Id"]))
    (task,) = front.tasks()
    assert front.instances(registry["Id"]).keys() == {identity(task)}
    front.until(lambda: front.says(f"is not authorized to perform: servicediscovery:{action}"))
    assert len(front.interfaces()) == 1


def test_without_the_permission_to_follow_an_operation_a_task_does_not_start_and_leaves_later(front: Front, registry: Any) -> None:
    serve(front, registry, count=0)
    with without(front.stead, "servicediscovery:GetOperation"):
        front.scale(1)
        while not front.tasks():
            front.stead.app.runner.step()
        front.settle_tasks()
        (task,) = front.tasks("STOPPED")
        assert (task["lastStatus"], task["stopCode"]) == ("DEACTIVATING", "TaskFailedToStart")
        assert "is not authorized to perform: servicediscovery:GetOperation" in task["stoppedReason"]
    front.settle_tasks(30)
    assert front.task(task["taskArn"])["lastStatus"] == "STOPPED"
    assert front.instances(registry["Id"]) == {}


def test_without_the_permission_to_deregister_a_task_waits_and_goes_on(front: Front, registry: Any) -> None:
    serve(front, registry)
    (task,) = front.tasks()
    with without(front.stead, "servicediscovery:DeregisterInstance"):
        front.scale(0)
        front.settle()
        waiting = front.task(task["taskArn"])
        assert waiting["lastStatus"] == "DEACTIVATING"
        assert "is not authorized to perform: servicediscovery:DeregisterInstance" in waiting["stoppedReason"]
        assert front.instances(registry["Id"])
    front.settle(30)
    assert front.task(task["taskArn"])["lastStatus"] == "STOPPED"
    assert front.instances(registry["Id"]) == {}


@pytest.mark.parametrize("action", ["UpdateInstanceCustomHealthStatus", "GetInstancesHealthStatus"])
def test_without_the_permission_health_is_told_when_it_is_back(front: Front, registry: Any, action: str) -> None:
    serve(front, registry, taskDefinition="checked")
    (task,) = front.tasks()
    asked = {"ServiceId": registry["Id"], "Instances": [identity(task)]}
    say(front, task, "HEALTHY")
    with without(front.stead, f"servicediscovery:{action}"):
        say(front, task, "UNHEALTHY")
        assert front.cloud_map.get_instances_health_status(**asked)["Status"] == {identity(task): "HEALTHY"}
    front.settle_tasks(5)
    assert front.cloud_map.get_instances_health_status(**asked)["Status"] == {identity(task): "UNHEALTHY"}


def test_an_instance_that_is_gone_keeps_nobody(front: Front, registry: Any) -> None:
    serve(front, registry)
    (task,) = front.tasks()
    front.cloud_map.deregister_instance(ServiceId=registry["Id"], InstanceId=identity(task))
    front.cloud_map.delete_service(Id=registry["Id"])
    front.stop(task["taskArn"])
    front.settle()
    assert front.task(task["taskArn"])["lastStatus"] == "STOPPED"
