"""How Stead itself speaks to a neighbour: botocore's own client serialisers and parsers, so nothing between is ours (designs/neighbours.md)."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from stead.aws.errors import AwsError
from stead.aws.models import service_model
from stead.neighbours.messages import NeighbourReply, NeighbourRequest

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from botocore.parsers import ResponseParser
    from botocore.serialize import Serializer

    from stead.aws.call import Call


class RefusedByNeighbourError(AwsError):
    """The neighbour's own refusal; ``reply`` is it as it came."""

    def __init__(self, code: str, message: str, reply: NeighbourReply) -> None:
        super().__init__(code, message, reply.status)
        self.reply = reply


class UnplayableError(AwsError):
    """The neighbour broke off without a word: mostly over parameters that AWS would refuse."""

    def __init__(self, service: str, operation: str) -> None:
        super().__init__("NotImplemented", f"The neighbour of {service} cannot do {operation} with these parameters.", 501)


class Answer(dict[str, Any]):
    """An answer's members; ``reply`` is it as it came."""

    reply: NeighbourReply


def written(call: Call, model: OperationModel, *, read_only: bool, intent: str = "", requester: str = "") -> NeighbourRequest:
    """``call`` as a request; AwsError for parameters that no request can carry."""
    from botocore.exceptions import ParamValidationError  # noqa: PLC0415  # as below

    try:
        wire = _serializer(protocol_of(call.service)).serialize_to_request(call.parameters, model)
    except ParamValidationError as error:  # of what a customer gave; Stead's own is correct
        raise AwsError("ValidationException", str(error)) from error
    return NeighbourRequest(
        service=call.service,
        operation=call.operation,
        host=model.service_model.endpoint_prefix,
        region=call.region,
        account_id=call.caller.account_id,
        method=wire["method"],
        path=wire["url_path"],
        query=_query(wire["query_string"]),
        headers=tuple((name, value) for name, value in wire["headers"].items()),
        body=_body(wire["body"]),
        now=call.now,
        read_only=read_only,
        intent=intent,
        requester=requester,
    )


def read(service: str, model: OperationModel, reply: NeighbourReply, protocol: str) -> Answer:
    """The members of an answer, times in milliseconds as everywhere in Stead; RefusedByNeighbourError for a refusal."""
    wire = {"status_code": reply.status, "headers": _headers(reply), "body": reply.body}
    parsed = _parsed(service, model, wire, protocol)
    if reply.status >= 400:
        error = parsed.get("Error", {})
        raise RefusedByNeighbourError(str(error.get("Code", service)), str(error.get("Message", "")), reply)
    parsed.pop("ResponseMetadata", None)
    answer = Answer(_in_milliseconds(parsed))
    answer.reply = reply
    return answer


def _parsed(service: str, model: OperationModel, wire: dict[str, Any], protocol: str) -> dict[str, Any]:
    from botocore.parsers import ResponseParserError  # noqa: PLC0415  # as below

    try:
        found: dict[str, Any] = _parser(protocol).parse(wire, model.output_shape)
    except (ResponseParserError, ValueError) as error:
        text = f"The service is unavailable: what answered {service}:{model.name} does not speak AWS's protocol"
        raise AwsError("ServiceUnavailable", text, 503) from error
    return found


@cache
def protocol_of(service: str) -> str:
    """The protocol that Stead speaks to ``service``: the oldest one, which every stand-in for AWS has."""
    spoken: list[str] = service_model(service).metadata.get("protocols", [])
    return next(protocol for protocol in ("query", "ec2", "json", "rest-json", "rest-xml") if protocol in spoken)


@cache
def _serializer(protocol: str) -> Serializer:
    from botocore.serialize import create_serializer  # noqa: PLC0415  # a start need not pay for what is used with neighbours only

    return create_serializer(protocol)


@cache
def _parser(protocol: str) -> ResponseParser:
    from botocore.parsers import create_parser  # noqa: PLC0415  # as above

    return create_parser(protocol)


def _headers(reply: NeighbourReply) -> Any:
    from botocore.compat import HTTPHeaders  # noqa: PLC0415  # as above

    headers = HTTPHeaders()
    for name, value in reply.headers:
        headers[name] = value
    return headers


def _query(given: Any) -> str:
    return given if isinstance(given, str) else urlencode(given or {}, doseq=True)


def _body(given: Any) -> bytes:
    if isinstance(given, dict):
        return urlencode(given, doseq=True).encode()
    return given.encode() if isinstance(given, str) else bytes(given)


def _in_milliseconds(value: Any) -> Any:
    match value:
        case dict():
            return {name: _in_milliseconds(item) for name, item in value.items()}
        case list():
            return [_in_milliseconds(item) for item in value]
        case datetime():
            return int(value.timestamp() * 1000)
    return value
