"""The HTTP bindings of the REST protocols: which operation a method and a path mean, and the members outside of the body.

A path is matched as it came, segment by segment, so that an encoded slash stays inside its label. Where several operations match, the one
with the most literal segments and query constants is meant.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote_to_bytes

import orjson

from stead.aws.errors import AwsError
from stead.aws.models import service_model
from stead.wire import timestamps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from botocore.model import OperationModel, Shape

    from stead.wire.messages import HttpRequest

    Pairs = Sequence[tuple[str, str]]

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_BOOLEANS = {"true": True, "false": False}
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
# One element of a list in a header: in quotes, with quotes and backslashes escaped, or up to the next comma.
_ELEMENT = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*))\s*(?:,|\Z)')
_DATE_ELEMENT = re.compile(r"\s*([^,]*,[^,]*|[^,]*)\s*(?:,|\Z)")  # an HTTP date has a comma of its own


def unreadable(message: str) -> AwsError:
    """A request whose form alone is wrong."""
    return AwsError("SerializationException", message)


# Which operation


class Binding(NamedTuple):
    """How one operation is asked for. A segment of the path is a literal, or a label's name and whether it takes the rest."""

    operation: str
    method: str
    segments: tuple[bytes | tuple[str, bool], ...]
    constants: tuple[tuple[str, str], ...]

    @property
    def weight(self) -> tuple[int, int]:
        """How particular it is."""
        return sum(isinstance(segment, bytes) for segment in self.segments), len(self.constants)


def find(request: HttpRequest, services: Sequence[str]) -> tuple[str, str] | None:
    """The service and operation that ``request`` asks for, if they are of ``services``."""
    bindings = ((name, binding) for name in services for binding in _bindings(name))
    return next(((name, binding.operation) for name, binding in bindings if _means(binding, request)), None)


def _means(binding: Binding, request: HttpRequest) -> bool:
    if binding.method != request.method:
        return False
    try:
        return labels(binding, request.path) is not None and _has_constants(binding, request)
    except AwsError:  # what is no text names no operation
        return False


@cache
def _bindings(service: str) -> tuple[Binding, ...]:
    model = service_model(service)
    return tuple(sorted((binding_of(model.operation_model(name)) for name in model.operation_names), key=lambda b: b.weight, reverse=True))


@cache
def binding_of(model: OperationModel) -> Binding:
    """The binding in the model's ``requestUri``, e.g. ``/things/{name}/{rest+}?list``."""
    path, _, query = model.http["requestUri"].partition("?")
    segments = tuple(_segment(text) for text in path.lstrip("/").split("/"))
    constants = tuple((name, value) for name, _, value in (pair.partition("=") for pair in query.split("&") if pair))
    return Binding(model.name, model.http["method"], segments, constants)


def _segment(text: str) -> bytes | tuple[str, bool]:
    if text.startswith("{") and text.endswith("}"):
        return text[1:-1].removesuffix("+"), text.endswith("+}")
    return text.encode()


def labels(binding: Binding, path: bytes) -> dict[str, str] | None:
    """The texts of the path's labels, or None when the path is another one."""
    given, found = path.lstrip(b"/").split(b"/"), {}
    for index, segment in enumerate(binding.segments):
        if index >= len(given):
            return None
        if isinstance(segment, bytes):
            if unquote_to_bytes(given[index]) != segment:
                return None
            continue
        name, takes_rest = segment
        end = len(given) - (len(binding.segments) - index - 1) if takes_rest else index + 1
        text = b"/".join(given[index:end])
        given[index:end] = [text]
        found[name] = _decoded(text)
    return found if len(given) == len(binding.segments) and all(found.values()) else None


def _has_constants(binding: Binding, request: HttpRequest) -> bool:
    given = query_pairs(request.query) if binding.constants else ()
    return all(constant in given for constant in binding.constants)


# The members outside of the body


def query_pairs(query: bytes) -> list[tuple[str, str]]:
    """The decoded names and values of a query string."""
    parts = (part.partition(b"=") for part in query.replace(b"+", b" ").split(b"&") if part)
    return [(_decoded(name), _decoded(value)) for name, _, value in parts]


def _decoded(text: bytes) -> str:
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError as error:
        raise unreadable("The request is not valid UTF-8") from error


def members(model: OperationModel, request: HttpRequest) -> dict[str, Any]:
    """The members that ``request`` carries in path, query and headers."""
    shape = model.input_shape
    if shape is None:
        return {}
    in_path = labels(binding_of(model), request.path) or {}
    in_query = query_pairs(request.query)
    found: dict[str, Any] = {}
    for name, member in shape.members.items():
        match member.serialization.get("location"):
            case "uri":
                value = _of_text(member, in_path[_wire_name(name, member)])
            case "querystring":
                value = _of_query(member, _wire_name(name, member), in_query)
            case "header":
                value = _of_header(member, _wire_name(name, member), request)
            case "headers":
                value = dict(_with_prefix(member.serialization.get("name", ""), request)) or None
            case _:
                continue
        if value is not None:
            found[name] = value
    return found


def _wire_name(name: str, member: Shape) -> str:
    return str(member.serialization.get("name", name))


def _of_query(member: Shape, name: str, pairs: Pairs) -> Any:
    if member.type_name == "map":  # all parameters, those too that other members have a name for (Smithy's rule for servers)
        return _multimap(pairs) if member.value.type_name == "list" else dict(reversed(pairs)) or None
    values = [value for key, value in pairs if key == name]
    if not values:
        return None
    if member.type_name == "list":
        return [_of_text(member.member, value) for value in values]
    return _of_text(member, values[0])


def _multimap(pairs: Pairs) -> dict[str, list[str]] | None:
    found: dict[str, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found or None


def _of_header(member: Shape, name: str, request: HttpRequest) -> Any:
    given = [value for key, value in request.headers if key == name.lower().encode()]
    if not given:
        return None
    text = b",".join(given).decode("latin-1")
    if member.type_name != "list":
        return _of_text(member, text)
    pattern = _DATE_ELEMENT if member.member.type_name == "timestamp" else _ELEMENT
    return [_of_text(member.member, element) for element in _elements(pattern, text)]


def _elements(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        found = pattern.match(text, position)
        if found is None or found.end() == position:
            raise unreadable("A list in a header cannot be read")
        position = found.end()
        quoted = found[1] if pattern is _ELEMENT else None
        yield re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else (found[found.lastindex or 0]).strip()


def _with_prefix(prefix: str, request: HttpRequest) -> Iterator[tuple[str, str]]:
    for key, value in request.headers:
        name = key.decode("latin-1")
        if name.startswith(prefix.lower()):
            yield name[len(prefix) :], value.decode("latin-1")


def _of_text(shape: Shape, text: str) -> Any:
    """A member's value. Of times each notation is understood (timestamps.py)."""
    return _json(text) if shape.serialization.get("jsonvalue") else _READERS.get(shape.type_name, _text)(text)


def _text(text: str) -> str:
    if "\0" in text:  # as in the other protocols' readers
        raise unreadable("A text cannot hold the character U+0000")
    return text


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise unreadable("STRING_VALUE cannot be converted to Integer")
    return int(text)


def _real(text: str) -> float:
    try:
        return _NOT_FINITE[text] if text in _NOT_FINITE else float(text)
    except ValueError as error:
        raise unreadable("STRING_VALUE cannot be converted to Double") from error


def _boolean(text: str) -> bool:
    if text not in _BOOLEANS:
        raise unreadable("STRING_VALUE cannot be converted to Boolean")
    return _BOOLEANS[text]


def _timestamp(text: str) -> Any:
    try:
        return timestamps.read(text)
    except timestamps.type_error as error:
        raise unreadable("STRING_VALUE can not be converted to milliseconds since epoch") from error


def _blob(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise unreadable("STRING_VALUE cannot be converted to ByteBuffer") from error


def _json(text: str) -> Any:
    """A JSON value, which in a header is in base64 and in a query string as it is."""
    try:
        return orjson.loads(text if text.startswith(("{", "[", '"')) else _blob(text))
    except orjson.JSONDecodeError as error:
        raise unreadable("A header or query parameter is not valid JSON") from error


_READERS: dict[str, Callable[[str], Any]] = {
    "integer": _integer,
    "long": _integer,
    "float": _real,
    "double": _real,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "blob": _blob,
}


# Answers


def headers(shape: Shape, result: Mapping[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    """The headers of an answer's members that travel in headers."""
    for name, member in shape.members.items():
        value, location = result.get(name), member.serialization.get("location")
        if value is None:
            continue
        if location == "header" and value != []:
            yield _header(_wire_name(name, member), _written(member, value))
        if location == "headers":
            yield from (_header(member.serialization.get("name", "") + key, text) for key, text in value.items())


def _header(name: str, text: str) -> tuple[bytes, bytes]:
    return name.lower().encode(), text.encode()


def _written(shape: Shape, value: Any) -> str:
    if shape.type_name == "list":
        return ", ".join(_quoted(_written(shape.member, item), shape.member) for item in value)
    if shape.serialization.get("jsonvalue"):
        return base64.b64encode(orjson.dumps(value)).decode()
    match shape.type_name:
        case "timestamp":
            return str(timestamps.FORMATS[shape.serialization.get("timestampFormat", "rfc822")](value))
        case "boolean":
            return "true" if value else "false"
        case "float" | "double" if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return str(value)


def _quoted(text: str, shape: Shape) -> str:
    if shape.type_name == "string" and re.search(r'[",]', text):
        return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'
    return text
