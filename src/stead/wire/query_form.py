"""From the fields of a query request to the parameters of an operation, as the service models describe them.

The rules (recorded-aws.md 3): a field's name is a path (``Tags.member.1.Key``); an index may have leading zeroes; gaps stay as null; what
the model does not know is ignored; anything malformed is ``MalformedInput``, before every other check. So a field list first becomes a tree
along the dots, then readers compiled from the shapes, one for each shape and on first use, read the tree. Texts without a mark are inferred.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote_to_bytes

from stead.aws.errors import AwsError
from stead.wire import timestamps

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.model import OperationModel, ServiceModel, Shape

Tree: TypeAlias = "dict[str, str | Tree]"  # "" holds the text of a name that is also the beginning of longer ones
Node: TypeAlias = "str | Tree"
Reader: TypeAlias = "Callable[[Node], Any]"
Members: TypeAlias = "dict[str, tuple[str, Reader]]"  # by the name on the wire: the model's name, the reader

_DEPTH_LIMIT = 64  # of a name; far beyond any model, and it bounds what one request can make us build
_SPARSE_LIMIT = 10  # recorded-aws.md 3: one index may go at most ten beyond the extent so far
_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,20})")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|NaN|-?Infinity")
_INDEX = re.compile(r"[0-9]{1,9}")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def malformed(message: str) -> AwsError:
    """A request whose form alone is wrong."""
    return AwsError("MalformedInput", message)


def fields(form: bytes) -> dict[str, str]:
    """The fields of a form or a query string, decoded. Of a repeated name the last one counts (inferred), here and so everywhere."""
    try:
        pairs = [pair.partition("=") for pair in form.decode().split("&")]
        return {_decoded(name): _decoded(value) for name, _, value in pairs}
    except UnicodeDecodeError as error:
        raise malformed("The request is not valid UTF-8") from error


def _decoded(text: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    return unquote_to_bytes(text).decode() if "%" in text else text


def parse(model: OperationModel, form: bytes) -> dict[str, Any]:
    """The parameters in ``form`` that ``model`` knows; those not given are absent, gaps in lists are None."""
    members = _members(model)
    tree: Tree = {}
    for name, value in fields(form).items():
        first, dot, rest = name.partition(".")
        if first not in members:
            continue
        if dot:
            _plant(tree, first, rest, value)
        else:
            _put(tree, name, value)
    return _read_members(members, tree)


def _plant(tree: Tree, first: str, rest: str, value: str) -> None:
    path = rest.split(".", _DEPTH_LIMIT)
    if len(path) > _DEPTH_LIMIT:
        raise malformed("The name of a field is nested too deeply")
    segment = first
    for below in path:
        branch = tree.get(segment)
        if not isinstance(branch, dict):
            branch = tree[segment] = {} if branch is None else {"": branch}
        tree, segment = branch, _without_zeroes(below)
    _put(tree, segment, value)


def _put(tree: Tree, segment: str, value: str) -> None:
    there = tree.get(segment)
    if isinstance(there, dict):
        there[""] = value
    else:
        tree[segment] = value


def _without_zeroes(segment: str) -> str:
    """``01`` and ``1`` are the same element (recorded-aws.md 3); no member of any model begins with a zero."""
    return segment.lstrip("0") or "0" if segment[:1] == "0" and segment.isascii() and segment.isdigit() else segment


def _read_members(members: Members, tree: Tree) -> dict[str, Any]:
    found = {}
    for name, node in tree.items():
        member = members.get(name)
        if member is not None:
            value = member[1](node)
            if value is not None:
                found[member[0]] = value
    return found


def _elements(branch: Tree) -> list[Node | None]:
    """The nodes under the indices of a list, in order, None where one is missing."""
    found = {_index(key): node for key, node in branch.items() if key}
    extent = 1
    for index in sorted(found):
        if index - extent > _SPARSE_LIMIT:
            raise malformed(f"Excessively sparse input would skip {index - extent} list elements")
        extent = index
    return [found.get(index) for index in range(1, extent + 1)] if found else []


def _index(key: str) -> int:
    """An index, already without leading zeroes; the three texts are recorded."""
    if key.startswith("-"):
        raise malformed(f"Key {key[:20]} may not have a leading '-'")
    if not _INDEX.fullmatch(key):
        raise malformed("Start of list found where not expected")
    if key == "0":
        raise malformed("0 is not a valid index")
    return int(key)


# Scalars


def _text(node: Node) -> str:
    if isinstance(node, dict):
        raise malformed("Start of structure or map found where not expected")
    if "\0" in node:  # PostgreSQL stores no such text, and XML could not carry it back; our wording
        raise malformed("A text cannot hold the character U+0000")
    return node


def _integer(bits: int) -> Reader:
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1

    def read(node: Node) -> int:
        match = _INTEGER.fullmatch(_text(node))
        if match is None or not low <= (number := int(match[1] + match[2])) <= high:
            raise malformed("A number was expected, without blanks, fraction or exponent, within its range")
        return number

    return read


def _boolean(node: Node) -> bool:
    value = _BOOLEANS.get(_text(node))
    if value is None:
        raise malformed("A boolean was expected: true, false, 1 or 0")
    return value


def _float(node: Node) -> float:
    text = _text(node)
    if len(text) > 400 or not _FLOAT.fullmatch(text):
        raise malformed("A number was expected")
    return float(text)


def _timestamp(node: Node) -> Any:
    try:
        return timestamps.read(_text(node))
    except timestamps.type_error as error:
        raise malformed("A timestamp was expected") from error


def _blob(node: Node) -> bytes:
    try:
        return base64.b64decode(_text(node), validate=True)
    except (binascii.Error, ValueError) as error:
        raise malformed("Base64 was expected") from error


_SCALARS: dict[str, Reader] = {
    "string": _text,
    "character": _text,
    "integer": _integer(32),  # recorded-aws.md 3: outside 32 bits is MalformedInput already
    "long": _integer(64),
    "boolean": _boolean,
    "float": _float,
    "double": _float,
    "timestamp": _timestamp,
    "blob": _blob,
}


# Aggregates


class _Readers:
    """The readers of one service's shapes; structures are kept, so that recursive shapes end and operations share them.

    EC2's protocol differs in two things: its lists are always flat, and its names are the query names, or the others with a capital.
    """

    def __init__(self, *, ec2: bool) -> None:
        self._structures: dict[str, Members] = {}
        self._ec2 = ec2

    def members(self, shape: Shape) -> Members:
        known = self._structures.get(shape.name)
        if known is not None:
            return known
        known = self._structures[shape.name] = {}
        for name, member in shape.members.items():
            reader = self._of(member)
            known[self._wire_name(member, name)] = (name, reader)
            if member.serialization.get("flattened") and member.type_name == "list":
                known.setdefault(member.member.serialization.get("name", name), (name, reader))  # botocore writes this one
        return known

    def _wire_name(self, member: Shape, name: str) -> str:
        given: str = member.serialization.get("name", name)
        return member.serialization.get("queryName", given[:1].upper() + given[1:]) if self._ec2 else given

    def _of(self, shape: Shape) -> Reader:
        match shape.type_name:
            case "structure":
                return self._structure(shape)
            case "list":
                return self._list(shape)
            case "map":
                return self._map(shape)
        return _SCALARS[shape.type_name]

    def _structure(self, shape: Shape) -> Reader:
        members = self.members(shape)

        def read(node: Node) -> dict[str, Any]:
            return _read_members(members, _branch(node, "Unexpected complex element termination"))

        return read

    def _list(self, shape: Shape) -> Reader:
        element = self._of(shape.member)
        inside = None if self._ec2 or shape.serialization.get("flattened") else shape.member.serialization.get("name", "member")

        def read(node: Node) -> list[Any] | None:
            branch = _inside(_branch(node, "Unexpected list element termination"), inside)
            return branch if branch is None else [item if item is None else element(item) for item in _elements(branch)]

        return read

    def _map(self, shape: Shape) -> Reader:
        key_name, value_name = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
        value_reader = self._of(shape.value)
        inside = None if shape.serialization.get("flattened") else "entry"

        def read(node: Node) -> dict[str, Any] | None:
            branch = _inside(_branch(node, "Unexpected complex element termination"), inside)
            return branch if branch is None else dict(entry(item) for item in _elements(branch))

        def entry(node: Node | None) -> tuple[str, Any]:
            if not isinstance(node, dict) or key_name not in node:
                raise malformed("A map entry lacks its key")
            value = node.get(value_name)
            return _text(node[key_name]), None if value is None else value_reader(value)

        return read


def _branch(node: Node, message: str) -> Tree:
    """What stands below an aggregate's name. ``Tags=`` is an empty one; text is refused as AWS refuses it (reported of CloudFront, ELB)."""
    if isinstance(node, dict):
        return node
    if node:
        raise malformed(message)
    return {}


def _inside(branch: Tree, name: str | None) -> Tree | None:
    """The tree of indices: below ``member`` or ``entry``, or the branch itself when flattened; None when only unknown names stand there."""
    if name is None or not branch:
        return branch
    inner = branch.get(name)
    if inner is None and any(_INDEX.fullmatch(key) for key in branch):
        raise malformed("Top level element may not be treated as a list")  # reported of CloudWatch
    return inner if isinstance(inner, dict) else {} if "" in branch or inner is not None else None


@cache
def _readers(service: ServiceModel) -> _Readers:
    return _Readers(ec2=service.metadata.get("protocol") == "ec2")


@cache
def _members(model: OperationModel) -> Members:
    return _readers(model.service_model).members(model.input_shape) if model.input_shape else {}
