"""The JSON protocol: what a body may hold, and how answers and errors go out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stead.aws.errors import AwsError, access_denied, not_implemented
from stead.aws.models import operation_model, service_model
from stead.wire.aws_json import parse, refuse, reply

CREATE = operation_model("ecs", "CreateCluster")
SERVICE = operation_model("ecs", "CreateService")
EVENTS = operation_model("cloudtrail", "LookupEvents")


@pytest.mark.parametrize(
    ("body", "parameters"),
    [
        ("", {}),
        ("{}", {}),
        (' {"clusterName" : "a"}\n', {"clusterName": "a"}),
        ('{"clusterName":null,"tags":null}', {}),
        ('{"clusterName":"a","clusterName":"b"}', {"clusterName": "b"}),
        ('{"ClusterName":"a","unknown":{"x":[1]}}', {}),
        ('{"tags":[{"key":"k","value":"v","other":1},null]}', {"tags": [{"key": "k", "value": "v"}, None]}),
        ('{"clusterName":"\\u65e5"}', {"clusterName": "\u65e5"}),
    ],
)
def test_bodies(body: str, parameters: dict[str, Any]) -> None:
    assert parse(CREATE, body.encode()) == parameters


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "The request body is not valid JSON"),
        ('{"a":NaN}', "The request body is not valid JSON"),
        ('{"clusterName":"\\ud800"}', "The request body is not valid JSON"),
        ("[]", "The request body is not a JSON object"),
        ("null", "The request body is not a JSON object"),
        ('"text"', "The request body is not a JSON object"),
        ('{"serviceName":1}', "NUMBER_VALUE cannot be converted to String"),
        ('{"serviceName":1.5}', "DECIMAL_VALUE cannot be converted to String"),
        ('{"serviceName":true}', "TRUE_VALUE cannot be converted to String"),
        ('{"serviceName":[]}', "Unrecognized collection type class java.lang.String"),
        ('{"serviceName":{}}', "Start of structure or map found where not expected"),
        ('{"desiredCount":"1"}', "STRING_VALUE cannot be converted to Integer"),
        ('{"desiredCount":false}', "FALSE_VALUE cannot be converted to Integer"),
        ('{"desiredCount":2147483648}', "NUMBER_VALUE cannot be converted to Integer"),
        ('{"desiredCount":1e300}', "DECIMAL_VALUE cannot be converted to Integer"),
        ('{"enableECSManagedTags":"true"}', "STRING_VALUE cannot be converted to Boolean"),
        ('{"enableECSManagedTags":0}', "NUMBER_VALUE cannot be converted to Boolean"),
        ('{"tags":{}}', "Start of structure or map found where not expected"),
        ('{"tags":"a"}', "Unexpected field type"),
        ('{"tags":["a"]}', "Unexpected value type in payload"),
        ('{"networkConfiguration":[]}', "Unexpected value type in payload"),
    ],
)
def test_wrong_types(body: str, message: str) -> None:
    with pytest.raises(AwsError) as raised:
        parse(SERVICE, body.encode())
    assert (raised.value.code, raised.value.message, raised.value.status) == ("SerializationException", message, 400)


@pytest.mark.parametrize(("text", "value"), [("2147483647", 2**31 - 1), ("1.0", 1), ("1.9", 1), ("-1", -1)])
def test_integers(text: str, value: int) -> None:
    assert parse(SERVICE, f'{{"desiredCount":{text}}}'.encode()) == {"desiredCount": value}


def test_times_in_requests() -> None:
    start = datetime(2025, 11, 24, 16, 0, 0, 123000, UTC)
    assert parse(EVENTS, b'{"StartTime":1764000000.123,"EndTime":1764000000}') == {
        "StartTime": start,
        "EndTime": start.replace(microsecond=0),
    }
    for wrong in (b'"2025-11-24T16:00:00Z"', b"true", b"1e300", b"[]", b"{}"):
        with pytest.raises(AwsError, match="SerializationException"):
            parse(EVENTS, b'{"StartTime":' + wrong + b"}")


@pytest.mark.parametrize("opening", ['{"a":', "[", '{"tags":[', '{"clusterName":{"x":'])
def test_deep_nesting_is_refused(opening: str) -> None:
    with pytest.raises(AwsError, match="SerializationException"):
        parse(CREATE, (opening * 100_000).encode())


def test_a_document_is_taken_as_it_is_unless_nested_too_deeply() -> None:
    def details(document: str) -> Any:
        body = f'{{"deploymentConfiguration":{{"lifecycleHooks":[{{"hookDetails":{document}}}]}}}}'
        return parse(SERVICE, body.encode())["deploymentConfiguration"]["lifecycleHooks"][0]["hookDetails"]

    assert details('{"a":[1,null,"b"]}') == {"a": [1, None, "b"]}
    with pytest.raises(AwsError, match="nested too deeply"):
        details("[" * 600 + "]" * 600)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["tags", "key", "settings", "name", "desiredCount", "x"]), inner)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["clusterName", "tags", "settings", "desiredCount", "configuration"]), ANYTHING))
def test_any_document_gives_parameters_or_an_error_of_aws(document: dict[str, Any]) -> None:
    check(json.dumps(document).encode())


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_parameters_or_an_error_of_aws(body: bytes) -> None:
    check(body)


def check(body: bytes) -> None:
    for model in (CREATE, SERVICE, EVENTS):
        found = outcome(model, body)
        assert isinstance(found, dict) or found.status == 400


def outcome(model: Any, body: bytes) -> dict[str, Any] | AwsError:
    try:
        return parse(model, body)
    except AwsError as error:
        return error


def test_answers() -> None:
    result = {"cluster": {"clusterName": "a", "status": None, "tags": [], "future": {"x": 1}}, "clusterCount": 1}
    answer = reply(CREATE, result, "id-1")
    assert answer.status == 200
    assert dict(answer.headers) == {b"content-type": b"application/x-amz-json-1.1", b"x-amzn-requestid": b"id-1"}
    assert answer.body == b'{"cluster":{"clusterName":"a","tags":[],"future":{"x":1}},"clusterCount":1}'


@pytest.mark.parametrize(
    ("time", "sent"),
    [
        (1764000000123, b"1764000000.123"),
        (1764000000000, b"1764000000"),
        (datetime(2025, 11, 24, 16, 0, 0, 123000, UTC), b"1764000000.123"),
        (datetime(2025, 11, 24, 17, 0, 0, 0, timezone(timedelta(hours=1))), b"1764000000"),
    ],
)
def test_times_in_answers(time: int | datetime, sent: bytes) -> None:
    assert reply(EVENTS, {"Events": [{"EventTime": time}]}, "x").body == b'{"Events":[{"EventTime":' + sent + b"}]}"


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (
            AwsError("ClusterNotFoundException", "Cluster not found."),
            400,
            {"__type": "ClusterNotFoundException", "message": "Cluster not found."},
        ),
        (access_denied("User: ..."), 400, {"__type": "AccessDeniedException", "Message": "User: ..."}),
        (AwsError("InvalidClientTokenId", "m", 403), 400, {"__type": "UnrecognizedClientException", "message": "m"}),
        (AwsError("SignatureDoesNotMatch", "m", 403), 400, {"__type": "InvalidSignatureException", "message": "m"}),
        (AwsError("ExpiredToken", "m", 403), 400, {"__type": "ExpiredTokenException", "message": "m"}),
        (AwsError("MissingAuthenticationToken", "m", 403), 400, {"__type": "MissingAuthenticationTokenException", "message": "m"}),
        (AwsError("IncompleteSignature", "m", 400), 400, {"__type": "IncompleteSignatureException", "message": "m"}),
        (AwsError("ValidationError", "m"), 400, {"__type": "ValidationException", "message": "m"}),
        (AwsError("RequestEntityTooLarge", "m", 413), 413, {"__type": "RequestEntityTooLarge", "message": "m"}),
        (not_implemented("ecs", "X"), 501, {"__type": "NotImplemented", "message": "Stead does not implement ecs:X yet."}),
    ],
)
def test_errors(error: AwsError, status: int, body: dict[str, str]) -> None:
    answer = refuse(service_model("ecs"), error, "id-1")
    assert (answer.status, json.loads(answer.body)) == (status, body)
    assert dict(answer.headers)[b"x-amzn-requestid"] == b"id-1"
