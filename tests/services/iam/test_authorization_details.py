from __future__ import annotations

import json
from typing import Any

import pytest
from support.documents import allow
from support.refusals import refusal

ACCOUNT = "123456789012"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]})
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
MINE = f"arn:aws:iam::{ACCOUNT}:policy/mine"


@pytest.fixture
def iam(stead: Any) -> Any:
    """Two users, two roles, a policy of the account with two versions, and two of AWS's in use."""
    client = stead.client("iam")
    for name in ("alice", "Bob"):
        client.create_user(UserName=name)
    client.put_user_policy(UserName="alice", PolicyName="in", PolicyDocument=allow("s3:*"))
    client.tag_user(UserName="alice", Tags=[{"Key": "team", "Value": "blue"}])
    client.create_policy(PolicyName="mine", PolicyDocument=allow("ecs:*"), Description="words")
    client.create_policy_version(PolicyArn=MINE, PolicyDocument=allow("ec2:*"))
    client.attach_user_policy(UserName="alice", PolicyArn=MINE)
    for name in ("web", "other"):
        client.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    client.attach_role_policy(RoleName="web", PolicyArn=READ_ONLY)
    client.put_role_permissions_boundary(RoleName="web", PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess")
    client.create_instance_profile(InstanceProfileName="fleet")
    client.add_role_to_instance_profile(InstanceProfileName="fleet", RoleName="web")
    return client


@pytest.mark.both_stores
def test_everything_with_what_hangs_on_it(iam: Any) -> None:
    answer = iam.get_account_authorization_details()
    alice, bob = answer["UserDetailList"]
    assert (alice["UserName"], bob["UserName"]) == ("alice", "Bob")
    assert alice["UserPolicyList"] == [{"PolicyName": "in", "PolicyDocument": json.loads(allow("s3:*"))}]
    assert alice["AttachedManagedPolicies"] == [{"PolicyName": "mine", "PolicyArn": MINE}]
    assert (alice["Tags"], alice["GroupList"], bob["UserPolicyList"], bob["Tags"]) == ([{"Key": "team", "Value": "blue"}], [], [], [])
    other, web = answer["RoleDetailList"]
    assert web["AssumeRolePolicyDocument"] == json.loads(TRUST)
    assert web["AttachedManagedPolicies"] == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    assert [(p["InstanceProfileName"], p["Roles"][0]["RoleName"]) for p in web["InstanceProfileList"]] == [("fleet", "web")]
    assert (web["RoleLastUsed"], "PermissionsBoundary" in web, other["InstanceProfileList"]) == ({}, False, [])
    mine, *aws = answer["Policies"]
    assert [policy["PolicyName"] for policy in aws] == ["AdministratorAccess", "ReadOnlyAccess"]
    assert (mine["Description"], mine["AttachmentCount"], mine["DefaultVersionId"]) == ("words", 1, "v1")
    versions = [(v["VersionId"], v["IsDefaultVersion"], v["Document"]) for v in mine["PolicyVersionList"]]
    assert versions == [("v2", False, json.loads(allow("ec2:*"))), ("v1", True, json.loads(allow("ecs:*")))]
    assert (answer["GroupDetailList"], answer["IsTruncated"]) == ([], False)


def names(answer: Any) -> list[str]:
    lists = (("UserDetailList", "UserName"), ("RoleDetailList", "RoleName"), ("Policies", "PolicyName"))
    return [item[name] for member, name in lists for item in answer[member]]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["User"], ["alice", "Bob"]),
        (["Role", "LocalManagedPolicy"], ["other", "web", "mine"]),
        (["AWSManagedPolicy"], ["AdministratorAccess", "ReadOnlyAccess"]),
        (["Group"], []),
    ],
)
def test_a_filter_names_kinds(iam: Any, wanted: list[str], expected: list[str]) -> None:
    assert names(iam.get_account_authorization_details(Filter=wanted)) == expected


@pytest.mark.both_stores
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_cross_the_kinds(iam: Any, size: int) -> None:
    pages = list(iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": size}))
    found = [name for page in pages for name in names(page)]
    assert found == ["alice", "Bob", "other", "web", "mine", "AdministratorAccess", "ReadOnlyAccess"]
    assert [len(names(page)) for page in pages[:-1]] == [size] * (len(pages) - 1)


def test_it_needs_the_whole_account(stead: Any) -> None:
    eve = stead.client("iam", stead.user("eve", allow("iam:GetAccountAuthorizationDetails", f"arn:aws:iam::{ACCOUNT}:*")))
    assert refusal(eve.get_account_authorization_details).message.split(" because ")[0].endswith("on resource: *")
