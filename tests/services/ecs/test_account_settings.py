from __future__ import annotations

import json
from typing import Any

import pytest
from support.documents import allow
from support.refusals import Refusal, refusal

ACCOUNT = "123456789012"
ROOT, ALICE = f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:user/alice"
DEFAULTS = {
    "awsvpcTrunking": "disabled",
    "containerInsights": "disabled",
    "containerInstanceLongArnFormat": "enabled",
    "defaultLogDriverMode": "non-blocking",
    "fargateEventWindows": "disabled",
    "fargateFIPSMode": "disabled",
    "fargateTaskRetirementWaitPeriod": "7",
    "guardDutyActivate": "off",
    "serviceLongArnFormat": "enabled",
    "tagResourceAuthorization": "on",
    "taskLongArnFormat": "enabled",
}
TAGS = [{"key": "team", "value": "blue"}]


def invalid(message: str) -> Refusal:
    return Refusal("InvalidParameterException", 400, message)


def values(ecs: Any, **asked: Any) -> dict[str, str]:
    pages = ecs.get_paginator("list_account_settings").paginate(**asked)
    return {item["name"]: item["value"] for page in pages for item in page["settings"]}


@pytest.fixture
def alice(stead: Any) -> Any:
    return stead.client("ecs", stead.user("alice", allow("ecs:*")))


@pytest.mark.both_stores
def test_whose_setting_holds(stead: Any, alice: Any) -> None:
    """Of the principal, of the account, of AWS: in this order."""
    root, name = stead.client("ecs"), "awsvpcTrunking"
    assert values(alice) == values(root) == {}
    assert values(alice, effectiveSettings=True) == DEFAULTS
    shown = root.put_account_setting_default(name=name, value="enabled")["setting"]
    assert shown == {"name": name, "value": "enabled", "principalArn": ROOT, "type": "user"}
    assert (values(alice), values(root)) == ({}, {name: "enabled"})
    assert values(alice, effectiveSettings=True)[name] == "enabled"
    shown = alice.put_account_setting(name=name, value="disabled")["setting"]
    assert shown == {"name": name, "value": "disabled", "principalArn": ALICE, "type": "user"}
    assert values(alice) == {name: "disabled"} == values(root, principalArn=ALICE)
    assert [values(client, effectiveSettings=True)[name] for client in (alice, root)] == ["disabled", "enabled"]
    shown = alice.delete_account_setting(name=name)["setting"]
    assert (shown["value"], shown["principalArn"], values(alice)) == ("enabled", ALICE, {})
    root.put_account_setting(name=name, value="disabled")  # root's own are the account's
    assert values(alice, effectiveSettings=True)[name] == "disabled"
    assert values(stead.client("ecs", region="eu-west-1")) == {}


def test_root_sets_for_others(stead: Any, alice: Any) -> None:
    root = stead.client("ecs")
    shown = root.put_account_setting(name="containerInsights", value="enhanced", principalArn=ALICE)["setting"]
    assert (shown["principalArn"], values(alice)) == (ALICE, {"containerInsights": "enhanced"})
    root.delete_account_setting(name="containerInsights", principalArn=ALICE)
    assert values(alice) == {}
    assert alice.put_account_setting(name="containerInsights", value="enabled", principalArn=ALICE)["setting"]["principalArn"] == ALICE


def test_a_session_has_the_settings_of_its_role(stead: Any) -> None:
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}}}
    iam = stead.client("iam")
    role = iam.create_role(RoleName="r", Path="/team/", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=allow("ecs:*"))
    user = stead.user("bob", allow("sts:AssumeRole"))
    session = stead.client("sts", user).assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    assert stead.client("ecs", session).put_account_setting(name="awsvpcTrunking", value="enabled")["setting"]["principalArn"] == role


def test_lists(stead: Any) -> None:
    ecs = stead.client("ecs")
    first = ecs.list_account_settings(effectiveSettings=True)
    assert [item["name"] for item in first["settings"]] == sorted(DEFAULTS)[:10]
    assert [item["name"] for item in ecs.list_account_settings(effectiveSettings=True, nextToken=first["nextToken"])["settings"]] == [
        "taskLongArnFormat"
    ]
    assert values(ecs, effectiveSettings=True, PaginationConfig={"PageSize": 3}) == DEFAULTS
    (only,) = ecs.list_account_settings(effectiveSettings=True, name="guardDutyActivate")["settings"]
    assert only == {"name": "guardDutyActivate", "value": "off", "principalArn": ROOT, "type": "aws_managed"}
    assert ecs.list_account_settings(effectiveSettings=True, name="awsvpcTrunking", value="enabled")["settings"] == []


NOT_YOURS = Refusal("AccessDeniedException", 400, "You must be the root user, or the principal, to use the parameter principalArn.")


@pytest.mark.parametrize(
    ("operation", "asked", "expected"),
    [
        ("put_account_setting", {"name": "dualStackIPv6", "value": "enabled"}, invalid("Invalid setting 'name'")),
        ("put_account_setting", {"name": "taskLongArnFormat", "value": "ENABLED"}, invalid("Invalid setting 'value'")),
        ("put_account_setting_default", {"name": "tagResourceAuthorization", "value": "enabled"}, invalid("Invalid setting 'value'")),
        ("put_account_setting_default", {"name": "fargateTaskRetirementWaitPeriod", "value": "8"}, invalid("Invalid setting 'value'")),
        (
            "put_account_setting_default",
            {"name": "guardDutyActivate", "value": "on"},
            invalid("The account setting guardDutyActivate is managed by AWS and cannot be changed."),
        ),
        (
            "put_account_setting",
            {"name": "fargateTaskRetirementWaitPeriod", "value": "14"},
            invalid("fargateTaskRetirementWaitPeriod can only be set for the root user of the account."),
        ),
        ("put_account_setting", {"name": "awsvpcTrunking", "value": "enabled", "principalArn": ROOT}, NOT_YOURS),
        ("delete_account_setting", {"name": "awsvpcTrunking", "principalArn": ROOT}, NOT_YOURS),
        ("delete_account_setting", {"name": "nothing"}, invalid("Invalid setting 'name'")),
        ("list_account_settings", {"principalArn": ROOT}, NOT_YOURS),
        ("list_account_settings", {"name": "nothing"}, invalid("Invalid setting 'name'")),
        ("list_account_settings", {"value": "on"}, invalid("You must specify a setting name to filter by value.")),
        ("list_account_settings", {"maxResults": 11}, invalid("maxResults must be between 1 and 10.")),
        ("list_account_settings", {"nextToken": "-"}, invalid("Invalid token.")),
    ],
)
def test_what_is_refused(alice: Any, operation: str, asked: dict[str, Any], expected: Refusal) -> None:
    assert refusal(getattr(alice, operation), **asked) == expected


@pytest.mark.parametrize("arn", ["alice", "arn:aws:iam::999999999999:user/alice", f"arn:aws:iam::{ACCOUNT}:group/g"])
def test_a_principal_is_a_user_or_a_role_of_the_account(stead: Any, arn: str) -> None:
    call = stead.client("ecs").put_account_setting
    assert refusal(call, name="awsvpcTrunking", value="enabled", principalArn=arn) == invalid("Invalid setting 'principalArn'")


def test_a_policy_may_look_at_the_setting(stead: Any) -> None:
    """policy-evaluation.md 8.6: ecs:account-setting."""
    document = allow("ecs:*", Condition={"StringEquals": {"ecs:account-setting": "awsvpcTrunking"}})
    ecs = stead.client("ecs", stead.user("alice", document))
    ecs.put_account_setting(name="awsvpcTrunking", value="enabled")
    assert refusal(ecs.put_account_setting, name="containerInsights", value="enabled").code == "AccessDeniedException"


def test_container_insights_of_new_clusters(stead: Any, alice: Any) -> None:
    stead.client("ecs").put_account_setting_default(name="containerInsights", value="enhanced")
    assert alice.create_cluster(clusterName="a")["cluster"]["settings"] == [{"name": "containerInsights", "value": "enhanced"}]
    said = [{"name": "containerInsights", "value": "disabled"}]
    assert alice.create_cluster(clusterName="b", settings=said)["cluster"]["settings"] == said


@pytest.mark.both_stores
def test_tags_on_create_need_a_permission_while_the_account_wants_it(stead: Any) -> None:
    """policy-evaluation.md 2.9: ecs:TagResource with ecs:CreateAction, if tag-on-create authorization is on."""
    root = stead.client("ecs")
    definition: dict[str, Any] = {"family": "f", "containerDefinitions": [{"name": "web", "image": "nginx", "memory": 4}], "tags": TAGS}
    calls = [("create_cluster", {"tags": TAGS}), ("register_task_definition", definition)]
    poor = stead.client("ecs", stead.user("poor", allow(["ecs:CreateCluster", "ecs:RegisterTaskDefinition"])))
    condition = {"StringEquals": {"ecs:CreateAction": ["CreateCluster", "RegisterTaskDefinition"]}}
    rich = stead.client(
        "ecs",
        stead.user("rich", allow(["ecs:CreateCluster", "ecs:RegisterTaskDefinition"]), allow("ecs:TagResource", Condition=condition)),
    )
    for name, asked in calls:
        assert "ecs:TagResource on resource" in refusal(getattr(poor, name), **asked).message
        getattr(rich, name)(**asked)
    root.put_account_setting_default(name="tagResourceAuthorization", value="off")
    for name, asked in calls:
        getattr(poor, name)(**asked)
    assert (
        "ecs:TagResource" in refusal(rich.tag_resource, resourceArn=f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/default", tags=TAGS).message
    )
