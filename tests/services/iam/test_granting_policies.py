"""ListPoliciesGrantingServiceAccess (service-linked-roles.md 5, recorded-aws.md 10)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import allow, statement
from support.linked_roles import ROLE_ARN, make
from support.refusals import Refusal, refusal
from support.stead import ACCOUNT

if TYPE_CHECKING:
    from support.stead import Stead

ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
NEVER = {"Null": {"aws:userid": "true"}}


def granting(stead: Stead, of: str, *namespaces: str) -> dict[str, list[Any]]:
    """The policies by namespace, in the order of the answer."""
    answer = stead.client("iam").list_policies_granting_service_access(Arn=of, ServiceNamespaces=[*namespaces])
    assert answer["IsTruncated"] is False
    return {entry["ServiceNamespace"]: entry["Policies"] for entry in answer["PoliciesGrantingServiceAccess"]}


# A policy of alice's, a namespace, and whether it counts as granting.
CASES = [
    (allow("s3:GetObject"), "s3", True),
    (allow("s3:GetObject"), "sqs", False),
    (allow("s3:NoSuchAction"), "s3", True),
    (allow("S3:get*"), "s3", True),
    (allow("*"), "s3", True),
    (statement("Allow", "s3:*", Condition=NEVER), "s3", True),
    (allow("s3:GetObject", "arn:aws:iam::123456789012:role/r"), "s3", False),
    (allow("iam:PassRole"), "iam", True),
    (statement("Deny", "s3:*"), "s3", False),
    (json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}}), "s3", False),
    (json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}}), "sqs", True),
]


def two(deny: dict[str, Any]) -> str:
    """All of s3 allowed, and something denied, in one document."""
    allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [allowed, {"Effect": "Deny", "Resource": "*", **deny}]})


DENIES = [
    ({"Action": "s3:*"}, False),
    ({"Action": "*"}, False),
    ({"Action": "s3:Get*"}, True),
    ({"Action": "s3:*", "Condition": NEVER}, True),
    ({"Action": "s3:*", "Resource": "arn:aws:s3:::b"}, True),
]


@pytest.mark.parametrize(("document", "namespace", "expected"), [*CASES, *((two(deny), "s3", expected) for deny, expected in DENIES)])
def test_a_document(stead: Stead, document: str, namespace: str, expected: bool) -> None:
    stead.user("alice", document)
    own = [{"PolicyName": "policy-0", "PolicyType": "INLINE", "EntityType": "USER", "EntityName": "alice"}]
    assert granting(stead, ALICE, namespace) == {namespace: own if expected else []}


@pytest.mark.both_stores
def test_every_way_to_hold_a_policy(stead: Stead) -> None:
    """A user's are its groups' too; what is held twice is shown once; each document is judged alone, so another's Deny hides nothing."""
    iam = stead.client("iam")
    stead.user("alice", allow("s3:GetObject"), statement("Deny", "s3:*"))
    iam.create_group(GroupName="team")
    iam.add_user_to_group(GroupName="team", UserName="alice")
    iam.put_group_policy(GroupName="team", PolicyName="of-group", PolicyDocument=allow("s3:*"))
    managed = iam.create_policy(PolicyName="managed", PolicyDocument=allow("s3:ListBucket"))["Policy"]["Arn"]
    iam.attach_group_policy(GroupName="team", PolicyArn=managed)
    iam.attach_user_policy(UserName="alice", PolicyArn=managed)
    in_group = [
        {"PolicyName": "of-group", "PolicyType": "INLINE", "EntityType": "GROUP", "EntityName": "team"},
        {"PolicyName": "managed", "PolicyType": "MANAGED", "PolicyArn": managed},
    ]
    own = {"PolicyName": "policy-0", "PolicyType": "INLINE", "EntityType": "USER", "EntityName": "alice"}
    found = granting(stead, ALICE, "s3")["s3"]
    assert sorted(found, key=str) == sorted([own, *in_group], key=str)
    assert granting(stead, f"arn:aws:iam::{ACCOUNT}:group/team", "s3") == {"s3": in_group}


@pytest.mark.both_stores
def test_it_answers_from_the_policies_of_now(stead: Stead) -> None:
    iam = stead.client("iam")
    stead.user("alice", allow("s3:*"))
    iam.put_user_policy(UserName="alice", PolicyName="policy-0", PolicyDocument=allow("sqs:*"))
    found = granting(stead, ALICE, "s3", "sqs")
    assert (found["s3"], len(found["sqs"])) == ([], 1)


def test_namespaces_keep_their_order_and_come_once(stead: Stead) -> None:
    stead.user("alice")
    assert [*granting(stead, ALICE, "sqs", "iam", "sqs", "ecs")] == ["sqs", "iam", "ecs"]
    answer = stead.client("iam").list_policies_granting_service_access(Arn=ALICE, ServiceNamespaces=["sqs", "iam", "sqs"])
    assert len(answer["PoliciesGrantingServiceAccess"]) == 2


def test_a_linked_role(stead: Stead) -> None:
    make(stead.client("iam"))
    found = granting(stead, ROLE_ARN, "ec2", "s3")
    assert [policy["PolicyName"] for policy in found["ec2"]] == ["AmazonECSServiceRolePolicy"]
    assert found["s3"] == []


REFUSED = [
    ({"Arn": f"arn:aws:iam::{ACCOUNT}:root"}, "InvalidInput", 400, f"Could not extract entity from ARN : arn:aws:iam::{ACCOUNT}:root"),
    ({"Arn": f"{ALICE}x"}, "NoSuchEntity", 404, f"ARN {ALICE}x does not exist."),
    ({"Arn": f"arn:aws:sts::{ACCOUNT}:user/alice"}, "ValidationError", 400, "Invalid service in ARN"),
    ({"Arn": f"arn:aws-cn:iam::{ACCOUNT}:user/alice"}, "ValidationError", 400, "Invalid ARN partition"),
    ({"ServiceNamespaces": ["iam", "nosuch"]}, "InvalidInput", 400, "Invalid service namespace: [nosuch]"),
    ({"Marker": "bm9uZQ=="}, "InvalidInput", 400, "The marker passed in the request was invalid."),
    (
        {"Arn": "arn:aws:iam::999999999999:user/alice"},
        "AccessDenied",
        403,
        f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform the operation on arn:aws:iam::999999999999:user/alice",
    ),
]


@pytest.mark.parametrize(("changed", "code", "status", "message"), REFUSED)
def test_what_is_refused(stead: Stead, changed: dict[str, Any], code: str, status: int, message: str) -> None:
    stead.user("alice")
    request = {"Arn": ALICE, "ServiceNamespaces": ["iam"], **changed}
    assert refusal(stead.client("iam").list_policies_granting_service_access, **request) == Refusal(code, status, message)


def test_who_may(stead: Stead) -> None:
    key = stead.user("alice", allow("iam:ListPoliciesGrantingServiceAccess", ALICE))
    stead.user("bob")
    iam = stead.client("iam", key)
    assert iam.list_policies_granting_service_access(Arn=ALICE, ServiceNamespaces=["iam"])
    asked = {"Arn": f"arn:aws:iam::{ACCOUNT}:user/bob", "ServiceNamespaces": ["iam"]}
    assert refusal(iam.list_policies_granting_service_access, **asked).code == "AccessDenied"
