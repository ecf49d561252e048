"""The rpc-v2-cbor protocol, as boto3 speaks it to CloudWatch and Cloud Map: one CBOR map in, one out.

Stead only forwards the services that speak it (designs/neighbours.md), in an older protocol, since stand-ins for AWS do not know this one: what
the model does not know is left out.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import cbor2

from stead.aws.errors import AwsError
from stead.wire import aws_json
from stead.wire.messages import HttpReply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.model import OperationModel, ServiceModel, Shape

    Reader = Callable[[Any], Any]

HEADER = (b"smithy-protocol", b"rpc-v2-cbor")
_EPOCH_SECONDS = 1  # the tag of a time that is a number
_STRICT: dict[str, Any] = {"max_depth": 64, "strict_hashable_types": True, "allow_duplicate_keys": False}


def _no_references(_decoder: Any) -> Any:
    """Values that contain themselves are no parameters of anything."""
    raise cbor2.CBORDecodeError("shared references")


_WITHOUT_REFERENCES = dict.fromkeys((28, 29), _no_references)


def parse(model: OperationModel, body: bytes) -> dict[str, Any]:
    """The parameters in ``body`` that ``model`` knows; those not given are absent."""
    try:
        document = cbor2.loads(body, semantic_decoders=_WITHOUT_REFERENCES, **_STRICT) if body else {}
    except cbor2.CBORError as error:
        raise AwsError("SerializationException", "The request body is not valid CBOR") from error
    if not isinstance(document, dict):
        raise AwsError("SerializationException", "The request body is not a CBOR map")
    parameters: dict[str, Any] = _reader(model)(document)
    return parameters


def reply(model: OperationModel, result: Mapping[str, Any], request_id: str) -> HttpReply:
    """The answer to a call that succeeded."""
    body = cbor2.dumps(_written(model.output_shape, result) if model.output_shape else {})
    return HttpReply(200, (HEADER, (b"content-type", b"application/cbor"), (b"x-amzn-requestid", request_id.encode())), body)


def _written(shape: Shape, value: Any) -> Any:
    match shape.type_name:
        case "structure":
            return {name: _written(member, value[name]) for name, member in shape.members.items() if value.get(name) is not None}
        case "list":
            return [_written(shape.member, item) for item in value]
        case "map":
            return {key: _written(shape.value, item) for key, item in value.items()}
        case "timestamp":
            return cbor2.CBORTag(_EPOCH_SECONDS, value / 1000)
    return value


def refuse(_service: ServiceModel, error: AwsError, request_id: str) -> HttpReply:
    """The answer to a call that failed."""
    body = cbor2.dumps({"__type": aws_json.CODES.get(error.code, error.code), "message": error.message})
    status = error.status if error.status >= 500 or error.status == 413 else 400
    headers = (HEADER, (b"content-type", b"application/cbor"), (b"x-amzn-requestid", request_id.encode()))
    return HttpReply(status, headers, body)


class _Readers:
    """The readers of one service's shapes, as in :mod:`stead.wire.aws_json`."""

    def __init__(self) -> None:
        self._structures: dict[str, Reader] = {}

    def of(self, shape: Shape) -> Reader:
        match shape.type_name:
            case "structure":
                return self._structures.get(shape.name) or self._structure(shape)
            case "list":
                element = self.of(shape.member)
                return lambda value: [element(item) for item in value] if isinstance(value, list) else value
            case "map":
                element = self.of(shape.value)
                return lambda value: {key: element(item) for key, item in value.items()} if isinstance(value, dict) else value
        return lambda value: value

    def _structure(self, shape: Shape) -> Reader:
        members: dict[str, Reader] = {}

        def read(value: Any) -> Any:
            if not isinstance(value, dict):
                return value
            return {name: members[name](item) for name, item in value.items() if item is not None and name in members}

        self._structures[shape.name] = read
        members.update({name: self.of(member) for name, member in shape.members.items()})
        return read


@cache
def _readers(service: ServiceModel) -> _Readers:
    del service  # it is the cache's key: shape names mean something within one service only
    return _Readers()


@cache
def _reader(model: OperationModel) -> Reader:
    return _readers(model.service_model).of(model.input_shape) if model.input_shape else lambda _: {}
