"""The JSON 1.1 protocol of ECS and CloudTrail: one JSON object in, one out (aws-behaviour.md 1.1).

Readers and writers are compiled from the shapes, one for each shape and on first use. What the model does not know is ignored in a request
and passed on in an answer, where AWS itself sends more than its model says (``clusterCount`` of CreateCluster). A null member counts as
absent; nulls in lists and maps stay, for validation to refuse. A value of the wrong type is ``SerializationException``: the text for text
instead of a number is reported of ECS, the other texts are its siblings in other JSON services, inferred here.
"""

from __future__ import annotations

import base64
import binascii
import math
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from stead.aws.errors import AwsError
from stead.wire import timestamps
from stead.wire.messages import HttpReply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.model import OperationModel, ServiceModel, Shape

Codec: TypeAlias = "Callable[[Any], Any] | None"  # None: the value as it is

CODES = {
    "AccessDenied": "AccessDeniedException",
    "ExpiredToken": "ExpiredTokenException",
    "IncompleteSignature": "IncompleteSignatureException",
    "InternalFailure": "InternalFailure",
    "InvalidAction": "UnknownOperationException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "MalformedInput": "SerializationException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "Throttling": "ThrottlingException",
    "ValidationError": "ValidationException",
}
"""The shared codes of :mod:`stead.aws.errors` as the JSON services spell them (policy-evaluation.md 9.1); others stay as they are."""

_JAVA_TYPES = {"boolean": "Boolean", "double": "Double", "float": "Float", "integer": "Integer", "long": "Long"}
_RANGES = {"integer": 1 << 31, "long": 1 << 63}
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _unreadable(message: str) -> AwsError:
    return AwsError("SerializationException", message)


def _mismatch(value: Any, wanted: str) -> AwsError:
    """The refusal of ``value`` where a scalar of Java's type ``wanted`` belongs."""
    match value:
        case dict():
            return _unreadable("Start of structure or map found where not expected")
        case list():
            return _unreadable(f"Unrecognized collection type class java.lang.{wanted}")
        case None:
            return _unreadable("Unexpected null value")
    token = {str: "STRING", bool: "TRUE" if value else "FALSE", float: "DECIMAL"}.get(type(value), "NUMBER")
    return _unreadable(f"{token}_VALUE cannot be converted to {wanted}")


# Requests


def parse(model: OperationModel, form: bytes) -> dict[str, Any]:
    """The parameters in the body ``form`` that ``model`` knows; those not given are absent."""
    given = document(form)
    try:
        parameters: dict[str, Any] = _reader(model)(given)
    except RecursionError as error:
        raise _unreadable("The request body is nested too deeply") from error
    return parameters


def document(form: bytes) -> dict[str, Any]:
    """The JSON object in ``form``, an empty one for no bytes at all."""
    found = json_value(form) if form else {}
    if not isinstance(found, dict):
        raise _unreadable("The request body is not a JSON object")
    return found


def json_value(form: bytes) -> Any:
    """The JSON value in ``form``."""
    try:
        return orjson.loads(form)
    except orjson.JSONDecodeError as error:
        raise _unreadable("The request body is not valid JSON") from error


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _mismatch(value, "String")
    if "\0" in value:  # PostgreSQL stores no such text, and no member of these services means one; our wording
        raise _unreadable("A text cannot hold the character U+0000")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _mismatch(value, "Boolean")
    return value


def _integer(kind: str) -> Callable[[Any], int]:
    limit = _RANGES[kind]

    def read(value: Any) -> int:
        # A fraction is cut off: the class that AWS's own texts name here is TruncatingBigNumber (inferred).
        if value.__class__ not in (int, float) or not -limit <= (number := int(value)) < limit:
            raise _mismatch(value, _JAVA_TYPES[kind])
        return number

    return read


def _real(value: Any) -> float:
    if isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if value.__class__ not in (int, float):
        raise _mismatch(value, "Double")
    return float(value)


def _blob(value: Any) -> bytes:
    try:
        return base64.b64decode(_string(value), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _unreadable("STRING_VALUE cannot be converted to ByteBuffer") from error


def _timestamp(shape: Shape) -> Callable[[Any], Any]:
    textual = shape.serialization.get("timestampFormat", "unixTimestamp") != "unixTimestamp"

    def read(value: Any) -> Any:
        try:
            if isinstance(value, bool) or isinstance(value, str) is not textual:
                raise TypeError
            return timestamps.read(value)
        except timestamps.type_error as error:  # the text is reported of X-Ray
            raise _unreadable("STRING_VALUE can not be converted to milliseconds since epoch") from error

    return read


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "character": _string,
    "boolean": _boolean,
    "integer": _integer("integer"),
    "long": _integer("long"),
    "float": _real,
    "double": _real,
    "blob": _blob,
}


class _Readers:
    """The readers of one service's shapes; structures are kept, so that recursive shapes end and operations share them."""

    def __init__(self) -> None:
        self._structures: dict[str, Callable[[Any], Any]] = {}

    def of(self, shape: Shape) -> Callable[[Any], Any]:
        match shape.type_name:
            case "structure":
                return _as_given if shape.is_document_type else self._structures.get(shape.name) or self._structure(shape)
            case "list":
                return self._list(shape)
            case "map":
                return self._map(shape)
            case "timestamp":
                return _timestamp(shape)
        return _SCALARS[shape.type_name]

    def _structure(self, shape: Shape) -> Callable[[Any], Any]:
        members: dict[str, tuple[str, Callable[[Any], Any]]] = {}

        def read(value: Any) -> dict[str, Any]:
            if value.__class__ is not dict:
                raise _unreadable("Unexpected value type in payload")
            found = {}
            for key, item in value.items():
                if item is not None and (member := members.get(key)) is not None:
                    found[member[0]] = member[1](item)
            return found

        self._structures[shape.name] = read
        members.update({member.serialization.get("name", name): (name, self.of(member)) for name, member in shape.members.items()})
        return read

    def _list(self, shape: Shape) -> Callable[[Any], Any]:
        element = self.of(shape.member)

        def read(value: Any) -> list[Any]:
            if isinstance(value, dict):
                raise _unreadable("Start of structure or map found where not expected")
            if not isinstance(value, list):
                raise _unreadable("Unexpected field type")
            return [item if item is None else element(item) for item in value]

        return read

    def _map(self, shape: Shape) -> Callable[[Any], Any]:
        element = self.of(shape.value)

        def read(value: Any) -> dict[str, Any]:
            if not isinstance(value, dict):
                raise _unreadable("Unexpected field type")
            return {_string(key): item if item is None else element(item) for key, item in value.items()}

        return read


def _as_given(value: Any) -> Any:
    """A document, which may hold anything that can be written again: what reads it (events, answers) nests less deeply than what read it."""
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise _unreadable("The request body is nested too deeply") from error
    return value


@cache
def _readers(service: ServiceModel) -> _Readers:
    del service  # it is the cache's key: shape names mean something within one service only
    return _Readers()


def reader_of(service: ServiceModel, shape: Shape) -> Callable[[Any], Any]:
    """The reader of one shape of ``service``."""
    return _readers(service).of(shape)


@cache
def _reader(model: OperationModel) -> Callable[[Any], Any]:
    return _readers(model.service_model).of(model.input_shape) if model.input_shape else lambda _: {}


# Answers


def answer(model: OperationModel, result: Mapping[str, Any]) -> dict[str, Any]:
    """``result`` as JSON values; also the inside of the query services' JSON answers."""
    write = _writer(model)
    return dict(result) if write is None else write(result)


def reply(model: OperationModel, result: Mapping[str, Any], request_id: str) -> HttpReply:
    """The answer of an operation that succeeded."""
    return _http(200, orjson.dumps(answer(model, result)), request_id)


def refuse(service: ServiceModel, error: AwsError, request_id: str) -> HttpReply:
    """The answer to a call that failed. Client errors are 400 whatever IAM would say, except a body too large."""
    del service  # nothing of it shows in a JSON error; the parameter makes both protocols alike
    code = CODES.get(error.code, error.code)
    status = error.status if error.status >= 500 or error.status == 413 else 400
    text = "Message" if code == "AccessDeniedException" else "message"  # policy-evaluation.md 9.1
    return _http(status, orjson.dumps({"__type": code, text: error.message}), request_id)


def _http(status: int, body: bytes, request_id: str) -> HttpReply:
    return HttpReply(status, ((b"content-type", b"application/x-amz-json-1.1"), (b"x-amzn-requestid", request_id.encode())), body)


class _Writers:
    """The writers of one service's shapes, as :class:`_Readers`; None where every value goes out as it is."""

    def __init__(self) -> None:
        self._structures: dict[str, Callable[[Any], Any]] = {}

    def of(self, shape: Shape) -> Codec:
        match shape.type_name:
            case "structure":
                return None if shape.is_document_type else self._structures.get(shape.name) or self._structure(shape)
            case "list":
                return _each(self.of(shape.member))
            case "map":
                return _each_value(self.of(shape.value))
            case "timestamp":
                return timestamps.FORMATS[shape.serialization.get("timestampFormat", "unixTimestamp")]
            case "blob":
                return _base64
            case "float" | "double":
                return _finite
        return None

    def _structure(self, shape: Shape) -> Callable[[Any], Any]:
        members: dict[str, tuple[str, Codec]] = {}

        def write(value: Mapping[str, Any]) -> dict[str, Any]:
            found = {}
            for name, item in value.items():
                if item is not None:
                    wire_name, writer = members.get(name) or (name, None)
                    found[wire_name] = item if writer is None else writer(item)
            return found

        self._structures[shape.name] = write
        members.update({name: (member.serialization.get("name", name), self.of(member)) for name, member in shape.members.items()})
        return write


def _each(element: Codec) -> Codec:
    return None if element is None else lambda values: [element(value) for value in values]


def _each_value(element: Codec) -> Codec:
    return None if element is None else lambda values: {key: element(value) for key, value in values.items()}


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _finite(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


@cache
def _writers(service: ServiceModel) -> _Writers:
    del service  # it is the cache's key: shape names mean something within one service only
    return _Writers()


def writer_of(service: ServiceModel, shape: Shape) -> Codec:
    """The writer of one shape of ``service``."""
    return _writers(service).of(shape)


@cache
def _writer(model: OperationModel) -> Codec:
    return _writers(model.service_model).of(model.output_shape) if model.output_shape else None
