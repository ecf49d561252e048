"""Load balancers and the service scheduler (controllers/ecs/target_health.py): what it waits for, whom it stops, what it says when it may not look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.balancing import PORT, Front, address
from support.linked_role_policy import without
from support.refusals import Refusal, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.stead import Stead

ROUNDS = 60  # a bound of a broken run: each is five seconds of Stead's time
SESSION = "ecs-service-scheduler"


def said(front: Front) -> list[str]:
    """The events' texts without the service's name and ids of tasks, oldest first."""
    texts = [event["message"].removeprefix("(service s) ") for event in reversed(front.service()["events"])]
    return [text.partition(": (task")[0] for text in texts]


def until(front: Front, what: Callable[[], Any]) -> Any:
    """Let Stead's time pass until it is true."""
    for _ in range(ROUNDS):
        front.settle()
        if found := what():
            return found
        front.settle(5)
    pytest.fail(f"not true after {ROUNDS} rounds; the service says {said(front)}")


def steady(front: Front) -> None:
    """Until the service says so."""
    until(front, lambda: said(front)[-1:] == ["has reached a steady state."])


def test_steady_means_that_targets_are_healthy(acting: Stead) -> None:
    front = Front(acting)
    group = front.group()
    front.serve(groups=(group,))
    until(front, lambda: front.service()["runningCount"] == 1)
    assert front.service()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    assert set(front.targets(group).values()) == {"initial"}
    steady(front)
    assert set(front.targets(group).values()) == {"healthy"}
    deployment = front.service()["deployments"][0]["id"]
    assert said(front) == [
        "has started 1 tasks",
        f"registered 1 targets in (target-group {group})",
        f"(deployment {deployment}) deployment completed.",
        "has reached a steady state.",
    ]
    asked = front.done(SESSION, "DescribeTargetHealth")
    assert {call["userIdentity"]["invokedBy"] for call in asked} == {"ecs.amazonaws.com"}
    assert {call["requestParameters"]["targetGroupArn"] for call in asked} == {group}


def test_a_task_that_goes_drains(acting: Stead) -> None:
    front = Front(acting)
    group = front.group()
    front.serve(groups=(group,))
    steady(front)
    front.scale(0)
    until(front, lambda: not front.targets(group))
    assert said(front)[4:] == [
        "has begun draining connections on 1 tasks.",
        "has stopped 1 running tasks",
        f"deregistered 1 targets in (target-group {group})",
        "has reached a steady state.",
    ]


def test_a_task_with_an_unhealthy_target_is_replaced(acting: Stead) -> None:
    front = Front(acting)
    group = front.group()
    front.serve(groups=(group,))
    steady(front)
    (task,) = front.tasks()
    front.elbv2.modify_target_group(TargetGroupArn=group, HealthCheckPort=str(PORT + 1))
    until(front, lambda: front.tasks("STOPPED"))
    front.elbv2.modify_target_group(TargetGroupArn=group, HealthCheckPort="traffic-port")
    stopped = next(one for one in front.tasks("STOPPED") if one["taskArn"] == task["taskArn"])
    assert (stopped["stopCode"], stopped["stoppedReason"]) == (
        "ServiceSchedulerInitiated",
        f"Task failed ELB health checks in (target-group {group})",
    )
    assert f"(port {PORT}) is unhealthy in (target-group {group}) due to (reason Health checks failed)." in said(front)
    assert front.service()["deployments"][0]["failedTasks"] >= 1
    steady(front)
    (other,) = front.tasks()
    assert front.targets(group)[address(other), PORT] == "healthy"


def test_the_grace_period_hides_unhealthy_targets(acting: Stead) -> None:
    front = Front(acting)
    group = front.group()
    front.elbv2.modify_target_group(TargetGroupArn=group, HealthCheckPort=str(PORT + 1))
    front.serve(groups=(group,), healthCheckGracePeriodSeconds=250)
    until(front, lambda: set(front.targets(group).values()) == {"unhealthy"})
    front.settle(20)
    (task,) = front.tasks()
    assert task["lastStatus"] == "RUNNING"
    front.settle(250)
    until(front, lambda: front.tasks("STOPPED"))


def test_a_rolling_update_waits_for_healthy_targets(acting: Stead) -> None:
    front = Front(acting)
    group = front.group()
    front.serve(groups=(group,))
    steady(front)
    (old,) = front.tasks()
    front.ecs.update_service(cluster="c", service="s", forceNewDeployment=True)
    until(front, lambda: front.service()["runningCount"] == 2)
    assert front.targets(group)[address(old), PORT] == "healthy"
    steady(front)
    (new,) = front.tasks()
    assert front.targets(group)[address(new), PORT] == "healthy"


def test_a_scheduler_that_may_not_look(acting: Stead) -> None:
    """It says so, stops nobody, calls nothing steady; and goes on when it may."""
    front = Front(acting)
    group = front.group()
    with without(acting, "elasticloadbalancing:DescribeTargetHealth"):
        front.serve(groups=(group,))
        until(front, lambda: front.service()["runningCount"] == 1)
        front.settle(60)
        front.settle(60)
        (text,) = {text for text in said(front) if text.startswith("failed to describe target health")}
        assert text.startswith(f"failed to describe target health on (target-group {group}) with (error User: ")
        assert "is not authorized to perform: elasticloadbalancing:DescribeTargetHealth" in text
        assert front.service()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
        assert len(front.tasks()) == 1
    steady(front)


def test_what_a_new_service_is_refused(acting: Stead) -> None:
    """By what is there: asked for before anything is written (service_neighbours.py)."""
    front = Front(acting)
    lone = front.elbv2.create_target_group(Name="lone", Protocol="TCP", Port=PORT, VpcId=front.vpc, TargetType="ip")["TargetGroups"][0][
        "TargetGroupArn"
    ]
    group, hosts = front.group(), front.group("instance")
    gone = group.rpartition("/")[0] + "/0123456789abcdef"
    texts = {
        lone: f"The target group with targetGroupArn {lone} does not have an associated load balancer.",
        hosts: f"The provided target group {hosts} has target type instance, which is incompatible with the awsvpc network mode"
        " specified in the task definition.",
    }
    for arn, text in texts.items():
        assert refusal(front.serve, groups=(arn,)) == Refusal("InvalidParameterException", 400, text)
    assert refusal(front.serve, groups=(gone,)).code == "InvalidParameterException"
    with without(acting, "elasticloadbalancing:DescribeTargetGroups"):
        assert refusal(front.serve, groups=(group,)).message == (
            "Unable to assume role and validate the specified targetGroupArn."
            " Please verify that the ECS service role being passed has the proper permissions."
        )
    classic = [{"loadBalancerName": "none", "containerName": "web", "containerPort": PORT}]
    assert refusal(front.serve, taskDefinition="bridge", launchType="EC2", networkConfiguration=None, loadBalancers=classic).message == (
        "The load balancer none does not exist."
    )
    assert front.ecs.list_services(cluster="c")["serviceArns"] == []
