"""What the simulator accepts and refuses: context entries and errors, word for word (recorded-aws.md 9, and the recordings behind it)."""

from __future__ import annotations

from typing import Any

import pytest
from support.documents import allow
from support.refusals import Refusal, refusal
from support.simulation import BUCKET_POLICY, EVERYTHING, READ, USER, A, B, one, policy
from support.stead import ACCOUNT

from stead.policy.conditions.simulated import SIMULATED, read_number


def entry(kind: str | None, *values: str, name: str | None = "stack:key") -> dict[str, Any]:
    """A context entry; None leaves a member out."""
    members = {"ContextKeyName": name, "ContextKeyType": kind, "ContextKeyValues": list(values)}
    return {member: value for member, value in members.items() if value is not None}


def decision(stead: Any, condition: dict[str, Any], *entries: dict[str, Any], **more: Any) -> str:
    """What a permission under this condition comes to."""
    result: str = one(stead, policy(Condition=condition), ContextEntries=list(entries), **more)["EvalDecision"]
    return result


NUMERIC = "Invalid context value for key stack:key: expected numeric format."
DATE = "Invalid context value for key stack:key: expected DateTime format."
ADDRESS = "Invalid context value for key stack:key: expected IP address."
BINARY = "Invalid context value for key stack:key: expected base-64 encoded binary format."


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([entry(None, "yes")], "Context key stack:key has invalid type null."),
        ([entry("string")], "Context values for context key stack:key cannot be null or empty."),
        ([entry("stringList")], "Context values for context key stack:key cannot be null or empty."),
        ([entry("string", "yes", name=None)], "ContextKeyName cannot be null or empty."),
        ([entry("string", "a", "b")], "Context key string expected a single value, but received 2."),
        ([entry("string", "a"), entry("string", "b", name="STACK:KEY")], "Duplicate context key: STACK:KEY."),
        ([entry("numeric", "abc")], NUMERIC),
        ([entry("numeric", "0x10")], NUMERIC),
        ([entry("numeric", " 1 ")], NUMERIC),
        ([entry("numeric", "Infinity")], NUMERIC),
        ([entry("numeric", "NaN")], NUMERIC),
        ([entry("numericList", "1", "x")], NUMERIC),
        ([entry("date", "tomorrow")], DATE),
        ([entry("ip", "999.0.0.1")], ADDRESS),
        ([entry("ip", "192.0.2.0/24")], ADDRESS),
        ([entry("ip", "fe80::1%eth0")], ADDRESS),
        ([entry("binary", "!base64")], BINARY),
        ([entry("binary", "YQ")], BINARY),
        ([entry("binary", "YR==")], BINARY),
        ([entry("binary", "eWVz\n")], BINARY),
        ([entry("binary", "YQ-_")], BINARY),
    ],
)
def test_entries_that_are_refused(stead: Any, entries: list[dict[str, Any]], message: str) -> None:
    asked = {"PolicyInputList": [EVERYTHING], "ActionNames": ["s3:GetObject"], "ContextEntries": entries}
    assert refusal(stead.client("iam").simulate_custom_policy, **asked) == Refusal("InvalidInput", 400, message)


@pytest.mark.parametrize(
    "accepted",
    [
        {},
        entry("string", ""),
        entry("string", "yes", name="abcde"),
        entry("boolean", "TRUE"),
        entry("boolean", "yes"),
        entry("numeric", "01.00"),
        entry("numeric", "+1"),
        entry("numeric", "1e2"),
        entry("numeric", "1e9999"),
        entry("date", "2035"),
        entry("ip", "192.000.002.1"),
        entry("ip", "2001:db8::1"),
        entry("binary", "YQ=="),
        entry("binary", ""),
    ],
)
def test_entries_that_are_accepted(stead: Any, accepted: dict[str, Any]) -> None:
    assert one(stead, EVERYTHING, ContextEntries=[accepted])["EvalDecision"] == "allowed"


@pytest.mark.parametrize(
    ("condition", "given", "expected"),
    [
        ({"NumericEquals": {"stack:key": "1"}}, entry("numeric", "01.00"), "allowed"),
        ({"NumericEquals": {"stack:key": "100"}}, entry("numeric", "1e2"), "allowed"),
        # A number is no text, and neither is a date.
        ({"StringEquals": {"stack:key": "01.00"}}, entry("numeric", "01.00"), "implicitDeny"),
        ({"StringEquals": {"stack:key": "1"}}, entry("numeric", "1"), "implicitDeny"),
        ({"StringEquals": {"stack:key": "2035-01-02"}}, entry("date", "2035-01-02"), "implicitDeny"),
        ({"StringEquals": {"stack:key": "2035-01-02"}}, entry("string", "2035-01-02"), "allowed"),
        ({"DateEquals": {"stack:key": "2035-01-02T00:00:00Z"}}, entry("date", "2035-01-02"), "allowed"),
        # An address keeps its spelling.
        ({"StringEquals": {"stack:key": "2001:db8::1"}}, entry("ip", "2001:0db8::1"), "implicitDeny"),
        ({"IpAddress": {"stack:key": "2001:db8::/32"}}, entry("ip", "2001:0db8::1"), "allowed"),
        # A list is one even with a single value, and a single value is none.
        ({"StringEquals": {"stack:key": "a"}}, entry("stringList", "a"), "implicitDeny"),
        ({"ForAnyValue:StringEquals": {"stack:key": "b"}}, entry("stringList", "a", "b"), "allowed"),
        ({"ForAllValues:StringEquals": {"stack:key": "b"}}, entry("stringList", "a", "b"), "implicitDeny"),
        ({"ForAnyValue:StringEquals": {"stack:key": "a"}}, entry("string", "a"), "allowed"),
        ({"Null": {"stack:key": "false"}}, entry("string", ""), "allowed"),
        ({"Bool": {"stack:key": "false"}}, entry("boolean", "yes"), "allowed"),
        ({"BinaryEquals": {"stack:key": "YQ=="}}, entry("binary", "YQ=="), "allowed"),
        # Differences from enforcement: what is no number meets no numeric operator, a bad network ends the comparison as false.
        ({"NumericNotEquals": {"stack:key": "1"}}, entry("string", "abc"), "implicitDeny"),
        ({"NumericNotEquals": {"stack:key": "1"}}, entry("string", "2"), "allowed"),
        ({"IpAddress": {"stack:key": ["10.0.0.0/8", "none"]}}, entry("ip", "10.1.1.1"), "allowed"),
        ({"IpAddress": {"stack:key": ["none", "10.0.0.0/8"]}}, entry("ip", "10.1.1.1"), "implicitDeny"),
        ({"NotIpAddress": {"stack:key": ["none", "10.0.0.0/8"]}}, entry("ip", "10.1.1.1"), "allowed"),
        ({"NotIpAddress": {"stack:key": ["10.0.0.0/8", "none"]}}, entry("ip", "10.1.1.1"), "implicitDeny"),
        # Dates and ARNs behave as in enforcement.
        ({"DateNotEquals": {"stack:key": "2035"}}, entry("string", "no date"), "allowed"),
        ({"ArnNotLike": {"stack:key": "arn:aws:s3:::*"}}, entry("string", "no arn"), "implicitDeny"),
    ],
)
def test_typed_entries(stead: Any, condition: dict[str, Any], given: dict[str, Any], expected: str) -> None:
    assert decision(stead, condition, given) == expected


def test_numbers_of_any_size_are_compared_without_writing_them_out() -> None:
    huge = SIMULATED["numericlessthan"].prepare(["1e999999999"], True)
    assert huge("1e999999998", {}).name == "MATCH"
    assert read_number("1e9999999999") is None


@pytest.mark.parametrize(
    ("key", "value", "caller", "expected"),
    [
        ("aws:userid", "STUB_PRINCIPAL_FOR_POLICY_SIMULATOR", None, "allowed"),
        ("aws:userid", USER, USER, "allowed"),
        ("aws:PrincipalArn", USER, USER, "allowed"),
        ("aws:username", "somebody", USER, "allowed"),
        ("aws:PrincipalAccount", ACCOUNT, None, "allowed"),
        ("aws:PrincipalAccount", "999999999999", "arn:aws:iam::999999999999:user/other", "allowed"),
        ("aws:username", "r", f"arn:aws:iam::{ACCOUNT}:role/r", "implicitDeny"),
    ],
)
def test_keys_that_a_caller_has_without_entries(stead: Any, key: str, value: str, caller: str | None, expected: str) -> None:
    more = {"CallerArn": caller} if caller else {}
    assert decision(stead, {"StringEquals": {key: value}}, **more) == expected
    override = entry("string", "override", name=key.upper())
    assert decision(stead, {"StringEquals": {key: "override"}}, override, **more) == "allowed"


def test_a_missing_entry_or_another_value_changes_the_answer(stead: Any) -> None:
    condition = {"StringEquals": {"stack:key": "yes"}}
    decisions = [decision(stead, condition, *entries) for entries in ([entry("string", "yes")], [entry("string", "no")], [])]
    assert decisions == ["allowed", "implicitDeny", "implicitDeny"]


SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"PolicyInputList": ["{"]}, "Policy input list item 1 has invalid content"),
        ({"PolicyInputList": [READ, '{"Version":"2099-01-01","Statement":[]}']}, "Policy input list item 2 has invalid content"),
        ({"PermissionsBoundaryPolicyInputList": [READ, READ]}, "The list of Permissions Boundary policies cannot exceed 1 items."),
        (
            {"OrderedOrganizationPolicyInputList": [{"ServiceControlPolicyInputList": []}]},
            "Organization policy at index 1 must contain at least one service control policy",
        ),
        ({"ActionNames": ["GetObject"]}, "The action is invalid since it is missing names"),
        (
            {"ActionNames": ["s3:GetObject", "madeup:Action", "iam:GetUser", "s3:*"], "ResourceArns": [A]},
            "Invalid Input Actions: [s3:GetObject,iam:GetUser] and [madeup:Action,s3:*] require different authorization information. ",
        ),
        ({"ResourceArns": ["not-an-arn"]}, "ResourceNames are not in a valid ARN format: not-an-arn."),
        ({"ResourceArns": ["arn:aws:s3"]}, "ResourceNames are not in a valid ARN format: arn:aws:s3."),
        ({"ResourceArns": [A, "*"]}, "ResourceNames are not in a valid ARN format: *."),
        ({"Marker": "not-a-simulation-marker"}, "Invalid marker for pagination."),
        ({"Marker": "eA=="}, "Invalid marker for pagination."),
        ({"CallerArn": SESSION}, "Invalid caller - Caller must be an IAM user, role or group in this context."),
        ({"CallerArn": "nobody"}, "Invalid caller - Caller must be an IAM user, role or group in this context."),
        ({"ResourceOwner": "not-an-arn"}, "'not-an-arn' is not a valid as a Resource Owner."),
        ({"ResourceOwner": ACCOUNT}, f"'{ACCOUNT}' is not a valid as a Resource Owner."),
        ({"ResourcePolicy": BUCKET_POLICY, "ResourceArns": [A]}, "Invalid caller - Caller cannot be null or empty."),
        (
            {"ResourcePolicy": BUCKET_POLICY, "CallerArn": USER},
            "Invalid Entity Arn: * does not clearly define entity type and name.",
        ),
        (
            {"ResourcePolicy": policy(Principal={"AWS": "*"}), "CallerArn": USER, "ResourceArns": [A]},
            "ResourceNames are not in a valid ARN format: *.",
        ),
        (
            {"ResourcePolicy": BUCKET_POLICY, "CallerArn": USER, "ResourceArns": [A, "arn:aws:s3:::another/a"]},
            "The resource policy is not applicable to the resource arn:aws:s3:::another/a.",
        ),
        (
            {"ResourceHandlingOption": "EC2-VPC-EBS", "ResourceArns": [A]},
            "Invalid input resource handling options. Action does not support resource handling options: s3:GetObject.",
        ),
        (
            {"ResourceHandlingOption": "EC2-Nothing", "ActionNames": ["ec2:RunInstances"], "ResourceArns": [A]},
            "Invalid input resource handling options. Action does not support resource handling options: ec2:RunInstances.",
        ),
    ],
)
def test_refusals(stead: Any, changes: dict[str, Any], message: str) -> None:
    asked = {"PolicyInputList": [READ], "ActionNames": ["s3:GetObject"], **changes}
    assert refusal(stead.client("iam").simulate_custom_policy, **asked) == Refusal("InvalidInput", 400, message)


def test_an_unknown_type_breaks_the_model(stead: Any) -> None:
    asked = {"PolicyInputList": [READ], "ActionNames": ["s3:GetObject"], "ContextEntries": [entry("unknown", "a")]}
    found = refusal(stead.client("iam").simulate_custom_policy, **asked)
    assert (found.code, found.status) == ("ValidationError", 400)
    assert "'contextEntries.1.member.contextKeyType' failed to satisfy constraint: Member must satisfy enum value set" in found.message


@pytest.mark.parametrize("option", ["EC2-VPC-InstanceStore", "EC2-VPC-InstanceStore-Subnet", "EC2-VPC-EBS", "EC2-VPC-EBS-Subnet"])
def test_resource_handling_does_not_ask_for_every_resource(stead: Any, option: str) -> None:
    instance = f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i-1"
    result = one(stead, EVERYTHING, actions="ec2:RunInstances", ResourceArns=[instance], ResourceHandlingOption=option)
    assert result["EvalDecision"] == "allowed"


def test_documents_that_iam_would_not_store_can_be_simulated(stead: Any) -> None:
    odd = policy(resource="not-an-arn", Condition={"NumericEquals": {"stack:key": "no number"}})
    assert one(stead, odd)["EvalDecision"] == "implicitDeny"


def test_resources_without_an_account_belong_to_the_callers(stead: Any) -> None:
    foreign = "arn:aws:iam::999999999999:user/other"
    result = one(stead, READ, ResourcePolicy=BUCKET_POLICY, CallerArn=foreign, ResourceArns=[A, B])
    assert (result["EvalDecision"], result["EvalDecisionDetails"]) == ("allowed", {})


def test_it_needs_its_permission(stead: Any) -> None:
    key = stead.user("alice", allow("iam:SimulateCustomPolicy"))
    asked: dict[str, Any] = {"PolicyInputList": [READ], "ActionNames": ["s3:GetObject"]}
    assert stead.client("iam", key).simulate_custom_policy(**asked)["EvaluationResults"]
    denied = refusal(stead.client("iam", stead.user("bob")).simulate_custom_policy, **asked)
    assert (denied.code, denied.status) == ("AccessDenied", 403)
    assert denied.message.startswith(
        f"User: arn:aws:iam::{ACCOUNT}:user/bob is not authorized to perform: iam:SimulateCustomPolicy on resource: *"
        " because no identity-based policy allows the iam:SimulateCustomPolicy action"
    )
