from __future__ import annotations

import json
from typing import Any

import pytest
from support.refusals import Refusal, refusal

ACCOUNT = "123456789012"
EC2 = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com"]}, "Action": "sts:AssumeRole"}],
    }
)
CORE = {"Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument"}
BOUNDARY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
NO_ROLE = Refusal("NoSuchEntity", 404, "The role with name nobody cannot be found.")


def everything() -> dict[str, Any]:
    return {
        "RoleName": "Full",
        "Path": "/team/",
        "AssumeRolePolicyDocument": EC2,
        "Description": "words",
        "MaxSessionDuration": 7200,
        "PermissionsBoundary": BOUNDARY,
        "Tags": [{"Key": "team", "Value": "blue"}],
    }


@pytest.mark.both_stores
def test_each_answer_shows_its_members(stead: Any) -> None:
    """aws-behaviour.md 2.3 and recorded-aws.md 8.2."""
    iam = stead.client("iam")
    assert set(iam.create_role(**everything())["Role"]) == CORE | {"PermissionsBoundary", "Tags"}
    role = iam.get_role(RoleName="Full")["Role"]
    assert set(role) == CORE | {"Description", "MaxSessionDuration", "PermissionsBoundary", "Tags", "RoleLastUsed"}
    assert (role["Arn"], role["RoleLastUsed"]) == (f"arn:aws:iam::{ACCOUNT}:role/team/Full", {})
    assert role["PermissionsBoundary"] == {"PermissionsBoundaryArn": BOUNDARY, "PermissionsBoundaryType": "Policy"}
    (listed,) = iam.list_roles()["Roles"]
    assert set(listed) == CORE | {"Description", "MaxSessionDuration"}
    described = iam.update_role_description(RoleName="Full", Description="other")["Role"]
    assert set(described) == CORE | {"Description"}
    assert described["Description"] == "other"


def test_what_was_not_given_is_absent(stead: Any) -> None:
    iam = stead.client("iam")
    assert set(iam.create_role(RoleName="bare", AssumeRolePolicyDocument=EC2)["Role"]) == CORE
    role = iam.get_role(RoleName="bare")["Role"]
    assert set(role) == CORE | {"MaxSessionDuration", "RoleLastUsed"}
    assert (role["MaxSessionDuration"], role["Path"]) == (3600, "/")
    assert role["RoleId"].startswith("AROA")
    assert len(role["RoleId"]) == 21
    assert set(iam.list_roles()["Roles"][0]) == CORE | {"MaxSessionDuration"}


@pytest.mark.both_stores
def test_a_role_is_found_and_its_name_taken_in_any_case(stead: Any) -> None:
    iam = stead.client("iam")
    iam.create_role(RoleName="MixedCase", AssumeRolePolicyDocument=EC2)
    assert iam.get_role(RoleName="mixedcase")["Role"]["RoleName"] == "MixedCase"
    taken = refusal(iam.create_role, RoleName="MIXEDCASE", Path="/else/", AssumeRolePolicyDocument=EC2)
    assert taken == Refusal("EntityAlreadyExists", 409, "Role with name MIXEDCASE already exists.")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"Path": "/aws-service-role/ecs.amazonaws.com/"},
            Refusal("InvalidInput", 400, "Path prefix '/aws-service-role/' can only be used for AWS Service linked Roles"),
        ),
        (
            {"Tags": [{"Key": "aws:x", "Value": "y"}]},
            Refusal("InvalidInput", 400, "Tag keys beginning with aws: are reserved for system use."),
        ),
        (
            {"PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/none"},
            Refusal("NoSuchEntity", 404, f"Scope ARN: arn:aws:iam::{ACCOUNT}:policy/none does not exist or is not attachable."),
        ),
        (
            {"AssumeRolePolicyDocument": '{"Version": "2012-10-17",}'},
            Refusal("MalformedPolicyDocument", 400, "This policy contains invalid Json"),
        ),
    ],
)
def test_create_role_refuses_and_makes_nothing(stead: Any, changed: dict[str, Any], expected: Refusal) -> None:
    iam = stead.client("iam")
    assert refusal(iam.create_role, **{**everything(), **changed}) == expected
    assert iam.list_roles()["Roles"] == []


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("get_role", {}),
        ("update_role", {}),
        ("update_role_description", {"Description": "d"}),
        ("update_assume_role_policy", {"PolicyDocument": EC2}),
        ("delete_role", {}),
        ("tag_role", {"Tags": [{"Key": "k", "Value": "v"}]}),
        ("untag_role", {"TagKeys": ["k"]}),
        ("list_role_tags", {}),
        ("put_role_permissions_boundary", {"PermissionsBoundary": BOUNDARY}),
        ("delete_role_permissions_boundary", {}),
        ("list_instance_profiles_for_role", {}),
    ],
)
def test_a_missing_role(stead: Any, operation: str, parameters: dict[str, Any]) -> None:
    assert refusal(getattr(stead.client("iam"), operation), RoleName="nobody", **parameters) == NO_ROLE


@pytest.mark.both_stores
def test_roles_are_listed_by_name_page_by_page_under_a_prefix(stead: Any) -> None:
    iam = stead.client("iam")
    for name, path in (("b", "/my/"), ("A", "/myPath/"), ("c", "/other/"), ("D", "/my/")):
        iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=EC2)
    first = iam.list_roles(PathPrefix="/my", MaxItems=2)
    assert [role["RoleName"] for role in first["Roles"]] == ["A", "b"]
    rest = iam.list_roles(PathPrefix="/my", Marker=first["Marker"])
    assert ([role["RoleName"] for role in rest["Roles"]], rest["IsTruncated"], "Marker" in rest) == (["D"], False, False)
    assert iam.list_roles(PathPrefix="/x/")["Roles"] == []


def test_update_role_keeps_what_is_omitted(stead: Any) -> None:
    """recorded-aws.md 8.2, the empty description too."""
    iam = stead.client("iam")
    iam.create_role(**everything())
    for change, expected in (
        ({}, ("words", 7200)),
        ({"Description": "new"}, ("new", 7200)),
        ({"MaxSessionDuration": 3600}, ("new", 3600)),
        ({"Description": ""}, (None, 3600)),
    ):
        iam.update_role(RoleName="Full", **change)
        role = iam.get_role(RoleName="Full")["Role"]
        assert (role.get("Description"), role["MaxSessionDuration"]) == expected
    assert refusal(iam.update_role, RoleName="Full", MaxSessionDuration=43201, Description="x").code == "ValidationError"
    assert "Description" not in iam.get_role(RoleName="Full")["Role"]


def test_update_assume_role_policy(stead: Any) -> None:
    iam = stead.client("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=EC2)
    ecs = json.loads(EC2.replace("ec2.", "ecs-tasks."))
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=json.dumps(ecs))
    assert iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"] == ecs


@pytest.mark.both_stores
def test_delete_role_waits_for_what_hangs_on_it(stead: Any) -> None:
    """aws-behaviour.md 4.2: tags and a boundary do not hinder."""
    iam = stead.client("iam")
    iam.create_role(**everything())
    iam.create_instance_profile(InstanceProfileName="p")
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="Full")
    iam.attach_role_policy(RoleName="Full", PolicyArn=BOUNDARY)
    inline = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    iam.put_role_policy(RoleName="Full", PolicyName="in", PolicyDocument=json.dumps(inline))

    def refused(text: str) -> None:
        assert refusal(iam.delete_role, RoleName="full") == Refusal("DeleteConflict", 409, f"Cannot delete entity, must {text} first.")

    refused("remove roles from instance profile")
    iam.remove_role_from_instance_profile(InstanceProfileName="p", RoleName="Full")
    refused("detach all policies")
    iam.detach_role_policy(RoleName="Full", PolicyArn=BOUNDARY)
    refused("delete policies")
    iam.delete_role_policy(RoleName="Full", PolicyName="in")
    iam.delete_role(RoleName="full")
    iam.create_role(RoleName="Full", AssumeRolePolicyDocument=EC2)
    assert iam.list_role_tags(RoleName="Full")["Tags"] == []


def test_tags_ignore_the_case_of_their_keys(stead: Any) -> None:
    iam = stead.client("iam")
    iam.create_role(**everything())
    iam.tag_role(RoleName="Full", Tags=[{"Key": "Team", "Value": "red"}, {"Key": "env", "Value": ""}])
    assert iam.list_role_tags(RoleName="Full")["Tags"] == [{"Key": "env", "Value": ""}, {"Key": "Team", "Value": "red"}]
    iam.untag_role(RoleName="Full", TagKeys=["TEAM", "none"])
    assert iam.get_role(RoleName="Full")["Role"]["Tags"] == [{"Key": "env", "Value": ""}]


def test_a_boundary_is_set_replaced_and_removed(stead: Any) -> None:
    iam = stead.client("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=EC2)
    assert refusal(iam.delete_role_permissions_boundary, RoleName="r")[:2] == ("NoSuchEntity", 404)
    for arn in (BOUNDARY, "arn:aws:iam::aws:policy/AdministratorAccess"):
        iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=arn)
        assert iam.get_role(RoleName="r")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    iam.delete_role_permissions_boundary(RoleName="r")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="r")["Role"]


def allow(action: str, resource: str = "*", **condition: Any) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **({"Condition": condition} if condition else {})}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


DENIED = "User: arn:aws:iam::123456789012:user/eve is not authorized to perform: {0} on resource: {1} because no identity-based policy allows the {0} action"


@pytest.mark.parametrize(
    ("operation", "parameters", "action", "resource"),
    [
        ("create_role", {**everything(), "RoleName": "new"}, "iam:CreateRole", "arn:aws:iam::123456789012:role/team/new"),
        ("get_role", {"RoleName": "full"}, "iam:GetRole", "role Full"),
        ("get_role", {"RoleName": "nobody"}, "iam:GetRole", "role nobody"),
        ("list_roles", {"PathPrefix": "/team/"}, "iam:ListRoles", "arn:aws:iam::123456789012:role/team/"),
        ("delete_role", {"RoleName": "Full"}, "iam:DeleteRole", "role Full"),
        ("update_assume_role_policy", {"RoleName": "Full", "PolicyDocument": "{"}, "iam:UpdateAssumeRolePolicy", "role Full"),
    ],
)
def test_without_permission(stead: Any, operation: str, parameters: dict[str, Any], action: str, resource: str) -> None:
    """Authorization comes before the rules of the service and before the question whether the role exists (recorded-aws.md 1)."""
    stead.client("iam").create_role(**everything())
    eve = stead.client("iam", stead.user("eve"))
    assert refusal(getattr(eve, operation), **parameters) == Refusal("AccessDenied", 403, DENIED.format(action, resource))


def test_a_role_made_with_tags_needs_tag_role_too(stead: Any) -> None:
    eve = stead.client("iam", stead.user("eve", allow("iam:CreateRole")))
    assert refusal(eve.create_role, **everything()).message.split(": ")[2] == "iam:TagRole on resource"
    bare = {key: value for key, value in everything().items() if key != "Tags"}
    assert eve.create_role(**bare)["Role"]["RoleName"] == "Full"


@pytest.mark.parametrize(
    ("document", "parameters", "allowed"),
    [
        (allow("iam:*", "arn:aws:iam::*:role/team/*"), everything(), True),
        (allow("iam:*", "arn:aws:iam::*:role/team/*"), {**everything(), "Path": "/"}, False),
        (allow("iam:*", StringEquals={"iam:PermissionsBoundary": BOUNDARY}), everything(), True),
        (allow("iam:*", StringEquals={"iam:PermissionsBoundary": "another"}), everything(), False),
        (allow("iam:*", StringEquals={"aws:RequestTag/Team": "blue"}), everything(), True),
        (allow("iam:*", StringEquals={"aws:RequestTag/Team": "red"}), everything(), False),
    ],
)
def test_what_create_role_is_authorized_on(stead: Any, document: str, parameters: dict[str, Any], allowed: bool) -> None:
    eve = stead.client("iam", stead.user("eve", document))
    if allowed:
        eve.create_role(**parameters)
    else:
        assert refusal(eve.create_role, **parameters).code == "AccessDenied"


def test_keys_of_an_existing_role(stead: Any) -> None:
    """Its tags and its boundary (policy-evaluation.md 8.4)."""
    stead.client("iam").create_role(**everything())
    by_tag = stead.client("iam", stead.user("tag", allow("iam:*", StringEquals={"aws:ResourceTag/team": "blue"})))
    by_boundary = stead.client("iam", stead.user("boundary", allow("iam:*", ArnEquals={"iam:PermissionsBoundary": BOUNDARY})))
    for client in (by_tag, by_boundary):
        client.update_role(RoleName="Full", Description="mine")
    other = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert refusal(by_boundary.put_role_permissions_boundary, RoleName="Full", PermissionsBoundary=other).code == "AccessDenied"
    by_boundary.put_role_permissions_boundary(RoleName="Full", PermissionsBoundary=BOUNDARY)
