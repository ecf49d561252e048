"""The rest-xml protocol of Route 53. Stead only forwards Route 53 (designs/neighbours.md), so it words no answers but refusals.

What the model does not know is left out; a text that does not fit its shape stays a text, for the neighbour to refuse.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from stead.aws.errors import AwsError
from stead.wire import rest
from stead.wire.messages import HttpReply
from stead.wire.query_xml import escape

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.model import OperationModel, ServiceModel, Shape

    from stead.wire.messages import HttpRequest

    Reader = Callable[[ET.Element], Any]

_DEPTH_LIMIT = 64


def parse(model: OperationModel, request: HttpRequest) -> dict[str, Any]:
    """The parameters in path, query, headers and body."""
    return {**rest.members(model, request), **read_body(model, request.body)}


def read_body(model: OperationModel, body: bytes) -> dict[str, Any]:
    """The members in the XML ``body``; those in path, query and headers are not its business."""
    if not body or model.input_shape is None:
        return {}
    if b"<!" in body:  # no request has a document type, comments or marked sections, and entities are an attack
        raise _malformed()
    try:
        root = ET.fromstring(body)  # noqa: S314  # without a document type there is nothing to expand
    except (ET.ParseError, ValueError) as error:
        raise _malformed() from error
    if _depth(root) > _DEPTH_LIMIT:
        raise _malformed()
    found: dict[str, Any] = _readers(model.service_model).of(model.input_shape)(root)
    return found


def refuse(service: ServiceModel, error: AwsError, request_id: str) -> HttpReply:
    """The answer to a call that failed."""
    body = (
        f'<?xml version="1.0"?>\n<ErrorResponse xmlns="https://{service.endpoint_prefix}.amazonaws.com/doc/{service.api_version}/"><Error>'
        f"<Type>{error.fault}</Type><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    headers = ((b"content-type", b"text/xml"), (b"x-amzn-requestid", request_id.encode()))
    return HttpReply(error.status, headers, body.encode())


class _Readers:
    """The readers of one service's shapes; structures are kept, so that operations share them."""

    def __init__(self) -> None:
        self._structures: dict[str, Reader] = {}

    def of(self, shape: Shape) -> Reader:
        match shape.type_name:
            case "structure":
                return self._structures.get(shape.name) or self._structure(shape)
            case "list":
                element = self.of(shape.member)
                return lambda node: [element(item) for item in node]
        return _SCALARS.get(shape.type_name, _text)

    def _structure(self, shape: Shape) -> Reader:
        members: dict[str, tuple[str, Reader, bool]] = {}

        def read(node: ET.Element) -> dict[str, Any]:
            found: dict[str, Any] = {}
            for item in node:
                name, reader, flat = members.get(_local(item), ("", _text, False))
                if flat:
                    found.setdefault(name, []).append(reader(item))
                elif name:
                    found[name] = reader(item)
            return found

        self._structures[shape.name] = read
        members.update({member.serialization.get("name", name): self._member(name, member) for name, member in shape.members.items()})
        return read

    def _member(self, name: str, member: Shape) -> tuple[str, Reader, bool]:
        flat = bool(member.serialization.get("flattened")) and member.type_name == "list"
        return name, self.of(member.member if flat else member), flat


def _text(node: ET.Element) -> str:
    return node.text or ""


def _integer(node: ET.Element) -> int | str:
    text = _text(node)
    return int(text) if len(text) < 20 and text.lstrip("-").isdecimal() and text.isascii() else text


def _boolean(node: ET.Element) -> bool | str:
    text = _text(node)
    return text == "true" if text in ("true", "false") else text


_SCALARS: dict[str, Reader] = {"integer": _integer, "long": _integer, "boolean": _boolean}


def _local(node: ET.Element) -> str:
    return str(node.tag).rpartition("}")[2]


def _depth(root: ET.Element) -> int:
    depth, level = 0, [root]
    while level and depth <= _DEPTH_LIMIT:
        depth, level = depth + 1, [child for node in level for child in node]
    return depth


def _malformed() -> AwsError:
    return AwsError("InvalidInput", "The XML you provided was not well-formed or did not validate against our published schema")


@cache
def _readers(service: ServiceModel) -> _Readers:
    del service  # it is the cache's key: shape names mean something within one service only
    return _Readers()
