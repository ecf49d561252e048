from __future__ import annotations

import json
from typing import Any

import pytest
from support.refusals import Refusal, refusal

ACCOUNT = "123456789012"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]})
CORE = {"Path", "InstanceProfileName", "InstanceProfileId", "Arn", "CreateDate", "Roles"}


@pytest.fixture
def iam(stead: Any) -> Any:
    client = stead.client("iam")
    for name in ("web", "other"):
        client.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    client.create_instance_profile(InstanceProfileName="Fleet", Path="/team/", Tags=[{"Key": "team", "Value": "blue"}])
    return client


@pytest.mark.both_stores
def test_a_profile_and_its_role(iam: Any) -> None:
    iam.add_role_to_instance_profile(InstanceProfileName="fleet", RoleName="WEB")
    profile = iam.get_instance_profile(InstanceProfileName="FLEET")["InstanceProfile"]
    assert set(profile) == CORE | {"Tags"}
    assert (profile["Arn"], profile["Path"]) == (f"arn:aws:iam::{ACCOUNT}:instance-profile/team/Fleet", "/team/")
    assert profile["InstanceProfileId"].startswith("AIPA")
    (role,) = profile["Roles"]
    assert set(role) == {"Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument"}
    assert role["AssumeRolePolicyDocument"] == json.loads(TRUST)
    (listed,) = iam.list_instance_profiles_for_role(RoleName="web")["InstanceProfiles"]
    assert listed == {key: value for key, value in profile.items() if key != "Tags"}
    iam.remove_role_from_instance_profile(InstanceProfileName="Fleet", RoleName="web")
    assert iam.get_instance_profile(InstanceProfileName="Fleet")["InstanceProfile"]["Roles"] == []
    assert iam.list_instance_profiles_for_role(RoleName="web")["InstanceProfiles"] == []


@pytest.mark.both_stores
def test_profiles_are_listed_by_name_under_a_prefix(iam: Any) -> None:
    for name in ("b", "A"):
        iam.create_instance_profile(InstanceProfileName=name)
    first = iam.list_instance_profiles(MaxItems=2)
    rest = iam.list_instance_profiles(Marker=first["Marker"])
    pages = [[profile["InstanceProfileName"] for profile in answer["InstanceProfiles"]] for answer in (first, rest)]
    assert pages == [["A", "b"], ["Fleet"]]
    assert [found["InstanceProfileName"] for found in iam.list_instance_profiles(PathPrefix="/te")["InstanceProfiles"]] == ["Fleet"]


MISSING = Refusal("NoSuchEntity", 404, "Instance Profile none cannot be found.")
ONE_ROLE = Refusal("LimitExceeded", 409, "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")


@pytest.mark.parametrize(
    ("operation", "parameters", "expected"),
    [
        (
            "create_instance_profile",
            {"InstanceProfileName": "FLEET"},
            Refusal("EntityAlreadyExists", 409, "Instance Profile FLEET already exists."),
        ),
        ("get_instance_profile", {"InstanceProfileName": "none"}, MISSING),
        ("delete_instance_profile", {"InstanceProfileName": "none"}, MISSING),
        ("add_role_to_instance_profile", {"InstanceProfileName": "none", "RoleName": "web"}, MISSING),
        ("remove_role_from_instance_profile", {"InstanceProfileName": "none", "RoleName": "web"}, MISSING),
        ("tag_instance_profile", {"InstanceProfileName": "none", "Tags": [{"Key": "k", "Value": "v"}]}, MISSING),
        ("untag_instance_profile", {"InstanceProfileName": "none", "TagKeys": ["k"]}, MISSING),
        ("list_instance_profile_tags", {"InstanceProfileName": "none"}, MISSING),
        ("add_role_to_instance_profile", {"InstanceProfileName": "Fleet", "RoleName": "web"}, ONE_ROLE),
        ("add_role_to_instance_profile", {"InstanceProfileName": "Fleet", "RoleName": "other"}, ONE_ROLE),
        (
            "add_role_to_instance_profile",
            {"InstanceProfileName": "Fleet", "RoleName": "nobody"},
            Refusal("NoSuchEntity", 404, "The role with name nobody cannot be found."),
        ),
        (
            "remove_role_from_instance_profile",
            {"InstanceProfileName": "Fleet", "RoleName": "other"},
            Refusal("NoSuchEntity", 404, "The role with name other cannot be found."),
        ),
        (
            "delete_instance_profile",
            {"InstanceProfileName": "fleet"},
            Refusal("DeleteConflict", 409, "Cannot delete entity, must remove roles from instance profile first."),
        ),
    ],
)
def test_refusals(iam: Any, operation: str, parameters: dict[str, Any], expected: Refusal) -> None:
    iam.add_role_to_instance_profile(InstanceProfileName="Fleet", RoleName="web")
    assert refusal(getattr(iam, operation), **parameters) == expected
    assert [profile["InstanceProfileName"] for profile in iam.list_instance_profiles()["InstanceProfiles"]] == ["Fleet"]


def test_an_empty_profile_is_deleted_with_its_tags(iam: Any) -> None:
    iam.delete_instance_profile(InstanceProfileName="fleet")
    iam.create_instance_profile(InstanceProfileName="Fleet")
    assert iam.list_instance_profile_tags(InstanceProfileName="Fleet")["Tags"] == []


def test_tag_keys_are_exact(iam: Any) -> None:
    iam.tag_instance_profile(InstanceProfileName="Fleet", Tags=[{"Key": "Team", "Value": "red"}, {"Key": "team", "Value": "green"}])
    expected = [{"Key": "Team", "Value": "red"}, {"Key": "team", "Value": "green"}]
    assert iam.list_instance_profile_tags(InstanceProfileName="Fleet")["Tags"] == expected
    iam.untag_instance_profile(InstanceProfileName="Fleet", TagKeys=["Team", "none"])
    assert iam.get_instance_profile(InstanceProfileName="Fleet")["InstanceProfile"]["Tags"] == expected[1:]


def allow(*statements: dict[str, Any]) -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]}
    )


ADD = {"Action": "iam:AddRoleToInstanceProfile"}


@pytest.mark.parametrize(
    ("document", "allowed"),
    [
        (allow(ADD), False),
        (allow(ADD, {"Action": "iam:PassRole", "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}}), True),
        (allow(ADD, {"Action": "iam:PassRole", "Condition": {"StringEquals": {"iam:PassedToService": "ecs.amazonaws.com"}}}), False),
        (allow(ADD, {"Action": "iam:PassRole", "Resource": f"arn:aws:iam::{ACCOUNT}:role/other"}), False),
    ],
)
def test_adding_a_role_is_passing_it(stead: Any, iam: Any, document: str, allowed: bool) -> None:
    eve = stead.client("iam", stead.user("eve", document))
    if allowed:
        eve.add_role_to_instance_profile(InstanceProfileName="Fleet", RoleName="web")
        return
    refused = refusal(eve.add_role_to_instance_profile, InstanceProfileName="Fleet", RoleName="web")
    text = "User: {0}:user/eve is not authorized to perform: iam:PassRole on resource: {0}:role/web because no identity-based policy allows the"
    assert refused == Refusal("AccessDenied", 403, text.format(f"arn:aws:iam::{ACCOUNT}") + " iam:PassRole action")
    assert iam.get_instance_profile(InstanceProfileName="Fleet")["InstanceProfile"]["Roles"] == []
