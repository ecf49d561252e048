"""What SimulateCustomPolicy answers: recorded-aws.md 9, and the answers of AWS that it was written from (the stackd project's recordings)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.refusals import Refusal, refusal
from support.simulation import BUCKET_POLICY, DENY_READ, EVERYTHING, OTHER_ACCOUNT, READ, USER, A, B, one, policy
from support.stead import ACCOUNT

from stead.aws import reference
from stead.services.iam import authorization_reference


def matched(result: Any) -> list[tuple[str, str, int, int]]:
    """Where the matched statements stand, for documents of one line."""
    return [
        (item["SourcePolicyId"], item["SourcePolicyType"], item["StartPosition"]["Column"], item["EndPosition"]["Column"])
        for item in result["MatchedStatements"]
    ]


def test_without_resources_there_are_no_details(stead: Any) -> None:
    assert one(stead, READ) == {
        "EvalActionName": "s3:GetObject",
        "EvalResourceName": "*",
        "EvalDecision": "allowed",
        "MatchedStatements": [
            {
                "SourcePolicyId": "PolicyInputList.1",
                "SourcePolicyType": "IAM Policy",
                "StartPosition": {"Line": 1, "Column": 38},
                "EndPosition": {"Line": 1, "Column": 95},
            }
        ],
        "MissingContextValues": [],
    }


def test_one_resource_is_echoed_and_has_its_own_result(stead: Any) -> None:
    result = one(stead, READ, ResourceArns=[A])
    assert (result["EvalResourceName"], result["EvalDecision"], result["EvalDecisionDetails"]) == (A, "allowed", {})
    (specific,) = result["ResourceSpecificResults"]
    assert specific == {
        "EvalResourceName": A,
        "EvalResourceDecision": "allowed",
        "MatchedStatements": result["MatchedStatements"],
        "MissingContextValues": [],
    }


@pytest.mark.parametrize(
    ("policies", "decision", "decisions", "columns"),
    [
        ([READ], "allowed", ["allowed", "allowed"], [(38, 95)]),
        # The top has the union, whatever it decided.
        ([policy(resource=A)], "implicitDeny", ["allowed", "implicitDeny"], [(38, 126)]),
        ([READ, policy("Deny", resource=A)], "explicitDeny", ["explicitDeny", "allowed"], [(38, 125), (38, 95)]),
        ([policy("Deny", resource=A)], "explicitDeny", ["explicitDeny", "implicitDeny"], [(38, 125)]),
        ([], "implicitDeny", ["implicitDeny", "implicitDeny"], []),
    ],
)
def test_several_resources(stead: Any, policies: list[str], decision: str, decisions: list[str], columns: list[tuple[int, int]]) -> None:
    result = one(stead, *policies, ResourceArns=[A, B])
    assert result["EvalResourceName"] == "arn:aws:s3:::${BucketName}/${KeyName}"
    assert result["EvalDecision"] == decision
    assert [(item["EvalResourceName"], item["EvalResourceDecision"]) for item in result["ResourceSpecificResults"]] == list(
        zip([A, B], decisions, strict=True)
    )
    assert [(start, end) for _, _, start, end in matched(result)] == columns
    told = {"allowed", "explicitDeny"}
    assert [bool(item["MatchedStatements"]) for item in result["ResourceSpecificResults"]] == [each in told for each in decisions]


@pytest.mark.parametrize(
    ("action", "resources", "name"),
    [
        ("iam:GetUser", [USER, USER], "arn:aws:iam::${Account}:${ResourceType}/${ResourceName}"),
        ("sqs:SendMessage", ["arn:aws-cn:sqs:cn-north-1:1:one", A], "arn:aws-cn:sqs:${Region}:${Account}:${QueueName}"),
        ("ec2:RunInstances", [A, B], "arn:aws:ec2:${Region}:${Account}:${ResourceType}/${ResourcePath}"),
        ("madeup:Action", [A, B], "*"),
        ("s3:GetObject", [A], A),
        ("madeup:Action", [A], A),
    ],
)
def test_what_resources_are_called(stead: Any, action: str, resources: list[str], name: str) -> None:
    assert one(stead, EVERYTHING, actions=action, ResourceArns=resources)["EvalResourceName"] == name


@pytest.mark.parametrize(
    ("action", "resource", "decision"),
    [
        ("iam:GetUser", A, "implicitDeny"),
        ("iam:GetUser", USER, "allowed"),
        ("IAM:getuser", A, "implicitDeny"),
        ("s3:GetObject", USER, "implicitDeny"),
        ("s3:GetObject", "arn:aws:s3:::bucket", "allowed"),  # buckets and objects share their actions here
        ("s3:ListBucket", A, "allowed"),
        ("iam:ListUsers", USER, "implicitDeny"),  # an action without resource types
        ("iam:ListUsers", "*", "allowed"),
        ("madeup:Action", A, "allowed"),
        ("s3:MadeUp", USER, "allowed"),
        ("s3:*", A, "allowed"),
        ("s3:*", "*", "allowed"),
        ("s3:", "*", "allowed"),
        ("s3:Get Object", "*", "allowed"),
    ],
)
def test_an_action_is_possible_on_its_own_resource_types_only(stead: Any, action: str, resource: str, decision: str) -> None:
    result = one(stead, EVERYTHING, actions=action, ResourceArns=[resource])
    assert (result["EvalActionName"], result["EvalDecision"]) == (action, decision)
    assert bool(result["MatchedStatements"]) == (decision == "allowed")


def test_names_of_services_are_no_file_names(stead: Any) -> None:
    assert one(stead, EVERYTHING, actions="../../actions/s3:GetObject", ResourceArns=[A])["EvalDecision"] == "allowed"


def test_every_format_of_the_reference_is_an_arn() -> None:
    for service in reference.service_names():
        for action in reference.actions(service):
            authorization_reference.supports(f"{service}:{action}", A)


def test_positions_in_a_document_of_several_lines(stead: Any) -> None:
    statements = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}] * 2
    result = one(stead, json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2))
    places = [(item["StartPosition"], item["EndPosition"]) for item in result["MatchedStatements"]]
    assert places == [
        ({"Line": 3, "Column": 17}, {"Line": 8, "Column": 6}),
        ({"Line": 8, "Column": 6}, {"Line": 13, "Column": 6}),
    ]


def test_the_position_of_a_statement_without_a_list(stead: Any) -> None:
    document = '{"Version": "2012-10-17", "Statement": {"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}}'
    assert matched(one(stead, document, actions="s3:PutObject")) == [("PolicyInputList.1", "IAM Policy", 41, 113)]


def missing(operator: str, key: str = "stack:missing", value: str = "yes", action: str = "s3:GetObject") -> str:
    """A permission under one condition."""
    return policy(action=action, Condition={operator: {key: value}})


@pytest.mark.parametrize(
    ("document", "decision", "keys"),
    [
        (missing("StringEquals"), "implicitDeny", ["stack:missing"]),
        (missing("StringNotEquals"), "allowed", []),
        (missing("StringNotEqualsIfExists"), "allowed", []),
        (missing("StringEqualsIfExists"), "allowed", []),
        (missing("Null", value="true"), "allowed", []),
        (missing("Null", value="false"), "implicitDeny", ["stack:missing"]),
        (missing("ForAllValues:StringEquals"), "allowed", []),
        (missing("ForAnyValue:StringEquals"), "implicitDeny", ["stack:missing"]),
        # A statement about another action counts as well.
        (missing("StringEqualsIfExists", action="s3:PutObject"), "implicitDeny", ["stack:missing"]),
        (policy(resource="arn:aws:s3:::stackd-simulation/${aws:username}"), "implicitDeny", ["aws:username"]),
        (policy(resource="arn:aws:s3:::stackd-simulation/${*}${aws:username}"), "implicitDeny", ["aws:username"]),
        # Spelled as the policy does; a key that only has its default is missing.
        (missing("StringEquals", "Stack:Missing"), "implicitDeny", ["Stack:Missing"]),
        (missing("StringEquals", "aws:userid", "*"), "implicitDeny", ["aws:userid"]),
    ],
)
def test_missing_keys(stead: Any, document: str, decision: str, keys: list[str]) -> None:
    result = one(stead, document, ResourceArns=[A])
    assert (result["EvalDecision"], result["MissingContextValues"]) == (decision, keys)
    assert result["ResourceSpecificResults"][0]["MissingContextValues"] == keys


def test_supplied_keys_are_not_missing(stead: Any) -> None:
    entry = {"ContextKeyName": "STACK:missing", "ContextKeyType": "string", "ContextKeyValues": ["no"]}
    assert one(stead, missing("StringEquals"), ContextEntries=[entry])["MissingContextValues"] == []


BOUNDARY_DENIES = ("PermissionsBoundaryPolicyInputList.1", "Permissions Boundary Policy", 38, 94)


@pytest.mark.parametrize(
    ("identity", "boundary", "expected", "statements"),
    [
        ([READ], READ, ("allowed", True), [("PolicyInputList.1", "IAM Policy", 38, 95)]),
        ([READ], policy(action="s3:PutObject"), ("implicitDeny", False), []),
        ([READ], DENY_READ, ("explicitDeny", False), [BOUNDARY_DENIES]),
        ([DENY_READ], DENY_READ, ("explicitDeny", False), [("PolicyInputList.1", "IAM Policy", 38, 94), BOUNDARY_DENIES]),
        ([], READ, ("implicitDeny", True), []),
    ],
)
def test_a_boundary(stead: Any, identity: list[str], boundary: str, expected: tuple[str, bool], statements: list[Any]) -> None:
    decision, allowed = expected
    result = one(stead, *identity, PermissionsBoundaryPolicyInputList=[boundary], ResourceArns=[A])
    assert (result["EvalDecision"], sorted(matched(result))) == (decision, sorted(statements))
    detail = {"AllowedByPermissionsBoundary": allowed}
    assert result["PermissionsBoundaryDecisionDetail"] == detail
    assert result["ResourceSpecificResults"][0]["PermissionsBoundaryDecisionDetail"] == detail


def test_a_boundarys_keys_can_be_missing_too(stead: Any) -> None:
    boundary = missing("StringEquals", "stack:boundary")
    assert one(stead, READ, PermissionsBoundaryPolicyInputList=[boundary])["MissingContextValues"] == ["stack:boundary"]


@pytest.mark.parametrize(
    ("levels", "decision", "allowed"),
    [
        ([[EVERYTHING], [EVERYTHING]], "allowed", True),
        ([[EVERYTHING], [DENY_READ]], "explicitDeny", False),
        ([[DENY_READ, EVERYTHING], [EVERYTHING]], "explicitDeny", False),
        ([[EVERYTHING], [policy(action="s3:PutObject")]], "implicitDeny", False),
        ([[policy(action="s3:PutObject"), READ]], "allowed", True),
    ],
)
def test_an_organization(stead: Any, levels: list[list[str]], decision: str, allowed: bool) -> None:
    passed = [{"ServiceControlPolicyInputList": level} for level in levels]
    hidden = missing("StringEquals")
    result = one(stead, READ, hidden, OrderedOrganizationPolicyInputList=passed, ResourceArns=[A])
    assert (result["EvalDecision"], result["OrganizationsDecisionDetail"]) == (decision, {"AllowedByOrganizations": allowed})
    assert bool(result["MatchedStatements"]) == bool(result["MissingContextValues"]) == ("EvalDecisionDetails" in result) == allowed


def test_no_organization_no_detail(stead: Any) -> None:
    assert "OrganizationsDecisionDetail" not in one(stead, READ)


@pytest.mark.parametrize(
    ("caller", "named", "decision"),
    [
        ("user/simulation/somebody", "*", "allowed"),
        ("user/simulation/somebody", f"arn:aws:iam::{ACCOUNT}:user/simulation/somebody", "allowed"),
        ("user/simulation/somebody", f"arn:aws:iam::{ACCOUNT}:user/simulation/else", "implicitDeny"),
        ("role/some/role", f"arn:aws:iam::{ACCOUNT}:role/some/role", "allowed"),
        ("group/some", "*", "allowed"),
    ],
)
def test_a_resource_policy_grants_alone(stead: Any, caller: str, named: str, decision: str) -> None:
    resource = policy(resource="arn:aws:s3:::stackd-simulation/*", Principal={"AWS": named})
    result = one(stead, ResourcePolicy=resource, CallerArn=f"arn:aws:iam::{ACCOUNT}:{caller}", ResourceArns=[A])
    assert (result["EvalDecision"], result["EvalDecisionDetails"]) == (decision, {})
    assert [(name, kind) for name, kind, _, _ in matched(result)] == [("ResourcePolicy", "Resource Policy")] * (decision == "allowed")


def test_both_grants_are_told(stead: Any) -> None:
    boundary = policy(action="s3:PutObject")
    result = one(stead, READ, ResourcePolicy=BUCKET_POLICY, CallerArn=USER, ResourceArns=[A], PermissionsBoundaryPolicyInputList=[boundary])
    assert result["EvalDecision"] == "allowed"
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    assert {name for name, _, _, _ in matched(result)} == {"ResourcePolicy", "PolicyInputList.1"}


@pytest.mark.parametrize(("identity", "decision", "by_identity"), [([], "implicitDeny", "implicitDeny"), ([READ], "allowed", "allowed")])
def test_across_accounts_both_sides_decide(stead: Any, identity: list[str], decision: str, by_identity: str) -> None:
    result = one(stead, *identity, ResourcePolicy=BUCKET_POLICY, CallerArn=USER, ResourceArns=[A], ResourceOwner=OTHER_ACCOUNT)
    details = {"IAM Policy": by_identity, "Resource Policy": "allowed"}
    assert (result["EvalDecision"], result["EvalDecisionDetails"]) == (decision, details)
    assert result["ResourceSpecificResults"][0]["EvalDecisionDetails"] == details


def test_the_details_of_several_resources_are_the_most_restrictive(stead: Any) -> None:
    resource = policy(resource="arn:aws:s3:::stackd-simulation/*", Principal={"AWS": "*"})
    result = one(stead, policy(resource=A), ResourcePolicy=resource, CallerArn=USER, ResourceArns=[A, B], ResourceOwner=OTHER_ACCOUNT)
    assert result["EvalDecisionDetails"] == {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}


def test_a_trust_policy_is_the_resource_policy_of_assuming_the_role(stead: Any) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/r"
    trust = json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}}}
    )
    asked: dict[str, Any] = {"actions": "sts:AssumeRole", "ResourcePolicy": trust, "CallerArn": USER, "ResourceArns": [role]}
    assert one(stead, **asked)["EvalDecision"] == "implicitDeny"
    assert one(stead, policy(action="sts:AssumeRole"), **asked)["EvalDecision"] == "allowed"


def test_pages_count_actions(stead: Any) -> None:
    iam = stead.client("iam")
    asked: dict[str, Any] = {"PolicyInputList": [READ], "ResourceArns": [A, B]}
    first = iam.simulate_custom_policy(ActionNames=["s3:PutObject", "iam:GetUser", "s3:GetObject"], MaxItems=1, **asked)
    assert [item["EvalActionName"] for item in first["EvaluationResults"]] == ["s3:PutObject"]
    assert len(first["EvaluationResults"][0]["ResourceSpecificResults"]) == 2
    # It goes on at its place, with other actions and another length.
    names = ["s3:GetObject", "s3:ListBucket", "s3:GetObject"]
    rest = iam.simulate_custom_policy(ActionNames=names, MaxItems=2, Marker=first["Marker"], **asked)
    assert [item["EvalActionName"] for item in rest["EvaluationResults"]] == names[1:]
    assert (first["IsTruncated"], rest["IsTruncated"], "Marker" in rest) == (True, False, False)


def test_a_page_has_a_hundred_actions_unless_asked(stead: Any) -> None:
    answer = stead.client("iam").simulate_custom_policy(PolicyInputList=[READ], ActionNames=["s3:GetObject"] * 101)
    assert (len(answer["EvaluationResults"]), answer["IsTruncated"]) == (100, True)


def many(statements: int) -> str:
    """A document of so many statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}] * statements})


def test_much_to_ask_makes_a_page_shorter(stead: Any) -> None:
    resources = [f"arn:aws:s3:::stackd-simulation/{number}" for number in range(90)]
    asked: dict[str, Any] = {"PolicyInputList": [many(250)], "ResourceArns": resources}
    answer = stead.client("iam").simulate_custom_policy(ActionNames=["s3:GetObject"] * 5, **asked)
    assert [len(item["ResourceSpecificResults"]) for item in answer["EvaluationResults"]] == [90, 90]
    assert answer["IsTruncated"] is True


def test_too_much_to_ask_is_refused(stead: Any) -> None:
    resources = [f"arn:aws:s3:::stackd-simulation/{number}" for number in range(500)]
    asked: dict[str, Any] = {"PolicyInputList": [many(50), many(51)], "ActionNames": ["s3:GetObject"], "ResourceArns": resources}
    refused = refusal(stead.client("iam").simulate_custom_policy, **asked)
    assert refused == Refusal("InvalidInput", 400, "The policies and resources are too many to be simulated in one call.")


def test_pages_join(stead: Any) -> None:
    pages = stead.client("iam").get_paginator("simulate_custom_policy")
    names = [f"s3:Action{number}" for number in range(7)]
    found = pages.paginate(PolicyInputList=[READ], ActionNames=names, PaginationConfig={"PageSize": 3}).build_full_result()
    assert [item["EvalActionName"] for item in found["EvaluationResults"]] == names
