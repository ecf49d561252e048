"""Container instances and their EC2 instances: whose end deregisters them, placement, draining, agents' reports, and a role that may not look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.linked_role_policy import without
from support.refusals import refusal
from support.scaling import Groups

if TYPE_CHECKING:
    from support.stead import Stead


@pytest.fixture
def groups(acting: Stead) -> Groups:
    made = Groups(acting, 2)
    made.small_definition()
    return made


def left(instance: Any) -> list[Any]:
    return [one.get("stringSetValue") or one["integerValue"] for one in instance["remainingResources"]][:3]


def run(groups: Groups, **more: Any) -> Any:
    return groups.ecs.run_task(cluster="c", taskDefinition="small", **more)


def test_a_task_takes_from_its_instance_and_gives_back(groups: Groups, acting: Stead) -> None:
    arn = groups.register(groups.instances()[0])
    (task,) = run(groups)["tasks"]
    assert (task["containerInstanceArn"], task["launchType"]) == (arn, "EC2")
    acting.settle()
    instance = groups.container_instance(arn)
    assert (instance["runningTasksCount"], instance["pendingTasksCount"], left(instance)) == (1, 0, [1536, 2268, ["22"]])
    assert run(groups, count=2)["failures"] == [{"arn": arn, "reason": "RESOURCE:MEMORY"}]
    groups.stop(task["taskArn"])
    acting.settle()
    assert left(groups.container_instance(arn)) == [1536, 2268, ["22"]]


def test_a_host_port_is_taken_once(groups: Groups) -> None:
    arn = groups.register(groups.instances()[0])
    container = {"name": "web", "image": "nginx", "memory": 64, "portMappings": [{"containerPort": 80, "hostPort": 80}]}
    groups.ecs.register_task_definition(family="port", containerDefinitions=[container])
    first = groups.ecs.run_task(cluster="c", taskDefinition="port", count=2)
    assert first["failures"] == [{"arn": arn, "reason": "RESOURCE:PORTS"}]
    assert left(groups.container_instance(arn))[2] == ["22", "80"]


def test_spread_and_constraints(groups: Groups) -> None:
    arns = {groups.register(instance) for instance in groups.instances()}
    spread = [{"type": "spread", "field": "instanceId"}]
    assert {task["containerInstanceArn"] for task in run(groups, count=2, placementStrategy=spread)["tasks"]} == arns
    nowhere = run(groups, placementConstraints=[{"type": "memberOf", "expression": "attribute:ecs.instance-type == m5.large"}])
    assert {failure["reason"] for failure in nowhere["failures"]} == {"MemberOf placement constraint unsatisfied."}
    packed = run(groups, placementConstraints=[{"type": "distinctInstance"}])
    assert {failure["reason"] for failure in packed["failures"]} == {"DistinctInstance placement constraint unsatisfied."}


def test_a_drained_instance_gets_no_tasks(groups: Groups) -> None:
    arn = groups.register(groups.instances()[0])
    groups.ecs.update_container_instances_state(cluster="c", containerInstances=[arn], status="DRAINING")
    assert run(groups)["failures"] == [{"arn": arn, "reason": "INACTIVE"}]


def test_an_empty_cluster_has_no_place(groups: Groups) -> None:
    message = "No Container Instances were found in your cluster."
    assert refusal(groups.ecs.run_task, cluster="c", taskDefinition="small") == ("InvalidParameterException", 400, message)


def test_deregistration_with_tasks_needs_force(groups: Groups, acting: Stead) -> None:
    arn = groups.register(groups.instances()[0])
    (task,) = run(groups)["tasks"]
    acting.settle()
    refused = refusal(groups.ecs.deregister_container_instance, cluster="c", containerInstance=arn)
    assert refused == ("InvalidParameterException", 400, "Found running tasks on the instance.")
    groups.ecs.deregister_container_instance(cluster="c", containerInstance=arn, force=True)
    acting.settle()
    stopped = groups.task(task["taskArn"])
    assert (stopped["lastStatus"], stopped["stoppedReason"]) == ("STOPPED", "Container instance deregistration forced by user")


def test_the_end_of_the_ec2_instance_deregisters_it(groups: Groups, acting: Stead) -> None:
    instance = groups.instances()[0]
    arn = groups.register(instance)
    (task,) = run(groups)["tasks"]
    acting.settle()
    assert groups.container_instance(arn)["agentConnected"] is True
    groups.ec2.terminate_instances(InstanceIds=[instance])
    groups.look()
    groups.look()
    gone = groups.container_instance(arn)
    assert (gone["status"], gone["agentConnected"]) == ("INACTIVE", False)
    stopped = groups.task(task["taskArn"])
    assert (stopped["lastStatus"], stopped["stoppedReason"]) == ("STOPPED", f"Host EC2 (instance {instance}) terminated.")
    (record, *_) = groups.calls("ecs-container-instances")
    assert (record["eventName"], record["userIdentity"]["invokedBy"]) == ("DescribeInstances", "ecs.amazonaws.com")
    acting.advance(4000)
    acting.settle()
    assert groups.ecs.describe_container_instances(cluster="c", containerInstances=[arn])["failures"] == [{"arn": arn, "reason": "MISSING"}]


def test_stopping_it_only_disconnects_its_agent(groups: Groups, acting: Stead) -> None:
    instance = groups.instances()[0]
    arn = groups.register(instance)
    acting.settle()
    groups.ec2.stop_instances(InstanceIds=[instance])
    groups.look()
    assert (groups.container_instance(arn)["status"], groups.container_instance(arn)["agentConnected"]) == ("ACTIVE", False)
    assert run(groups)["failures"] == [{"arn": arn, "reason": "AGENT"}]


@pytest.mark.parametrize("action", ["ec2:DescribeInstances", "autoscaling:DescribeAutoScalingInstances"])
def test_a_role_that_may_not_look(groups: Groups, acting: Stead, action: str) -> None:
    instance = groups.instances()[0]
    with without(acting, action):
        arn = groups.register(instance)
        acting.settle()
        assert groups.container_instance(arn)["status"] == "ACTIVE"
        groups.create_provider()
        groups.associate(groups.provider)
        groups.look()
        assert "capacityProviderName" not in groups.container_instance(arn)
    groups.look()
    groups.look()
    assert groups.container_instance(arn)["capacityProviderName"] == groups.provider
    groups.ec2.terminate_instances(InstanceIds=[instance])
    groups.look()
    assert groups.container_instance(arn)["status"] == "INACTIVE"


def test_an_agents_reports(groups: Groups, acting: Stead) -> None:
    groups.register(groups.instances()[0])
    (task,) = run(groups)["tasks"]
    acting.settle()
    arn = task["taskArn"]
    bound = [{"bindIP": "0.0.0.0", "containerPort": 80, "hostPort": 32768, "protocol": "tcp"}]
    asked = {"cluster": "c", "task": arn, "containerName": "web"}
    groups.ecs.submit_container_state_change(**asked, status="RUNNING", networkBindings=bound)
    assert groups.task(arn)["containers"][0]["networkBindings"] == bound
    groups.ecs.submit_attachment_state_changes(cluster="c", attachments=[])
    groups.ecs.submit_container_state_change(**asked, status="STOPPED", exitCode=3, reason="it fell")
    acting.settle()
    stopped = groups.task(arn)
    assert (stopped["lastStatus"], stopped["stopCode"], stopped["stoppedReason"]) == (
        "STOPPED",
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert (stopped["containers"][0]["exitCode"], stopped["containers"][0]["reason"]) == (3, "it fell")
    unknown = refusal(groups.ecs.submit_task_state_change, cluster="c", task="0" * 32, status="STOPPED")
    assert unknown == ("InvalidParameterException", 400, "The referenced task was not found.")


def test_a_task_that_its_agent_says_is_stopped(groups: Groups, acting: Stead) -> None:
    arn = groups.register(groups.instances()[0])
    (task,) = run(groups)["tasks"]
    acting.settle()
    groups.ecs.submit_task_state_change(
        cluster="c", task=task["taskArn"], status="STOPPED", containers=[{"containerName": "web", "status": "STOPPED", "exitCode": 0}]
    )
    acting.settle()
    assert groups.task(task["taskArn"])["lastStatus"] == "STOPPED"
    assert left(groups.container_instance(arn)) == [2048, 3768, ["22"]]
    code = refusal(groups.ecs.update_container_agent, cluster="c", containerInstance=arn).code
    assert code == "NoUpdateAvailableException"
