"""The rest-json protocol of IAM Toolbox: members in path, query, headers and a JSON body (:mod:`stead.wire.rest` has all but the body).

The body is read and written as by the JSON protocol (:mod:`stead.wire.aws_json`). A member marked as the payload is the whole body: text and
bytes as they are, anything else as JSON. Errors have their code in a header and only the message in the body.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import orjson

from stead.wire import aws_json, rest
from stead.wire.messages import HttpReply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.model import OperationModel, ServiceModel, Shape

    from stead.aws.errors import AwsError
    from stead.wire.messages import HttpRequest

    Members = dict[str, tuple[str, Callable[[Any], Any]]]

_RAW = frozenset({"blob", "string"})
_JSON = b"application/json"


# Requests


def parse(model: OperationModel, request: HttpRequest) -> dict[str, Any]:
    """The parameters in ``request``; those not given are absent."""
    try:
        return {**_in_body(model, request.body), **rest.members(model, request)}
    except RecursionError as error:
        raise rest.unreadable("The request body is nested too deeply") from error


def _in_body(model: OperationModel, body: bytes) -> dict[str, Any]:
    shape = model.input_shape
    if shape is None or not body:
        return {}
    payload = shape.serialization.get("payload")
    if payload is not None:
        return {payload: _payload(model.service_model, shape.members[payload], body)}
    members = _readers(model)
    given = aws_json.document(body).items() if members else ()
    return {members[key][0]: members[key][1](item) for key, item in given if item is not None and key in members}


def _payload(service: ServiceModel, shape: Shape, body: bytes) -> Any:
    if shape.type_name not in _RAW:
        return aws_json.reader_of(service, shape)(aws_json.json_value(body))
    if shape.type_name == "blob":
        return body
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise rest.unreadable("The request is not valid UTF-8") from error


@cache
def _readers(model: OperationModel) -> Members:
    """The readers of the members that stand in the body, by the names that they have there."""
    members = ((name, shape) for name, shape in model.input_shape.members.items() if "location" not in shape.serialization)
    return {shape.serialization.get("name", name): (name, aws_json.reader_of(model.service_model, shape)) for name, shape in members}


# Answers


def reply(model: OperationModel, result: Mapping[str, Any], request_id: str) -> HttpReply:
    """The answer of an operation that succeeded."""
    shape = model.output_shape
    if shape is None:
        return _http(model.http.get("responseCode", 200), b"{}", request_id)
    codes = [result.get(name) for name, member in shape.members.items() if member.serialization.get("location") == "statusCode"]
    status = next(filter(None, codes), model.http.get("responseCode", 200))
    return _http(status, _out_body(model, shape, result), request_id, *rest.headers(shape, result))


def _out_body(model: OperationModel, shape: Shape, result: Mapping[str, Any]) -> bytes:
    payload = shape.serialization.get("payload")
    if payload is None:
        written = (writer(result) for writer in _writers(model))
        return orjson.dumps(dict(pair for pair in written if pair is not None))
    value, member = result.get(payload), shape.members[payload]
    if value is None:
        return b""
    if member.type_name in _RAW:
        return value if isinstance(value, bytes) else str(value).encode()
    write = aws_json.writer_of(model.service_model, member)
    return orjson.dumps(value if write is None else write(value))


@cache
def _writers(model: OperationModel) -> list[Callable[[Mapping[str, Any]], tuple[str, Any] | None]]:
    members = ((name, shape) for name, shape in model.output_shape.members.items() if "location" not in shape.serialization)
    return [_writer(model.service_model, name, shape) for name, shape in members]


def _writer(service: ServiceModel, name: str, shape: Shape) -> Callable[[Mapping[str, Any]], tuple[str, Any] | None]:
    key, write = shape.serialization.get("name", name), aws_json.writer_of(service, shape)

    def written(result: Mapping[str, Any]) -> tuple[str, Any] | None:
        value = result.get(name)
        if value is None:
            return None
        return key, value if write is None else write(value)

    return written


def refuse(service: ServiceModel, error: AwsError, request_id: str) -> HttpReply:
    """The answer to a call that failed, with the status that the model gives the error."""
    code = aws_json.CODES.get(error.code, error.code)
    declared = service.shape_for(code).metadata if code in service.shape_names else {}
    status = declared.get("error", {}).get("httpStatusCode", error.status)
    return _http(status, orjson.dumps({"message": error.message}), request_id, (b"x-amzn-errortype", code.encode()))


def _http(status: int, body: bytes, request_id: str, *more: tuple[bytes, bytes]) -> HttpReply:
    return HttpReply(status, ((b"content-type", _JSON), (b"x-amzn-requestid", request_id.encode()), *more), body)
