"""The query protocol of IAM and STS: form fields in, XML out (aws-behaviour.md 1.1, 1.2).

``parse`` and ``fields`` are explained in :mod:`stead.wire.query_form`, the elements of an answer in :mod:`stead.wire.query_xml`; here are the
envelopes. Asked with ``Accept: application/json`` the services put the same envelopes into JSON, times as numbers.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from stead.wire import aws_json
from stead.wire.messages import HttpReply
from stead.wire.query_form import fields, parse
from stead.wire.query_xml import escape, writers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import OperationModel, ServiceModel

    from stead.aws.errors import AwsError
    from stead.wire.query_xml import Writer

__all__ = ["fields", "parse", "refuse", "refuse_json", "reply", "reply_json"]


class _Envelope(NamedTuple):
    opening: str
    result: Writer | None
    closing: str


@cache
def _envelope(model: OperationModel) -> _Envelope:
    name, shape = model.name, model.output_shape
    namespace = _namespace(model.service_model)
    # An operation without output answers with nothing but the metadata (aws-behaviour.md 1.1).
    result = writers(model.service_model).element(shape, _result_name(model)) if shape else None
    return _Envelope(f'<{name}Response xmlns="{namespace}">', result, f"</{name}Response>")


def _namespace(service: ServiceModel) -> str:
    return str(service.metadata.get("xmlNamespace", ""))


def _result_name(model: OperationModel) -> str:
    return str(model.output_shape.serialization.get("resultWrapper", f"{model.name}Result"))


def reply(model: OperationModel, result: Mapping[str, Any], request_id: str) -> HttpReply:
    """The answer of an operation that succeeded."""
    opening, write, closing = _envelope(model)
    inside = "" if write is None else write(result)
    body = f"{opening}{inside}<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>{closing}"
    return _http(200, "text/xml", body.encode(), request_id)


def refuse(service: ServiceModel, error: AwsError, request_id: str) -> HttpReply:
    """The answer to a call that failed: ``Type``, ``Code``, ``Message`` in this order (aws-behaviour.md 1.2)."""
    body = (
        f'<ErrorResponse xmlns="{_namespace(service)}"><Error><Type>{error.fault}</Type><Code>{escape(error.code)}</Code>'
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return _http(error.status, "text/xml", body.encode(), request_id)


def reply_json(model: OperationModel, result: Mapping[str, Any], request_id: str) -> HttpReply:
    """:func:`reply` for a caller who accepts JSON (reported of STS, aws-behaviour.md 1.1)."""
    answer: dict[str, Any] = {} if model.output_shape is None else {_result_name(model): aws_json.answer(model, result)}
    answer["ResponseMetadata"] = {"RequestId": request_id}
    return _http(200, "application/json", orjson.dumps({f"{model.name}Response": answer}), request_id)


def refuse_json(_service: ServiceModel, error: AwsError, request_id: str) -> HttpReply:
    """:func:`refuse` for a caller who accepts JSON; the form is reported (aws-behaviour.md 1.1)."""
    inside = {"Code": error.code, "Message": error.message, "Type": error.fault}
    return _http(error.status, "application/json", orjson.dumps({"Error": inside, "RequestId": request_id}), request_id)


def _http(status: int, content_type: str, body: bytes, request_id: str) -> HttpReply:
    headers = ((b"content-type", content_type.encode()), (b"x-amzn-requestid", request_id.encode()))
    return HttpReply(status, headers, body)
