"""What the customer may do to a linked role: the description, the tags, and nothing else (service-linked-roles.md 2.4)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select
from support import linked_roles
from support.refusals import Refusal, refusal

from stead.store.tables import attachments, roles

ACCOUNT = "123456789012"
NAME = "AWSServiceRoleForECS"
PATH = "/aws-service-role/ecs.amazonaws.com/"
POLICY = "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy"
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
DOCUMENT = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
PROTECTED = Refusal(
    "UnmodifiableEntity", 400, f"Cannot perform the operation on the protected role '{NAME}' - this role is only modifiable by AWS"
)
FIXED_DURATION = Refusal("UnmodifiableEntity", 400, f"{NAME} is an AWS service linked role, max session duration cannot be changed.")

MUTATIONS = [
    ("update_assume_role_policy", {"PolicyDocument": TRUST}, PROTECTED),
    ("put_role_policy", {"PolicyName": "p", "PolicyDocument": DOCUMENT}, PROTECTED),
    ("delete_role_policy", {"PolicyName": "not-there"}, PROTECTED),
    ("attach_role_policy", {"PolicyArn": READ_ONLY}, PROTECTED),
    ("attach_role_policy", {"PolicyArn": POLICY}, PROTECTED),
    ("attach_role_policy", {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/none"}, PROTECTED),
    ("detach_role_policy", {"PolicyArn": POLICY}, PROTECTED),
    ("detach_role_policy", {"PolicyArn": READ_ONLY}, PROTECTED),
    ("put_role_permissions_boundary", {"PermissionsBoundary": READ_ONLY}, PROTECTED),
    ("delete_role_permissions_boundary", {}, PROTECTED),
    ("delete_role", {}, PROTECTED),
    ("add_role_to_instance_profile", {"InstanceProfileName": "profile"}, PROTECTED),
    ("add_role_to_instance_profile", {"InstanceProfileName": "none"}, PROTECTED),
    ("remove_role_from_instance_profile", {"InstanceProfileName": "profile"}, PROTECTED),
    ("update_role", {"MaxSessionDuration": 3600}, FIXED_DURATION),
    ("update_role", {"MaxSessionDuration": 7200, "Description": "not this either"}, FIXED_DURATION),
]
CALLS = [(operation, parameters) for operation, parameters, _ in MUTATIONS]


@pytest.fixture
def linked(stead: Any) -> Any:
    """Stead with the linked role, and with an instance profile."""
    linked_roles.make(stead.client("iam"))
    stead.client("iam").create_instance_profile(InstanceProfileName="profile")
    return stead


def picture(stead: Any) -> Any:
    """All that stands in the store about the role."""
    iam, db = stead.client("iam"), stead.app.store.read()
    return (
        db.all(select(roles)),
        db.all(select(attachments)),
        iam.list_role_policies(RoleName=NAME)["PolicyNames"],
        iam.list_role_tags(RoleName=NAME)["Tags"],
        iam.list_instance_profiles_for_role(RoleName=NAME)["InstanceProfiles"],
    )


@pytest.mark.parametrize(("operation", "parameters", "expected"), MUTATIONS)
def test_a_mutation_is_refused_and_changes_nothing(linked: Any, operation: str, parameters: dict[str, Any], expected: Refusal) -> None:
    """Even for the root user, in any case of the name, and whatever else would be wrong with the call."""
    before = picture(linked)
    for name in (NAME, NAME.upper()):
        assert refusal(getattr(linked.client("iam"), operation), RoleName=name, **parameters) == expected
    assert picture(linked) == before


def test_authorization_comes_first(linked: Any) -> None:
    eve = linked.client("iam", linked.user("eve"))
    for operation, parameters in CALLS:
        assert refusal(getattr(eve, operation), RoleName=NAME, **parameters)[:2] == ("AccessDenied", 403), operation


@pytest.mark.parametrize(("operation", "parameters"), CALLS)
def test_the_kind_protects_not_the_name(stead: Any, operation: str, parameters: dict[str, Any]) -> None:
    """Design D20: a customer may call a role as a service would, and it stays a customer's."""
    iam = stead.client("iam")
    iam.create_role(RoleName=NAME, Path="/aws-service-role-like/", AssumeRolePolicyDocument=TRUST)
    try:
        getattr(iam, operation)(RoleName=NAME, **parameters)
    except iam.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] in {"NoSuchEntity", "PolicyNotAttachable"}  # noqa: PT017  # success is allowed too


@pytest.mark.both_stores
def test_the_description_and_the_tags_are_the_customers(linked: Any) -> None:
    iam = linked.client("iam")
    iam.update_role(RoleName=NAME, Description="one")
    assert iam.get_role(RoleName=NAME)["Role"]["Description"] == "one"
    role = iam.update_role_description(RoleName=NAME, Description="two")["Role"]
    assert role["Description"] == "two"
    assert {"MaxSessionDuration", "RoleLastUsed"}.isdisjoint(role)
    iam.update_role(RoleName=NAME)
    iam.tag_role(RoleName=NAME, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_role(RoleName=NAME, TagKeys=["a"])
    assert iam.list_role_tags(RoleName=NAME)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_it_is_read_like_any_role(linked: Any) -> None:
    """aws-behaviour.md 3.2, field by field."""
    iam = linked.client("iam")
    role = iam.get_role(RoleName=NAME)["Role"]
    assert set(role) == {
        "Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument", "MaxSessionDuration", "RoleLastUsed",
    }  # fmt: skip
    assert (role["Path"], role["Arn"]) == (PATH, f"arn:aws:iam::{ACCOUNT}:role{PATH}{NAME}")
    assert (role["AssumeRolePolicyDocument"], role["MaxSessionDuration"], role["RoleLastUsed"]) == (json.loads(TRUST), 3600, {})
    (attached,) = iam.list_attached_role_policies(RoleName=NAME)["AttachedPolicies"]
    assert attached == {"PolicyName": "AmazonECSServiceRolePolicy", "PolicyArn": POLICY}
    assert iam.list_role_policies(RoleName=NAME)["PolicyNames"] == []
    assert [found["RoleName"] for found in iam.list_roles(PathPrefix="/aws-service-role")["Roles"]] == [NAME]


EDIT = """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["iam:UpdateRoleDescription", "iam:DeleteRole"],
 "Resource": "arn:aws:iam::*:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS*",
 "Condition": {"StringLike": {"iam:AWSServiceName": "SERVICE"}}}]}"""


@pytest.mark.both_stores
def test_the_documented_edit_policy_works_as_written(linked: Any) -> None:
    """service-linked-roles.md 3.1, design D13."""
    editor = linked.client("iam", linked.user("editor", EDIT.replace("SERVICE", "ecs.amazonaws.com")))
    editor.update_role_description(RoleName=NAME, Description="by the editor")
    assert refusal(editor.delete_role, RoleName=NAME) == PROTECTED
    assert refusal(editor.update_role, RoleName=NAME, Description="x").code == "AccessDenied"
    other = linked.client("iam", linked.user("other", EDIT.replace("SERVICE", "autoscaling.amazonaws.com")))
    assert refusal(other.update_role_description, RoleName=NAME, Description="x").code == "AccessDenied"


def test_a_customers_role_has_no_service_name(stead: Any) -> None:
    """So a policy conditioned on it grants nothing there, whatever the role is called."""
    stead.client("iam").create_role(RoleName=NAME, AssumeRolePolicyDocument=TRUST)
    document = json.loads(EDIT.replace("SERVICE", "*"))
    document["Statement"][0]["Resource"] = "*"
    editor = stead.client("iam", stead.user("editor", json.dumps(document)))
    assert refusal(editor.update_role_description, RoleName=NAME, Description="x").code == "AccessDenied"
