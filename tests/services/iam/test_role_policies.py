from __future__ import annotations

import json
from typing import Any

import pytest
from support.refusals import Refusal, refusal

ACCOUNT = "123456789012"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]})
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
SERVICE_ROLE_POLICY = "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy"


def allow(action: str, **condition: Any) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*", **({"Condition": condition} if condition else {})}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def iam(stead: Any) -> Any:
    client = stead.client("iam")
    client.create_role(RoleName="Worker", AssumeRolePolicyDocument=TRUST)
    return client


@pytest.mark.both_stores
def test_inline_policies(iam: Any) -> None:
    """The first spelling of a name stays, the last document wins (recorded-aws.md 5.1)."""
    iam.put_role_policy(RoleName="worker", PolicyName="MixedName", PolicyDocument=allow("s3:*"))
    iam.put_role_policy(RoleName="worker", PolicyName="mixedname", PolicyDocument=allow("ecs:*"))
    listed = iam.list_role_policies(RoleName="worker")
    assert (listed["PolicyNames"], listed["IsTruncated"]) == (["MixedName"], False)
    policy = iam.get_role_policy(RoleName="worker", PolicyName="MIXEDNAME")
    assert (policy["RoleName"], policy["PolicyName"], policy["PolicyDocument"]) == ("Worker", "MixedName", json.loads(allow("ecs:*")))
    iam.delete_role_policy(RoleName="worker", PolicyName="mixedNAME")
    for operation in (iam.get_role_policy, iam.delete_role_policy):
        gone = refusal(operation, RoleName="worker", PolicyName="MixedName")
        assert gone == Refusal("NoSuchEntity", 404, "The role policy with name MixedName cannot be found.")


def test_the_inline_quota_is_10240_characters_of_all_together(iam: Any) -> None:
    empty = len("".join(allow("").split()))
    iam.put_role_policy(RoleName="Worker", PolicyName="a", PolicyDocument=allow("s3:" + "a" * (10240 - empty - 3)))
    refused = refusal(iam.put_role_policy, RoleName="Worker", PolicyName="b", PolicyDocument=allow("s3:*"))
    assert refused == Refusal("LimitExceeded", 409, "Maximum policy size of 10240 bytes exceeded for role Worker")
    iam.put_role_policy(RoleName="Worker", PolicyName="A", PolicyDocument=allow("s3:*"))


@pytest.mark.both_stores
def test_attached_policies(iam: Any) -> None:
    for _ in range(2):
        iam.attach_role_policy(RoleName="worker", PolicyArn=READ_ONLY)
    listed = iam.list_attached_role_policies(RoleName="worker")
    assert listed["AttachedPolicies"] == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    assert iam.list_attached_role_policies(RoleName="worker", PathPrefix="/else/")["AttachedPolicies"] == []
    iam.detach_role_policy(RoleName="worker", PolicyArn=READ_ONLY)
    assert refusal(iam.detach_role_policy, RoleName="worker", PolicyArn=READ_ONLY) == Refusal(
        "NoSuchEntity", 404, f"Policy {READ_ONLY} was not found."
    )


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (
            f"arn:aws:iam::{ACCOUNT}:policy/none",
            Refusal("NoSuchEntity", 404, f"Policy arn:aws:iam::{ACCOUNT}:policy/none does not exist or is not attachable."),
        ),
        (SERVICE_ROLE_POLICY, Refusal("PolicyNotAttachable", 400, "Cannot attach a Service Role Policy to a Customer Role.")),
    ],
)
def test_what_cannot_be_attached(iam: Any, arn: str, expected: Refusal) -> None:
    assert refusal(iam.attach_role_policy, RoleName="Worker", PolicyArn=arn) == expected


MISSING = [
    ("put_role_policy", {"PolicyName": "p", "PolicyDocument": allow("s3:*")}),
    ("get_role_policy", {"PolicyName": "p"}),
    ("delete_role_policy", {"PolicyName": "p"}),
    ("list_role_policies", {}),
    ("attach_role_policy", {"PolicyArn": READ_ONLY}),
    ("detach_role_policy", {"PolicyArn": READ_ONLY}),
    ("list_attached_role_policies", {}),
]


@pytest.mark.parametrize(("operation", "parameters"), MISSING)
def test_a_missing_role(stead: Any, operation: str, parameters: dict[str, Any]) -> None:
    missing = Refusal("NoSuchEntity", 404, "The role with name nobody cannot be found.")
    assert refusal(getattr(stead.client("iam"), operation), RoleName="nobody", **parameters) == missing


def test_the_policy_is_a_condition_key(stead: Any, iam: Any) -> None:
    """policy-evaluation.md 8.4: iam:PolicyARN when attaching and detaching."""
    key = stead.user("eve", allow("iam:*RolePolicy", ArnEquals={"iam:PolicyARN": READ_ONLY}))
    eve = stead.client("iam", key)
    eve.attach_role_policy(RoleName="Worker", PolicyArn=READ_ONLY)
    other = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert refusal(eve.attach_role_policy, RoleName="Worker", PolicyArn=other).code == "AccessDenied"
    eve.detach_role_policy(RoleName="Worker", PolicyArn=READ_ONLY)
    assert iam.list_attached_role_policies(RoleName="Worker")["AttachedPolicies"] == []
