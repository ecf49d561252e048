"""Service-linked roles as the API shows them: service-linked-roles.md sections 1 to 3, field by field."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import select
from support.linked_roles import ACCOUNT, ECS, ROLE, ROLE_ARN, TASK_ID, cluster, delete, exists, make, status
from support.refusals import Refusal, refusal

from stead.aws.call import Call
from stead.aws.clock import now_ms
from stead.linked_roles import lifecycle
from stead.linked_roles.session import service_caller
from stead.store.tables import documents

RECORDED = [
    line.split()
    for line in (Path(__file__).parents[2] / "linked_roles/recorded_roles.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
]
CORE = {"Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument"}
UNKNOWN_TASK = f"task/aws-service-role/{ECS}/{ROLE}/00000000-0000-4000-8000-000000000000"
TAKEN = Refusal("InvalidInput", 400, f"Service role name {ROLE} has been taken in this account, please try a different suffix.")
NO_STATUS = Refusal("NoSuchEntity", 404, "Cannot find deletion status for given id.")
# The three policies of the ECS guide, as written there (service-linked-roles.md 3.1).
DOCUMENTED = {
    "create": ["iam:CreateServiceLinkedRole"],
    "edit": ["iam:UpdateRoleDescription"],
    "delete": ["iam:DeleteServiceLinkedRole", "iam:GetServiceLinkedRoleDeletionStatus"],
}


def documented(purpose: str) -> str:
    statement = {
        "Effect": "Allow",
        "Action": DOCUMENTED[purpose],
        "Resource": "arn:aws:iam::*:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS*",
        "Condition": {"StringLike": {"iam:AWSServiceName": "ecs.amazonaws.com"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(principal: str) -> Any:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}],
    }


def denied(user: str, action: str, arn: str) -> Refusal:
    text = f"User: arn:aws:iam::{ACCOUNT}:user/{user} is not authorized to perform: iam:{action} on resource: {arn}"
    return Refusal("AccessDenied", 403, f"{text} because no identity-based policy allows the iam:{action} action")


@pytest.mark.both_stores
def test_the_answer_of_the_creation(stead: Any) -> None:
    role = stead.client("iam").create_service_linked_role(AWSServiceName=ECS, Description="given and not shown")["Role"]
    assert set(role) == CORE
    assert role["Path"] == "/aws-service-role/ecs.amazonaws.com/"
    assert (role["RoleName"], role["Arn"]) == (ROLE, ROLE_ARN)
    assert re.fullmatch("AROA[A-Z0-9]{17}", role["RoleId"])
    assert role["AssumeRolePolicyDocument"] == {
        "Version": "2012-10-17",
        "Statement": [{"Action": ["sts:AssumeRole"], "Effect": "Allow", "Principal": {"Service": [ECS]}}],
    }


@pytest.mark.both_stores
def test_the_role_as_it_is_read(stead: Any) -> None:
    iam = stead.client("iam")
    made = make(iam)
    role = iam.get_role(RoleName=ROLE)["Role"]
    assert set(role) == CORE | {"MaxSessionDuration", "RoleLastUsed"}
    assert (role["MaxSessionDuration"], role["RoleLastUsed"], role["RoleId"]) == (3600, {}, made["RoleId"])
    assert role["AssumeRolePolicyDocument"] == trust(ECS)
    assert iam.list_role_policies(RoleName=ROLE)["PolicyNames"] == []
    assert iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"] == [
        {"PolicyName": "AmazonECSServiceRolePolicy", "PolicyArn": "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy"}
    ]
    assert [role["RoleName"] for role in iam.list_roles(PathPrefix="/aws-service-role")["Roles"]] == [ROLE]


def test_the_trust_is_stored_in_the_recorded_order(stead: Any) -> None:
    make(stead.client("iam"))
    text = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
    assert text in {row.text for row in stead.app.store.read().all(select(documents.c.text))}
    spelt = '{"Version":"2012-10-17","Statement":[{"Action":["sts:AssumeRole"],"Effect":"Allow","Principal":{"Service":["ecs.amazonaws.com"]}}]}'
    assert quote(lifecycle.trust_text_when_made(ECS)) == quote(spelt)


def test_a_description_that_was_given_is_kept(stead: Any) -> None:
    iam = stead.client("iam")
    iam.create_service_linked_role(AWSServiceName=ECS, Description="mine")
    assert iam.get_role(RoleName=ROLE)["Role"]["Description"] == "mine"


def test_every_recorded_service(stead: Any) -> None:
    """The 71 recorded rows: name, path, trust, the one policy; a suffix where it is taken."""
    iam = stead.client("iam")
    for principal, name, policy, suffix in RECORDED:
        if policy == "AmazonLexBotPolicy":  # its text is in no data that Stead has
            continue
        role = iam.create_service_linked_role(AWSServiceName=principal)["Role"]
        assert (role["RoleName"], role["Path"]) == (name, f"/aws-service-role/{principal}/")
        assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == trust(principal)
        (attached,) = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        assert attached["PolicyArn"] == f"arn:aws:iam::aws:policy/aws-service-role/{policy}"
        if suffix == "yes":
            other = iam.create_service_linked_role(AWSServiceName=principal, CustomSuffix="abc")["Role"]
            assert other["RoleName"] == f"{name}_abc"
        else:
            found = refusal(iam.create_service_linked_role, AWSServiceName=principal, CustomSuffix="abc")
            assert found == Refusal("InvalidInput", 400, f"Custom suffix is not allowed for {principal}")


@pytest.mark.parametrize("name", [ROLE, ROLE.lower(), ROLE.upper()])
@pytest.mark.both_stores
def test_a_customer_may_have_taken_the_name(stead: Any, name: str) -> None:
    """It is then no linked role, whatever it is called, and the service's own cannot be made beside it."""
    iam = stead.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust(ECS)))
    assert refusal(iam.create_service_linked_role, AWSServiceName=ECS) == TAKEN
    found = refusal(iam.delete_service_linked_role, RoleName=ROLE)
    assert found == Refusal("NoSuchEntity", 404, f"{name} exists but is not a service role.")
    iam.delete_role(RoleName=name)


TOO_LONG = "x" * 64
NO_TEXT = (
    "Stead does not have the text of arn:aws:iam::aws:policy/aws-service-role/AmazonLexBotPolicy and makes no linked role of"
    " lex.amazonaws.com without it. Most texts come with the extra stead[neighbours], at the first start after it was installed."
)
REFUSALS = {
    "unknown principal": (
        "none.amazonaws.com",
        None,
        "InvalidInput",
        400,
        "Service none.amazonaws.com does not support service-linked roles.",
    ),
    "not creatable": ("logs.amazonaws.com", None, "InvalidInput", 400, "Service logs.amazonaws.com does not support service-linked roles."),
    "case": ("ECS.amazonaws.com", None, "InvalidInput", 400, "Service ECS.amazonaws.com does not support service-linked roles."),
    "short name": ("ecs", None, "InvalidInput", 400, "Service ecs does not support service-linked roles."),
    "no suffix": (ECS, "abc", "InvalidInput", 400, "Custom suffix is not allowed for ecs.amazonaws.com"),
    "too long": (
        "autoscaling.amazonaws.com",
        TOO_LONG,
        "InvalidInput",
        400,
        f"Service role name AWSServiceRoleForAutoScaling_{TOO_LONG} is longer than 64 characters, please try a different suffix.",
    ),
    "no policy text": (
        "lex.amazonaws.com",
        None,
        "NotImplemented",
        501,
        NO_TEXT,
    ),
}


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS)
def test_what_cannot_be_created(stead: Any, case: tuple[str, str | None, str, int, str]) -> None:
    principal, suffix, *answer = case
    request = {"AWSServiceName": principal, **({} if suffix is None else {"CustomSuffix": suffix})}
    iam = stead.client("iam")
    assert refusal(iam.create_service_linked_role, **request) == Refusal(*answer)
    assert iam.list_roles()["Roles"] == []


def test_the_longest_name(stead: Any) -> None:
    suffix = "x" * (64 - len("AWSServiceRoleForAutoScaling_"))
    role = stead.client("iam").create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix=suffix)["Role"]
    assert len(role["RoleName"]) == 64


@pytest.mark.both_stores
def test_the_whole_life(stead: Any) -> None:
    """Made, taken, deleted by any spelling of its name, gone, made again with another id."""
    iam = stead.client("iam")
    first = make(iam)
    assert refusal(iam.create_service_linked_role, AWSServiceName=ECS) == TAKEN
    task = delete(iam, ROLE.lower())
    assert re.fullmatch(TASK_ID, task)
    assert status(iam, task) == ("NOT_STARTED", None)
    assert delete(iam) == task, "one runs already"
    assert refusal(iam.create_service_linked_role, AWSServiceName=ECS) == TAKEN, "until it ends the role is there"
    assert stead.app.runner.step()
    assert status(iam, task) == ("IN_PROGRESS", None)
    assert delete(iam) == task
    assert stead.app.runner.step()
    assert status(iam, task) == ("SUCCEEDED", None)
    assert not exists(iam)
    assert not stead.app.runner.step()
    found = refusal(iam.delete_service_linked_role, RoleName=ROLE)
    assert found == Refusal("NoSuchEntity", 404, f"The role with name {ROLE} cannot be found.")
    assert make(iam)["RoleId"] != first["RoleId"]


@pytest.mark.both_stores
def test_a_deletion_refused_and_tried_again(stead: Any) -> None:
    iam, store = stead.client("iam"), stead.app.store
    make(iam)
    there = cluster(store, "us-west-2", "b"), cluster(store, "us-west-2", "a")
    here = cluster(store, "eu-west-1", "c")
    cluster(store, "us-east-1", "gone", "INACTIVE")
    first = delete(iam)
    stead.settle()
    expected = [{"Region": "eu-west-1", "Resources": [here]}, {"Region": "us-west-2", "Resources": sorted(there)}]
    assert status(iam, first) == ("FAILED", {"Reason": "Role in use.", "RoleUsageList": expected})
    assert exists(iam)
    second = delete(iam)
    assert second != first
    stead.settle()
    assert status(iam, first) == status(iam, second)


def test_what_was_recorded_of_a_role_goes_with_it(stead: Any) -> None:
    iam = stead.client("iam")
    make(iam)
    iam.tag_role(RoleName=ROLE, Tags=[{"Key": "team", "Value": "blue"}])
    delete(iam)
    stead.settle()
    make(iam)
    assert iam.list_role_tags(RoleName=ROLE)["Tags"] == []


@pytest.mark.parametrize(
    "task_id", ["x", "00000000-0000-4000-8000-000000000000", f"task/aws-service-role/{ECS}/{ROLE}", f"{UNKNOWN_TASK}/", f"{UNKNOWN_TASK}\n"]
)
def test_a_malformed_task_id(stead: Any, task_id: str) -> None:
    found = refusal(stead.client("iam").get_service_linked_role_deletion_status, DeletionTaskId=task_id)
    assert found == Refusal("InvalidInput", 400, "Invalid task id")


def test_a_task_that_nobody_knows(stead: Any) -> None:
    assert refusal(stead.client("iam").get_service_linked_role_deletion_status, DeletionTaskId=UNKNOWN_TASK) == NO_STATUS


@pytest.mark.both_stores
def test_a_status_is_kept_thirty_days(stead: Any) -> None:
    iam = stead.client("iam")
    make(iam)
    task = delete(iam)
    stead.settle()
    stead.advance(30 * 86400 - 60)
    stead.settle()
    assert status(iam, task) == ("SUCCEEDED", None)
    stead.advance(120)
    stead.settle()
    assert refusal(iam.get_service_linked_role_deletion_status, DeletionTaskId=task) == NO_STATUS


@pytest.mark.both_stores
def test_the_documented_policies_suffice(stead: Any) -> None:
    """As written in the guide, with the condition on iam:AWSServiceName (design D13): for the whole life, gone role included."""
    iam = stead.client("iam", stead.user("carla", *map(documented, DOCUMENTED)))
    make(iam)
    assert iam.update_role_description(RoleName=ROLE, Description="mine")["Role"]["Description"] == "mine"
    task = delete(iam)
    stead.settle()
    assert status(iam, task) == ("SUCCEEDED", None)
    found = refusal(iam.delete_service_linked_role, RoleName=ROLE)
    assert found == Refusal("NoSuchEntity", 404, f"The role with name {ROLE} cannot be found.")


def test_the_documented_policies_reach_no_other_service(stead: Any) -> None:
    iam = stead.client("iam", stead.user("carla", *map(documented, DOCUMENTED)))
    batch = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"
    found = refusal(iam.create_service_linked_role, AWSServiceName="batch.amazonaws.com")
    assert found == denied("carla", "CreateServiceLinkedRole", batch)


@pytest.mark.parametrize(("purpose", "refused"), [("create", "delete"), ("delete", "create")])
def test_each_documented_policy_alone(stead: Any, purpose: str, refused: str) -> None:
    """Nobody may more than her policy says; the refusals name the role's ARN, of a role that is not there as well."""
    make(stead.client("iam"))
    iam = stead.client("iam", stead.user("carla", documented(purpose)))
    calls: dict[str, list[tuple[str, Any, dict[str, str]]]] = {
        "create": [("CreateServiceLinkedRole", iam.create_service_linked_role, {"AWSServiceName": ECS})],
        "delete": [
            ("DeleteServiceLinkedRole", iam.delete_service_linked_role, {"RoleName": ROLE}),
            ("GetServiceLinkedRoleDeletionStatus", iam.get_service_linked_role_deletion_status, {"DeletionTaskId": UNKNOWN_TASK}),
        ],
    }
    for action, call, request in calls[refused]:
        assert refusal(call, **request) == denied("carla", action, ROLE_ARN)


NOBODY: dict[str, tuple[str, dict[str, str], str]] = {
    "create": ("CreateServiceLinkedRole", {"AWSServiceName": ECS}, ROLE_ARN),
    "create, suffix": ("CreateServiceLinkedRole", {"AWSServiceName": ECS, "CustomSuffix": "a"}, f"{ROLE_ARN}_a"),
    "create, unknown": (
        "CreateServiceLinkedRole",
        {"AWSServiceName": "none.amazonaws.com"},
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/none.amazonaws.com/*",
    ),
    "delete, absent": ("DeleteServiceLinkedRole", {"RoleName": ROLE.lower()}, ROLE_ARN),
    "delete, absent, suffix": (
        "DeleteServiceLinkedRole",
        {"RoleName": "AWSServiceRoleForAutoScaling_Blue"},
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_Blue",
    ),
    "delete, no service's": ("DeleteServiceLinkedRole", {"RoleName": "other"}, "role other"),
    "status": ("GetServiceLinkedRoleDeletionStatus", {"DeletionTaskId": UNKNOWN_TASK}, ROLE_ARN),
}


@pytest.mark.parametrize("case", NOBODY.values(), ids=NOBODY)
def test_nobody_in_particular_is_refused_first(stead: Any, case: tuple[str, dict[str, str], str]) -> None:
    """Authorization precedes input rules and state (recorded-aws.md 1)."""
    action, request, resource = case
    iam = stead.client("iam", stead.user("nobody"))
    call = getattr(iam, re.sub("(?<=.)([A-Z])", r"_\1", action).lower())
    assert refusal(call, **request) == denied("nobody", action, resource)


def test_a_session_on_the_role_ends_with_the_role(stead: Any) -> None:
    """Its token holds the role's unique id: neither the deletion nor a role made again leaves it usable."""
    iam = stead.client("iam")
    make(iam)
    caller = service_caller("ecs.amazonaws.com", ACCOUNT)
    asked = {"RoleArn": ROLE_ARN, "RoleSessionName": "ecs-service-scheduler"}
    session = stead.app.pipeline.run(Call("sts", "AssumeRole", asked, caller, "us-east-1", now_ms(), "request"))["Credentials"]
    sts = stead.client("sts", session)
    assert sts.get_caller_identity()["Arn"].endswith(f"assumed-role/{ROLE}/ecs-service-scheduler")
    delete(iam)
    stead.settle()
    invalid = Refusal("InvalidClientTokenId", 403, "The security token included in the request is invalid")
    assert refusal(sts.get_caller_identity) == invalid
    make(iam)
    assert refusal(sts.get_caller_identity) == invalid
