"""The service scheduler at work (controllers/ecs/services.py): tasks as deployments wish them, what it says, and how it goes on when it may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.ecs import CONTAINER, Scene
from support.linked_role_policy import without

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.stead import Stead

ROUNDS = 60  # a bound of a broken run: each is a second of Stead's time


class Stage(Scene):
    """A scene with the service ``s`` of Fargate tasks."""

    def __init__(self, stead: Stead, count: int = 2, **more: Any) -> None:
        super().__init__(stead)
        self.definition()
        wish = {"taskDefinition": "web", "launchType": "FARGATE", "networkConfiguration": self.network}
        self.arn = self.ecs.create_service(cluster="c", serviceName="s", desiredCount=count, **{**wish, **more})["service"]["serviceArn"]

    @property
    def service(self) -> Any:
        """As DescribeServices has it."""
        return self.ecs.describe_services(cluster="c", services=["s"])["services"][0]

    @property
    def said(self) -> list[str]:
        """The events' texts without the service's name and the ids of tasks, oldest first."""
        texts = [event["message"].removeprefix("(service s) ") for event in reversed(self.service["events"])]
        return [_without_tasks(text) for text in texts]

    def tasks(self, status: str = "RUNNING") -> list[Any]:
        """Those with that desired status."""
        arns = self.ecs.list_tasks(cluster="c", serviceName="s", desiredStatus=status)["taskArns"]
        return list(self.ecs.describe_tasks(cluster="c", tasks=arns)["tasks"]) if arns else []

    def update(self, **more: Any) -> Any:
        """UpdateService."""
        return self.ecs.update_service(cluster="c", service="s", **more)["service"]

    def until(self, what: Callable[[], Any]) -> Any:
        """Let Stead's time pass until it is true."""
        for _ in range(ROUNDS):
            self.stead.settle()
            if found := what():
                return found
            self.stead.advance(1)
        pytest.fail(f"not true after {ROUNDS} rounds; the service says {self.said}")

    def stable(self) -> Any:
        """The service, when the waiter ``services-stable`` would end, and the service says that it is steady."""
        return self.until(lambda: self._is_stable() and self.service)

    def _is_stable(self) -> bool:
        found = self.service
        is_there = len(found["deployments"]) == 1 and found["runningCount"] == found["desiredCount"]
        return is_there and found["events"][0]["message"].endswith("has reached a steady state.")


def _without_tasks(text: str) -> str:
    return text.partition(": (task")[0]


@pytest.mark.both_stores
def test_a_service_gets_its_tasks(acting: Stead) -> None:
    stage = Stage(acting, 2)
    found = stage.stable()
    (deployment,) = found["deployments"]
    assert stage.said == [
        "has started 2 tasks",
        f"(deployment {deployment['id']}) deployment completed.",
        "has reached a steady state.",
    ]
    assert deployment["rolloutStateReason"] == f"ECS deployment {deployment['id']} completed."
    assert found["currentServiceDeployment"].startswith("arn:aws:ecs:us-east-1:123456789012:service-deployment/c/s/")
    for task in stage.tasks():
        assert (task["group"], task["startedBy"], task["lastStatus"]) == ("service:s", deployment["id"], "RUNNING")
    assert len(stage.interfaces()) == 2


def test_scaling(acting: Stead) -> None:
    stage = Stage(acting, 1)
    stage.stable()
    before = stage.update(desiredCount=3)
    assert (before["desiredCount"], before["runningCount"]) == (3, 1)  # recorded: the first answer shows the old counts
    assert stage.stable()["runningCount"] == 3
    stage.update(desiredCount=1)
    stage.stable()
    (deployment,) = stage.service["deployments"]
    assert [task["stoppedReason"] for task in stage.tasks("STOPPED")] == [
        f"Scaling activity initiated by (deployment {deployment['id']})"
    ] * 2
    assert {task["stopCode"] for task in stage.tasks("STOPPED")} == {"ServiceSchedulerInitiated"}
    assert stage.said[-4:] == [
        "has started 2 tasks",
        "has reached a steady state.",
        "has stopped 2 running tasks",
        "has reached a steady state.",
    ]
    stage.until(lambda: len(stage.interfaces()) == 1)


@pytest.mark.both_stores
def test_a_rolling_update(acting: Stead) -> None:
    """All new tasks run before the last old one goes; in between both deployments are there."""
    stage = Stage(acting, 2)
    old = stage.stable()["deployments"][0]["id"]
    stage.definition(cpu="512", memory="1024")
    new = stage.update(taskDefinition="web")["deployments"][0]["id"]
    found = stage.stable()
    assert found["deployments"][0]["id"] == new
    assert found["taskDefinition"].endswith("web:2")
    assert {task["taskDefinitionArn"][-5:] for task in stage.tasks()} == {"web:2"}
    assert {task["startedBy"] for task in stage.tasks("STOPPED")} == {old}
    assert stage.said[3] == "has started 2 tasks"
    assert stage.said[-2:] == [f"(deployment {new}) deployment completed.", "has reached a steady state."]


def test_percentages_that_let_nothing_move_are_told(acting: Stead) -> None:
    stage = Stage(acting, 1, deploymentConfiguration={"minimumHealthyPercent": 100, "maximumPercent": 100})
    stage.stable()
    stage.update(forceNewDeployment=True)
    stuck = (
        "was unable to stop or start tasks during a deployment because of the service deployment configuration."
        " Update the minimumHealthyPercent or maximumPercent value and try again."
    )
    stage.until(lambda: stuck in stage.said)
    stage.update(deploymentConfiguration={"maximumPercent": 200})
    stage.stable()
    assert stage.said.count(stuck) == 1


def test_a_task_that_ends_is_replaced(acting: Stead) -> None:
    stage = Stage(acting, 1)
    stage.stable()
    (task,) = stage.tasks()
    stage.stop(task["taskArn"])
    stage.until(lambda: [one for one in stage.tasks() if one["taskArn"] != task["taskArn"] and one["lastStatus"] == "RUNNING"])
    stage.until(lambda: stage.said[-2:] == ["has started 1 tasks", "has reached a steady state."])
    assert stage.service["deployments"][0]["failedTasks"] == 0


def test_a_task_that_fails_its_container_health_check_is_replaced(acting: Stead) -> None:
    from stead.services.ecs import simulation  # noqa: PLC0415  # only this test speaks for a container

    stage = Stage(acting, 0)
    stage.definition(containerDefinitions=[{**CONTAINER, "healthCheck": {"command": ["CMD", "true"]}}])
    stage.update(taskDefinition="web", desiredCount=1)
    stage.stable()
    (task,) = stage.tasks()
    with acting.app.store.write() as db:
        assert simulation.tell(db, task["taskArn"], "web", "UNHEALTHY", None, acting.app.now(db))
    stage.until(lambda: stage.tasks("STOPPED"))
    (stopped,) = stage.tasks("STOPPED")
    assert (stopped["stoppedReason"], stopped["stopCode"]) == ("Task failed container health checks", "ServiceSchedulerInitiated")
    stage.stable()
    assert f"(task {task['taskArn'].rpartition('/')[2]}) failed container health checks." in stage.said


def test_tags(acting: Stead) -> None:
    own = [{"key": "team", "value": "blue"}]
    stage = Stage(acting, 1, tags=own, propagateTags="SERVICE", enableECSManagedTags=True)
    stage.stable()
    (task,) = stage.tasks()
    shown = {tag["key"]: tag["value"] for tag in acting.client("ecs").list_tags_for_resource(resourceArn=task["taskArn"])["tags"]}
    assert shown == {"team": "blue", "aws:ecs:clusterName": "c", "aws:ecs:serviceName": "s"}
    (interface,) = stage.interfaces()
    assert {tag["Key"] for tag in interface["TagSet"]} == {"aws:ecs:clusterName", "aws:ecs:serviceName"}


def test_a_strategy_spreads_tasks(acting: Stead) -> None:
    scene_providers = ["FARGATE", "FARGATE_SPOT"]
    Scene(acting).ecs.put_cluster_capacity_providers(cluster="c", capacityProviders=scene_providers, defaultCapacityProviderStrategy=[])
    strategy = [{"capacityProvider": "FARGATE", "base": 1, "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 3}]
    stage = Stage(acting, 0)
    wish = {"taskDefinition": "web", "networkConfiguration": stage.network, "capacityProviderStrategy": strategy}
    stage.ecs.create_service(cluster="c", serviceName="spread", desiredCount=5, **wish)
    acting.settle()
    arns = stage.ecs.list_tasks(cluster="c", serviceName="spread")["taskArns"]
    names = sorted(task["capacityProviderName"] for task in stage.ecs.describe_tasks(cluster="c", tasks=arns)["tasks"])
    assert names == ["FARGATE", "FARGATE", "FARGATE_SPOT", "FARGATE_SPOT", "FARGATE_SPOT"]


def test_a_cluster_without_instances_is_told(acting: Stead) -> None:
    stage = Stage(acting, 0)
    stage.ecs.register_task_definition(family="bridge", containerDefinitions=[{**CONTAINER, "memory": 128}])
    stage.ecs.create_service(cluster="c", serviceName="e", taskDefinition="bridge", desiredCount=1)
    for _ in range(5):
        acting.settle()
        acting.advance(10)
    (service,) = stage.ecs.describe_services(cluster="c", services=["e"])["services"]
    unplaced = "was unable to place a task because no container instance met all of its requirements."
    assert {event["message"].removeprefix("(service e) ") for event in service["events"]} == {
        f"{unplaced} Reason: No Container Instances were found in your cluster.",
        "is unable to consistently start tasks successfully.",
    }
    assert service["deployments"][0]["failedTasks"] == 0


@pytest.mark.both_stores
def test_a_permission_that_is_missing(acting: Stead) -> None:
    """The service says why, backs off, leaks nothing, and goes on by itself when the permission is back."""
    with without(acting, "ec2:CreateNetworkInterface"):
        stage = Stage(acting, 1)
        stage.until(lambda: stage.service["deployments"][0]["failedTasks"] >= 3)
        told = next(text for text in stage.said if text.startswith("failed to launch a task with (error "))
        assert "Create Network Interface" in told
        assert told.endswith(": UnauthorizedOperation).")
        assert "is unable to consistently start tasks successfully." in stage.said
        assert stage.service["deployments"][0]["rolloutState"] == "IN_PROGRESS"
        assert stage.interfaces() == []
    found = stage.stable()
    assert found["deployments"][0]["failedTasks"] == 0
    assert stage.said[-2:] == [f"(deployment {found['deployments'][0]['id']}) deployment completed.", "has reached a steady state."]
    assert len(stage.interfaces()) == 1


@pytest.mark.parametrize("rolls_back", [True, False])
def test_the_circuit_breaker(acting: Stead, rolls_back: bool) -> None:  # the table's column
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": rolls_back}}
    stage = Stage(acting, 1, deploymentConfiguration=breaker)
    first = stage.stable()["deployments"][0]["id"]
    with without(acting, "ec2:CreateNetworkInterface"):
        new = stage.update(forceNewDeployment=True)["deployments"][0]["id"]
        stage.until(lambda: f"(deployment {new}) deployment failed: tasks failed to start." in stage.said)
    by_id = {one["id"]: one for one in stage.service["deployments"]}
    if not rolls_back:
        failed = by_id[new]
        assert (failed["status"], failed["rolloutState"], failed["rolloutStateReason"]) == (
            "PRIMARY",
            "FAILED",
            "ECS deployment circuit breaker: tasks failed to start.",
        )
        assert by_id[first]["runningCount"] == 1
        return
    assert f"rolling back to deployment {first}." in stage.said
    found = stage.stable()
    assert (found["deployments"][0]["id"], found["runningCount"]) == (first, 1)


def test_the_start_of_many_is_told_in_tens(acting: Stead) -> None:
    """And steady state again after six hours (ecs-on-your-behalf.md 10)."""
    stage = Stage(acting, 12)
    stage.stable()
    assert stage.said[:2] == ["has started 10 tasks", "has started 2 tasks"]
    acting.advance(6 * 3600 + 1)
    stage.until(lambda: stage.said[-2:] == ["has reached a steady state."] * 2)


@pytest.mark.both_stores
def test_deletion_stops_all_tasks(acting: Stead) -> None:
    """And then the cluster, and the role."""
    stage = Stage(acting, 2)
    stage.stable()
    answer = stage.ecs.delete_service(cluster="c", service="s", force=True)["service"]
    assert (answer["status"], answer["desiredCount"], answer["runningCount"]) == ("DRAINING", 0, 2)  # recorded
    stage.until(lambda: stage.service["status"] == "INACTIVE")
    assert stage.interfaces() == []
    stage.ecs.delete_cluster(cluster="c")
    iam = acting.client("iam")
    task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForECS")["DeletionTaskId"]
    acting.settle()
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"


def test_the_waiters(acting: Stead) -> None:
    stage = Stage(acting, 1)
    stage.stable()
    stage.ecs.get_waiter("services_stable").wait(cluster="c", services=["s"], WaiterConfig={"MaxAttempts": 1})
    stage.ecs.delete_service(cluster="c", service="s", force=True)
    stage.until(lambda: stage.service["status"] == "INACTIVE")
    stage.ecs.get_waiter("services_inactive").wait(cluster="c", services=["s"], WaiterConfig={"MaxAttempts": 1})
