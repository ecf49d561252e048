"""The smaller things that Stead adds to moto: Cloud Map, sessions, scaling plans, alarms, log groups, rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from support.neighbours import ECS

if TYPE_CHECKING:
    from support.neighbours import Embedded

TARGET = "ecs:web_0123456789abcdef0123456789abcdef_0123456789abcdef0123456789abcdef-0123456789"
EXEC = {"Target": TARGET, "DocumentName": "AmazonECS-ExecuteInteractiveCommand", "Parameters": {"command": ["sh"]}}
INSTRUCTION = {
    "ServiceNamespace": "autoscaling",
    "ResourceId": "autoScalingGroup/web",
    "ScalableDimension": "autoscaling:autoScalingGroup:DesiredCapacity",
    "MinCapacity": 0,
    "MaxCapacity": 9,
    "TargetTrackingConfigurations": [{"TargetValue": 100.0}],
}
PLAN = {
    "ScalingPlanName": "plan",
    "ApplicationSource": {"TagFilters": [{"Key": "AmazonECSManaged", "Values": ["yes"]}]},
    "ScalingInstructions": [INSTRUCTION],
}


@pytest.fixture
def namespace(embedded: Embedded) -> str:
    """A private namespace of a VPC."""
    vpc = embedded.call("ec2", "CreateVpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    operation = embedded.call("servicediscovery", "CreatePrivateDnsNamespace", Name="web.local", Vpc=vpc)["OperationId"]
    done = embedded.call("servicediscovery", "GetOperation", OperationId=operation)["Operation"]
    assert (done["Type"], done["Status"]) == ("CREATE_NAMESPACE", "SUCCESS")
    return str(done["Targets"]["NAMESPACE"])


def service(embedded: Embedded, namespace: str, **more: Any) -> str:
    records = {"NamespaceId": namespace, "DnsRecords": [{"Type": "A", "TTL": 10}]}
    return str(embedded.call("servicediscovery", "CreateService", Name="api", DnsConfig=records, **more)["Service"]["Id"])


def test_a_namespaces_hosted_zone_has_its_name_and_its_vpc(embedded: Embedded, namespace: str) -> None:
    shown = embedded.call("servicediscovery", "GetNamespace", Id=namespace)["Namespace"]
    zone = shown["Properties"]["DnsProperties"]["HostedZoneId"]
    found = embedded.call("route53", "GetHostedZone", Id=zone)
    assert (found["HostedZone"]["Name"], found["HostedZone"]["Config"]["PrivateZone"]) == ("web.local.", True)
    vpc = found["VPCs"][0]["VPCId"]
    listed = embedded.call("route53", "ListHostedZonesByVPC", VPCId=vpc, VPCRegion="eu-west-1")["HostedZoneSummaries"]
    assert [one["HostedZoneId"] for one in listed] == [zone]
    names = {one["Name"] for one in embedded.call("route53", "ListResourceRecordSets", HostedZoneId=zone)["ResourceRecordSets"]}
    assert names == {"web.local."}


def test_a_vpc_has_many_namespaces_each_name_once(embedded: Embedded, namespace: str) -> None:
    zone = embedded.call("servicediscovery", "GetNamespace", Id=namespace)["Namespace"]["Properties"]["DnsProperties"]["HostedZoneId"]
    vpc = embedded.call("route53", "GetHostedZone", Id=zone)["VPCs"][0]["VPCId"]
    embedded.call("servicediscovery", "CreatePrivateDnsNamespace", Name="other.local", Vpc=vpc)
    again = embedded.refused("servicediscovery", "CreatePrivateDnsNamespace", Name="web.local", Vpc=vpc)
    assert again[0] == "NamespaceAlreadyExists"


def test_nothing_in_use_can_be_deleted(embedded: Embedded, namespace: str) -> None:
    name = service(embedded, namespace)
    embedded.call("servicediscovery", "RegisterInstance", ServiceId=name, InstanceId="one", Attributes={"AWS_INSTANCE_IPV4": "10.0.0.9"})
    assert embedded.refused("servicediscovery", "DeleteNamespace", Id=namespace)[0] == "ResourceInUse"
    text = "Service contains registered instances; delete the instances before deleting the service"
    assert embedded.refused("servicediscovery", "DeleteService", Id=name) == ("ResourceInUse", text)
    operation = embedded.call("servicediscovery", "DeregisterInstance", ServiceId=name, InstanceId="one")["OperationId"]
    targets = embedded.call("servicediscovery", "GetOperation", OperationId=operation)["Operation"]["Targets"]
    assert targets == {"INSTANCE": "one", "SERVICE": name, "NAMESPACE": namespace}
    listed = embedded.call("servicediscovery", "ListOperations", Filters=[{"Name": "SERVICE_ID", "Values": [name]}])["Operations"]
    assert len(listed) == 2
    embedded.call("servicediscovery", "DeleteService", Id=name)
    embedded.call("servicediscovery", "DeleteNamespace", Id=namespace)


def test_custom_health_decides_what_is_discovered(embedded: Embedded, namespace: str) -> None:
    name = service(embedded, namespace, HealthCheckCustomConfig={"FailureThreshold": 1})
    for number in range(2):
        asked = {"ServiceId": name, "InstanceId": str(number), "Attributes": {"AWS_INSTANCE_IPV4": f"10.0.0.{number}"}}
        embedded.call("servicediscovery", "RegisterInstance", **asked)
    embedded.call("servicediscovery", "UpdateInstanceCustomHealthStatus", ServiceId=name, InstanceId="0", Status="UNHEALTHY")
    seen = {}
    for wanted in ("", "HEALTHY", "UNHEALTHY", "ALL", "HEALTHY_OR_ELSE_ALL"):
        asked = {"NamespaceName": "web.local", "ServiceName": "api", **({"HealthStatus": wanted} if wanted else {})}
        found = embedded.call("servicediscovery", "DiscoverInstances", **asked)["Instances"]
        seen[wanted] = sorted(one["InstanceId"] for one in found)
    assert seen == {"": ["1"], "HEALTHY": ["1"], "UNHEALTHY": ["0"], "ALL": ["0", "1"], "HEALTHY_OR_ELSE_ALL": ["1"]}


def test_registering_again_replaces(embedded: Embedded, namespace: str) -> None:
    name = service(embedded, namespace)
    for address in ("10.0.0.1", "10.0.0.2"):
        embedded.call("servicediscovery", "RegisterInstance", ServiceId=name, InstanceId="one", Attributes={"AWS_INSTANCE_IPV4": address})
    (only,) = embedded.call("servicediscovery", "ListInstances", ServiceId=name)["Instances"]
    assert only["Attributes"] == {"AWS_INSTANCE_IPV4": "10.0.0.2"}


def test_health_cannot_be_said_of_a_service_that_does_not_let_it(embedded: Embedded, namespace: str) -> None:
    name = service(embedded, namespace)
    asked = {"ServiceId": name, "InstanceId": "one", "Status": "HEALTHY"}
    assert embedded.refused("servicediscovery", "UpdateInstanceCustomHealthStatus", **asked)[0] == "CustomHealthNotFound"


def test_a_session_of_ecs_exec(embedded: Embedded) -> None:
    opened = embedded.call("ssm", "StartSession", requester=ECS, **EXEC)
    name = opened["SessionId"]
    assert re.fullmatch(r"ecs-execute-command-0[0-9a-f]{16}", name)
    assert opened["StreamUrl"] == f"wss://ssmmessages.eu-west-1.amazonaws.com/v1/data-channel/{name}?role=publish_subscribe"
    assert opened["TokenValue"]
    (shown,) = embedded.call("ssm", "DescribeSessions", State="Active", Filters=[{"key": "Target", "value": TARGET}])["Sessions"]
    assert (shown["SessionId"], shown["Status"], shown["Owner"]) == (name, "Connected", ECS)
    embedded.call("ssm", "TerminateSession", SessionId=name)
    assert embedded.call("ssm", "DescribeSessions", State="Active")["Sessions"] == []
    (shown,) = embedded.call("ssm", "DescribeSessions", State="History")["Sessions"]
    assert (shown["Status"], shown["EndDate"]) == ("Terminated", embedded.now)


def test_an_idle_session_ends_after_twenty_minutes(embedded: Embedded) -> None:
    embedded.call("ssm", "StartSession", requester=ECS, **EXEC)
    embedded.later(20 * 60 - 1)
    assert len(embedded.call("ssm", "DescribeSessions", State="Active")["Sessions"]) == 1
    embedded.later(1)
    assert len(embedded.call("ssm", "DescribeSessions", State="History")["Sessions"]) == 1


@pytest.mark.parametrize(
    ("operation", "asked", "code"),
    [
        ("StartSession", {"Target": "i-0123456789abcdef0"}, "TargetNotConnected"),
        ("StartSession", {"Target": TARGET, "DocumentName": "Nothing"}, "InvalidDocument"),
        ("TerminateSession", {"SessionId": "nobody-0123456789abcdef0"}, "DoesNotExistException"),
        ("DescribeSessions", {"State": "Active", "NextToken": "?"}, "InvalidNextToken"),
    ],
)
def test_sessions_refuse(embedded: Embedded, operation: str, asked: dict[str, Any], code: str) -> None:
    assert embedded.refused("ssm", operation, **asked)[0] == code


def test_a_scaling_plans_life(embedded: Embedded) -> None:
    assert embedded.call("autoscaling-plans", "CreateScalingPlan", **PLAN) == {"ScalingPlanVersion": 1}
    (shown,) = embedded.call("autoscaling-plans", "DescribeScalingPlans", ScalingPlanNames=["plan"])["ScalingPlans"]
    assert (shown["StatusCode"], shown["CreationTime"]) == ("Active", embedded.now)
    assert shown["ScalingInstructions"] == [INSTRUCTION]
    which = {"ScalingPlanName": "plan", "ScalingPlanVersion": 1}
    (resource,) = embedded.call("autoscaling-plans", "DescribeScalingPlanResources", **which)["ScalingPlanResources"]
    assert (resource["ResourceId"], resource["ScalingStatusCode"]) == ("autoScalingGroup/web", "Active")
    embedded.call("autoscaling-plans", "UpdateScalingPlan", **which, ScalingInstructions=[{**INSTRUCTION, "MaxCapacity": 5}])
    (shown,) = embedded.call("autoscaling-plans", "DescribeScalingPlans")["ScalingPlans"]
    assert shown["ScalingInstructions"][0]["MaxCapacity"] == 5
    embedded.call("autoscaling-plans", "DeleteScalingPlan", **which)
    assert embedded.call("autoscaling-plans", "DescribeScalingPlans")["ScalingPlans"] == []


def test_scaling_plans_refuse(embedded: Embedded) -> None:
    embedded.call("autoscaling-plans", "CreateScalingPlan", **PLAN)
    assert embedded.refused("autoscaling-plans", "CreateScalingPlan", **PLAN)[0] == "ValidationException"
    gone = {"ScalingPlanName": "plan", "ScalingPlanVersion": 2}
    assert embedded.refused("autoscaling-plans", "DeleteScalingPlan", **gone)[0] == "ObjectNotFoundException"
    assert embedded.refused("autoscaling-plans", "DescribeScalingPlans", NextToken="?")[0] == "InvalidNextTokenException"


def test_a_new_alarm_knows_nothing_and_a_changed_one_keeps_its_state(embedded: Embedded) -> None:
    alarm = {"AlarmName": "high", "MetricName": "m", "Namespace": "n", "Period": 60, "EvaluationPeriods": 1, "Statistic": "Average"}
    alarm |= {"Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold"}

    def state() -> str:
        return str(embedded.call("cloudwatch", "DescribeAlarms", AlarmNames=["high"])["MetricAlarms"][0]["StateValue"])

    embedded.call("cloudwatch", "PutMetricAlarm", **alarm)
    assert state() == "INSUFFICIENT_DATA"
    embedded.call("cloudwatch", "SetAlarmState", AlarmName="high", StateValue="ALARM", StateReason="test")
    embedded.call("cloudwatch", "PutMetricAlarm", **{**alarm, "Threshold": 2.0})
    assert state() == "ALARM"


@pytest.mark.parametrize(("days", "code"), [(1, ""), (3653, ""), (2, "InvalidParameterException"), (0, "InvalidParameterException")])
def test_log_groups_are_kept_for_some_numbers_of_days(embedded: Embedded, days: int, code: str) -> None:
    embedded.call("logs", "CreateLogGroup", logGroupName="/aws/ecs/x")
    asked = {"logGroupName": "/aws/ecs/x", "retentionInDays": days}
    if code:
        assert embedded.refused("logs", "PutRetentionPolicy", **asked)[0] == code
    else:
        embedded.call("logs", "PutRetentionPolicy", **asked)
        assert embedded.call("logs", "DescribeLogGroups")["logGroups"][0]["retentionInDays"] == days


def test_a_services_rule_is_managed_by_it(embedded: Embedded) -> None:
    rule = {"Name": "ecs-managed-draining", "EventPattern": '{"source":["aws.autoscaling"]}'}
    embedded.call("events", "PutRule", requester=ECS, **rule)
    assert embedded.call("events", "DescribeRule", Name=rule["Name"])["ManagedBy"] == ECS
    assert embedded.refused("events", "DeleteRule", Name=rule["Name"])[0] == "ManagedRuleException"
    embedded.call("events", "DeleteRule", requester=ECS, Name=rule["Name"])
