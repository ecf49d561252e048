"""IAM Toolbox explains each kind of refusal, with the policies as they were; what was altered since is never explained."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import text
from support.documents import allow, statement
from support.refusals import refusal

from stead.aws.ids import authorization_id, ordered_uuid, uuid_of_authorization

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.stead import Stead

ALICE = "arn:aws:iam::123456789012:user/alice"
BOB = "arn:aws:iam::123456789012:user/bob"
TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}}'
SENTENCE = re.compile(
    r"(.+)\. Go to http://127\.0\.0\.1:4566/console#/authorization-details/([0-9a-z]{25}) for complete details, "
    r"or call the GetRequestAuthorizationDetails API with the following authorization id: \2"
)


def denied(call: Callable[..., Any], **parameters: Any) -> str:
    """The authorization id in the message of a refusal."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    found = SENTENCE.fullmatch(caught.value.response["Error"]["Message"])
    assert found, caught.value
    return found[2]


def details(stead: Stead, identifier: str) -> Any:
    return stead.client("iam-toolbox").get_request_authorization_details(authorizationId=identifier)


def effects(evaluation: Any) -> dict[str, str]:
    return {check["checkType"]: check["evaluatedEffect"] for check in evaluation["checks"]}


def by_user(stead: Stead, *documents: str, boundary: str | None = None) -> str:
    key = stead.user("alice", *documents)
    if boundary is not None:
        iam = stead.client("iam")
        arn = iam.create_policy(PolicyName="limit", PolicyDocument=boundary)["Policy"]["Arn"]
        iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=arn)
    return denied(stead.client("iam", key).get_user, UserName="bob")


def by_session(stead: Stead) -> str:
    iam = stead.client("iam")
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST)["Role"]
    iam.put_role_policy(RoleName="reader", PolicyName="all", PolicyDocument=allow("*"))
    key = stead.user("alice", allow("sts:AssumeRole"))
    passed = {"RoleArn": role["Arn"], "RoleSessionName": "session", "Policy": allow("iam:ListUsers")}
    session = stead.client("sts", key).assume_role(**passed)["Credentials"]
    return denied(stead.client("iam", session).get_user, UserName="bob")


DENY = statement("Deny", "iam:Get*", Sid="NoReading")
WRONG_REGION = allow("iam:GetUser", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}})


@pytest.mark.both_stores
@pytest.mark.parametrize(
    ("refuse", "effect", "checks", "matched"),
    [
        (by_user, "IMPLICIT_DENY", {"PRINCIPAL": "IMPLICIT_DENY"}, []),
        (lambda stead: by_user(stead, WRONG_REGION), "IMPLICIT_DENY", {"PRINCIPAL": "IMPLICIT_DENY"}, []),
        (
            lambda stead: by_user(stead, allow("*"), boundary=allow("s3:*")),
            "IMPLICIT_DENY",
            {"PRINCIPAL": "ALLOW", "PERMISSIONS_BOUNDARY": "IMPLICIT_DENY"},
            [(f"{ALICE}#inline/policy-0", "Statement[0]", "ALLOW")],
        ),
        (
            by_session,
            "IMPLICIT_DENY",
            {"PRINCIPAL": "ALLOW", "SESSION": "IMPLICIT_DENY"},
            [("arn:aws:iam::123456789012:role/reader#inline/all", "Statement[0]", "ALLOW")],
        ),
        (
            lambda stead: by_user(stead, allow("*"), DENY),
            "EXPLICIT_DENY",
            {"PRINCIPAL": "EXPLICIT_DENY"},
            [(f"{ALICE}#inline/policy-0", "Statement[0]", "ALLOW"), (f"{ALICE}#inline/policy-1", "NoReading", "DENY")],
        ),
    ],
    ids=["identity", "condition", "boundary", "session", "explicit-deny"],
)
def test_each_kind_of_refusal_is_explained(
    stead: Stead, refuse: Callable[[Stead], str], effect: str, checks: dict[str, str], matched: list[tuple[str, str, str]]
) -> None:
    answer = details(stead, refuse(stead))
    (evaluation,) = answer["evaluations"]
    assert (evaluation["action"], evaluation["resource"]) == ("iam:GetUser", BOB)
    assert evaluation["evaluatedEffect"] == effect
    assert effects(evaluation) == checks
    told = [
        (policy["uri"], one["sid"], one["evaluatedEffect"])
        for policy in evaluation["matchedPolicies"]
        for one in policy["matchedStatements"]
    ]
    assert told == matched
    known = {policy["uri"] for policy in answer["policies"]}
    assert {uri for uri, _, _ in matched} <= known
    assert answer["requestContext"]["aws:RequestedRegion"] == "us-east-1"
    assert answer["requestContext"]["aws:PrincipalAccount"] == "123456789012"


def test_the_documents_are_those_of_that_moment(stead: Stead) -> None:
    """The policy is changed, its user deleted: the refusal is explained as it was."""
    identifier = by_user(stead, WRONG_REGION)
    stead.settle()
    iam = stead.client("iam")
    iam.put_user_policy(UserName="alice", PolicyName="policy-0", PolicyDocument=allow("*"))
    iam.delete_user_policy(UserName="alice", PolicyName="policy-0")
    (policy,) = details(stead, identifier)["policies"]
    assert policy == {
        "type": "IDENTITY_BASED_POLICY",
        "inline": True,
        "uri": f"{ALICE}#inline/policy-0",
        "attachedTo": [{"arn": ALICE}],
    }
    toolbox = stead.client("iam-toolbox")
    document = toolbox.get_request_authorization_policy(authorizationId=identifier, policyUri=policy["uri"])["policyDocument"]
    assert document == json.loads(WRONG_REGION)
    told = refusal(toolbox.get_request_authorization_policy, authorizationId=identifier, policyUri="other")
    assert told == ("ResourceNotFoundException", 404, "The request has no policy with this URI.")


def test_a_session_policy_is_kept_although_nothing_else_keeps_it(stead: Stead) -> None:
    identifier = by_session(stead)
    (policy,) = [policy for policy in details(stead, identifier)["policies"] if policy["type"] == "SESSION_POLICY"]
    asked = {"authorizationId": identifier, "policyUri": policy["uri"]}
    assert stead.client("iam-toolbox").get_request_authorization_policy(**asked)["policyDocument"] == json.loads(allow("iam:ListUsers"))


def test_a_dependent_check_names_no_id_and_is_kept_with_the_call(stead: Stead) -> None:
    """recorded-aws.md 2: no sentence for dependent checks. The event's own id finds the call all the same."""
    key = stead.user("alice", allow("iam:CreateUser"))
    with pytest.raises(ClientError) as caught:
        stead.client("iam", key).create_user(UserName="bob", Tags=[{"Key": "k", "Value": "v"}])
    message = caught.value.response["Error"]["Message"]
    assert message.endswith("because no identity-based policy allows the iam:TagUser action")
    events = stead.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateUser"}])
    event = next(event for event in events["Events"] if event["Username"] == "alice")
    assert json.loads(event["CloudTrailEvent"])["errorMessage"] == message
    found = details(stead, authorization_id(event["EventId"]))["evaluations"]
    assert [(one["action"], one["evaluatedEffect"]) for one in found] == [("iam:CreateUser", "ALLOW"), ("iam:TagUser", "IMPLICIT_DENY")]


def test_other_services_name_no_id(stead: Stead) -> None:
    key = stead.user("alice")
    for service, operation in (("ecs", "list_clusters"), ("sts", "get_session_token")):
        if service == "ecs":
            told = refusal(getattr(stead.client(service, key), operation))
            assert told.message.endswith("action"), told


def test_the_event_has_the_same_message(stead: Stead) -> None:
    identifier = by_user(stead)
    events = stead.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventId", "AttributeValue": uuid_of_authorization(identifier)}]
    )["Events"]
    record = json.loads(events[0]["CloudTrailEvent"])
    assert record["errorCode"] == "AccessDenied"
    assert record["errorMessage"].endswith(f"authorization id: {identifier}")


def test_details_are_kept_for_a_day(stead: Stead) -> None:
    identifier = by_user(stead)
    stead.advance(24 * 3600 - 60)
    assert details(stead, identifier)["evaluations"]
    stead.advance(120)
    told = refusal(stead.client("iam-toolbox").get_request_authorization_details, authorizationId=identifier)
    assert told == ("ResourceNotFoundException", 404, "The authorization details do not exist, or have expired.")


@pytest.mark.parametrize(
    ("parameters", "code", "status"),
    [
        ({"authorizationId": authorization_id(ordered_uuid(0))}, "ResourceNotFoundException", 404),
        ({"authorizationId": "z" * 25}, "ResourceNotFoundException", 404),
        ({"authorizationId": "a"}, "ResourceNotFoundException", 404),
        ({"authorizationId": "A" * 25}, "ValidationException", 400),
        ({"authorizationId": "a" * 257}, "ValidationException", 400),
    ],
)
def test_what_is_no_id_finds_nothing(stead: Stead, parameters: dict[str, str], code: str, status: int) -> None:
    told = refusal(stead.client("iam-toolbox").get_request_authorization_details, **parameters)
    assert (told.code, told.status) == (code, status)


def test_explanations_need_permission(stead: Stead) -> None:
    identifier = by_user(stead)
    reader = stead.user("reader", allow("iam:GetRequestAuthorizationDetails"))
    toolbox = stead.client("iam-toolbox", reader)
    assert toolbox.get_request_authorization_details(authorizationId=identifier)["evaluations"]
    told = refusal(toolbox.get_request_authorization_policy, authorizationId=identifier, policyUri="x")
    assert (told.code, told.status) == ("AccessDeniedException", 403)
    assert told.message.endswith("because no identity-based policy allows the iam:GetRequestAuthorizationPolicy action")


def test_many_evaluations_come_in_pages(stead: Stead) -> None:
    names = [f"cluster-{number}" for number in range(70)]
    arn = "arn:aws:ecs:us-east-1:123456789012:cluster/"
    key = stead.user("alice", allow("ecs:DescribeClusters"), statement("Deny", "ecs:*", f"{arn}cluster-69"))
    refusal(stead.client("ecs", key).describe_clusters, clusters=names)
    events = stead.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": "alice"}])["Events"]
    toolbox, identifier = stead.client("iam-toolbox"), authorization_id(events[0]["EventId"])
    first = toolbox.get_request_authorization_details(authorizationId=identifier)
    second = toolbox.get_request_authorization_details(authorizationId=identifier, nextToken=first["nextToken"])
    found = [one["resource"] for one in (*first["evaluations"], *second["evaluations"])]
    assert found == [f"{arn}{name}" for name in names]
    assert second["evaluations"][-1]["evaluatedEffect"] == "EXPLICIT_DENY"
    assert "nextToken" not in second
    told = refusal(toolbox.get_request_authorization_details, authorizationId=identifier, nextToken="?")
    assert told == ("ValidationException", 400, "The nextToken is invalid.")


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ("UPDATE documents SET text = replace(text, 'eu-west-1', 'us-east-1')", "the document of policy policy-0 was changed"),
        ("DELETE FROM policy_sets", "is missing"),
        ("UPDATE policy_sets SET content = replace(content, 'inline', 'other')", "was changed"),
    ],
)
def test_what_was_altered_is_not_explained(stead: Stead, change: str, finding: str) -> None:
    identifier = by_user(stead, WRONG_REGION)
    stead.settle()
    with stead.app.store.write() as db:
        db.connection.execute(text(change))
    told = refusal(stead.client("iam-toolbox").get_request_authorization_details, authorizationId=identifier)
    assert (told.code, told.status) == ("InternalServerException", 500)
    assert told.message.startswith("What is kept of this request was tampered with: ")
    assert finding in told.message
