"""JSON as policies allow it, and where in the text something stands.

Stricter than Python's reader: no duplicate keys (the last must not silently win), no NaN, no lone surrogates, no unbounded depth.
Numbers keep their text, because a policy compares them as text or reads them itself (policy-evaluation.md 4.1).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stead.aws.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

SYNTAX = "Syntax errors in policy."

Path = tuple[str | int, ...]


class MalformedPolicy(AwsError):  # noqa: N818 - AWS's own name of it
    """A document that IAM would not store; ``line`` and ``column`` count from 1 where the place is known."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__("MalformedPolicyDocument", message)
        self.line = line
        self.column = column


class InvalidJson(MalformedPolicy):
    """The text is no JSON at all, which CreateRole words in its own way."""


class Defect(Exception):  # noqa: N818 - a finding at a place in the tree; `validate` makes the error of it, with line and column
    """A broken rule: AWS's text for it, and the path to the element that breaks it."""

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class _Repeated(Exception):  # noqa: N818 - see Defect
    """An object has a key twice; the reader does not say where."""


class Number(str):
    """A JSON number, as it was written."""

    __slots__ = ()


def parse_json(text: str) -> Any:
    """The tree of ``text``; its numbers are :class:`Number`."""
    try:
        tree = json.loads(text, object_pairs_hook=_object, parse_int=Number, parse_float=Number, parse_constant=_refuse)
        json.dumps(tree, ensure_ascii=False).encode()  # fails on lone surrogates, escaped or not
    except json.JSONDecodeError as error:
        raise InvalidJson(SYNTAX, error.lineno, error.colno) from None
    except _Repeated:
        raise MalformedPolicy(SYNTAX, *line_and_column(text, _repeated_key(text))) from None
    except (RecursionError, UnicodeEncodeError, ValueError):
        raise InvalidJson(SYNTAX) from None
    return tree


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Repeated
    return found


_KEY_OR_BRACE = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|[{}]')


def _repeated_key(text: str) -> int:
    """Where the first key stands that its object has already; up to there ``text`` is JSON."""
    objects: list[set[str]] = []
    for token in _KEY_OR_BRACE.finditer(text):
        if token[0] == "{":
            objects.append(set())
        elif token[0] == "}":
            objects.pop()
        elif token[2]:
            key = json.loads(token[1])
            if key in objects[-1]:
                return token.start()
            objects[-1].add(key)
    return 0


def _refuse(constant: str) -> Any:
    message = f"{constant} is no JSON"
    raise ValueError(message)


_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


@dataclass(slots=True)
class _Frame:
    """An object or list that the scan is inside of; ``at`` is the current key or index."""

    start: int
    at: str | int
    keys: bool = field(default=False)  # the next string is a key


@lru_cache(maxsize=32)  # reading a long policy takes tens of milliseconds, and who asks for one statement's place asks for the next one's
def spans(text: str) -> Mapping[Path, tuple[int, int]]:
    """Start and end offset of every value in ``text``, which is known to be JSON, by path.

    >>> spans('{"Statement": [{}, {}]}')[("Statement", 1)]
    (19, 21)
    """
    found: dict[Path, tuple[int, int]] = {}
    frames: list[_Frame] = []
    for token in _TOKEN.finditer(text):
        first = token[0][0]
        if first in "{[":
            frames.append(_Frame(token.start(), "" if first == "{" else 0, keys=first == "{"))
        elif first in "}]":
            closed = frames.pop()
            found[tuple(frame.at for frame in frames)] = (closed.start, token.end())
        elif first == ",":
            _next(frames[-1])
        elif frames and frames[-1].keys:
            frames[-1].at, frames[-1].keys = json.loads(token[0]), False
        elif first != ":":
            found[tuple(frame.at for frame in frames)] = token.span()
    return found


def _next(frame: _Frame) -> None:
    if isinstance(frame.at, int):
        frame.at += 1
    else:
        frame.keys = True


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """An offset as an editor shows it, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
