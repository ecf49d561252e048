"""What tests of container instances and capacity providers set up: an Auto Scaling group, its capacity provider, agents that register."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from support.ecs import Scene

if TYPE_CHECKING:
    from support.stead import Stead

RESOURCES = [
    {"name": "CPU", "type": "INTEGER", "integerValue": 2048},
    {"name": "MEMORY", "type": "INTEGER", "integerValue": 3768},
    {"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22"]},
]


class Groups(Scene):
    """A group ``g`` of a name of its own, in the scene's subnet."""

    def __init__(self, stead: Stead, size: int = 0, *, protects: bool = False) -> None:
        super().__init__(stead)
        self.scaling = stead.client("autoscaling")
        self.group = f"g-{self.subnet}"
        self.provider = f"p-{self.subnet}"
        self.scaling.create_launch_configuration(LaunchConfigurationName=self.group, ImageId="ami-12c6146b", InstanceType="c5.large")
        self.scaling.create_auto_scaling_group(
            AutoScalingGroupName=self.group,
            LaunchConfigurationName=self.group,
            MinSize=0,
            MaxSize=10,
            DesiredCapacity=size,
            VPCZoneIdentifier=self.subnet,
            NewInstancesProtectedFromScaleIn=protects,
        )

    def described(self) -> Any:
        """The group as Auto Scaling has it."""
        return self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[self.group])["AutoScalingGroups"][0]

    def instances(self) -> list[str]:
        """The ids of the group's instances."""
        return [one["InstanceId"] for one in self.described()["Instances"]]

    def create_provider(self, ecs: Any = None, *, protection: bool = False, **scaling: Any) -> Any:
        """The capacity provider of the group, managed."""
        provider = {
            "autoScalingGroupArn": self.described()["AutoScalingGroupARN"],
            "managedScaling": {"status": "ENABLED", **scaling},
            "managedTerminationProtection": "ENABLED" if protection else "DISABLED",
        }
        return (ecs or self.ecs).create_capacity_provider(name=self.provider, autoScalingGroupProvider=provider)["capacityProvider"]

    def associate(self, *providers: str) -> Any:
        """Give the cluster these providers; the first is its strategy."""
        strategy = [{"capacityProvider": name, "weight": 1} for name in providers[:1]]
        asked = {"cluster": "c", "capacityProviders": list(providers), "defaultCapacityProviderStrategy": strategy}
        return self.ecs.put_cluster_capacity_providers(**asked)["cluster"]

    def attachments(self) -> Any:
        """The cluster with its attachments."""
        return self.ecs.describe_clusters(clusters=["c"], include=["ATTACHMENTS"])["clusters"][0]

    def register(self, instance: str) -> str:
        """An EC2 instance's agent registers; the container instance's ARN."""
        document = json.dumps({"instanceId": instance, "instanceType": "c5.large"})
        asked = {"cluster": "c", "instanceIdentityDocument": document, "totalResources": RESOURCES}
        return str(self.ecs.register_container_instance(**asked)["containerInstance"]["containerInstanceArn"])

    def container_instance(self, arn: str) -> Any:
        """As DescribeContainerInstances has it."""
        return self.ecs.describe_container_instances(cluster="c", containerInstances=[arn])["containerInstances"][0]

    def small_definition(self) -> None:
        """``small``: half of an instance's memory and no interface of its own."""
        containers = [{"name": "web", "image": "nginx", "cpu": 512, "memory": 1500}]
        self.ecs.register_task_definition(family="small", containerDefinitions=containers)

    def look(self) -> None:
        """Let every kind of work have its next look."""
        self.stead.advance(2)
        self.stead.settle()
