from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.documents import allow
from support.refusals import refusal

from stead.aws.call import Call, Caller, CallerKind
from stead.aws.errors import AwsError
from stead.services.iam import users as noun
from stead.store.tables import users

if TYPE_CHECKING:
    from support.stead import Stead

ACCOUNT = "123456789012"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
LINKED = "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy"
BOUND = {"PermissionsBoundaryArn": READ_ONLY, "PermissionsBoundaryType": "Policy"}


def denied(user: str, action: str, resource: str) -> tuple[str, int, str]:
    text = f"User: {user} is not authorized to perform: {action} on resource: {resource}"
    return "AccessDenied", 403, f"{text} because no identity-based policy allows the {action} action"


@pytest.mark.both_stores
def test_a_user_as_each_answer_shows_it(stead: Stead) -> None:
    iam = stead.client("iam")
    tags = [{"Key": "Team", "Value": "Blue"}]
    made = iam.create_user(UserName="Alice", Path="/a//b/", PermissionsBoundary=READ_ONLY, Tags=tags)["User"]
    assert made["UserId"].startswith("AIDA")
    assert len(made["UserId"]) == 21
    created = made["CreateDate"]
    core = {"Path": "/a//b/", "UserName": "Alice", "UserId": made["UserId"], "Arn": f"arn:aws:iam::{ACCOUNT}:user/a//b/Alice"}
    whole = {**core, "CreateDate": created, "PermissionsBoundary": BOUND, "Tags": tags}
    assert made == whole
    assert iam.get_user(UserName="aLICE")["User"] == whole
    listed = iam.list_users()
    assert listed["Users"] == [{**core, "CreateDate": created}]
    assert listed["IsTruncated"] is False


def test_a_plain_user_has_no_empty_members(stead: Stead) -> None:
    made = stead.client("iam").create_user(UserName="plain")["User"]
    assert set(made) == {"Path", "UserName", "UserId", "Arn", "CreateDate"}
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/plain"


def test_a_caller_asks_for_itself(stead: Stead) -> None:
    key = stead.user("alice", allow("iam:GetUser", f"arn:aws:iam::{ACCOUNT}:user/alice"))
    assert stead.client("iam", key).get_user()["User"]["UserName"] == "alice"
    root = stead.client("iam").get_user()["User"]
    assert set(root) == {"UserId", "Arn", "CreateDate"}
    assert (root["UserId"], root["Arn"]) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root")


@pytest.mark.parametrize("operation", ["GetUser", "ListAccessKeys"])
def test_a_session_of_a_role_is_no_user(stead: Stead, operation: str) -> None:
    session = Caller(CallerKind.ROLE, ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s", "AROAX:s", "AROAX")
    with pytest.raises(AwsError) as caught:
        stead.app.pipeline.run(Call("iam", operation, {}, session, "us-east-1", 0, "request"))
    error = caught.value
    expected = ("ValidationError", 400, "Must specify userName when calling with non-User credentials")
    assert (error.code, error.status, error.message) == expected


REFUSED: list[tuple[str, dict[str, Any], tuple[str, int, str]]] = [
    ("create_user", {"UserName": "ALICE"}, ("EntityAlreadyExists", 409, "User with name ALICE already exists.")),
    ("get_user", {"UserName": "Bob"}, ("NoSuchEntity", 404, "The user with name Bob cannot be found.")),
    ("delete_user", {"UserName": "Bob"}, ("NoSuchEntity", 404, "The user with name Bob cannot be found.")),
    ("list_user_tags", {"UserName": "Bob"}, ("NoSuchEntity", 404, "The user with name Bob cannot be found.")),
    ("update_user", {"UserName": "alice", "NewUserName": "Carol"}, ("EntityAlreadyExists", 409, "User with name Carol already exists.")),
    ("update_user", {"UserName": "Bob", "NewUserName": "x"}, ("NoSuchEntity", 404, "The user with name Bob cannot be found.")),
    (
        "create_user",
        {"UserName": "x", "Tags": [{"Key": "aws:x", "Value": ""}]},
        ("InvalidInput", 400, "Tag keys beginning with aws: are reserved for system use."),
    ),
    (
        "tag_user",  # an input rule is found before the missing user
        {"UserName": "Bob", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]},
        ("InvalidInput", 400, "Duplicate tag keys found. Please note that Tag keys are case insensitive."),
    ),
    (
        "create_user",
        {"UserName": "x", "PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/None"},
        ("NoSuchEntity", 404, f"Scope ARN: arn:aws:iam::{ACCOUNT}:policy/None does not exist or is not attachable."),
    ),
    (
        "put_user_permissions_boundary",
        {"UserName": "alice", "PermissionsBoundary": LINKED},
        ("PolicyNotAttachable", 400, "Cannot attach a Service Role Policy to a Customer Role."),
    ),
    (
        "put_user_permissions_boundary",
        {"UserName": "alice", "PermissionsBoundary": "longpolicynamebutnoarn"},
        ("ValidationError", 400, "Invalid ARN:  Could not be parsed!"),
    ),
    (
        "delete_user_permissions_boundary",
        {"UserName": "alice"},
        ("NoSuchEntity", 404, "The user with name alice does not have a permissions boundary."),
    ),
]


@pytest.mark.parametrize(("call", "parameters", "expected"), REFUSED, ids=[f"{row[0]}-{row[2][0]}-{n}" for n, row in enumerate(REFUSED)])
def test_refusals(stead: Stead, call: str, parameters: dict[str, Any], expected: tuple[str, int, str]) -> None:
    iam = stead.client("iam")
    iam.create_user(UserName="alice")
    iam.create_user(UserName="carol")
    before = iam.list_users()["Users"]
    assert refusal(getattr(iam, call), **parameters) == expected
    assert iam.list_users()["Users"] == before


@pytest.mark.both_stores
def test_users_are_listed_in_pages(stead: Stead) -> None:
    iam = stead.client("iam")
    paths = {"zoe": "/team/", "Adam": "/team/x/", "mary": "/teamwork/", "bob": "/", "eve": "/TEAM/"}
    for name, path in paths.items():
        iam.create_user(UserName=name, Path=path)
    pages = list(iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 2}))
    assert [[user["UserName"] for user in page["Users"]] for page in pages] == [["Adam", "bob"], ["eve", "mary"], ["zoe"]]
    assert [user["UserName"] for user in iam.list_users(PathPrefix="/team")["Users"]] == ["Adam", "mary", "zoe"]
    assert [user["UserName"] for user in iam.list_users(PathPrefix="/team/")["Users"]] == ["Adam", "zoe"]
    assert iam.list_users(PathPrefix="/te%/")["Users"] == []
    assert refusal(iam.list_users, Marker="not a marker") == ("ValidationError", 400, "Invalid Marker.")


def test_a_page_continues_where_the_last_one_ended(stead: Stead) -> None:
    iam = stead.client("iam")
    for name in ("a", "c", "e"):
        iam.create_user(UserName=name)
    first = iam.list_users(MaxItems=2)
    iam.delete_user(UserName="c")
    iam.create_user(UserName="b")
    iam.create_user(UserName="d")
    rest = iam.list_users(MaxItems=100, Marker=first["Marker"])
    assert [user["UserName"] for user in rest["Users"]] == ["d", "e"]


@pytest.mark.both_stores
def test_a_renamed_user_stays_the_same_one(stead: Stead) -> None:
    iam = stead.client("iam")
    key = stead.user("alice", allow("iam:*"))
    old = iam.get_user(UserName="alice")["User"]
    iam.update_user(UserName="alice", NewUserName="ALICE", NewPath="/new/")
    new = iam.get_user(UserName="alice")["User"]
    assert (new["UserName"], new["Arn"], new["UserId"]) == ("ALICE", f"arn:aws:iam::{ACCOUNT}:user/new/ALICE", old["UserId"])
    iam.update_user(UserName="alice", NewUserName="bob")
    assert stead.client("iam", key).get_user()["User"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/new/bob"
    assert iam.list_user_policies(UserName="bob")["PolicyNames"] == ["policy-0"]
    assert refusal(iam.get_user, UserName="alice")[0] == "NoSuchEntity"


def test_a_rename_needs_permission_on_both_names(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_user(UserName="bob")
    key = stead.user("alice", allow("iam:UpdateUser", f"arn:aws:iam::{ACCOUNT}:user/bob*"))
    mine = stead.client("iam", key)
    mine.update_user(UserName="bob", NewUserName="bobby")
    arn = f"arn:aws:iam::{ACCOUNT}:user/robert"
    refused = refusal(mine.update_user, UserName="bobby", NewUserName="robert")
    assert refused == denied(f"arn:aws:iam::{ACCOUNT}:user/alice", "iam:UpdateUser", arn)


@pytest.mark.both_stores
def test_deletion_is_refused_while_something_hangs_on_the_user(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_user(UserName="alice", PermissionsBoundary=READ_ONLY, Tags=[{"Key": "k", "Value": "v"}])
    iam.attach_user_policy(UserName="alice", PolicyArn=READ_ONLY)
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=allow("*"))
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    conflict = "Cannot delete entity, must "
    assert refusal(iam.delete_user, UserName="alice") == ("DeleteConflict", 409, conflict + "detach all policies first.")
    iam.detach_user_policy(UserName="alice", PolicyArn=READ_ONLY)
    assert refusal(iam.delete_user, UserName="alice") == ("DeleteConflict", 409, conflict + "delete policies first.")
    iam.delete_user_policy(UserName="alice", PolicyName="p")
    assert refusal(iam.delete_user, UserName="alice") == ("DeleteConflict", 409, conflict + "delete access keys first.")
    iam.delete_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="alice")
    again = iam.create_user(UserName="alice")["User"]
    assert "Tags" not in iam.get_user(UserName="alice")["User"]
    assert again["UserId"] != key["AccessKeyId"]


@pytest.mark.both_stores
def test_tags_ignore_case(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_user(UserName="alice", Tags=[{"Key": "Team", "Value": "Blue"}, {"Key": "b", "Value": ""}])
    iam.tag_user(UserName="ALICE", Tags=[{"Key": "team", "Value": "aws:Red"}])
    tags = iam.list_user_tags(UserName="alice")
    assert (tags["Tags"], tags["IsTruncated"]) == ([{"Key": "b", "Value": ""}, {"Key": "team", "Value": "aws:Red"}], False)
    iam.untag_user(UserName="alice", TagKeys=["TEAM", "none"])
    assert iam.get_user(UserName="alice")["User"]["Tags"] == [{"Key": "b", "Value": ""}]
    iam.tag_user(UserName="alice", Tags=[{"Key": f"k{number}", "Value": ""} for number in range(49)])
    refused = refusal(iam.tag_user, UserName="alice", Tags=[{"Key": "one", "Value": ""}])
    assert refused[:2] == ("LimitExceeded", 409)
    assert len(iam.list_user_tags(UserName="alice", MaxItems=1000)["Tags"]) == 50


@pytest.mark.both_stores
def test_a_boundary_binds_and_is_taken_away(stead: Stead) -> None:
    iam = stead.client("iam")
    key = stead.user("alice", allow("iam:*"))
    mine = stead.client("iam", key)
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=READ_ONLY)
    assert iam.get_user(UserName="alice")["User"]["PermissionsBoundary"] == BOUND
    assert mine.get_user()["User"]["UserName"] == "alice"
    text = f"User: arn:aws:iam::{ACCOUNT}:user/alice is not authorized to perform: iam:TagUser on resource: user alice"
    clause = " because no permissions boundary allows the iam:TagUser action"
    assert refusal(mine.tag_user, UserName="alice", Tags=[{"Key": "k", "Value": ""}]) == ("AccessDenied", 403, text + clause)
    iam.delete_user_permissions_boundary(UserName="alice")
    assert "PermissionsBoundary" not in iam.get_user(UserName="alice")["User"]
    mine.tag_user(UserName="alice", Tags=[{"Key": "k", "Value": ""}])


RESOURCES: list[tuple[str, str, dict[str, Any], str]] = [
    ("iam:CreateUser", "create_user", {"UserName": "new", "Path": "/p/"}, f"arn:aws:iam::{ACCOUNT}:user/p/new"),
    ("iam:GetUser", "get_user", {}, "user Alice"),
    ("iam:GetUser", "get_user", {"UserName": "ALICE"}, "user Alice"),
    ("iam:DeleteUser", "delete_user", {"UserName": "nobody"}, "user nobody"),
    ("iam:ListUsers", "list_users", {}, f"arn:aws:iam::{ACCOUNT}:user/"),
    ("iam:ListUsers", "list_users", {"PathPrefix": "/my/"}, f"arn:aws:iam::{ACCOUNT}:user/my/"),
    ("iam:TagUser", "tag_user", {"UserName": "alice", "Tags": []}, "user Alice"),
    ("iam:AttachUserPolicy", "attach_user_policy", {"UserName": "alice", "PolicyArn": "longpolicynamebutnoarn"}, "user Alice"),
    ("iam:DeleteUserPermissionsBoundary", "delete_user_permissions_boundary", {"UserName": "alice"}, "user Alice"),
    ("iam:GetAccountSummary", "get_account_summary", {}, "*"),
]


@pytest.mark.parametrize(("action", "call", "parameters", "resource"), RESOURCES)
def test_who_has_no_permission_learns_nothing_else(stead: Stead, action: str, call: str, parameters: dict[str, Any], resource: str) -> None:
    """Authorization comes before the service's own rules and before the question whether a thing exists (recorded-aws.md 1)."""
    mine = stead.client("iam", stead.user("Alice"))
    assert refusal(getattr(mine, call), **parameters) == denied(f"arn:aws:iam::{ACCOUNT}:user/Alice", action, resource)


CONDITIONS: list[tuple[str | list[str], dict[str, Any], str, dict[str, Any], bool]] = [
    ("iam:CreateUser", {"iam:PermissionsBoundary": READ_ONLY}, "create_user", {"UserName": "n", "PermissionsBoundary": READ_ONLY}, True),
    ("iam:CreateUser", {"iam:PermissionsBoundary": READ_ONLY}, "create_user", {"UserName": "n"}, False),
    ("iam:AttachUserPolicy", {"iam:PolicyARN": READ_ONLY}, "attach_user_policy", {"UserName": "bob", "PolicyArn": READ_ONLY}, True),
    ("iam:AttachUserPolicy", {"iam:PolicyARN": READ_ONLY}, "attach_user_policy", {"UserName": "bob", "PolicyArn": ADMINISTRATOR}, False),
    (
        "iam:AttachUserPolicy",
        {"iam:PermissionsBoundary": READ_ONLY},
        "attach_user_policy",
        {"UserName": "bob", "PolicyArn": READ_ONLY},
        True,
    ),
    ("iam:TagUser", {"aws:RequestTag/team": "blue"}, "tag_user", {"UserName": "bob", "Tags": [{"Key": "Team", "Value": "blue"}]}, True),
    ("iam:TagUser", {"aws:RequestTag/team": "blue"}, "tag_user", {"UserName": "bob", "Tags": [{"Key": "Team", "Value": "red"}]}, False),
    ("iam:GetUser", {"aws:ResourceTag/Owner": "me"}, "get_user", {"UserName": "bob"}, True),
    ("iam:GetUser", {"iam:ResourceTag/owner": "you"}, "get_user", {"UserName": "bob"}, False),
    ("iam:CreateUser", {"aws:RequestTag/a": "b"}, "create_user", {"UserName": "n", "Tags": [{"Key": "a", "Value": "b"}]}, False),
    (
        ["iam:CreateUser", "iam:TagUser"],
        {"aws:RequestTag/a": "b"},
        "create_user",
        {"UserName": "n", "Tags": [{"Key": "a", "Value": "b"}]},
        True,
    ),
]


@pytest.mark.parametrize("case", CONDITIONS)
def test_condition_keys(stead: Stead, case: tuple[str | list[str], dict[str, Any], str, dict[str, Any], bool]) -> None:
    action, condition, call, parameters, allowed = case
    stead.client("iam").create_user(UserName="bob", PermissionsBoundary=READ_ONLY, Tags=[{"Key": "owner", "Value": "me"}])
    mine = stead.client("iam", stead.user("alice", allow(action, Condition={"StringEquals": condition})))
    if allowed:
        getattr(mine, call)(**parameters)
    else:
        assert refusal(getattr(mine, call), **parameters)[0] == "AccessDenied"


def test_an_account_has_so_many_users(stead: Stead) -> None:
    with stead.app.store.write() as db:
        rows = [
            {"id": f"AIDA{n}", "account_id": ACCOUNT, "name": f"u{n}", "name_key": f"u{n}", "path": "/", "created": 0}
            for n in range(noun.MAX_USERS - 1)
        ]
        db.insert_many(users, rows)
    iam = stead.client("iam")
    iam.create_user(UserName="last")
    assert refusal(iam.create_user, UserName="more") == ("LimitExceeded", 409, "Cannot exceed quota for UsersPerAccount: 5000")
    assert len(iam.list_users(MaxItems=1000)["Users"]) == 1000
