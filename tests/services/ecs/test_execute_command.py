"""ECS Exec: who may, into what, the session that Systems Manager opens, and each refusal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import allow
from support.ecs import CONTAINER, Scene
from support.linked_role_policy import without
from support.refusals import refusal

if TYPE_CHECKING:
    from support.stead import Stead

NOT_ENABLED = (
    "The execute command failed because execute command was not enabled when the task was run or the execute command agent isn't running."
    " Wait and try again or run a new task with execute command enabled and try again."
)


@pytest.fixture
def scene(acting: Stead) -> Scene:
    made = Scene(acting)
    made.definition()
    return made


def execute(scene: Scene, task: str, ecs: Any = None, **more: Any) -> Any:
    return (ecs or scene.ecs).execute_command(**{"cluster": "c", "task": task, "command": "/bin/sh", "interactive": True, **more})


def test_a_session_of_the_linked_role(scene: Scene, acting: Stead) -> None:
    task = scene.run(enableExecuteCommand=True)
    acting.settle()
    (container,) = scene.task(task)["containers"]
    assert [(agent["name"], agent["lastStatus"]) for agent in container["managedAgents"]] == [("ExecuteCommandAgent", "RUNNING")]
    answer = execute(scene, task.rpartition("/")[2])
    assert (answer["clusterArn"], answer["taskArn"], answer["containerName"], answer["interactive"]) == (scene.cluster, task, "web", True)
    assert answer["containerArn"] == container["containerArn"]
    session = answer["session"]
    assert session["sessionId"].startswith("ecs-execute-command-0")
    assert session["streamUrl"] == (
        f"wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/{session['sessionId']}?role=publish_subscribe"
    )
    assert session["tokenValue"]
    target = f"ecs:c_{task.rpartition('/')[2]}_{container['runtimeId']}"
    (opened,) = acting.client("ssm").describe_sessions(State="Active", Filters=[{"key": "Target", "value": target}])["Sessions"]
    assert opened["SessionId"] == session["sessionId"]
    records = scene.calls("ecs-execute-command")
    assert [record["eventName"] for record in records] == ["DescribeSessions", "StartSession"]
    assert {record["userIdentity"]["invokedBy"] for record in records} == {"ecs.amazonaws.com"}
    assert records[1]["requestParameters"]["documentName"] == "AmazonECS-ExecuteInteractiveCommand"


def test_both_resources_must_be_allowed_and_ssm_need_not(scene: Scene, acting: Stead) -> None:
    task = scene.run(enableExecuteCommand=True)
    acting.settle()
    half = acting.client("ecs", acting.user("half", allow("ecs:ExecuteCommand", scene.cluster)))
    code, status, message = refusal(execute, scene=scene, task=task, ecs=half)
    assert (code, status) == ("AccessDeniedException", 400)
    assert f"ecs:ExecuteCommand on resource: {task}" in message
    both = allow("ecs:ExecuteCommand", [scene.cluster, task])
    whole = acting.client("ecs", acting.user("whole", both))
    assert execute(scene, task, whole)["session"]["sessionId"]


def test_the_container_is_a_condition(scene: Scene, acting: Stead) -> None:
    containers = [CONTAINER, {**CONTAINER, "name": "side"}]
    scene.definition("two", containerDefinitions=containers)
    task = scene.run(taskDefinition="two", enableExecuteCommand=True)
    acting.settle()
    condition = {"StringEquals": {"ecs:container-name": "side", "ecs:task": task}}
    statement = {"Effect": "Allow", "Action": "ecs:ExecuteCommand", "Resource": "*", "Condition": condition}
    key = acting.user("carol", json.dumps({"Version": "2012-10-17", "Statement": statement}))
    ecs = acting.client("ecs", key)
    assert execute(scene, task, ecs, container="side")["containerName"] == "side"
    assert refusal(execute, scene=scene, task=task, ecs=ecs, container="web").code == "AccessDeniedException"
    assert refusal(execute, scene=scene, task=task).code == "InvalidParameterException"
    assert refusal(execute, scene=scene, task=task, container="none").code == "InvalidParameterException"


def test_what_cannot_be_entered(scene: Scene, acting: Stead) -> None:
    plain = scene.run()
    acting.settle()
    assert refusal(execute, scene=scene, task=plain) == ("InvalidParameterException", 400, NOT_ENABLED)
    assert refusal(execute, scene=scene, task="0" * 32).code == "InvalidParameterException"
    assert refusal(execute, scene=scene, task=plain, cluster="none") == ("ClusterNotFoundException", 400, "Cluster not found.")
    assert refusal(execute, scene=scene, task=plain, interactive=False).code == "InvalidParameterException"
    task = scene.run(enableExecuteCommand=True)
    acting.settle()
    agent = {"containerName": "web", "managedAgentName": "ExecuteCommandAgent", "status": "STOPPED"}
    scene.ecs.submit_task_state_change(cluster="c", task=task, managedAgents=[agent])
    assert refusal(execute, scene=scene, task=task).code == "TargetNotConnectedException"


@pytest.mark.parametrize("action", ["ssm:StartSession", "ssm:DescribeSessions"])
def test_what_the_role_may_not(scene: Scene, acting: Stead, action: str) -> None:
    task = scene.run(enableExecuteCommand=True)
    acting.settle()
    with without(acting, action):
        code, status, message = refusal(execute, scene=scene, task=task)
        assert (code, status) == ("ClientException", 400)
        assert f"is not authorized to perform: {action}" in message
    assert execute(scene, task)["session"]["sessionId"]
