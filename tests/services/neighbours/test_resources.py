"""What a call to a neighbour is authorized on, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from stead.aws.call import Call, Caller, CallerKind
from stead.services.neighbours import resources

EC2, ELB, LOGS = (
    "arn:aws:ec2:eu-west-1:123456789012:",
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:",
    "arn:aws:logs:eu-west-1:123456789012:",
)
MAP = "arn:aws:servicediscovery:eu-west-1:123456789012:"
TARGETS, BALANCER = f"{ELB}targetgroup/web/0123", f"{ELB}loadbalancer/app/web/4567"

CASES: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("ec2", "DescribeSubnets", {"SubnetIds": ["subnet-1"]}, ["*"]),
    ("ec2", "CreateVpc", {"CidrBlock": "10.0.0.0/16"}, [f"{EC2}vpc/*"]),
    (
        "ec2",
        "CreateNetworkInterface",
        {"SubnetId": "subnet-1", "Groups": ["sg-1", "sg-2"], "Description": "arn:aws:ecs:eu-west-1:123456789012:attachment/a"},
        [f"{EC2}network-interface/*", f"{EC2}security-group/sg-1", f"{EC2}security-group/sg-2", f"{EC2}subnet/subnet-1"],
    ),
    (
        "ec2",
        "AttachNetworkInterface",
        {"NetworkInterfaceId": "eni-1", "InstanceId": "i-1"},
        [f"{EC2}instance/i-1", f"{EC2}network-interface/eni-1"],
    ),
    ("ec2", "CreateTags", {"Resources": ["eni-1", "subnet-2"]}, [f"{EC2}network-interface/eni-1", f"{EC2}subnet/subnet-2"]),
    ("ec2", "DeleteSecurityGroup", {"GroupId": "sg-1"}, [f"{EC2}security-group/sg-1"]),
    ("elasticloadbalancing", "RegisterTargets", {"TargetGroupArn": TARGETS, "Targets": [{"Id": "10.0.0.9"}]}, [TARGETS]),
    (
        "elasticloadbalancing",
        "CreateListener",
        {"LoadBalancerArn": BALANCER, "DefaultActions": [{"Type": "forward", "TargetGroupArn": TARGETS}]},
        [BALANCER],
    ),
    ("elasticloadbalancing", "CreateTargetGroup", {"Name": "web"}, [f"{ELB}targetgroup/*/*"]),
    ("elasticloadbalancing", "RegisterInstancesWithLoadBalancer", {"LoadBalancerName": "web"}, [f"{ELB}loadbalancer/web"]),
    (
        "autoscaling",
        "PutScalingPolicy",
        {"AutoScalingGroupName": "web", "PolicyName": "p"},
        ["arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/web"],
    ),
    ("cloudwatch", "PutMetricAlarm", {"AlarmName": "high"}, ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:high"]),
    ("logs", "CreateLogGroup", {"logGroupName": "/aws/ecs/x"}, [f"{LOGS}log-group:/aws/ecs/x"]),
    ("logs", "CreateLogStream", {"logGroupName": "/aws/ecs/x", "logStreamName": "s"}, [f"{LOGS}log-group:/aws/ecs/x:log-stream:s"]),
    ("logs", "DescribeLogStreams", {"logGroupName": "/aws/ecs/x"}, [f"{LOGS}log-group:/aws/ecs/x:log-stream:"]),
    ("logs", "DescribeLogGroups", {"logGroupNamePrefix": "/aws/ecs/"}, [f"{LOGS}log-group:/aws/ecs/:log-stream:"]),
    ("servicediscovery", "RegisterInstance", {"ServiceId": "srv-1", "InstanceId": "t"}, [f"{MAP}service/srv-1"]),
    ("servicediscovery", "GetService", {"Id": "srv-1"}, [f"{MAP}service/srv-1"]),
    ("servicediscovery", "DeleteNamespace", {"Id": "ns-1"}, [f"{MAP}namespace/ns-1"]),
    ("route53", "ChangeResourceRecordSets", {"HostedZoneId": "Z1"}, ["arn:aws:route53:::hostedzone/Z1"]),
    (
        "ssm",
        "StartSession",
        {"Target": "ecs:web_0f1e_0f1e-123", "DocumentName": "AmazonECS-ExecuteInteractiveCommand"},
        [
            "arn:aws:ecs:eu-west-1:123456789012:task/web/0f1e",
            "arn:aws:ssm:eu-west-1:123456789012:document/AmazonECS-ExecuteInteractiveCommand",
        ],
    ),
]


@pytest.mark.parametrize(("namespace", "operation", "parameters", "expected"), CASES, ids=[f"{case[0]}:{case[1]}" for case in CASES])
def test_resources(namespace: str, operation: str, parameters: dict[str, Any], expected: list[str]) -> None:
    caller = Caller(CallerKind.USER, "123456789012", "arn:aws:iam::123456789012:user/alice", "AIDAEXAMPLE")
    assert resources.arns(namespace, Call(namespace, operation, parameters, caller, "eu-west-1", 0, "request")) == expected
