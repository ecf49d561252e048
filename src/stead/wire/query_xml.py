"""From the result of an operation to the XML of a query answer, as the service models describe it.

Writers are compiled from the shapes, one for each shape and tag and on first use; each turns a value into its whole element. Members stand
in the model's order, None is left out, an empty list or structure is an empty element (``<RoleLastUsed/>``, aws-behaviour.md 2.3).
"""

from __future__ import annotations

import base64
import re
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from stead.wire import timestamps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.model import ServiceModel, Shape

Writer: TypeAlias = "Callable[[Any], str]"

_UNUSUAL = re.compile("[&<>\r\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"}
_UNWRITABLE = (
    "\ufffd"  # XML 1.0 has no way to carry the other characters, not even as a reference, and a parser would refuse the whole answer
)


def escape(text: str) -> str:
    """``text`` as XML character data. The test before the substitution passes almost every text, at a third of the substitution's cost."""
    if text.isprintable() and not ("&" in text or "<" in text or ">" in text):
        return text
    return _UNUSUAL.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return _ENTITIES.get(match[0], _UNWRITABLE)


def _number(value: float) -> str:
    return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(text := repr(value), text)


_SCALARS: dict[str, Writer] = {
    "string": escape,
    "character": escape,
    "integer": str,
    "long": str,
    "float": _number,
    "double": _number,
    "boolean": lambda value: "true" if value else "false",
    "blob": lambda value: base64.b64encode(value).decode(),
}


class Writers:
    """The writers of one service's shapes; structures are kept, so that recursive shapes end and operations share them."""

    def __init__(self) -> None:
        self._structures: dict[str, Writer] = {}

    def members(self, shape: Shape) -> Writer:
        """A writer of what stands inside the element of a structure."""
        known = self._structures.get(shape.name)
        if known is not None:
            return known
        members: list[tuple[str, Writer]] = []

        def write(value: Mapping[str, Any]) -> str:
            get = value.get
            return "".join([element(item) for name, element in members if (item := get(name)) is not None])

        self._structures[shape.name] = write
        members.extend((name, self.element(member, _member_tag(member, name))) for name, member in shape.members.items())
        return write

    def element(self, shape: Shape, tag: str) -> Writer:
        """A writer of a whole element called ``tag``; of the row of elements when the shape is flattened."""
        flattened = shape.serialization.get("flattened")
        match shape.type_name:
            case "structure":
                return _wrapped(self.members(shape), tag, shape)
            case "list" if flattened:
                return _each(self.element(shape.member, tag))
            case "list":
                return _wrapped(_each(self.element(shape.member, shape.member.serialization.get("name", "member"))), tag, shape)
            case "map" if flattened:
                return self._entries(shape, tag)
            case "map":
                return _wrapped(self._entries(shape, "entry"), tag, shape)
        return _wrapped(_scalar(shape), tag, shape)

    def _entries(self, shape: Shape, tag: str) -> Writer:
        key = self.element(shape.key, shape.key.serialization.get("name", "key"))
        value = self.element(shape.value, shape.value.serialization.get("name", "value"))

        def write(entries: Mapping[str, Any]) -> str:
            return "".join([f"<{tag}>{key(name)}{value(item)}</{tag}>" for name, item in entries.items()])

        return write


def _scalar(shape: Shape) -> Writer:
    if shape.type_name == "timestamp":
        write = timestamps.FORMATS[shape.serialization.get("timestampFormat", "iso8601")]
        return lambda value: str(write(value))
    return _SCALARS[shape.type_name]


def _wrapped(content: Writer, tag: str, shape: Shape) -> Writer:
    opening, closing = f"<{tag}{_namespace(shape)}>", f"</{tag}>"
    empty = f"{opening[:-1]}/>"

    def write(value: Any) -> str:
        inside = content(value)
        return f"{opening}{inside}{closing}" if inside else empty

    return write


def _each(element: Writer) -> Writer:
    def write(values: list[Any]) -> str:
        return "".join([element(value) for value in values])

    return write


def _member_tag(shape: Shape, name: str) -> str:
    """A flattened list's elements are called as the list, or as its member says."""
    own: str = shape.serialization.get("name", name)
    if shape.type_name == "list" and shape.serialization.get("flattened"):
        return str(shape.member.serialization.get("name", own))
    return own


def _namespace(shape: Shape) -> str:
    namespace = shape.serialization.get("xmlNamespace")
    if namespace is None:
        return ""
    if isinstance(namespace, str):
        return f' xmlns="{namespace}"'
    prefix = f":{namespace['prefix']}" if "prefix" in namespace else ""
    return f' xmlns{prefix}="{namespace["uri"]}"'


@cache
def writers(service: ServiceModel) -> Writers:
    """The writers of ``service``."""
    del service  # it is the cache's key: shape names mean something within one service only
    return Writers()
