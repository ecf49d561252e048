"""Tasks over HTTP, with a server, its background work and its neighbours in processes of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from process.conftest import Start

SOON = {"Delay": 1, "MaxAttempts": 60}


def test_the_waiters_of_tasks(start: Start) -> None:
    running = start("--ephemeral", env={"STEAD_TASK_PACE": "fast"})
    ecs, ec2 = running.client("ecs"), running.client("ec2")
    ecs.create_cluster(clusterName="c")
    size: dict[str, Any] = {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}
    ecs.register_task_definition(family="web", containerDefinitions=[{"name": "web", "image": "nginx"}], **size)
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    network = {"awsvpcConfiguration": {"subnets": [subnet]}}
    made = ecs.run_task(cluster="c", taskDefinition="web", launchType="FARGATE", count=3, networkConfiguration=network)
    arns = [task["taskArn"] for task in made["tasks"]]
    ecs.get_waiter("tasks_running").wait(cluster="c", tasks=arns, WaiterConfig=SOON)
    assert len(ec2.describe_network_interfaces()["NetworkInterfaces"]) == 3
    for arn in arns:
        ecs.stop_task(cluster="c", task=arn)
    ecs.get_waiter("tasks_stopped").wait(cluster="c", tasks=arns, WaiterConfig=SOON)
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
