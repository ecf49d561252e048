from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import allow, of_size, statement
from support.refusals import refusal

if TYPE_CHECKING:
    from support.stead import Stead

ACCOUNT = "123456789012"
ARN = f"arn:aws:iam::{ACCOUNT}:policy/Own"


def versions(iam: Any) -> list[tuple[str, bool]]:
    return [(version["VersionId"], version["IsDefaultVersion"]) for version in iam.list_policy_versions(PolicyArn=ARN)["Versions"]]


@pytest.mark.both_stores
def test_versions_are_numbered_upwards_and_never_again(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_policy(PolicyName="Own", PolicyDocument=allow("*"))
    second = iam.create_policy_version(PolicyArn=ARN, PolicyDocument=allow("s3:*"))["PolicyVersion"]
    assert set(second) == {"VersionId", "IsDefaultVersion", "CreateDate"}
    assert (second["VersionId"], second["IsDefaultVersion"]) == ("v2", False)
    assert iam.create_policy_version(PolicyArn=ARN, PolicyDocument=allow("iam:*"), SetAsDefault=True)["PolicyVersion"]["IsDefaultVersion"]
    assert versions(iam) == [("v3", True), ("v2", False), ("v1", False)]
    iam.set_default_policy_version(PolicyArn=ARN, VersionId="v1")
    iam.delete_policy_version(PolicyArn=ARN, VersionId="v3")
    assert iam.create_policy_version(PolicyArn=ARN, PolicyDocument=allow("*"))["PolicyVersion"]["VersionId"] == "v4"
    assert versions(iam) == [("v4", False), ("v2", False), ("v1", True)]
    shown = iam.get_policy_version(PolicyArn=ARN, VersionId="v2")["PolicyVersion"]
    assert shown == {**second, "Document": json.loads(allow("s3:*"))}
    pages = list(iam.get_paginator("list_policy_versions").paginate(PolicyArn=ARN, PaginationConfig={"PageSize": 2}))
    assert [[version["VersionId"] for version in page["Versions"]] for page in pages] == [["v4", "v2"], ["v1"]]


def test_after_ten_versions_the_newest_is_still_first(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_policy(PolicyName="Own", PolicyDocument=allow("*"))
    for number in range(2, 12):
        iam.create_policy_version(PolicyArn=ARN, PolicyDocument=allow("*"), SetAsDefault=True)
        iam.delete_policy_version(PolicyArn=ARN, VersionId=f"v{number - 1}")
    iam.create_policy_version(PolicyArn=ARN, PolicyDocument=allow("*"))
    assert versions(iam) == [("v12", False), ("v11", True)]


def test_the_date_of_the_newest_version_is_the_policys(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_policy(PolicyName="Own", PolicyDocument=allow("*"))
    stead.advance(60)
    newest = iam.create_policy_version(PolicyArn=ARN, PolicyDocument=allow("*"))["PolicyVersion"]["CreateDate"]
    stead.advance(60)
    iam.set_default_policy_version(PolicyArn=ARN, VersionId="v2")
    shown = iam.get_policy(PolicyArn=ARN)["Policy"]
    assert shown["UpdateDate"] == newest > shown["CreateDate"]


NO_V9 = ("NoSuchEntity", 404, f"Policy {ARN} version v9 does not exist or is not attachable.")
REFUSED: list[tuple[str, dict[str, Any], tuple[str, int, str]]] = [
    ("get_policy_version", {"VersionId": "v9"}, NO_V9),
    ("set_default_policy_version", {"VersionId": "v9"}, NO_V9),
    ("delete_policy_version", {"VersionId": "v9"}, NO_V9),
    ("delete_policy_version", {"VersionId": "v1"}, ("DeleteConflict", 409, "Cannot delete the default version of a policy.")),
    ("create_policy_version", {"PolicyDocument": "{"}, ("MalformedPolicyDocument", 400, "Syntax errors in policy.")),
    ("create_policy_version", {"PolicyDocument": of_size(6145)}, ("LimitExceeded", 409, "Cannot exceed quota for PolicySize: 6144")),
]


@pytest.mark.parametrize(("call", "parameters", "expected"), REFUSED)
def test_refusals(stead: Stead, call: str, parameters: dict[str, Any], expected: tuple[str, int, str]) -> None:
    iam = stead.client("iam")
    iam.create_policy(PolicyName="Own", PolicyDocument=allow("*"))
    assert refusal(getattr(iam, call), PolicyArn=ARN, **parameters) == expected
    assert versions(iam) == [("v1", True)]


def test_five_versions_at_most(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_policy(PolicyName="Own", PolicyDocument=allow("*"))
    for _ in range(4):
        iam.create_policy_version(PolicyArn=ARN, PolicyDocument=allow("*"))
    text = "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version."
    assert refusal(iam.create_policy_version, PolicyArn=ARN, PolicyDocument=allow("*")) == ("LimitExceeded", 409, text)


@pytest.mark.both_stores
def test_a_new_default_holds_from_the_next_request_on(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_policy(PolicyName="Own", PolicyDocument=allow("iam:GetUser"))
    key = stead.user("alice")
    iam.attach_user_policy(UserName="alice", PolicyArn=ARN)
    mine = stead.client("iam", key)
    mine.get_user()
    iam.create_policy_version(PolicyArn=ARN, PolicyDocument=statement("Deny", "iam:GetUser"), SetAsDefault=True)
    assert refusal(mine.get_user)[2].endswith(" with an explicit deny in an identity-based policy")
    iam.set_default_policy_version(PolicyArn=ARN, VersionId="v1")
    mine.get_user()
