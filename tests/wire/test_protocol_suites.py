"""botocore's protocol suites, read backwards.

An input case says what a client sends for given parameters: from those bytes the parser must find the parameters. An output case says what
a client reads from an answer: for that result the serialiser must write an answer that botocore reads as the result, and for the query
protocol the very elements of the case. The suites are data outside the repository, found through STEAD_VECTORS.
"""

from __future__ import annotations

import json
import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree as ET

import pytest
from botocore.awsrequest import HeadersDict
from botocore.model import ServiceModel
from botocore.parsers import ResponseParserError, create_parser

from stead.aws.errors import AwsError
from stead.wire import aws_json, aws_query, rest_json
from stead.wire.messages import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from botocore.model import OperationModel, Shape

    from stead.wire.messages import HttpReply

FOLDER = os.environ.get("STEAD_VECTORS")
PROTOCOLS: dict[str, ModuleType] = {"query": aws_query, "json": aws_json, "json_1_0": aws_json, "rest-json": rest_json}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Cases that say nothing about a server, by name, with the reason.
TOKEN = "the client fills the token in; the server must see what was sent"
GZIP = "the request is compressed, which is a matter of the HTTP layer and offered by none of Stead's services"
ALL_PARAMETERS = "a server puts every parameter into the map, also those that are members of their own (Smithy)"
NOTATION = "the same time, which a client reads, in a notation that IAM does not use"
INPUTS_LEFT_OUT = {
    "QueryProtocolIdempotencyTokenAutoFill": TOKEN,
    "legacy query Idempotency token auto fill 2": TOKEN,
    "legacy json Idempotency token auto fill 2": TOKEN,
    "SDKAppliedContentEncoding_awsQuery": GZIP,
    "SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsQuery": GZIP,
    "SDKAppliedContentEncoding_awsJson1_1": GZIP,
    "SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_1": GZIP,
    "SDKAppliedContentEncoding_awsJson1_0": GZIP,
    "SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_0": GZIP,
    "SDKAppliedContentEncoding_restJson1": GZIP,
    "SDKAppendedGzipAfterProvidedEncoding_restJson1": GZIP,
    "RestJsonQueryIdempotencyTokenAutoFill": TOKEN,
    "RestJsonQueryParamsStringListMap": ALL_PARAMETERS,
    "RestJsonQueryPrecedence": ALL_PARAMETERS,
    "legacy rest-json Idempotency token auto fill 2": TOKEN,
    "legacy rest-json Content-Type and JSON body 8": "the client fills its default in; the server must see what was sent",
    "MediaTypeHeaderInputBase64": "botocore's clients send such a member as a JSON value, and so it is read",
}
WHOLE_SECONDS = "a stored time is written in whole seconds where the notation is ISO 8601"
FLATTENED = "botocore leaves it out too: it reads a flattened list by its member's name, the suite by the list's"
OWN_HEADERS = "the map of all headers shows Stead's own too"
EMPTY = "botocore reads an absent payload as an empty one"
OUTPUTS_LEFT_OUT = {
    "RestJsonDateTimeWithFractionalSeconds": WHOLE_SECONDS,
    "RestJsonHttpPayloadTraitsWithNoBlobBody": EMPTY,
    "RestJsonHttpPayloadWithUnsetUnion": EMPTY,
    "HttpPrefixHeadersResponse": OWN_HEADERS,
    "legacy rest-json Supports header maps 1": OWN_HEADERS,
    "RestJsonInputAndOutputWithQuotedStringHeaders": "botocore does not read the quotes that the suite wants",
    "RestJsonInputAndOutputWithTimestampHeaders": "botocore reads such a list as times without a zone",
    "legacy rest-json Tagged Unions 3": "a member that the model does not know is what a client tolerates; Stead sends none",
    "AwsQueryDateTimeWithFractionalSeconds": WHOLE_SECONDS,
    "AwsJson11DateTimeWithFractionalSeconds": WHOLE_SECONDS,
    "QueryXmlLists": FLATTENED,
    "legacy json Lists 2": "nulls in a list are what a client tolerates; Stead sends none",
    "legacy json RPC JSON Event Stream 1": "event streams are none of Stead's services'",
}
XML_DIFFERS = {
    "AwsQueryDateTimeWithNegativeOffset": NOTATION,
    "AwsQueryDateTimeWithPositiveOffset": NOTATION,
    "AwsQueryDateTimeWithFractionalSeconds": WHOLE_SECONDS,
    "QueryXmlLists": FLATTENED,
    "legacy query Timestamp members 1": NOTATION,
}


class Case(NamedTuple):
    name: str
    protocol: str
    operation: OperationModel
    data: dict[str, Any]

    @property
    def codec(self) -> ModuleType:
        return PROTOCOLS[self.protocol]


def cases(direction: str, *, failed: bool = False, xml_only: bool = False) -> list[Any]:
    if FOLDER is None:
        return [pytest.param(None, marks=pytest.mark.skip(reason="STEAD_VECTORS is not set: the protocol suites were NOT run"))]
    found = [case for case in read(Path(FOLDER) / "protocols", direction) if ("errorCode" in case.data) == failed]
    if xml_only:
        found = [case for case in found if case.protocol == "query" and "body" in case.data["response"]]
    return [pytest.param(case, id=case.name) for case in found]


def read(folder: Path, direction: str) -> Iterator[Case]:
    for protocol in PROTOCOLS:
        for path, legacy in ((folder / direction, ""), (folder / "legacy" / direction, f"legacy {protocol} ")):
            file = path / f"{protocol}.json"
            if not file.exists():  # there is no legacy suite of JSON 1.0
                continue
            for suite in json.loads(file.read_text()):
                for number, data in enumerate(suite["cases"], 1):
                    name = f"{legacy}{suite['description']} {number}" if legacy else data["id"]
                    yield Case(name, protocol, operation(suite, data["given"]), data)


def operation(suite: dict[str, Any], given: dict[str, Any]) -> OperationModel:
    if suite["metadata"]["protocol"] == "query" and "output" in given:
        given["output"].setdefault("resultWrapper", f"{given['name']}Result")  # every real model of the protocol has it
    model = {"metadata": suite["metadata"], "operations": {given["name"]: given}, "shapes": suite.get("shapes", {})}
    return ServiceModel(model, "suite").operation_model(given["name"])


def plain(value: Any) -> Any:
    """``value`` in the notation of the suites: times as seconds, bytes as text, the odd floats by name."""
    match value:
        case datetime():
            seconds = (value - EPOCH).total_seconds()
            return int(seconds) if seconds.is_integer() else seconds
        case bytes():
            return value.decode()
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def typed(shape: Shape, value: Any) -> Any:
    """A result in the notation of the suites as an operation of Stead would give it."""
    match shape.type_name:
        case _ if value is None:
            return None
        case "structure" if not shape.is_document_type:
            return {name: typed(shape.members[name], item) for name, item in value.items()}
        case "list":
            return [typed(shape.member, item) for item in value]
        case "map":
            return {key: typed(shape.value, item) for key, item in value.items()}
        case "timestamp":
            return round(value * 1000)
        case "blob":
            return value.encode()
        case "float" | "double":
            return float(value)
    return value


def judge(case: Case, left_out: dict[str, str], passes: Callable[[Case], bool]) -> None:
    """A case passes, or is left out with a reason and would not pass."""
    if case.name not in left_out:
        assert passes(case)
        return
    try:
        would = passes(case)
    except (AssertionError, AwsError, AttributeError, KeyError, TypeError, ResponseParserError):
        would = False
    assert not would, f"{case.name} passes: take it off the list"


def test_every_case_left_out_is_in_a_suite() -> None:
    if FOLDER is None:
        pytest.skip("STEAD_VECTORS is not set: the protocol suites were NOT run")
    names = {direction: {case.name for case in read(Path(FOLDER) / "protocols", direction)} for direction in ("input", "output")}
    assert set(INPUTS_LEFT_OUT) <= names["input"]
    assert {*OUTPUTS_LEFT_OUT, *XML_DIFFERS} <= names["output"]


@pytest.mark.parametrize("case", cases("input"))
def test_input(case: Case) -> None:
    judge(case, INPUTS_LEFT_OUT, finds_the_parameters)


def finds_the_parameters(case: Case) -> bool:
    serialized = case.data["serialized"]
    form = serialized.get("body", "").encode()
    # A null is absent; the query protocol cannot say an empty map or structure, nor a query string an empty list.
    unsaid = {"query": ({}, None), "rest-json": ({}, [], None)}.get(case.protocol, (None,))
    expected = {name: value for name, value in case.data.get("params", {}).items() if value not in unsaid}
    given = form if case.protocol != "rest-json" else request(case, form)
    found = plain(case.codec.parse(case.operation, given))
    assert (found if case.protocol != "rest-json" else {name: value for name, value in found.items() if value not in unsaid}) == expected
    return True


def request(case: Case, body: bytes) -> HttpRequest:
    serialized = case.data["serialized"]
    path, _, query = serialized["uri"].partition("?")
    headers = tuple((name.lower().encode(), value.encode()) for name, value in serialized.get("headers", {}).items())
    return HttpRequest(case.operation.http["method"], path.encode(), query.encode(), headers, body, "127.0.0.1")


@pytest.mark.parametrize("case", cases("output"))
def test_output(case: Case) -> None:
    judge(case, OUTPUTS_LEFT_OUT, is_read_as_the_result)


def is_read_as_the_result(case: Case) -> bool:
    parsed = parsed_by_botocore(case, answer(case), case.operation.output_shape)
    metadata = parsed.pop("ResponseMetadata")
    assert metadata["RequestId"] == "a-request-id"
    assert plain(parsed) == (case.data.get("result", {}) if case.operation.output_shape else {})
    return True


def answer(case: Case) -> HttpReply:
    shape = case.operation.output_shape
    result = typed(shape, case.data.get("result", {})) if shape else {}
    reply: HttpReply = case.codec.reply(case.operation, result, "a-request-id")
    return reply


def parsed_by_botocore(case: Case, reply: HttpReply, shape: Shape | None) -> dict[str, Any]:
    headers = HeadersDict({name.decode(): value.decode() for name, value in reply.headers})
    response = {"body": reply.body, "status_code": reply.status, "headers": headers}
    parsed: dict[str, Any] = create_parser(case.operation.metadata["protocol"]).parse(response, shape)
    return parsed


@pytest.mark.parametrize("case", cases("output", failed=True))
def test_error(case: Case) -> None:
    code, message = case.data["errorCode"], case.data.get("errorMessage", "")
    error = AwsError(code, message, case.data["response"]["status_code"])
    parsed = parsed_by_botocore(case, case.codec.refuse(case.operation.service_model, error, "a-request-id"), None)
    assert (parsed["Error"]["Code"], parsed["Error"]["Message"] or "") == (code, message)
    assert parsed["ResponseMetadata"]["RequestId"] == "a-request-id"


@pytest.mark.parametrize("case", cases("output", xml_only=True))
def test_elements(case: Case) -> None:
    judge(case, XML_DIFFERS, has_the_elements)


def has_the_elements(case: Case) -> bool:
    """Names, nesting, order and texts of the answer's elements are the case's."""
    assert result_of(answer(case).body.decode()) == result_of(case.data["response"]["body"])
    return True


def result_of(body: str) -> Any:
    root = ET.fromstring(body)
    return [elements(child) for child in root if bare(child) not in ("ResponseMetadata", "requestId", "RequestId")]


def elements(node: ET.Element) -> Any:
    children = [elements(child) for child in node]
    return (bare(node), children or (node.text or "").strip())


def bare(node: ET.Element) -> str:
    return node.tag.rpartition("}")[2]
