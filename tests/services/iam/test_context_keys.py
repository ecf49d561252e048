"""GetContextKeysForCustomPolicy and GetContextKeysForPrincipalPolicy (recorded-aws.md 8.4)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.refusals import Refusal, refusal
from support.simulation import policy
from support.stead import ACCOUNT


def reading(*keys: str, **more: Any) -> str:
    """A document whose conditions read these keys."""
    return policy(Condition={"StringEquals": dict.fromkeys(keys, "x")}, **more)


def listed(stead: Any, *documents: str) -> list[str]:
    """The keys of these documents."""
    names: list[str] = stead.client("iam").get_context_keys_for_custom_policy(PolicyInputList=list(documents))["ContextKeyNames"]
    return names


@pytest.mark.parametrize(
    ("documents", "keys"),
    [
        ([policy()], []),
        ([reading("aws:SourceIp", "aws:username")], ["aws:SourceIp", "aws:username"]),
        # Spellings are kept: equal ones merge within a document, unequal ones do not.
        ([reading("aws:username", "AWS:username")], ["aws:username", "AWS:username"]),
        ([policy(Condition={"StringEquals": {"a:key": "x"}, "StringLike": {"a:key": "y"}})], ["a:key"]),
        # Documents do not share their lists.
        ([reading("a:key"), reading("a:key", "b:key")], ["a:key", "a:key", "b:key"]),
        ([policy(resource="arn:aws:s3:::b/${aws:username}/${aws:PrincipalTag/team, 'none'}")], ["aws:username", "aws:PrincipalTag/team"]),
        ([policy(Condition={"StringLike": {"a:key": ["${b:key}", "${c:key}"]}})], ["a:key", "b:key", "c:key"]),
        # The escapes are listed as well.
        ([policy(resource="arn:aws:s3:::b/${*}/${?}/${$}")], ["*", "?", "$"]),
        # An older document has no variables, but it has conditions.
        ([reading("a:key", resource="arn:aws:s3:::b/${aws:username}").replace("2012-10-17", "2008-10-17")], ["a:key"]),
        # What IAM would not store can pass.
        ([policy(resource="no-arn", Condition={"NumericEquals": {"a:key": "no number"}})], ["a:key"]),
        ([json.dumps({"Statement": {"Effect": "Allow"}})], []),
    ],
)
def test_keys_of_documents(stead: Any, documents: list[str], keys: list[str]) -> None:
    assert listed(stead, *documents) == keys


@pytest.mark.parametrize(
    "document", ["{", policy(Condition={"StringSounds": {"a:key": "x"}}), '{"Version": "2099-01-01", "Statement": []}']
)
def test_documents_that_are_refused(stead: Any, document: str) -> None:
    asked = refusal(stead.client("iam").get_context_keys_for_custom_policy, PolicyInputList=[policy(), document])
    assert asked == Refusal("InvalidInput", 400, "Policy input list item 2 has invalid content")


def test_keys_of_a_principal(stead: Any) -> None:
    iam = stead.client("iam")
    stead.user("u", reading("inline:key"))
    made = {name: iam.create_policy(PolicyName=name, PolicyDocument=reading(f"{name}:key"))["Policy"]["Arn"] for name in ("both", "limit")}
    iam.create_group(GroupName="g")
    iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument=reading("group:key"))
    iam.add_user_to_group(UserName="u", GroupName="g")
    for attach, owner in ((iam.attach_user_policy, {"UserName": "u"}), (iam.attach_group_policy, {"GroupName": "g"})):
        attach(PolicyArn=made["both"], **owner)
    iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=made["limit"])
    asked = {"PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:user/u", "PolicyInputList": [reading("both:key")]}
    keys = iam.get_context_keys_for_principal_policy(**asked)["ContextKeyNames"]
    assert sorted(keys) == ["both:key", "both:key", "group:key", "inline:key", "limit:key"]


def test_a_role_is_asked_for_its_policies_not_its_trust(stead: Any) -> None:
    iam = stead.client("iam")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}, "Condition": {"Bool": {"trust:key": "true"}}}
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}))
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=reading("inline:key"))
    keys = iam.get_context_keys_for_principal_policy(PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/r")["ContextKeyNames"]
    assert keys == ["inline:key"]
