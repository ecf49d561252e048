"""The life of a task and of its network interface, done by a session of the linked role; and what happens when the role says no."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy import select
from support.ecs import Scene
from support.linked_role_policy import without
from support.process import until
from support.stead import Stead

from stead.app import App
from stead.controllers.ecs.tasks import Tasks
from stead.store.ecs_tables import ecs_tasks
from stead.store.tables import role_usage

SESSION = "ecs-eni-provisioning"
_ROW = select(ecs_tasks)
_OPEN = select(role_usage).where(role_usage.c.ended.is_(None))


@pytest.fixture
def scene(acting: Stead) -> Scene:
    """A cluster, a network, and a Fargate task definition ``web``."""
    made = Scene(acting)
    made.definition()
    return made


def tell(stead: Stead, task: str, **what: Any) -> int:
    """What becomes of the container ``web`` of the task."""
    from stead.wire.internal import Internal  # noqa: PLC0415  # only --ephemeral serves it, and this Stead is not
    from stead.wire.messages import HttpRequest  # noqa: PLC0415  # as above

    internal = Internal(stead.app.store, "stead.test", stead.app.recorder.clear, stead.app.now, ephemeral=True)
    body = orjson.dumps({"task": task, "container": "web", **what})
    reply = internal.answer(HttpRequest("POST", b"/_stead/container", b"", ((b"host", b"localhost"),), body, "127.0.0.1"))
    return reply.status


@pytest.mark.both_stores
def test_the_life_of_a_task_and_its_interface(scene: Scene) -> None:
    arn = scene.run(enableECSManagedTags=True)
    scene.stead.settle()
    task = scene.task(arn)
    (attachment,), (interface,) = task["attachments"], scene.interfaces()
    assert (task["lastStatus"], task["version"], task["connectivity"]) == ("RUNNING", 3, "CONNECTED")
    assert attachment["status"] == "ATTACHED"
    assert attachment["details"] == [
        {"name": "subnetId", "value": scene.subnet},
        {"name": "networkInterfaceId", "value": interface["NetworkInterfaceId"]},
        {"name": "macAddress", "value": interface["MacAddress"]},
        {"name": "privateDnsName", "value": interface["PrivateDnsName"]},
        {"name": "privateIPv4Address", "value": interface["PrivateIpAddress"]},
    ]
    address = {"attachmentId": attachment["id"], "privateIpv4Address": interface["PrivateIpAddress"]}
    assert task["containers"][0]["networkInterfaces"] == [address]
    assert interface["Description"] == f"arn:aws:ecs:us-east-1:123456789012:attachment/{attachment['id']}"
    assert (interface["RequesterManaged"], interface["Status"]) == (True, "in-use")
    assert interface["TagSet"] == [{"Key": "aws:ecs:clusterName", "Value": "c"}]
    scene.stop(arn)
    scene.stead.settle()
    task = scene.task(arn)
    assert (task["lastStatus"], task["version"], task["stopCode"]) == ("STOPPED", 7, "UserInitiated")
    assert task["stoppedReason"] == "Task stopped by user"
    assert (task["attachments"][0]["status"], task["containers"][0]["exitCode"]) == ("DELETED", 0)
    assert scene.interfaces() == []
    assert scene.stead.app.store.read().all(_OPEN) == []


def test_every_call_is_the_roles_and_on_record(scene: Scene) -> None:
    arn = scene.run(enableECSManagedTags=True)
    scene.stead.settle()
    scene.stop(arn)
    scene.stead.settle()
    records = scene.calls(SESSION)
    changes = [record["eventName"] for record in records if not record["readOnly"]]
    assert changes == [
        "CreateNetworkInterface",
        "CreateTags",
        "CreateNetworkInterfacePermission",
        "DeleteNetworkInterfacePermission",
        "DeleteNetworkInterface",
    ]
    for record in records:
        assert record["userIdentity"]["invokedBy"] == "ecs.amazonaws.com"
        assert record["userIdentity"]["arn"].endswith(f":assumed-role/AWSServiceRoleForECS/{SESSION}")
        assert (record["sourceIPAddress"], record["userAgent"]) == ("ecs.amazonaws.com", "ecs.amazonaws.com")
    created = next(record for record in records if record["eventName"] == "CreateNetworkInterface")
    attachment = scene.task(arn)["attachments"][0]["id"]
    assert created["requestParameters"]["clientToken"] == arn.rpartition("/")[2] + attachment.replace("-", "")


STARTS = [
    (
        "ec2:CreateNetworkInterface",
        "Create Network Interface with public IP assignment disabled in subnet '{subnet}': UnauthorizedOperation",
    ),
    ("ec2:CreateNetworkInterfacePermission", "Create Network Interface Permission: UnauthorizedOperation"),
    ("ec2:CreateTags", "Create Tags: UnauthorizedOperation"),
]


@pytest.mark.parametrize(("action", "reason"), STARTS, ids=[action for action, _ in STARTS])
def test_a_start_that_is_refused_stops_the_task(scene: Scene, action: str, reason: str) -> None:
    with without(scene.stead, action):
        arn = scene.run(enableECSManagedTags=True)
        scene.stead.settle()
    task = scene.task(arn)
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "TaskFailedToStart")
    assert task["stoppedReason"] == f"Unexpected EC2 error while attempting to {reason.format(subnet=scene.subnet)}"
    assert scene.interfaces() == []
    assert scene.stead.app.store.read().all(_OPEN) == []
    again = scene.run()
    scene.stead.settle()
    assert scene.task(again)["lastStatus"] == "RUNNING"


ENDS = [
    ("ec2:DeleteNetworkInterface", "Delete Network Interface: UnauthorizedOperation"),
    ("ec2:DeleteNetworkInterfacePermission", "Delete Network Interface Permission: UnauthorizedOperation"),
]


@pytest.mark.both_stores
@pytest.mark.parametrize(("action", "reason"), ENDS, ids=[action for action, _ in ENDS])
def test_an_end_that_is_refused_is_asked_again(scene: Scene, action: str, reason: str) -> None:
    """Nothing is forgotten, the role's deletion names the task, and it goes on by itself when the permission is back."""
    arn = scene.run()
    scene.stead.settle()
    with without(scene.stead, action):
        scene.stop(arn)
        scene.stead.settle()
        task = scene.task(arn)
        assert (task["lastStatus"], task["stopCode"]) == ("DEPROVISIONING", "UserInitiated")
        assert task["stoppedReason"] == f"Unexpected EC2 error while attempting to {reason}"
        assert len(scene.interfaces()) == 1
        assert arn in _in_the_way(scene.stead)
    scene.stead.advance(3)
    scene.stead.settle()
    task = scene.task(arn)
    assert (task["lastStatus"], task["stoppedReason"]) == ("STOPPED", "Task stopped by user")
    assert scene.interfaces() == []
    scene.ecs.delete_cluster(cluster="c")
    assert _in_the_way(scene.stead) == []


def _in_the_way(stead: Stead) -> list[str]:
    """What a deletion of the role names; nothing when it succeeded."""
    iam = stead.client("iam")
    task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForECS")["DeletionTaskId"]
    stead.settle()
    answer = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
    return [resource for region in answer.get("Reason", {}).get("RoleUsageList", []) for resource in region["Resources"]]


@pytest.mark.both_stores
def test_a_task_stopped_before_it_began_was_nothing_outside(scene: Scene) -> None:
    arn = scene.run()
    scene.stop(arn)
    scene.stead.settle()
    task = scene.task(arn)
    assert (task["lastStatus"], task["attachments"][0]["status"]) == ("STOPPED", "DELETED")
    assert [record["eventName"] for record in scene.calls(SESSION) if not record["readOnly"]] == []


@pytest.mark.both_stores
@pytest.mark.parametrize("stopped", [False, True], ids=["goes on", "is stopped meanwhile"])
def test_a_step_whose_end_was_lost_is_taken_again(scene: Scene, *, stopped: bool) -> None:
    """A kill between the neighbour's answer and the commit: the interface is there and the row does not know it."""
    arn = scene.run()
    app = scene.stead.app
    controller = next(queue.controller for queue in app.runner._queues if isinstance(queue.controller, Tasks))
    app.runner.step()  # begun
    controller.ask(app.store.read(), app.store.read().first(_ROW))
    assert len(scene.interfaces()) == 1
    if stopped:
        scene.stop(arn)
    scene.stead.settle()
    assert scene.task(arn)["lastStatus"] == ("STOPPED" if stopped else "RUNNING")
    assert len(scene.interfaces()) == (0 if stopped else 1)


def test_what_others_write_during_a_step_stays(scene: Scene) -> None:
    """StopTask comes while the neighbour is asked: the step's outcome is kept, and the wish is heard."""
    arn = scene.run()
    app = scene.stead.app
    controller = next(queue.controller for queue in app.runner._queues if isinstance(queue.controller, Tasks))
    app.runner.step()
    row = app.store.read().first(_ROW)
    learned = controller.ask(app.store.read(), row)
    scene.stop(arn)
    with app.store.write() as db:
        controller.reconcile(db, row, learned, app.now(db))
    task = scene.task(arn)
    assert (task["desiredStatus"], task["lastStatus"], task["version"]) == ("STOPPED", "RUNNING", 4)
    assert task["attachments"][0]["status"] == "ATTACHED"


@pytest.mark.both_stores
def test_an_essential_container_that_ends_ends_the_task(scene: Scene) -> None:
    arn = scene.run()
    scene.stead.settle()
    assert tell(scene.stead, arn, exitCode=3) == 200
    scene.stead.settle()
    task = scene.task(arn)
    assert (task["lastStatus"], task["stopCode"], task["version"]) == ("STOPPED", "EssentialContainerExited", 5)
    assert task["stoppedReason"] == "Essential container in task exited"
    assert task["containers"][0]["exitCode"] == 3
    assert tell(scene.stead, arn, exitCode=3) == 404


def test_health_is_told(scene: Scene) -> None:
    scene.definition("checked", containerDefinitions=[{"name": "web", "image": "nginx", "healthCheck": {"command": ["CMD", "true"]}}])
    arn = scene.run(taskDefinition="checked")
    assert scene.task(arn)["healthStatus"] == "UNKNOWN"
    scene.stead.settle()
    assert scene.task(arn)["healthStatus"] == "HEALTHY"
    assert tell(scene.stead, arn, health="UNHEALTHY") == 200
    assert scene.task(arn)["healthStatus"] == "UNHEALTHY"
    assert tell(scene.stead, arn, health="poorly") == 400


@pytest.mark.both_stores
def test_a_stopped_task_is_forgotten_after_an_hour(scene: Scene) -> None:
    arn = scene.run(tags=[{"key": "team", "value": "blue"}])
    scene.stop(arn)
    scene.stead.settle()
    scene.stead.advance(3590)
    scene.stead.settle()
    assert scene.task(arn)["lastStatus"] == "STOPPED"
    scene.stead.advance(20)
    scene.stead.settle()
    assert scene.ecs.describe_tasks(cluster="c", tasks=[arn])["failures"] == [{"arn": arn, "reason": "MISSING"}]


def test_at_its_recorded_pace(acting: Stead) -> None:
    """ecs-on-your-behalf.md 2.1, with Stead's clock in the test's hand; the neighbours stay those of ``acting``."""
    app = App(replace(acting.app.settings, task_pace="normal"))
    scene = Scene(Stead(app))
    scene.definition()
    arn = scene.run()
    seen = [_after(scene, arn, seconds) for seconds in (0, 4, 8, 3, 8, 1)]
    assert seen == [
        ("PROVISIONING", "PRECREATED", 1),
        ("PROVISIONING", "ATTACHING", 1),
        ("PROVISIONING", "ATTACHED", 1),
        ("PENDING", "ATTACHED", 2),
        ("PENDING", "ATTACHED", 2),
        ("RUNNING", "ATTACHED", 3),
    ]
    app.store.close()
    app.store.engine.dispose()


def _after(scene: Scene, arn: str, seconds: int) -> tuple[str, str, int]:
    scene.stead.advance(seconds)
    scene.stead.settle()
    task = scene.task(arn)
    return task["lastStatus"], task["attachments"][0]["status"], task["version"]


def test_in_the_background(scene: Scene) -> None:
    """The runner is woken by the transactions themselves."""
    scene.stead.app.runner.start()
    arn = scene.run()
    until(lambda: scene.task(arn)["lastStatus"] == "RUNNING")
    scene.stop(arn)
    until(lambda: scene.task(arn)["lastStatus"] == "STOPPED")
    scene.stead.app.runner.stop()


@pytest.mark.both_stores
def test_on_a_container_instance_the_interface_is_attached(scene: Scene) -> None:
    instance = scene.ec2.run_instances(ImageId="ami-1", MinCount=1, MaxCount=1, SubnetId=scene.subnet)["Instances"][0]["InstanceId"]
    scene.definition("hosted", requiresCompatibilities=["EC2"])
    scene.host("hosted", instance)
    arns = [scene.run(taskDefinition="hosted", launchType="EC2") for _ in range(2)]
    scene.stead.settle()
    mine = [one for one in scene.interfaces() if "attachment/" in one["Description"]]
    assert sorted(one["Attachment"]["DeviceIndex"] for one in mine) == [1, 2]
    assert {one["Attachment"]["InstanceId"] for one in mine} == {instance}
    full = scene.ecs.run_task(cluster="c", taskDefinition="hosted", launchType="EC2", networkConfiguration=scene.network)
    assert [failure["reason"] for failure in full["failures"]] == ["RESOURCE:ENI"]
    with without(scene.stead, "ec2:DetachNetworkInterface"):
        scene.stop(arns[0])
        scene.stead.settle()
        reason = "Unexpected EC2 error while attempting to Detach Network Interface: UnauthorizedOperation"
        assert scene.task(arns[0])["stoppedReason"] == reason
    scene.stead.advance(3)
    scene.stop(arns[1])
    scene.stead.settle()
    assert [scene.task(arn)["lastStatus"] for arn in arns] == ["STOPPED", "STOPPED"]
    assert [one for one in scene.interfaces() if "attachment/" in one["Description"]] == []
    assert scene.ecs.run_task(cluster="c", taskDefinition="hosted", launchType="EC2", networkConfiguration=scene.network)["failures"] == []


@pytest.mark.both_stores
def test_an_attachment_that_is_refused_leaves_nothing(scene: Scene) -> None:
    scene.definition("hosted", requiresCompatibilities=["EC2"])
    scene.host("hosted", "i-0123456789abcdef0")
    with without(scene.stead, "ec2:AttachNetworkInterface"):
        arn = scene.run(taskDefinition="hosted", launchType="EC2")
        scene.stead.settle()
    task = scene.task(arn)
    reason = "Unexpected EC2 error while attempting to Attach Network Interface: UnauthorizedOperation"
    assert (task["lastStatus"], task["stoppedReason"]) == ("STOPPED", reason)
    assert scene.interfaces() == []
