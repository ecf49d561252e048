"""What tests of services in front of which something stands set up: target groups and classic load balancers, Cloud Map."""

from __future__ import annotations

import json
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from support.ecs import Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.stead import Stead

PORT = 80
CHECKED = {"healthCheck": {"command": ["CMD", "true"]}}


class Front(Scene):
    """A scene whose task definition ``web`` listens on a port; names are new, since all tests share the neighbours."""

    def __init__(self, stead: Stead) -> None:
        super().__init__(stead)
        self.elbv2, self.elb, self.cloud_map = stead.client("elbv2"), stead.client("elb"), stead.client("servicediscovery")
        container = {"name": "web", "image": "nginx", "portMappings": [{"containerPort": PORT}]}
        self.definition(containerDefinitions=[container])
        self.definition("checked", containerDefinitions=[{**container, **CHECKED}])
        for family, host_port in (("bridge", 8080), ("dynamic", 0)):
            bridge = {**container, "memory": 128, "portMappings": [{"containerPort": PORT, "hostPort": host_port}]}
            self.ecs.register_task_definition(family=family, containerDefinitions=[bridge])

    def settle(self, seconds: float = 0) -> None:
        """Let time pass, and everything happen that is due."""
        self.stead.advance(seconds)
        self.stead.settle()

    def settle_tasks(self, seconds: float = 0) -> None:
        """The same for tasks alone: the scheduler sees nothing of it."""
        self.stead.advance(seconds)
        runner = self.stead.app.runner
        (queue,) = [one for one in runner._queues if one.controller.table.name == "ecs_tasks"]
        for _ in range(20):
            if not runner._step_one(queue):
                return
        raise AssertionError("tasks do not come to rest")

    def until(self, holds: Callable[[], Any]) -> None:
        """Let time pass, a second at a time, till that holds."""
        for _ in range(60):
            if holds():
                return
            self.settle(1)
        raise AssertionError("it never held")

    def says(self, text: str) -> bool:
        """Whether an event of the service has this in it."""
        return any(text in event["message"] for event in self.service()["events"])

    def group(self, kind: str = "ip", delay: int = 60) -> str:
        """A target group's ARN, behind a listener of a load balancer of its own."""
        name = f"t{token_hex(6)}"
        balancer = self.elbv2.create_load_balancer(Name=name, Subnets=[self.subnet], Type="network")["LoadBalancers"][0]["LoadBalancerArn"]
        asked = {"Protocol": "TCP", "Port": PORT, "VpcId": self.vpc, "TargetType": kind}
        arn = self.elbv2.create_target_group(Name=name, **asked)["TargetGroups"][0]["TargetGroupArn"]
        attributes = [{"Key": "deregistration_delay.timeout_seconds", "Value": str(delay)}]
        self.elbv2.modify_target_group_attributes(TargetGroupArn=arn, Attributes=attributes)
        action = {"Type": "forward", "TargetGroupArn": arn}
        self.elbv2.create_listener(LoadBalancerArn=balancer, Protocol="TCP", Port=PORT, DefaultActions=[action])
        return str(arn)

    def classic(self) -> str:
        """A classic load balancer's name."""
        name = f"c{token_hex(6)}"
        listener = {"Protocol": "TCP", "LoadBalancerPort": PORT, "InstancePort": 8080}
        self.elb.create_load_balancer(LoadBalancerName=name, Listeners=[listener], Subnets=[self.subnet])
        return name

    def instance(self) -> str:
        """The id of an instance that an agent registered."""
        (made,) = self.ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=self.subnet)["Instances"]
        known = {"instanceId": made["InstanceId"], "instanceType": "c5.large", "availabilityZone": made["Placement"]["AvailabilityZone"]}
        sizes = [{"name": name, "type": "INTEGER", "integerValue": 4096} for name in ("CPU", "MEMORY")]
        asked = {"instanceIdentityDocument": json.dumps(known), "totalResources": sizes}
        self.ecs.register_container_instance(cluster="c", **asked)
        return str(made["InstanceId"])

    def serve_on_instances(self, family: str, balancer: dict[str, Any], count: int = 1) -> None:
        """Service ``s`` with tasks of launch type EC2."""
        balancers = [{**balancer, "containerName": "web", "containerPort": PORT}]
        self.serve(taskDefinition=family, launchType="EC2", networkConfiguration=None, loadBalancers=balancers, count=count)

    def behind(self, classic: str) -> dict[str, str]:
        """The states of a classic load balancer's instances."""
        found = self.elb.describe_instance_health(LoadBalancerName=classic)["InstanceStates"]
        return {one["InstanceId"]: one["State"] for one in found}

    def targets(self, group: str) -> dict[tuple[str, int], str]:
        """The states of a group's targets."""
        found = self.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return {(one["Target"]["Id"], one["Target"]["Port"]): one["TargetHealth"]["State"] for one in found}

    def namespace(self) -> tuple[str, str]:
        """The name and id of a private DNS namespace."""
        name = f"n{token_hex(6)}.local"
        operation = self.cloud_map.create_private_dns_namespace(Name=name, Vpc=self.vpc)["OperationId"]
        return name, self.cloud_map.get_operation(OperationId=operation)["Operation"]["Targets"]["NAMESPACE"]

    def registry(self, namespace: str, record: str = "A") -> Any:
        """A Cloud Map service whose health is said by its user."""
        dns = {"NamespaceId": namespace, "RoutingPolicy": "MULTIVALUE", "DnsRecords": [{"Type": record, "TTL": 10}]}
        return self.cloud_map.create_service(Name="web", DnsConfig=dns, HealthCheckCustomConfig={"FailureThreshold": 1})["Service"]

    def instances(self, service: str) -> dict[str, dict[str, str]]:
        """The attributes of a Cloud Map service's instances."""
        found = self.cloud_map.list_instances(ServiceId=service)["Instances"]
        return {one["Id"]: one["Attributes"] for one in found}

    def serve(self, *, groups: tuple[str, ...] = (), count: int = 1, **more: Any) -> None:
        """Service ``s``, whose tasks stand behind these groups."""
        asked: dict[str, Any] = {"taskDefinition": "web", "launchType": "FARGATE", "networkConfiguration": self.network, **more}
        balancers = [{"targetGroupArn": group, "containerName": "web", "containerPort": PORT} for group in groups]
        asked.setdefault("loadBalancers", balancers)
        given = {name: value for name, value in asked.items() if value is not None}
        self.ecs.create_service(cluster="c", serviceName="s", desiredCount=count, **given)

    def scale(self, count: int) -> None:
        """Wish for so many tasks."""
        self.ecs.update_service(cluster="c", service="s", desiredCount=count)

    def tasks(self, wish: str = "RUNNING") -> list[Any]:
        """The tasks of which that is wished."""
        arns = self.ecs.list_tasks(cluster="c", desiredStatus=wish)["taskArns"]
        found: list[Any] = self.ecs.describe_tasks(cluster="c", tasks=arns)["tasks"] if arns else []
        return found

    def service(self) -> Any:
        """Service ``s`` as DescribeServices has it."""
        (found,) = self.ecs.describe_services(cluster="c", services=["s"])["services"]
        return found

    def done(self, session: str, name: str) -> list[Any]:
        """The records of one operation by a session of the linked role."""
        return [call for call in self.calls(session) if call["eventName"] == name]


def address(task: Any) -> str:
    """A task's own."""
    return str(task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"])
