"""Target health by the times of registration and question; what makes a target unhealthy here (overlays/target_health.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from support.neighbours import Embedded

INTERVAL, DELAY = 10, 60
HEALTHY = ("healthy", None)
CHECKING = ("initial", "Elb.InitialHealthChecking")
NOT_REGISTERED = ("unused", "Target.NotRegistered")
MISMATCH = ("unhealthy", "Target.ResponseCodeMismatch")
REFUSED = ("unhealthy", "Target.FailedHealthChecks")
DRAINING = ("draining", "Target.DeregistrationInProgress")


class Balanced:
    """A target group of addresses, behind a listener of a load balancer or not."""

    def __init__(self, embedded: Embedded, *, listener: bool = True) -> None:
        self.call, self.later = embedded.call, embedded.later
        vpc = self.call("ec2", "CreateVpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        zones = ("eu-west-1a", "eu-west-1b")
        subnets = [
            self.call("ec2", "CreateSubnet", VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
            for number, zone in enumerate(zones)
        ]
        asked = {"Name": "web", "Protocol": "HTTP", "Port": 80, "VpcId": vpc, "TargetType": "ip", "HealthCheckIntervalSeconds": INTERVAL}
        self.group = self.call("elbv2", "CreateTargetGroup", **asked)["TargetGroups"][0]["TargetGroupArn"]
        delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": str(DELAY)}]
        self.call("elbv2", "ModifyTargetGroupAttributes", TargetGroupArn=self.group, Attributes=delay)
        if listener:
            balancer = self.call("elbv2", "CreateLoadBalancer", Name="web", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
            actions = [{"Type": "forward", "TargetGroupArn": self.group}]
            self.call("elbv2", "CreateListener", LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=actions)

    def do(self, operation: str, *targets: tuple[str, int]) -> Any:
        named = [{"Id": name, "Port": port} for name, port in targets]
        return self.call("elbv2", operation, TargetGroupArn=self.group, **({"Targets": named} if named else {}))

    def health(self, *targets: tuple[str, int]) -> dict[tuple[str, int], tuple[str, str | None]]:
        """State and reason by target."""
        found = self.do("DescribeTargetHealth", *targets)["TargetHealthDescriptions"]
        return {(one["Target"]["Id"], one["Target"]["Port"]): _state(one["TargetHealth"]) for one in found}


def _state(health: dict[str, str]) -> tuple[str, str | None]:
    assert ("Reason" in health) == ("Description" in health)
    return health["State"], health.get("Reason")


@pytest.fixture
def balanced(embedded: Embedded) -> Balanced:
    return Balanced(embedded)


ONE = ("10.0.0.9", 8080)


def test_a_targets_life(balanced: Balanced) -> None:
    balanced.do("RegisterTargets", ONE)
    assert balanced.health() == {ONE: ("initial", "Elb.RegistrationInProgress")}
    balanced.later(INTERVAL - 1)
    assert balanced.health() == {ONE: CHECKING}
    balanced.later(1)
    assert balanced.health() == {ONE: HEALTHY}
    balanced.do("DeregisterTargets", ONE)
    assert balanced.health() == {ONE: DRAINING}
    balanced.later(DELAY - 1)
    assert balanced.health() == {ONE: DRAINING}
    balanced.later(1)
    assert balanced.health() == {}
    assert balanced.health(ONE) == {ONE: NOT_REGISTERED}


def test_registered_again(balanced: Balanced) -> None:
    balanced.do("RegisterTargets", ONE)
    balanced.later(INTERVAL)
    balanced.do("RegisterTargets", ONE)
    assert balanced.health() == {ONE: HEALTHY}
    balanced.do("DeregisterTargets", ONE)
    balanced.do("RegisterTargets", ONE)
    assert balanced.health() == {ONE: ("initial", "Elb.RegistrationInProgress")}


def test_one_id_with_several_ports(balanced: Balanced) -> None:
    """Containers of one instance."""
    other = ("10.0.0.9", 8081)
    balanced.do("RegisterTargets", ONE, other)
    balanced.later(INTERVAL)
    balanced.do("DeregisterTargets", ONE)
    assert balanced.health() == {ONE: DRAINING, other: HEALTHY}


def test_deregistering_what_is_not_registered_is_no_error(balanced: Balanced) -> None:
    balanced.do("DeregisterTargets", ONE)
    assert balanced.health() == {}


def test_a_group_without_a_listener_is_unused(embedded: Embedded) -> None:
    balanced = Balanced(embedded, listener=False)
    balanced.do("RegisterTargets", ONE)
    assert balanced.health() == {ONE: ("unused", "Target.NotInUse")}
    balanced.do("DeregisterTargets", ONE)
    assert balanced.health() == {}


@pytest.mark.parametrize(
    ("broken", "mended", "expected"),
    [
        ({"Matcher": {"HttpCode": "300-399,418"}}, {"Matcher": {"HttpCode": "200-299"}}, MISMATCH),
        ({"HealthCheckPort": "9"}, {"HealthCheckPort": "traffic-port"}, REFUSED),
    ],
)
def test_a_health_check_that_cannot_succeed(balanced: Balanced, broken: Any, mended: Any, expected: tuple[str, str]) -> None:
    """Two failures make a healthy target unhealthy, five successes make it healthy again: the defaults."""
    balanced.do("RegisterTargets", ONE)
    balanced.later(INTERVAL)
    balanced.call("elbv2", "ModifyTargetGroup", TargetGroupArn=balanced.group, **broken)
    balanced.later(2 * INTERVAL - 1)
    assert balanced.health() == {ONE: HEALTHY}
    balanced.later(1)
    assert balanced.health() == {ONE: expected}
    balanced.call("elbv2", "ModifyTargetGroup", TargetGroupArn=balanced.group, **mended)
    balanced.later(5 * INTERVAL - 1)
    assert balanced.health()[ONE][0] == "unhealthy"
    balanced.later(1)
    assert balanced.health() == {ONE: HEALTHY}


def test_a_group_that_does_not_exist(embedded: Embedded) -> None:
    gone = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/gone/0123456789abcdef"
    expected = ("TargetGroupNotFound", "One or more target groups not found")
    assert embedded.refused("elbv2", "DescribeTargetHealth", TargetGroupArn=gone) == expected
    assert embedded.refused("elbv2", "DeregisterTargets", TargetGroupArn=gone, Targets=[{"Id": "10.0.0.9"}]) == expected


def test_a_classic_load_balancers_instances(embedded: Embedded) -> None:
    call = embedded.call
    image = call("ec2", "DescribeImages", Owners=["amazon"])["Images"][0]["ImageId"]
    instance = call("ec2", "RunInstances", ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro")["Instances"][0]["InstanceId"]
    listeners = [{"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 8080}]
    call("elb", "CreateLoadBalancer", LoadBalancerName="old", Listeners=listeners, AvailabilityZones=["eu-west-1a"])
    check = {"Target": "HTTP:8080/", "Interval": INTERVAL, "Timeout": 5, "UnhealthyThreshold": 2, "HealthyThreshold": 2}
    call("elb", "ConfigureHealthCheck", LoadBalancerName="old", HealthCheck=check)
    named = {"LoadBalancerName": "old", "Instances": [{"InstanceId": instance}]}
    assert call("elb", "RegisterInstancesWithLoadBalancer", **named)["Instances"] == [{"InstanceId": instance}]
    states = []
    for _ in range(2):
        (state,) = call("elb", "DescribeInstanceHealth", LoadBalancerName="old")["InstanceStates"]
        states.append((state["State"], state["ReasonCode"]))
        embedded.later(INTERVAL)
    assert states == [("OutOfService", "ELB"), ("InService", "N/A")]
    call("elb", "DeregisterInstancesFromLoadBalancer", **named)
    assert call("elb", "DescribeInstanceHealth", LoadBalancerName="old")["InstanceStates"] == []
    unknown = {"LoadBalancerName": "old", "Instances": [{"InstanceId": "i-0"}]}
    assert embedded.refused("elb", "RegisterInstancesWithLoadBalancer", **unknown)[0] == "InvalidInstance"
