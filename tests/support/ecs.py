"""What tests of ECS's tasks set up: a network of their own, a cluster, a task definition, tasks; and what is then in the network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from support.stead import Stead

CONTAINER = {"name": "web", "image": "nginx"}


class Scene:
    """A cluster ``c`` and a subnet of its own network; the neighbours are shared by all tests, so only ids tell things apart."""

    def __init__(self, stead: Stead) -> None:
        self.stead = stead
        self.ecs, self.ec2 = stead.client("ecs"), stead.client("ec2")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        self.cluster = self.ecs.create_cluster(clusterName="c")["cluster"]["clusterArn"]
        self.network = {"awsvpcConfiguration": {"subnets": [self.subnet]}}

    def definition(self, family: str = "web", **more: Any) -> str:
        """A Fargate task definition's ARN."""
        size = {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}
        asked = {"family": family, "containerDefinitions": [CONTAINER], **size, **more}
        return str(self.ecs.register_task_definition(**asked)["taskDefinition"]["taskDefinitionArn"])

    def host(self, definition: str, ec2_instance: str) -> str:
        """A container instance that can have two tasks of the definition with interfaces of their own."""
        needed = self.ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]["requiresAttributes"]
        made = self.ecs.register_container_instance(
            cluster="c",
            instanceIdentityDocument=json.dumps({"instanceId": ec2_instance, "instanceType": "c5.large", "availabilityZone": "us-east-1a"}),
            totalResources=[{"name": name, "type": "INTEGER", "integerValue": 4096} for name in ("CPU", "MEMORY")],
            attributes=[{"name": one["name"]} for one in needed],
        )
        return str(made["containerInstance"]["containerInstanceArn"])

    def run(self, **more: Any) -> str:
        """The ARN of a task that was just asked for."""
        asked = {"cluster": "c", "taskDefinition": "web", "launchType": "FARGATE", "networkConfiguration": self.network, **more}
        (task,) = self.ecs.run_task(**asked)["tasks"]
        return str(task["taskArn"])

    def task(self, arn: str) -> Any:
        """As DescribeTasks has it."""
        (found,) = self.ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"]
        return found

    def stop(self, arn: str) -> None:
        """Wish it away."""
        self.ecs.stop_task(cluster="c", task=arn)

    def interfaces(self) -> list[Any]:
        """Those in the subnet."""
        filters = [{"Name": "subnet-id", "Values": [self.subnet]}]
        found: list[Any] = self.ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
        return found

    def calls(self, session: str) -> list[Any]:
        """The records of what a session of the linked role did, oldest first."""
        lookup = {"LookupAttributes": [{"AttributeKey": "Username", "AttributeValue": session}], "MaxResults": 50}
        self.stead.app.recorder.flush(self.stead.app.store)
        events = self.stead.client("cloudtrail").lookup_events(**lookup)["Events"]
        return [json.loads(event["CloudTrailEvent"]) for event in reversed(events)]
