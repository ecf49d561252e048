from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import allow, of_size
from support.refusals import refusal

from stead.services.iam import policies as noun
from stead.store.tables import policies

if TYPE_CHECKING:
    from support.stead import Stead

ACCOUNT = "123456789012"
AWS = "arn:aws:iam::aws:policy/"
READ_ONLY = f"{AWS}ReadOnlyAccess"
LINKED = f"{AWS}aws-service-role/AmazonECSServiceRolePolicy"
MISSING = f"arn:aws:iam::{ACCOUNT}:policy/Missing"
NOT_FOUND = ("NoSuchEntity", 404, f"Policy {MISSING} was not found.")
TRUST = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}}
)


def create(stead: Stead, name: str = "Own", **more: Any) -> str:
    arn: str = stead.client("iam").create_policy(PolicyName=name, PolicyDocument=allow("*"), **more)["Policy"]["Arn"]
    return arn


@pytest.mark.both_stores
def test_a_policy_as_each_answer_shows_it(stead: Stead) -> None:
    iam = stead.client("iam")
    tags = [{"Key": "Team", "Value": "1"}, {"Key": "team", "Value": "2"}]  # keys of policies differ by letter case
    made = iam.create_policy(PolicyName="Own", Path="/a/", PolicyDocument=allow("*"), Description="What for", Tags=tags)["Policy"]
    assert made["PolicyId"].startswith("ANPA")
    assert len(made["PolicyId"]) == 21
    core = {
        "PolicyName": "Own",
        "PolicyId": made["PolicyId"],
        "Arn": f"arn:aws:iam::{ACCOUNT}:policy/a/Own",
        "Path": "/a/",
        "DefaultVersionId": "v1",
        "AttachmentCount": 0,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": made["CreateDate"],
        "UpdateDate": made["CreateDate"],
    }
    assert made == {**core, "Tags": tags}
    assert iam.get_policy(PolicyArn=made["Arn"])["Policy"] == {**core, "Description": "What for", "Tags": tags}
    assert iam.list_policies(Scope="Local")["Policies"] == [core]


def test_a_plain_policy_has_tags_in_get_policy_alone(stead: Stead) -> None:
    iam = stead.client("iam")
    made = iam.create_policy(PolicyName="Own", PolicyDocument=allow("*"))["Policy"]
    assert "Tags" not in made
    shown = iam.get_policy(PolicyArn=made["Arn"])["Policy"]
    assert shown["Tags"] == []
    assert "Description" not in shown


def test_the_policies_of_aws(stead: Stead) -> None:
    iam = stead.client("iam")
    read_only = iam.get_policy(PolicyArn=READ_ONLY)["Policy"]
    assert (read_only["Path"], read_only["IsAttachable"], read_only["Tags"]) == ("/", True, [])
    linked = iam.get_policy(PolicyArn=LINKED)["Policy"]
    assert (linked["Path"], linked["IsAttachable"]) == ("/aws-service-role/", False)


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("delete_policy", {}),
    ("create_policy_version", {"PolicyDocument": allow("*")}),
    ("set_default_policy_version", {"VersionId": "v1"}),
    ("delete_policy_version", {"VersionId": "v1"}),
    ("tag_policy", {"Tags": [{"Key": "k", "Value": "v"}]}),
    ("untag_policy", {"TagKeys": ["k"]}),
]


@pytest.mark.parametrize("arn", [READ_ONLY, LINKED])
@pytest.mark.parametrize(("call", "parameters"), CHANGES)
def test_the_policies_of_aws_are_changed_by_nobody(stead: Stead, call: str, parameters: dict[str, Any], arn: str) -> None:
    action = "iam:" + "".join(map(str.capitalize, call.split("_")))
    for user, key in (("root", None), ("user/alice", stead.user("alice", allow("*")))):
        refused = refusal(getattr(stead.client("iam", key), call), PolicyArn=arn, **parameters)
        text = f"User: arn:aws:iam::{ACCOUNT}:{user} is not authorized to perform: {action} on resource: policy {arn}"
        assert refused == ("AccessDenied", 403, text)


READS = [(name, {}) for name in ("get_policy", "list_policy_versions", "list_policy_tags", "list_entities_for_policy")]


@pytest.mark.parametrize(("call", "parameters"), [*READS, ("get_policy_version", {"VersionId": "v1"}), *CHANGES])
def test_a_missing_policy(stead: Stead, call: str, parameters: dict[str, Any]) -> None:
    iam = stead.client("iam")
    assert refusal(getattr(iam, call), PolicyArn=MISSING, **parameters) == NOT_FOUND
    assert refusal(getattr(iam, call), PolicyArn="longpolicynamebutnoarn", **parameters)[:2] == ("ValidationError", 400)


REFUSED: list[tuple[dict[str, Any], tuple[str, int, str]]] = [
    ({"PolicyName": "OWN"}, ("EntityAlreadyExists", 409, "A policy called OWN already exists. Duplicate names are not allowed.")),
    ({"PolicyDocument": "{"}, ("MalformedPolicyDocument", 400, "Syntax errors in policy.")),
    ({"PolicyDocument": of_size(6145)}, ("LimitExceeded", 409, "Cannot exceed quota for PolicySize: 6144")),
    ({"Tags": [{"Key": "aws:a", "Value": ""}]}, ("InvalidInput", 400, "Tag keys beginning with aws: are reserved for system use.")),
    (
        {"Path": "/aws-service-role/x/"},
        ("InvalidInput", 400, "Path prefix '/aws-service-role/' can only be used for AWS Service linked Roles"),
    ),
]


@pytest.mark.parametrize(("changed", "expected"), REFUSED)
def test_refusals_of_create_policy(stead: Stead, changed: dict[str, Any], expected: tuple[str, int, str]) -> None:
    create(stead)
    parameters = {"PolicyName": "New", "PolicyDocument": allow("*"), **changed}
    assert refusal(stead.client("iam").create_policy, **parameters) == expected
    assert len(stead.client("iam").list_policies(Scope="Local")["Policies"]) == 1


def test_a_policy_of_just_the_quota(stead: Stead) -> None:
    stead.client("iam").create_policy(PolicyName="Large", PolicyDocument=of_size(6144, spaces=9000))


def test_an_account_has_so_many_policies(stead: Stead) -> None:
    with stead.app.store.write() as db:
        times = {"default_version": "v1", "next_version": 2, "created": 0, "updated": 0}
        names = [f"p{number}" for number in range(noun.MAX_POLICIES)]
        rows = [{"arn": f"{MISSING}/{n}", "id": n, "account_id": ACCOUNT, "name": n, "name_key": n, "path": "/", **times} for n in names]
        db.insert_many(policies, rows)
    refused = refusal(stead.client("iam").create_policy, PolicyName="Own", PolicyDocument=allow("*"))
    assert refused == ("LimitExceeded", 409, "Cannot exceed quota for PoliciesPerAccount: 1500")


@pytest.mark.both_stores
def test_policies_are_listed_by_scope_path_and_use(stead: Stead) -> None:
    iam = stead.client("iam")
    attached, bounding, unused = (create(stead, name, Path="/team/") for name in ("Attached", "Bounding", "Unused"))
    iam.create_user(UserName="alice", PermissionsBoundary=bounding)
    iam.create_user(UserName="bob", PermissionsBoundary=bounding)
    iam.attach_user_policy(UserName="alice", PolicyArn=attached)
    iam.attach_user_policy(UserName="alice", PolicyArn=READ_ONLY)

    def listed(**parameters: Any) -> list[str]:
        return [policy["Arn"] for page in iam.get_paginator("list_policies").paginate(**parameters) for policy in page["Policies"]]

    local = [attached, bounding, unused]
    assert listed(Scope="Local") == local
    assert len(listed(Scope="AWS")) > 1000
    assert not set(listed(Scope="AWS")) & set(local)
    assert listed() == listed(Scope="All") == sorted(local + listed(Scope="AWS"))
    assert listed(PathPrefix="/team/", PaginationConfig={"PageSize": 1}) == local
    assert listed(OnlyAttached=True) == [attached, bounding, READ_ONLY]
    assert listed(OnlyAttached=True, Scope="Local") == [attached, bounding]
    assert listed(OnlyAttached=True, PolicyUsageFilter="PermissionsPolicy") == [attached, READ_ONLY]
    assert listed(OnlyAttached=True, PolicyUsageFilter="PermissionsBoundary") == [bounding]
    assert listed(Scope="Local", PolicyUsageFilter="PermissionsBoundary") == local  # ignored without OnlyAttached
    counts = {
        p["PolicyName"]: (p["AttachmentCount"], p["PermissionsBoundaryUsageCount"]) for p in iam.list_policies(Scope="Local")["Policies"]
    }
    assert counts == {"Attached": (1, 0), "Bounding": (0, 2), "Unused": (0, 0)}
    assert iam.get_policy(PolicyArn=bounding)["Policy"]["PermissionsBoundaryUsageCount"] == 2


@pytest.mark.both_stores
def test_entities_of_a_policy(stead: Stead) -> None:
    iam = stead.client("iam")
    arn, other = create(stead), create(stead, "Other")
    users = {
        name: iam.create_user(UserName=name, Path=path)["User"]["UserId"]
        for name, path in (("bob", "/"), ("Alice", "/t/"), ("carl", "/t/"))
    }
    role = iam.create_role(RoleName="role", Path="/t/", AssumeRolePolicyDocument=TRUST)["Role"]["RoleId"]
    for name in ("bob", "Alice"):
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
    for name in ("Alice", "carl"):
        iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=arn)
    iam.attach_role_policy(RoleName="role", PolicyArn=arn)
    iam.attach_role_policy(RoleName="role", PolicyArn=other)

    def entities(**parameters: Any) -> list[list[str]]:
        pages = list(iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=arn, **parameters))
        assert not any(page["PolicyGroups"] for page in pages)
        assert all(user["UserId"] == users[user["UserName"]] for page in pages for user in page["PolicyUsers"])
        assert all(found["RoleId"] == role for page in pages for found in page["PolicyRoles"])
        return [[e["RoleName"] for e in page["PolicyRoles"]] + [e["UserName"] for e in page["PolicyUsers"]] for page in pages]

    assert entities() == [["role", "Alice", "bob", "carl"]]
    assert entities(PaginationConfig={"PageSize": 3}) == [["role", "Alice", "bob"], ["carl"]]
    assert entities(PolicyUsageFilter="PermissionsPolicy") == [["role", "Alice", "bob"]]
    assert entities(PolicyUsageFilter="PermissionsBoundary") == [["Alice", "carl"]]
    assert entities(EntityFilter="User", PathPrefix="/t/") == [["Alice", "carl"]]
    assert entities(EntityFilter="Role") == [["role"]]
    assert entities(EntityFilter="Group") == [[]]


@pytest.mark.both_stores
def test_deletion(stead: Stead) -> None:
    iam = stead.client("iam")
    arn = create(stead, Tags=[{"Key": "k", "Value": "v"}])
    iam.create_user(UserName="alice", PermissionsBoundary=arn)
    in_use = ("DeleteConflict", 409, "Cannot delete a policy attached to entities.")
    assert refusal(iam.delete_policy, PolicyArn=arn) == in_use
    iam.attach_user_policy(UserName="alice", PolicyArn=arn)
    iam.delete_user_permissions_boundary(UserName="alice")
    assert refusal(iam.delete_policy, PolicyArn=arn) == in_use
    iam.detach_user_policy(UserName="alice", PolicyArn=arn)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("*"))
    text = (
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
        "The default version is deleted with the policy."
    )
    assert refusal(iam.delete_policy, PolicyArn=arn) == ("DeleteConflict", 409, text)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)
    assert refusal(iam.get_policy, PolicyArn=arn) == ("NoSuchEntity", 404, f"Policy {arn} was not found.")
    assert iam.get_policy(PolicyArn=create(stead))["Policy"]["Tags"] == []


@pytest.mark.both_stores
def test_tags(stead: Stead) -> None:
    iam, arn = stead.client("iam"), create(stead)
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "Team", "Value": "1"}, {"Key": "team", "Value": "2"}])
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "Team", "Value": "3"}])
    pages = list(iam.get_paginator("list_policy_tags").paginate(PolicyArn=arn, PaginationConfig={"PageSize": 1}))
    assert [page["Tags"] for page in pages] == [[{"Key": "Team", "Value": "3"}], [{"Key": "team", "Value": "2"}]]
    iam.untag_policy(PolicyArn=arn, TagKeys=["Team"])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "team", "Value": "2"}]


RESOURCES: list[tuple[str, str, dict[str, Any], str]] = [
    ("iam:CreatePolicy", "create_policy", {"PolicyName": "New", "PolicyDocument": "{"}, "policy New"),
    ("iam:GetPolicy", "get_policy", {"PolicyArn": MISSING}, f"policy {MISSING}"),
    ("iam:DeletePolicy", "delete_policy", {"PolicyArn": READ_ONLY}, f"policy {READ_ONLY}"),
    ("iam:ListPolicies", "list_policies", {}, "policy path /"),
]


@pytest.mark.parametrize(("action", "call", "parameters", "resource"), RESOURCES)
def test_who_has_no_permission_learns_nothing_else(stead: Stead, action: str, call: str, parameters: dict[str, Any], resource: str) -> None:
    text = f"User: arn:aws:iam::{ACCOUNT}:user/alice is not authorized to perform: {action} on resource: {resource}"
    expected = ("AccessDenied", 403, f"{text} because no identity-based policy allows the {action} action")
    assert refusal(getattr(stead.client("iam", stead.user("alice")), call), **parameters) == expected


def test_tags_on_create_need_their_own_permission(stead: Stead) -> None:
    parameters = {"PolicyName": "New", "PolicyDocument": allow("*"), "Tags": [{"Key": "k", "Value": "v"}]}
    mine = stead.client("iam", stead.user("alice", allow("iam:CreatePolicy")))
    assert "perform: iam:TagPolicy on resource: policy New" in refusal(mine.create_policy, **parameters)[2]
    stead.client("iam", stead.user("bob", allow(["iam:CreatePolicy", "iam:TagPolicy"]))).create_policy(**parameters)
