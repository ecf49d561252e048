"""Load balancers: what becomes of a service's tasks there, by whose session, and what a refusal stops (ecs-on-your-behalf.md 1.1, 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.balancing import PORT, Front, address
from support.linked_role_policy import without

if TYPE_CHECKING:
    from support.stead import Stead

SESSION = "ecs-service-scheduler"


@pytest.fixture
def front(acting: Stead) -> Front:
    return Front(acting)


def test_a_task_is_a_target_of_every_group_while_it_runs(front: Front) -> None:
    groups = front.group(delay=60), front.group(delay=0)
    front.serve(groups=groups)
    front.settle()
    (task,) = front.tasks()
    assert task["lastStatus"] == "RUNNING"
    for group in groups:
        assert front.targets(group) == {(address(task), PORT): "initial"}
    (first, second) = front.done(SESSION, "RegisterTargets")
    for call, group in zip((first, second), groups, strict=True):
        assert call["requestParameters"] == {"targetGroupArn": group, "targets": [{"id": address(task), "port": PORT}]}
        assert call["userIdentity"]["arn"].endswith(f":assumed-role/AWSServiceRoleForECS/{SESSION}")
        assert call["userIdentity"]["invokedBy"] == "ecs.amazonaws.com"


def test_it_drains_before_its_containers_stop(front: Front) -> None:
    group = front.group(delay=60)
    front.serve(groups=(group,))
    front.settle()
    (task,) = front.tasks()
    front.scale(0)
    front.settle()
    for _ in range(5):  # rarer and rarer looks
        assert front.targets(group) == {(address(task), PORT): "draining"}
        assert front.task(task["taskArn"])["lastStatus"] == "DEACTIVATING"
        assert front.interfaces()
        front.settle(10)
    front.settle(11)
    assert front.targets(group) == {}
    assert front.task(task["taskArn"])["lastStatus"] == "STOPPED"
    assert front.interfaces() == []
    assert len(front.done(SESSION, "DeregisterTargets")) == 1


def test_a_group_that_is_gone_keeps_nobody(front: Front) -> None:
    group = front.group()
    front.serve(groups=(group,))
    front.settle()
    (task,) = front.tasks()
    balancer = front.elbv2.describe_target_groups(TargetGroupArns=[group])["TargetGroups"][0]["LoadBalancerArns"][0]
    (listener,) = front.elbv2.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
    front.elbv2.delete_listener(ListenerArn=listener["ListenerArn"])
    front.elbv2.delete_target_group(TargetGroupArn=group)
    front.stop(task["taskArn"])
    front.settle()
    assert front.task(task["taskArn"])["lastStatus"] == "STOPPED"


def test_without_the_permission_to_register_no_task_starts_and_nothing_is_left(front: Front) -> None:
    group = front.group(delay=0)
    with without(front.stead, "elasticloadbalancing:RegisterTargets"):
        front.serve(groups=(group,))
        front.settle()
        stopped = front.tasks("STOPPED")[0]
        assert (stopped["lastStatus"], stopped["stopCode"]) == ("STOPPED", "TaskFailedToStart")
        reason = stopped["stoppedReason"]
        assert reason.startswith(f"failed to register targets in (target-group {group}) with (error ")
        assert "is not authorized to perform: elasticloadbalancing:RegisterTargets" in reason
        front.until(lambda: front.says(reason))
        assert front.targets(group) == {}
        assert len(front.interfaces()) == len(front.tasks())
    front.settle(900)
    front.until(lambda: front.targets(group))
    (task,) = front.tasks()
    assert front.targets(group).keys() == {(address(task), PORT)}


@pytest.mark.parametrize("action", ["DeregisterTargets", "DescribeTargetHealth"])
def test_without_the_permission_to_deregister_a_task_waits_and_goes_on(front: Front, action: str) -> None:
    group = front.group(delay=30)
    front.serve(groups=(group,))
    front.settle()
    (task,) = front.tasks()
    with without(front.stead, f"elasticloadbalancing:{action}"):
        front.scale(0)
        front.settle()
        waiting = front.task(task["taskArn"])
        assert waiting["lastStatus"] == "DEACTIVATING"
        assert f"is not authorized to perform: elasticloadbalancing:{action}" in waiting["stoppedReason"]
        assert front.targets(group)
        assert front.interfaces()
    for _ in range(3):
        front.settle(31)
    gone = front.task(task["taskArn"])
    assert gone["lastStatus"] == "STOPPED"
    assert gone["stoppedReason"].startswith("Scaling activity initiated by (deployment ecs-svc/")
    assert front.targets(group) == {}


def test_a_start_that_was_cut_off_leaves_no_target(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies after the target is registered and before that is written; then the task is wished away."""
    group = front.group(delay=0)
    front.serve(groups=(group,))
    tasks = front.stead.app.runner._queues[2].controller
    reconcile = type(tasks).reconcile

    def dies(self: object, db: object, row: object, learned: object, now: int) -> object:
        if front.targets(group):
            raise KeyboardInterrupt
        return reconcile(self, db, row, learned, now)

    with monkeypatch.context() as patched:
        patched.setattr(type(tasks), "reconcile", dies)
        with pytest.raises(KeyboardInterrupt):
            front.settle()
    assert len(front.targets(group)) == 1
    front.scale(0)
    (task,) = front.tasks()
    front.stop(task["taskArn"])
    front.until(lambda: front.task(task["taskArn"])["lastStatus"] == "STOPPED")
    assert front.targets(group) == {}
    assert front.interfaces() == []


def test_an_instance_is_a_target_at_the_port_that_leads_to_the_container(front: Front) -> None:
    group, instance = front.group("instance", delay=0), front.instance()
    front.serve_on_instances("dynamic", {"targetGroupArn": group}, count=2)
    front.settle()
    bindings = [task["containers"][0]["networkBindings"] for task in front.tasks()]
    assert front.targets(group).keys() == {(instance, binding["hostPort"]) for (binding,) in bindings}
    assert len(front.targets(group)) == 2
    front.scale(1)
    front.settle(5)
    (task,) = front.tasks()
    assert front.targets(group).keys() == {(instance, task["containers"][0]["networkBindings"][0]["hostPort"])}
    front.scale(0)
    front.settle(5)
    assert front.targets(group) == {}


def test_a_classic_load_balancer_keeps_an_instance_until_its_last_task_has_left(front: Front) -> None:
    name, instance = front.classic(), front.instance()
    front.serve_on_instances("dynamic", {"loadBalancerName": name}, count=2)
    front.settle()
    assert front.behind(name).keys() == {instance}
    assert len(front.done(SESSION, "RegisterInstancesWithLoadBalancer")) == 1
    front.scale(1)
    front.settle(5)
    assert len(front.tasks()) == 1
    assert front.behind(name).keys() == {instance}
    front.scale(0)
    front.settle(5)
    assert front.behind(name) == {}
    (call,) = front.done(SESSION, "DeregisterInstancesFromLoadBalancer")
    assert call["requestParameters"] == {"loadBalancerName": name, "instances": [{"instanceId": instance}]}


@pytest.mark.parametrize("action", ["RegisterInstancesWithLoadBalancer", "DescribeInstanceHealth"])
def test_without_the_permission_no_instance_is_put_behind_a_classic_one(front: Front, action: str) -> None:
    name, instance = front.classic(), front.instance()
    with without(front.stead, f"elasticloadbalancing:{action}"):
        front.serve_on_instances("bridge", {"loadBalancerName": name})
        front.settle()
        stopped = front.tasks("STOPPED")[0]
        assert stopped["stoppedReason"].startswith(f"failed to register instances in (elb {name}) with (error ")
        assert f"elasticloadbalancing:{action}" in stopped["stoppedReason"]
        assert front.behind(name) == {}
    front.settle(900)
    front.until(lambda: front.behind(name).keys() == {instance})


def test_without_the_permission_an_instance_stays_behind_a_classic_one_until_it_is_back(front: Front) -> None:
    name, instance = front.classic(), front.instance()
    front.serve_on_instances("bridge", {"loadBalancerName": name})
    front.settle()
    (task,) = front.tasks()
    with without(front.stead, "elasticloadbalancing:DeregisterInstancesFromLoadBalancer"):
        front.scale(0)
        front.settle()
        assert front.task(task["taskArn"])["lastStatus"] == "DEACTIVATING"
        assert front.behind(name).keys() == {instance}
    front.settle(30)
    assert front.task(task["taskArn"])["lastStatus"] == "STOPPED"
    assert front.behind(name) == {}
