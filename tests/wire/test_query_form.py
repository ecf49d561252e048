"""The parsing of query requests: each row of recorded-aws.md 3, and the rest of the form rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import ServiceModel
from hypothesis import given, settings
from hypothesis import strategies as st

from stead.aws.errors import AwsError
from stead.aws.models import operation_model
from stead.wire.aws_query import fields, parse

TAGS = {"Tags.member.1.Key": "a", "Tags.member.1.Value": "b"}


def found(operation: str, form: str, service: str = "iam") -> dict[str, Any]:
    return parse(operation_model(service, operation), form.encode())


def refusal(operation: str, form: str, service: str = "iam") -> str:
    with pytest.raises(AwsError) as raised:
        found(operation, form, service)
    assert (raised.value.code, raised.value.status) == ("MalformedInput", 400)
    return raised.value.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("01", 1),
        ("%2B1", 1),
        ("-5", -5),
        ("2147483647", 2**31 - 1),
        ("-2147483648", -(2**31)),
        ("0" * 5000 + "7", 7),
        ("1001", 1001),
    ],
)
def test_integers(text: str, value: int) -> None:
    assert found("ListRoles", f"MaxItems={text}") == {"MaxItems": value}


@pytest.mark.parametrize(
    "text", ["", "+1", "1+", "%091", "1.0", "1e3", "2147483648", "-2147483649", "9" * 5000, "0x10", "1_000", "%D9%A1", "--1", "%2B"]
)
def test_what_is_no_integer(text: str) -> None:
    refusal("ListRoles", f"MaxItems={text}")


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_booleans(text: str, value: bool) -> None:
    assert found("ListPolicies", f"OnlyAttached={text}") == {"OnlyAttached": value}


@pytest.mark.parametrize("text", ["", "True", "TRUE", "yes", "01", "+true", "2"])
def test_what_is_no_boolean(text: str) -> None:
    refusal("ListPolicies", f"OnlyAttached={text}")


@pytest.mark.parametrize(
    ("form", "tags"),
    [
        ("Tags.member.1.Key=a&Tags.member.1.Value=b", [{"Key": "a", "Value": "b"}]),
        ("Tags.member.01.Key=a&Tags.member.1.Value=b", [{"Key": "a", "Value": "b"}]),
        ("Tags.member.2.Key=a", [None, {"Key": "a"}]),
        ("Tags.member.1.Key=a&Tags.member.3.Key=c", [{"Key": "a"}, None, {"Key": "c"}]),
        ("Tags.member.3.Key=c&Tags.member.1.Key=a", [{"Key": "a"}, None, {"Key": "c"}]),
        ("Tags.member.11.Key=a", [None] * 10 + [{"Key": "a"}]),
        ("Tags.member.11.Key=a&Tags.member.21.Key=b", [None] * 10 + [{"Key": "a"}] + [None] * 9 + [{"Key": "b"}]),
        ("Tags.member.1.Key=a&Tags.member.1.Other=b&Tags.other=1", [{"Key": "a"}]),
        ("Tags=", []),
        ("Tags=&Tags.member.1.Key=a", [{"Key": "a"}]),
        ("Tags.member.1.Key=a&Tags=", [{"Key": "a"}]),
        ("Tags.member.1.Key=a&Tags.member.1.Key=b", [{"Key": "b"}]),
        ("Tags.member.1=", [{}]),
    ],
)
def test_lists(form: str, tags: list[Any]) -> None:
    assert found("TagRole", form) == {"Tags": tags}


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("Tags.member.0.Key=a", "0 is not a valid index"),
        ("Tags.member.000.Key=a", "0 is not a valid index"),
        ("Tags.member.-1.Key=a", "Key -1 may not have a leading '-'"),
        ("Tags.member.12.Key=a", "Excessively sparse input would skip 11 list elements"),
        ("Tags.member.49.Key=a", "Excessively sparse input would skip 48 list elements"),
        ("Tags.member.1.Key=a&Tags.member.12.Key=a", "Excessively sparse input would skip 11 list elements"),
        ("Tags.member.1.Key=a&Tags.member.11.Key=a&Tags.member.22.Key=a", "Excessively sparse input would skip 11 list elements"),
        ("Tags.member.999999999.Key=a", "Excessively sparse input would skip 999999998 list elements"),
        ("Tags=x", "Unexpected list element termination"),
        ("Tags.1.Key=x", "Top level element may not be treated as a list"),
        ("Tags.member.1=x", "Unexpected complex element termination"),
        ("RoleName.x=1", "Start of structure or map found where not expected"),
    ],
)
def test_malformed_lists(form: str, message: str) -> None:
    assert refusal("TagRole", form) == message


def test_an_index_that_is_no_number_in_a_list_of_strings() -> None:
    assert refusal("UntagRole", "TagKeys.member.%2B1=a") == "Start of list found where not expected"


@pytest.mark.parametrize(
    ("form", "parameters"),
    [
        ("", {}),
        ("&&=&=x&RoleName", {"RoleName": ""}),
        ("Action=GetRole&Version=2010-05-08&X-Amz-Date=x&Nonsense=1&RoleName=r", {"RoleName": "r"}),
        ("RoleName=a+b%2Bc%20d%3D=%26", {"RoleName": "a b+c d==&"}),
        ("RoleName=%E6%97%A5\u672c", {"RoleName": "\u65e5\u672c"}),
        ("RoleName=%zz%", {"RoleName": "%zz%"}),
        ("RoleName=a&RoleName=b", {"RoleName": "b"}),
        ("Tags.member.1.Key=a", {}),
    ],
)
def test_fields(form: str, parameters: dict[str, Any]) -> None:
    assert found("GetRole", form) == parameters


@pytest.mark.parametrize("form", [b"RoleName=%FF", b"RoleName=\xff", b"%C3=1", b"RoleName=%ED%A0%80"])
def test_what_is_not_utf8(form: bytes) -> None:
    with pytest.raises(AwsError) as raised:
        parse(operation_model("iam", "GetRole"), form)
    assert (raised.value.code, raised.value.status) == ("MalformedInput", 400)


def test_the_last_of_a_repeated_name_counts_for_the_routing_too() -> None:
    assert fields(b"Action=A&Action=B") == {"Action": "B"}


def test_timestamps_and_blobs() -> None:
    form = "StartTime=2026-11-23T20%3A47%3A00.5Z&EndTime=1764000000&Period=1"
    shape = {"type": "structure", "members": {"StartTime": {"shape": "T"}, "EndTime": {"shape": "T"}, "Blob": {"shape": "B"}}}
    model = model_of({"In": shape, "T": {"type": "timestamp"}, "B": {"type": "blob"}})
    first, second = datetime(2026, 11, 23, 20, 47, 0, 500000, UTC), datetime.fromtimestamp(1764000000, UTC)
    assert parse(model, form.encode()) == {"StartTime": first, "EndTime": second}
    assert parse(model, b"Blob=Zm9v") == {"Blob": b"foo"}
    for wrong in (
        "Blob=Z",
        "Blob=%C3%A9",
        "StartTime=",
        "StartTime=yesterday",
        "StartTime=2026-13-01T00:00:00Z",
        "StartTime=9999999999999",
    ):
        with pytest.raises(AwsError, match="MalformedInput"):
            parse(model, wrong.encode())


def model_of(shapes: dict[str, Any]) -> Any:
    return ServiceModel({"metadata": {}, "operations": {"Do": {"name": "Do", "input": {"shape": "In"}}}, "shapes": shapes}).operation_model(
        "Do"
    )


def test_a_recursive_shape_is_read_as_deep_as_a_name_may_go() -> None:
    model = model_of({"In": {"type": "structure", "members": {"In": {"shape": "In"}, "S": {"shape": "S"}}}, "S": {"type": "string"}})
    assert parse(model, b"In.In.S=x") == {"In": {"In": {"S": "x"}}}
    with pytest.raises(AwsError, match="nested too deeply"):
        parse(model, b".".join([b"In"] * 100_000) + b"=x")


NAMES = st.lists(
    st.sampled_from(["Tags", "member", "1", "01", "0", "-1", "2", "12", "Key", "Value", "RoleName", "", "entry", "key", "\u00b2"]),
    max_size=6,
)
TEXTS = st.text(max_size=8)


@settings(deadline=None)
@given(st.lists(st.tuples(NAMES.map(".".join), TEXTS), max_size=8))
def test_any_fields_give_parameters_or_an_error_of_aws(pairs: list[tuple[str, str]]) -> None:
    check("&".join(f"{name}={value}" for name, value in pairs).encode(errors="replace"))


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_parameters_or_an_error_of_aws(form: bytes) -> None:
    check(form)


def check(form: bytes) -> None:
    for operation in ("CreateRole", "UntagRole", "SimulateCustomPolicy"):
        found = outcome(operation, form)
        assert isinstance(found, dict) or found.status == 400


def outcome(operation: str, form: bytes) -> dict[str, Any] | AwsError:
    try:
        return parse(operation_model("iam", operation), form)
    except AwsError as error:
        return error
