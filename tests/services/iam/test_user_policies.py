from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import allow, of_size, statement
from support.refusals import refusal

if TYPE_CHECKING:
    from support.stead import Stead

ACCOUNT = "123456789012"
AWS = "arn:aws:iam::aws:policy/"
READ_ONLY = f"{AWS}ReadOnlyAccess"
LINKED = f"{AWS}aws-service-role/AmazonECSServiceRolePolicy"
NO_BOB = ("NoSuchEntity", 404, "The user with name bob cannot be found.")


@pytest.mark.both_stores
def test_inline_policies(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_user(UserName="Alice")
    odd = allow("iam:GetUser", "arn:aws:iam::*:user/a%3Ab +é")  # comes back with its percent sequences (aws-behaviour.md 2.4)
    iam.put_user_policy(UserName="alice", PolicyName="MixedName", PolicyDocument=allow("*"))
    iam.put_user_policy(UserName="alice", PolicyName="mixedname", PolicyDocument=odd)
    answer = iam.get_user_policy(UserName="alice", PolicyName="MIXEDNAME")
    assert (answer["UserName"], answer["PolicyName"], answer["PolicyDocument"]) == ("Alice", "MixedName", json.loads(odd))
    for name in ("b", "a", "Z"):
        iam.put_user_policy(UserName="alice", PolicyName=name, PolicyDocument=allow("*"))
    pages = list(iam.get_paginator("list_user_policies").paginate(UserName="alice", PaginationConfig={"PageSize": 3}))
    assert [page["PolicyNames"] for page in pages] == [["a", "b", "MixedName"], ["Z"]]
    iam.delete_user_policy(UserName="alice", PolicyName="mixedNAME")
    missing = ("NoSuchEntity", 404, "The user policy with name MixedName cannot be found.")
    assert refusal(iam.get_user_policy, UserName="alice", PolicyName="MixedName") == missing
    assert refusal(iam.delete_user_policy, UserName="alice", PolicyName="MixedName") == missing


@pytest.mark.both_stores
def test_the_quota_of_inline_policies(stead: Stead) -> None:
    """All of them together, white space and the replaced document not counted."""
    iam = stead.client("iam")
    iam.create_user(UserName="alice")

    def put(name: str, document: str) -> dict[str, Any]:
        return {"UserName": "alice", "PolicyName": name, "PolicyDocument": document}

    iam.put_user_policy(**put("one", of_size(1000, spaces=5000)))
    iam.put_user_policy(**put("two", of_size(1048)))
    exceeded = ("LimitExceeded", 409, "Maximum policy size of 2048 bytes exceeded for user alice")
    assert refusal(iam.put_user_policy, **put("three", of_size(100))) == exceeded
    assert refusal(iam.put_user_policy, **put("TWO", of_size(1049))) == exceeded
    iam.put_user_policy(**put("TWO", of_size(1047)))
    assert iam.list_user_policies(UserName="alice")["PolicyNames"] == ["one", "two"]


@pytest.mark.both_stores
def test_attachments(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_user(UserName="alice")
    own = iam.create_policy(PolicyName="Own", Path="/team/", PolicyDocument=allow("*"))["Policy"]["Arn"]
    for arn in (READ_ONLY, own, READ_ONLY):
        iam.attach_user_policy(UserName="ALICE", PolicyArn=arn)
    expected = [{"PolicyName": "Own", "PolicyArn": own}, {"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    pages = list(iam.get_paginator("list_attached_user_policies").paginate(UserName="alice", PaginationConfig={"PageSize": 1}))
    assert [page["AttachedPolicies"] for page in pages] == [[expected[0]], [expected[1]]]
    assert iam.list_attached_user_policies(UserName="alice", PathPrefix="/team/")["AttachedPolicies"] == expected[:1]
    iam.detach_user_policy(UserName="alice", PolicyArn=own)
    missing = ("NoSuchEntity", 404, f"Policy {own} was not found.")
    assert refusal(iam.detach_user_policy, UserName="alice", PolicyArn=own) == missing
    assert iam.list_attached_user_policies(UserName="alice")["AttachedPolicies"] == expected[1:]


def test_ten_attachments_at_most(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_user(UserName="alice")
    arns = [iam.create_policy(PolicyName=f"p{number}", PolicyDocument=allow("*"))["Policy"]["Arn"] for number in range(11)]
    for arn in arns[:10]:
        iam.attach_user_policy(UserName="alice", PolicyArn=arn)
    quota = ("LimitExceeded", 409, "Cannot exceed quota for PoliciesPerUser: 10")
    assert refusal(iam.attach_user_policy, UserName="alice", PolicyArn=arns[10]) == quota
    iam.attach_user_policy(UserName="alice", PolicyArn=arns[0])  # attached already: nothing to exceed


REFUSED: list[tuple[str, dict[str, Any], tuple[str, int, str]]] = [
    ("put_user_policy", {"UserName": "bob", "PolicyName": "p", "PolicyDocument": allow("*")}, NO_BOB),
    (
        "put_user_policy",  # an input rule is found before the missing user
        {"UserName": "bob", "PolicyName": "p", "PolicyDocument": "{"},
        ("MalformedPolicyDocument", 400, "Syntax errors in policy."),
    ),
    ("get_user_policy", {"UserName": "bob", "PolicyName": "p"}, NO_BOB),
    ("list_user_policies", {"UserName": "bob"}, NO_BOB),
    ("delete_user_policy", {"UserName": "bob", "PolicyName": "p"}, NO_BOB),
    ("attach_user_policy", {"UserName": "bob", "PolicyArn": READ_ONLY}, NO_BOB),
    ("detach_user_policy", {"UserName": "bob", "PolicyArn": READ_ONLY}, NO_BOB),
    ("list_attached_user_policies", {"UserName": "bob"}, NO_BOB),
    (
        "attach_user_policy",
        {"UserName": "alice", "PolicyArn": f"{AWS}NoSuchPolicy"},
        ("NoSuchEntity", 404, f"Policy {AWS}NoSuchPolicy does not exist or is not attachable."),
    ),
    (
        "attach_user_policy",
        {"UserName": "alice", "PolicyArn": LINKED},
        ("PolicyNotAttachable", 400, "Cannot attach a Service Role Policy to a Customer Role."),
    ),
    (
        "attach_user_policy",
        {"UserName": "alice", "PolicyArn": "longpolicynamebutnoarn"},
        ("ValidationError", 400, "Invalid ARN:  Could not be parsed!"),
    ),
    (
        "attach_user_policy",
        {"UserName": "alice", "PolicyArn": "arn:aws:iam::aws:role/ReadOnlyAccess"},
        ("InvalidInput", 400, "ARN arn:aws:iam::aws:role/ReadOnlyAccess is not valid."),
    ),
    (
        "attach_user_policy",
        {"UserName": "alice", "PolicyArn": "arn:aws-cn:iam::aws:policy/ReadOnlyAccess"},
        ("ValidationError", 400, "Invalid ARN partition"),
    ),
    (
        "detach_user_policy",
        {"UserName": "alice", "PolicyArn": READ_ONLY},
        ("NoSuchEntity", 404, f"Policy {READ_ONLY} was not found."),
    ),
]


@pytest.mark.parametrize(("call", "parameters", "expected"), REFUSED)
def test_refusals(stead: Stead, call: str, parameters: dict[str, Any], expected: tuple[str, int, str]) -> None:
    iam = stead.client("iam")
    iam.create_user(UserName="alice")
    assert refusal(getattr(iam, call), **parameters) == expected


@pytest.mark.both_stores
def test_policies_hold_from_the_next_request_on(stead: Stead) -> None:
    iam, key = stead.client("iam"), stead.user("alice")
    mine = stead.client("iam", key)
    assert refusal(mine.get_user)[0] == "AccessDenied"
    iam.attach_user_policy(UserName="alice", PolicyArn=READ_ONLY)
    mine.get_user()
    iam.put_user_policy(UserName="alice", PolicyName="no", PolicyDocument=statement("Deny", "iam:GetUser"))
    assert refusal(mine.get_user)[2].endswith(" with an explicit deny in an identity-based policy")
    iam.delete_user_policy(UserName="alice", PolicyName="no")
    mine.get_user()
    iam.detach_user_policy(UserName="alice", PolicyArn=READ_ONLY)
    assert refusal(mine.get_user)[0] == "AccessDenied"


def test_nothing_of_a_deleted_user_comes_back(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_user(UserName="alice")
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=allow("*"))
    iam.delete_user_policy(UserName="alice", PolicyName="p")
    iam.delete_user(UserName="alice")
    key = stead.user("alice")
    assert iam.list_user_policies(UserName="alice")["PolicyNames"] == []
    assert refusal(stead.client("iam", key).get_user)[0] == "AccessDenied"
