"""What Cloud Map, Auto Scaling and its plans do with their caller's rights: done, recorded, refused, and undone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from support.stead import Stead

from stead.app import App

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.config import Settings

REGION = "eu-west-1"
VIA = "aws-called-via-override."  # as recorded (gateway/event.py)
PLAN = {
    "ScalingPlanName": "ECSManagedAutoScalingPlan-1",
    "ApplicationSource": {"TagFilters": [{"Key": "AmazonECSManaged"}]},
    "ScalingInstructions": [
        {
            "ServiceNamespace": "autoscaling",
            "ResourceId": "autoScalingGroup/web",
            "ScalableDimension": "autoscaling:autoScalingGroup:DesiredCapacity",
            "MinCapacity": 0,
            "MaxCapacity": 9,
            "TargetTrackingConfigurations": [
                {
                    "TargetValue": 100.0,
                    "CustomizedScalingMetricSpecification": {
                        "MetricName": "CapacityProviderReservation",
                        "Namespace": "AWS/ECS/ManagedScaling",
                        "Statistic": "Average",
                        "Dimensions": [{"Name": "ClusterName", "Value": "c"}],
                    },
                }
            ],
        }
    ],
}


class World:
    """A namespace of a VPC and a group, made by root."""

    def __init__(self, stead: Stead) -> None:
        self.stead = stead
        vpc = self.root("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = self.root("ec2").create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        self.root("servicediscovery").create_private_dns_namespace(Name="web.local", Vpc=vpc)
        (self.namespace,) = self.root("servicediscovery").list_namespaces()["Namespaces"]
        self.zone = self.namespace["Properties"]["DnsProperties"]["HostedZoneId"]
        group = {"AutoScalingGroupName": "web", "MinSize": 0, "MaxSize": 9, "VPCZoneIdentifier": subnet}
        self.root("autoscaling").create_launch_configuration(LaunchConfigurationName="web", ImageId="ami-12c6146b", InstanceType="t3.micro")
        self.root("autoscaling").create_auto_scaling_group(**group, LaunchConfigurationName="web")

    def root(self, service: str) -> Any:
        return self.stead.client(service, None, REGION)

    def user(self, name: str, *actions: str) -> Any:
        """Clients of a user with these permissions alone."""
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        key = self.stead.user(name, json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        return lambda service: self.stead.client(service, key, REGION)

    def service(self, kind: str = "A", **more: Any) -> str:
        config = {"NamespaceId": self.namespace["Id"], "DnsRecords": [{"Type": kind, "TTL": 10}]}
        return str(self.root("servicediscovery").create_service(Name=f"api{kind.lower()}", DnsConfig=config, **more)["Service"]["Id"])

    def records(self) -> list[tuple[str, str, str, str]]:
        """Name, type, value and set identifier of all but the zone's own."""
        listed = self.root("route53").list_resource_record_sets(HostedZoneId=self.zone)["ResourceRecordSets"]
        return [
            (one["Name"], one["Type"], one["ResourceRecords"][0]["Value"], one.get("SetIdentifier", ""))
            for one in listed
            if one["Type"] not in ("SOA", "NS")
        ]

    def alarms(self) -> dict[str, Any]:
        return {one["AlarmName"].rsplit("-", 5)[0]: one for one in self.root("cloudwatch").describe_alarms()["MetricAlarms"]}

    def events(self, name: str) -> list[dict[str, Any]]:
        found = []
        for region in (REGION, "us-east-1"):
            trail = self.stead.client("cloudtrail", None, region)
            listed = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])["Events"]
            found += [json.loads(one["CloudTrailEvent"]) for one in listed]
        return found


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    app = App(settings)
    yield World(Stead(app))
    app.close()


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_an_instance_has_a_record_made_with_its_callers_rights(world: World) -> None:
    name = world.service()
    may = world.user("may", "servicediscovery:*", "route53:*")
    may("servicediscovery").register_instance(ServiceId=name, InstanceId="one", Attributes={"AWS_INSTANCE_IPV4": "10.0.1.9"})
    assert world.records() == [("apia.web.local.", "A", "10.0.1.9", "one")]
    (event,) = world.events("ChangeResourceRecordSets")
    assert event["userIdentity"]["userName"] == "may"
    assert event["userIdentity"]["invokedBy"] == event["sourceIPAddress"] == f"{VIA}servicediscovery.amazonaws.com"
    may("servicediscovery").deregister_instance(ServiceId=name, InstanceId="one")
    assert world.records() == []


def test_without_the_right_nothing_is_registered(world: World) -> None:
    name = world.service()
    may_not = world.user("maynot", "servicediscovery:*", "route53:GetHostedZone")
    with pytest.raises(ClientError) as error:
        may_not("servicediscovery").register_instance(ServiceId=name, InstanceId="one", Attributes={"AWS_INSTANCE_IPV4": "10.0.1.9"})
    assert code_of(error) == "AccessDeniedException"
    assert "is not authorized to perform: route53:ChangeResourceRecordSets on resource: arn:aws:route53:::hostedzone/" in str(error.value)
    assert world.root("servicediscovery").list_instances(ServiceId=name)["Instances"] == []
    refused = [event for event in world.events("RegisterInstance") if event.get("errorCode")]
    assert [event["errorCode"] for event in refused] == ["AccessDenied"]


def test_a_service_record_names_a_host_of_its_own(world: World) -> None:
    name = world.service("SRV")
    attributes = {"AWS_INSTANCE_IPV4": "10.0.1.9", "AWS_INSTANCE_PORT": "8080"}
    world.root("servicediscovery").register_instance(ServiceId=name, InstanceId="one", Attributes=attributes)
    host = "one.apisrv.web.local."
    assert sorted(world.records()) == [("apisrv.web.local.", "SRV", f"1 1 8080 {host}", "one"), (host, "A", "10.0.1.9", "")]
    world.root("servicediscovery").deregister_instance(ServiceId=name, InstanceId="one")
    assert world.records() == []


def test_a_health_check_comes_and_goes_with_the_instance(world: World) -> None:
    name = world.service(HealthCheckConfig={"Type": "HTTP", "ResourcePath": "/", "FailureThreshold": 3})
    registry, dns = world.root("servicediscovery"), world.root("route53")
    registry.register_instance(ServiceId=name, InstanceId="one", Attributes={"AWS_INSTANCE_IPV4": "10.0.1.9"})
    (check,) = dns.list_health_checks()["HealthChecks"]
    assert check["HealthCheckConfig"]["IPAddress"] == "10.0.1.9"
    registry.register_instance(ServiceId=name, InstanceId="one", Attributes={"AWS_INSTANCE_IPV4": "10.0.1.10"})
    (check,) = dns.list_health_checks()["HealthChecks"]
    assert check["HealthCheckConfig"]["IPAddress"] == "10.0.1.10"
    registry.deregister_instance(ServiceId=name, InstanceId="one")
    assert dns.list_health_checks()["HealthChecks"] == []
    made = [operation for operation in ("Create", "Get", "Update", "Delete") if world.events(f"{operation}HealthCheck")]
    assert made == ["Create", "Get", "Update", "Delete"]


def test_a_namespace_needs_the_right_to_its_hosted_zone(world: World) -> None:
    may_not = world.user("maynot", "servicediscovery:*", "ec2:*")
    for operation, asked, action in (
        ("create_public_dns_namespace", {"Name": "example.org"}, "CreateHostedZone"),
        ("delete_namespace", {"Id": world.namespace["Id"]}, "DeleteHostedZone"),
    ):
        with pytest.raises(ClientError) as error:
            getattr(may_not("servicediscovery"), operation)(**asked)
        assert f"route53:{action}" in str(error.value)
    assert len(world.root("servicediscovery").list_namespaces()["Namespaces"]) == 1
    world.root("servicediscovery").delete_namespace(Id=world.namespace["Id"])
    assert world.root("route53").list_hosted_zones()["HostedZones"] == []


def test_a_target_tracking_policy_has_two_alarms(world: World) -> None:
    tracking = {"TargetValue": 50.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"}}
    policy = {"AutoScalingGroupName": "web", "PolicyName": "cpu", "PolicyType": "TargetTrackingScaling"}
    scaling = world.root("autoscaling")
    answer = scaling.put_scaling_policy(**policy, TargetTrackingConfiguration=tracking)
    again = scaling.put_scaling_policy(**policy, TargetTrackingConfiguration={**tracking, "TargetValue": 60.0})
    assert again == {**answer, "ResponseMetadata": again["ResponseMetadata"]}
    alarms = world.alarms()
    assert set(alarms) == {"TargetTracking-web-AlarmHigh", "TargetTracking-web-AlarmLow"}
    assert {alarm["AlarmName"] for alarm in alarms.values()} == {alarm["AlarmName"] for alarm in answer["Alarms"]}
    high = alarms["TargetTracking-web-AlarmHigh"]
    assert (high["StateValue"], high["Threshold"], high["AlarmActions"]) == ("INSUFFICIENT_DATA", 60.0, [answer["PolicyARN"]])
    assert {event["userIdentity"]["invokedBy"] for event in world.events("PutMetricAlarm")} == {f"{VIA}autoscaling.amazonaws.com"}
    scaling.delete_policy(AutoScalingGroupName="web", PolicyName=answer["PolicyARN"])
    assert world.alarms() == {}
    assert scaling.describe_policies()["ScalingPolicies"] == []


def test_a_policy_without_the_right_to_alarms_is_not_made(world: World) -> None:
    may_not = world.user("maynot", "autoscaling:*")
    tracking = {"TargetValue": 50.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"}}
    with pytest.raises(ClientError) as error:
        may_not("autoscaling").put_scaling_policy(
            AutoScalingGroupName="web", PolicyName="cpu", PolicyType="TargetTrackingScaling", TargetTrackingConfiguration=tracking
        )
    assert "cloudwatch:PutMetricAlarm" in str(error.value)
    assert world.root("autoscaling").describe_policies()["ScalingPolicies"] == []


def test_a_scaling_plan_makes_a_policy_and_that_its_alarms(world: World) -> None:
    plans = world.root("autoscaling-plans")
    plans.create_scaling_plan(**PLAN)
    (policy,) = world.root("autoscaling").describe_policies()["ScalingPolicies"]
    assert policy["PolicyName"] == "AutoScaling-ECSManagedAutoScalingPlan-1"
    high = world.alarms()["TargetTracking-web-AlarmHigh"]
    assert (high["MetricName"], high["EvaluationPeriods"]) == ("CapacityProviderReservation", 1)
    assert {event["userIdentity"]["invokedBy"] for event in world.events("PutScalingPolicy")} == {f"{VIA}autoscaling-plans.amazonaws.com"}
    plans.delete_scaling_plan(ScalingPlanName=PLAN["ScalingPlanName"], ScalingPlanVersion=1)
    assert world.root("autoscaling").describe_policies()["ScalingPolicies"] == []
    assert world.alarms() == {}


def test_a_scaling_plan_without_the_right_to_policies_is_not_made(world: World) -> None:
    may_not = world.user("maynot", "autoscaling-plans:*")
    with pytest.raises(ClientError) as error:
        may_not("autoscaling-plans").create_scaling_plan(**PLAN)
    assert "autoscaling:PutScalingPolicy" in str(error.value)
    assert world.root("autoscaling-plans").describe_scaling_plans()["ScalingPlans"] == []
