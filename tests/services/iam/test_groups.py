from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.documents import allow, statement
from support.refusals import refusal

if TYPE_CHECKING:
    from support.stead import Stead

ACCOUNT = "123456789012"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
NO_GROUP = ("NoSuchEntity", 404, "The group with name nobody cannot be found.")
NO_USER = ("NoSuchEntity", 404, "The user with name nobody cannot be found.")
MEMBERS_FIRST = ("DeleteConflict", 409, "Cannot delete entity, must remove users from group first.")


@pytest.mark.both_stores
def test_a_group_made_and_found(stead: Stead) -> None:
    iam = stead.client("iam")
    made = iam.create_group(GroupName="Admins", Path="/a//b/")["Group"]
    assert made["GroupId"].startswith("AGPA")
    assert len(made["GroupId"]) == 21
    assert made.keys() == {"Path", "GroupName", "GroupId", "Arn", "CreateDate"}
    assert (made["Arn"], made["Path"]) == (f"arn:aws:iam::{ACCOUNT}:group/a//b/Admins", "/a//b/")
    found = iam.get_group(GroupName="ADMINS")
    assert (found["Group"], found["Users"], found["IsTruncated"]) == (made, [], False)
    assert refusal(iam.create_group, GroupName="admins") == ("EntityAlreadyExists", 409, "Group with name admins already exists.")
    iam.delete_group(GroupName="aDMINS")
    assert iam.list_groups()["Groups"] == []


@pytest.mark.both_stores
def test_lists_page_by_name(stead: Stead) -> None:
    iam = stead.client("iam")
    for name, path in (("b", "/x/"), ("A", "/"), ("c", "/xy/"), ("D", "/z/")):
        iam.create_group(GroupName=name, Path=path)
        iam.create_user(UserName=name)
        iam.add_user_to_group(GroupName=name, UserName="b")
    for name in ("c", "A", "D"):
        iam.add_user_to_group(GroupName="b", UserName=name)

    def pages(operation: str, member: str, **parameters: str) -> list[list[str]]:
        found = iam.get_paginator(operation).paginate(**parameters, PaginationConfig={"PageSize": 2})
        return [[item.get("UserName", item.get("GroupName")) for item in page[member]] for page in found]

    assert pages("list_groups", "Groups") == [["A", "b"], ["c", "D"]]
    assert pages("list_groups", "Groups", PathPrefix="/x") == [["b", "c"]]
    assert pages("list_groups_for_user", "Groups", UserName="B") == [["A", "b"], ["c", "D"]]
    assert pages("get_group", "Users", GroupName="B") == [["A", "b"], ["c", "D"]]
    (group,) = iam.list_groups_for_user(UserName="A")["Groups"]
    assert group == iam.get_group(GroupName="b")["Group"]
    (user,) = iam.get_group(GroupName="A")["Users"]
    assert user == {key: value for key, value in iam.get_user(UserName="b")["User"].items() if key in user}
    assert user.keys() == {"Path", "UserName", "UserId", "Arn", "CreateDate"}


@pytest.mark.both_stores
def test_a_change_of_name_and_path_keeps_members_and_policies(stead: Stead) -> None:
    iam, key = stead.client("iam"), stead.user("alice")
    before = iam.create_group(GroupName="old")["Group"]
    iam.create_group(GroupName="taken")
    iam.add_user_to_group(GroupName="old", UserName="alice")
    iam.put_group_policy(GroupName="old", PolicyName="p", PolicyDocument=allow("iam:GetUser"))
    assert refusal(iam.update_group, GroupName="old", NewGroupName="TAKEN").message == "Group with name TAKEN already exists."
    iam.update_group(GroupName="old", NewGroupName="New", NewPath="/there/")
    iam.update_user(UserName="alice", NewUserName="alicia")
    after = iam.get_group(GroupName="new")
    assert after["Group"] == {**before, "GroupName": "New", "Path": "/there/", "Arn": f"arn:aws:iam::{ACCOUNT}:group/there/New"}
    assert [user["UserName"] for user in after["Users"]] == ["alicia"]
    stead.client("iam", key).get_user()
    iam.update_group(GroupName="New", NewGroupName="NEW")  # its own name in another spelling is not taken
    assert refusal(iam.get_group, GroupName="old").code == "NoSuchEntity"


def test_a_change_of_name_must_be_allowed_on_both_names(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_group(GroupName="old")
    group = f"arn:aws:iam::{ACCOUNT}:group/"
    eve = stead.client("iam", stead.user("eve", allow("iam:UpdateGroup", [f"{group}old", f"{group}good*"])))
    refused = refusal(eve.update_group, GroupName="old", NewGroupName="bad")
    assert refused.message.startswith(
        f"User: arn:aws:iam::{ACCOUNT}:user/eve is not authorized to perform: iam:UpdateGroup on resource: {group}bad because"
    )
    assert refusal(eve.update_group, GroupName="old", NewGroupName="good", NewPath="/p/").code == "AccessDenied"
    eve.update_group(GroupName="old", NewGroupName="good")


@pytest.mark.both_stores
def test_membership(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_group(GroupName="Admins")
    iam.create_user(UserName="alice")
    for _ in range(2):
        iam.add_user_to_group(GroupName="admins", UserName="ALICE")
    assert refusal(iam.delete_group, GroupName="admins") == MEMBERS_FIRST
    assert refusal(iam.delete_user, UserName="alice") == MEMBERS_FIRST
    for _ in range(2):
        iam.remove_user_from_group(GroupName="ADMINS", UserName="Alice")
    assert iam.list_groups_for_user(UserName="alice")["Groups"] == []
    iam.delete_user(UserName="alice")
    iam.delete_group(GroupName="admins")


def test_a_user_is_in_ten_groups_at_most(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_user(UserName="alice")
    for number in range(11):
        iam.create_group(GroupName=f"g{number}")
    for number in range(10):
        iam.add_user_to_group(GroupName=f"g{number}", UserName="alice")
    quota = ("LimitExceeded", 409, "Cannot exceed quota for GroupsPerUser: 10")
    assert refusal(iam.add_user_to_group, GroupName="g10", UserName="alice") == quota
    iam.add_user_to_group(GroupName="g0", UserName="alice")  # a member already: nothing to exceed


def test_an_account_has_300_groups_at_most(stead: Stead) -> None:
    iam = stead.client("iam")
    for number in range(300):
        iam.create_group(GroupName=f"g{number}")
    assert refusal(iam.create_group, GroupName="more") == ("LimitExceeded", 409, "Cannot exceed quota for GroupsPerAccount: 300")


MISSING: list[tuple[str, dict[str, str], tuple[str, int, str]]] = [
    ("get_group", {"GroupName": "nobody"}, NO_GROUP),
    ("update_group", {"GroupName": "nobody", "NewGroupName": "x"}, NO_GROUP),
    ("delete_group", {"GroupName": "nobody"}, NO_GROUP),
    ("add_user_to_group", {"GroupName": "nobody", "UserName": "alice"}, NO_GROUP),
    ("add_user_to_group", {"GroupName": "group", "UserName": "nobody"}, NO_USER),
    ("remove_user_from_group", {"GroupName": "nobody", "UserName": "alice"}, NO_GROUP),
    ("remove_user_from_group", {"GroupName": "group", "UserName": "nobody"}, NO_USER),
    ("list_groups_for_user", {"UserName": "nobody"}, NO_USER),
]


@pytest.mark.parametrize(("call", "parameters", "expected"), MISSING)
def test_what_is_missing(stead: Stead, call: str, parameters: dict[str, str], expected: tuple[str, int, str]) -> None:
    iam = stead.client("iam")
    iam.create_group(GroupName="group")
    iam.create_user(UserName="alice")
    assert refusal(getattr(iam, call), **parameters) == expected


RESOURCES: list[tuple[str, dict[str, str], str]] = [
    ("create_group", {"GroupName": "new", "Path": "/p/"}, f"arn:aws:iam::{ACCOUNT}:group/p/new"),
    ("get_group", {"GroupName": "ADMINS"}, "group Admins"),
    ("list_groups", {"PathPrefix": "/p/"}, f"arn:aws:iam::{ACCOUNT}:group/p/"),
    ("list_groups_for_user", {"UserName": "EVE"}, "user eve"),
    ("update_group", {"GroupName": "admins"}, "group Admins"),
    ("delete_group", {"GroupName": "admins"}, "group Admins"),
    ("add_user_to_group", {"GroupName": "admins", "UserName": "eve"}, "group Admins"),
    ("remove_user_from_group", {"GroupName": "admins", "UserName": "eve"}, "group Admins"),
]


@pytest.mark.parametrize(("call", "parameters", "resource"), RESOURCES)
def test_the_resource_of_a_refusal(stead: Stead, call: str, parameters: dict[str, str], resource: str) -> None:
    stead.client("iam").create_group(GroupName="Admins")
    refused = refusal(getattr(stead.client("iam", stead.user("eve")), call), **parameters)
    assert f" on resource: {resource} because no identity-based policy allows the iam:" in refused.message


@pytest.mark.both_stores
def test_membership_counts_from_the_next_request_on(stead: Stead) -> None:
    """Another Stead on the same store decides with what it remembers of an older generation, unless the generation was raised."""
    iam, key = stead.client("iam"), stead.user("alice")
    mine = stead.client("iam", key)
    iam.create_group(GroupName="readers")
    iam.create_group(GroupName="barred")
    iam.put_group_policy(GroupName="readers", PolicyName="yes", PolicyDocument=allow("iam:GetUser"))
    iam.put_group_policy(GroupName="barred", PolicyName="no", PolicyDocument=statement("Deny", "*"))
    assert refusal(mine.get_user).code == "AccessDenied"
    iam.add_user_to_group(GroupName="readers", UserName="alice")
    mine.get_user()
    iam.add_user_to_group(GroupName="barred", UserName="alice")
    assert " with an explicit deny in an identity-based policy" in refusal(mine.get_user).message
    iam.remove_user_from_group(GroupName="barred", UserName="alice")
    mine.get_user()
    iam.remove_user_from_group(GroupName="readers", UserName="alice")
    assert refusal(mine.get_user).code == "AccessDenied"


@pytest.mark.both_stores
def test_a_boundary_limits_what_a_group_grants(stead: Stead) -> None:
    iam, key = stead.client("iam"), stead.user("alice")
    mine = stead.client("iam", key)
    boundary = iam.create_policy(PolicyName="b", PolicyDocument=allow("iam:GetUser"))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=boundary)
    iam.create_group(GroupName="all")
    iam.attach_group_policy(GroupName="all", PolicyArn=READ_ONLY)
    iam.add_user_to_group(GroupName="all", UserName="alice")
    mine.get_user()
    assert " because no permissions boundary allows the iam:ListUsers action" in refusal(mine.list_users).message


def test_a_policy_of_a_role_is_not_a_groups(stead: Stead) -> None:
    """A group's document binds nobody but members: not a user of the group's name, not another group's members."""
    iam, key = stead.client("iam"), stead.user("readers")
    iam.create_group(GroupName="readers")
    iam.create_group(GroupName="other")
    iam.add_user_to_group(GroupName="other", UserName="readers")
    iam.put_group_policy(GroupName="readers", PolicyName="yes", PolicyDocument=allow("iam:*"))
    assert refusal(stead.client("iam", key).get_user).code == "AccessDenied"


@pytest.mark.both_stores
def test_groups_in_the_account(stead: Stead) -> None:
    """The summary, the authorization details and the entities of a policy."""
    iam = stead.client("iam")
    iam.create_user(UserName="alice")
    for name in ("b", "A"):
        iam.create_group(GroupName=name)
        iam.add_user_to_group(GroupName=name, UserName="alice")
        iam.attach_group_policy(GroupName=name, PolicyArn=READ_ONLY)
    iam.put_group_policy(GroupName="b", PolicyName="in", PolicyDocument=allow("s3:*"))
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary["Groups"], summary["GroupsQuota"], summary["GroupsPerUserQuota"], summary["GroupPolicySizeQuota"]) == (2, 300, 10, 5120)
    details = iam.get_account_authorization_details()
    assert details["UserDetailList"][0]["GroupList"] == ["A", "b"]
    first, second = details["GroupDetailList"]
    attached = [{"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    assert first == {**iam.get_group(GroupName="A")["Group"], "GroupPolicyList": [], "AttachedManagedPolicies": attached}
    assert [policy["PolicyName"] for policy in second["GroupPolicyList"]] == ["in"]
    only = iam.get_account_authorization_details(Filter=["Group"])
    assert (only["GroupDetailList"], only["UserDetailList"]) == ([first, second], [])
    groups = iam.list_entities_for_policy(PolicyArn=READ_ONLY, EntityFilter="Group")["PolicyGroups"]
    assert [group["GroupName"] for group in groups] == ["A", "b"]
    assert iam.get_policy(PolicyArn=READ_ONLY)["Policy"]["AttachmentCount"] == 2


def test_a_groups_event_is_found_by_its_name(stead: Stead) -> None:
    stead.client("iam").create_group(GroupName="Admins")
    stead.settle()
    lookup: Any = stead.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": "Admins"}])
    (event,) = lookup["Events"]
    arn = f"arn:aws:iam::{ACCOUNT}:group/Admins"
    assert [(one["ResourceType"], one["ResourceName"]) for one in event["Resources"]] == [
        ("AWS::IAM::Group", "Admins"),
        ("AWS::IAM::Group", arn),
    ]
