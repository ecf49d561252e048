"""ecs-deploy, as it is on PyPI, and the AWS CLI's waiters: deploy, scale, wait, with nothing but an endpoint told to them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support import process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.process import Running

SECONDS = 120  # a bound of a broken run on a busy machine
FARGATE = {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Running]:
    """A Stead whose tasks come and go in no time."""
    root = tmp_path / "root"
    root.write_text(f"{process.KEY_ID}:{process.SECRET}")
    running = process.start(tmp_path / "served", ["--port", "0", "--root-credentials", f"@{root}", "--ephemeral", "--task-pace", "fast"])
    try:
        running.wait_ready()
        yield running
    finally:
        running.stop()


def tool(served: Running, name: str, *arguments: str) -> str:
    """What the command says; it must succeed."""
    keys = {"AWS_ACCESS_KEY_ID": process.KEY_ID, "AWS_SECRET_ACCESS_KEY": process.SECRET, "AWS_DEFAULT_REGION": "us-east-1"}
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    environment = process.environment(AWS_ENDPOINT_URL=served.url, **keys)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout


def begin(served: Running) -> Any:
    """The service ``s`` of two tasks in the cluster ``c``; a client."""
    ecs, ec2 = served.client("ecs"), served.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="web", containerDefinitions=[{"name": "web", "image": "nginx:1"}], **FARGATE)
    network = {"awsvpcConfiguration": {"subnets": [subnet]}}
    wish = {"taskDefinition": "web", "launchType": "FARGATE", "networkConfiguration": network}
    ecs.create_service(cluster="c", serviceName="s", desiredCount=2, **wish)
    return ecs


def test_ecs_deploy(quick: Running) -> None:
    ecs = begin(quick)
    tool(quick, "aws", "ecs", "wait", "services-stable", "--cluster", "c", "--services", "s")
    assert "Deployment successful" in tool(quick, "ecs", "deploy", "c", "s", "--tag", "2", "--timeout", "60")
    assert "Scaling successful" in tool(quick, "ecs", "scale", "c", "s", "3", "--timeout", "60")
    (service,) = ecs.describe_services(cluster="c", services=["s"])["services"]
    assert (service["runningCount"], service["taskDefinition"].rpartition(":")[2]) == (3, "2")
    arns = ecs.list_tasks(cluster="c", serviceName="s")["taskArns"]
    tasks = ecs.describe_tasks(cluster="c", tasks=arns)["tasks"]
    assert {container["image"] for task in tasks for container in task["containers"]} == {"nginx:2"}
    ecs.delete_service(cluster="c", service="s", force=True)
    tool(quick, "aws", "ecs", "wait", "tasks-stopped", "--cluster", "c", "--tasks", *arns)
    tool(quick, "aws", "ecs", "wait", "services-inactive", "--cluster", "c", "--services", "s")
    assert quick.client("ec2").describe_network_interfaces()["NetworkInterfaces"] == []
