"""The texts of broken constraints, and what keeps them (aws-behaviour.md 1.4, recorded-aws.md 3)."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from botocore.model import ServiceModel, Shape

from stead.aws.errors import AwsError
from stead.aws.models import OWN_SERVICES, operation_model, operation_names, service_model
from stead.wire.constraints import validate
from stead.wire.patterns import matcher

NAME = r"[\w+=,.@-]"
TAG = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]"
TRUST = {"AssumeRolePolicyDocument": "{}"}


def refusal(service: str, operation: str, parameters: dict[str, Any]) -> str:
    with pytest.raises(AwsError) as raised:
        validate(operation_model(service, operation), service, parameters)
    assert raised.value.status == 400
    return str(raised.value)


def told(*items: str, code: str = "ValidationError") -> str:
    plural = "" if len(items) == 1 else "s"
    return f"{code}: {len(items)} validation error{plural} detected: " + "; ".join(items)


def broken(field: str, constraint: str) -> str:
    return f"Value at '{field}' failed to satisfy constraint: Member must {constraint}"


@pytest.mark.parametrize(
    ("operation", "parameters", "items"),
    [
        ("ListRoles", {"MaxItems": 1001}, [broken("maxItems", "have value less than or equal to 1000")]),
        ("ListRoles", {"MaxItems": 0}, [broken("maxItems", "have value greater than or equal to 1")]),
        ("GetRole", {}, [broken("roleName", "not be null")]),
        ("GetRole", {"RoleName": "r" * 65}, [broken("roleName", "have length less than or equal to 64")]),
        (
            "GetRole",
            {"RoleName": ""},
            [
                broken("roleName", f"satisfy regular expression pattern: {NAME}+"),
                broken("roleName", "have length greater than or equal to 1"),
            ],
        ),
        (
            "UpdateServiceSpecificCredential",
            {"ServiceSpecificCredentialId": "A" * 20, "Status": "bad"},
            [broken("status", "satisfy enum value set")],
        ),
        (
            "TagRole",
            {"RoleName": "r", "Tags": [{}]},
            [broken("tags.1.member.value", "not be null"), broken("tags.1.member.key", "not be null")],
        ),
        (
            "TagRole",
            {"RoleName": "r", "Tags": [None] * 10 + [{"Key": "a", "Value": "b"}]},
            [broken(f"tags.{number}.member.{name}", "not be null") for number in range(1, 6) for name in ("value", "key")],
        ),
        (
            "TagRole",
            {"RoleName": "r", "Tags": [{"Key": "a", "Value": "b!"}]},
            [broken("tags.1.member.value", f"satisfy regular expression pattern: {TAG}*")],
        ),
        (
            "UntagRole",
            {"RoleName": "r", "TagKeys": ["ok", ""]},
            [
                broken(
                    "tagKeys",
                    "satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1,"
                    f" Member must satisfy regular expression pattern: {TAG}+, Member must not be null]",
                )
            ],
        ),
        ("UntagRole", {"RoleName": "r", "TagKeys": ["k"] * 51}, [broken("tagKeys", "have length less than or equal to 50")]),
        ("CreateRole", {}, [broken("assumeRolePolicyDocument", "not be null"), broken("roleName", "not be null")]),
        (
            "CreateRole",
            {"RoleName": "r", **TRUST, "Description": "\x01"},
            [broken("description", r"satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*")],
        ),
        (
            "CreateRole",
            {"RoleName": "r", **TRUST, "MaxSessionDuration": 43201},
            [broken("maxSessionDuration", "have value less than or equal to 43200")],
        ),
    ],
)
def test_iam_leaves_the_value_out(operation: str, parameters: dict[str, Any], items: list[str]) -> None:
    assert refusal("iam", operation, parameters) == told(*items)


@pytest.mark.parametrize("path", ["team", "/team", "team/", "//", "/caf\u00e9/"])
def test_a_bad_path_has_a_text_of_its_own(path: str) -> None:
    text = "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."
    assert refusal("iam", "CreateRole", {"RoleName": "r", "Path": path, **TRUST}) == f"ValidationError: {text}"


@pytest.mark.parametrize("path", ["/", "/team/", "/a//b/"])
def test_good_paths(path: str) -> None:
    validate(operation_model("iam", "CreateRole"), "iam", {"RoleName": "r", "Path": path, **TRUST})


def test_sts_shows_the_value() -> None:
    arn = "arn:aws:iam::123456789012:role/r"
    shown = (
        r"Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*"
    )
    assert refusal("sts", "AssumeRole", {"RoleArn": arn, "RoleSessionName": "Session1:2"}) == told(shown)
    null = "Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null"
    assert refusal("sts", "AssumeRole", {"RoleArn": arn}) == told(null)


def test_lengths_are_characters_and_not_units_of_an_encoding() -> None:
    model = operation_model("sts", "AssumeRole")
    validate(model, "sts", {"RoleArn": "\u00e9" * 2048, "RoleSessionName": "session"})
    assert "less than or equal to 2048" in refusal("sts", "AssumeRole", {"RoleArn": "\u00e9" * 2049, "RoleSessionName": "session"})


def test_cloudtrail_shows_the_value_and_lists_the_enum() -> None:
    attribute = {"AttributeKey": "Bad", "AttributeValue": "x"}
    assert refusal("cloudtrail", "LookupEvents", {"LookupAttributes": [attribute]}) == told(
        "Value 'Bad' at 'lookupAttributes.1.member.attributeKey' failed to satisfy constraint: Member must satisfy enum value set: "
        "[EventId, EventName, ReadOnly, Username, ResourceType, ResourceName, EventSource, AccessKeyId]",
        code="ValidationException",
    )


@pytest.mark.parametrize(
    ("operation", "parameters", "text"),
    [
        ("DeleteCluster", {}, "ClientException: Cluster can not be null."),
        ("DescribeTasks", {}, "InvalidParameterException: Tasks cannot be empty."),
        ("DescribeClusters", {"clusters": [None]}, "ClientException: Clusters can not be null."),
        ("CreateCluster", {"capacityProviders": [], "defaultCapacityProviderStrategy": [{}]}, None),
        ("CreateCluster", {"tags": [None]}, "ClientException: Tags can not be null."),
    ],
)
def test_of_ecs_only_nulls_are_checked(operation: str, parameters: dict[str, Any], text: str | None) -> None:
    text = text or "ClientException: DefaultCapacityProviderStrategy capacityProvider can not be null."
    assert refusal("ecs", operation, parameters) == text


def test_ecs_words_other_constraints_itself() -> None:
    validate(operation_model("ecs", "CreateCluster"), "ecs", {"tags": [{"key": "", "value": "!" * 1000}]})


def test_maps_and_recursive_shapes() -> None:
    shapes = {
        "In": {"type": "structure", "members": {"M": {"shape": "M"}, "In": {"shape": "In"}, "N": {"shape": "N"}}},
        "M": {"type": "map", "key": {"shape": "K"}, "value": {"shape": "In"}, "max": 1},
        "K": {"type": "string", "max": 2},
        "N": {"type": "integer", "max": 5},
    }
    model = ServiceModel(
        {"metadata": {}, "operations": {"Do": {"name": "Do", "input": {"shape": "In"}}}, "shapes": shapes}
    ).operation_model("Do")
    validate(model, "iam", {"M": {"k": {"N": 5}}, "In": {"In": {}}})
    with pytest.raises(AwsError) as raised:
        validate(model, "iam", {"M": {"key": {"In": {"N": 6}}}, "In": {"N": 7}})
    assert str(raised.value) == told(
        broken("in.n", "have value less than or equal to 5"),
        "Value at 'm' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 2]",
        broken("m.key.member.in.n", "have value less than or equal to 5"),
    )


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (
            f"{TAG}*",
            ["", "aZ09 _.:/=+-@", "\u65e5\u672c \u00e9\u2028\u00a0\u0661\u2167\U00020000"],
            ["!", "a\t", "\u20ac", "\U0001f600", "\ue000", "\uffff"],
        ),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@{}]+", ["{a}"], ["", "{a}\n"]),
        (f"{NAME}+", ["a_b@c"], ["\u00e9", "\u0661", "a b", "a\n"]),
        (r"[\d]*", ["123"], ["\u0661"]),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", ["\U0001f600\t"], ["\n", "\ud800"]),
        (r"^[0-9]{2}:[0-9]{2}", ["12:30"], ["12:300", "12:30\n"]),
        (r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)", ["/", "/a/"], ["//", "/a"]),
    ],
)
def test_patterns_are_javas_and_cover_the_whole(pattern: str, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if not matcher(pattern)(text)] == []
    assert [text for text in bad if matcher(pattern)(text)] == []


@pytest.mark.parametrize("service", OWN_SERVICES)
def test_every_pattern_of_every_operation_compiles(service: str) -> None:
    model = service_model(service)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in model.shape_names:
            shape: Shape = model.shape_for(name)
            if "pattern" in shape.metadata:
                matcher(shape.metadata["pattern"])("x")


@pytest.mark.parametrize("service", OWN_SERVICES)
def test_every_operation_with_a_required_member_refuses_an_empty_request(service: str) -> None:
    for name in operation_names(service):
        model = operation_model(service, name)
        if model.input_shape and model.input_shape.required_members:
            refusal(service, name, {})
        else:
            validate(model, service, {})
