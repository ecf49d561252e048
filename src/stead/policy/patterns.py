"""Text with wildcards and variables.

A pattern is read once into tokens: literal text, a wildcard, or a variable. A fixed sequence of tokens then becomes the cheapest test that
decides it: equality, a prefix, a search of segments, or, when a ``?`` is in it, an automaton that keeps all its states in the bits of one
integer. None of them backtracks: the worst is linear in the text, times the pattern's length divided by the machine's word.

- ``*`` is any run, slashes, colons and line ends included; ``?`` is one UTF-16 unit, so a supplementary character needs two
  (recorded-aws.md 6.6).
- ``${key}`` and ``${key, 'default'}`` are variables, ``${*}``, ``${?}`` and ``${$}`` the literal characters; an inserted value is literal
  (policy-evaluation.md 5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from itertools import groupby
from typing import NamedTuple

ContextValue = str | tuple[str, ...]
Context = Mapping[str, ContextValue]
Test = Callable[[str], bool]


class Wildcard(Enum):
    """The two characters of a pattern that are not themselves."""

    ANY_RUN = "*"
    ANY_ONE = "?"


class Variable(NamedTuple):
    """``${key, 'default'}``; the key is in lower case."""

    key: str
    default: str | None


Fixed = str | Wildcard
Token = Fixed | Variable

_WILDCARDS = {wildcard.value: wildcard for wildcard in Wildcard}
_WILDCARD = re.compile(r"([*?])")
_WILDCARD_OR_VARIABLE = re.compile(r"(\$\{[^{}]*\}|[*?])")
_SUPPLEMENTARY = re.compile("[\U00010000-\U0010ffff]")


def tokenize(text: str, *, variables: bool, wildcards: bool = True) -> tuple[Token, ...]:
    """The tokens of ``text``; what is switched off stays literal.

    >>> tokenize("home/${aws:username}/*", variables=True)
    ('home/', Variable(key='aws:username', default=None), '/', <Wildcard.ANY_RUN: '*'>)
    """
    pieces = (_WILDCARD_OR_VARIABLE if variables else _WILDCARD).split(text)
    return _merged(_special(piece, wildcards) if i % 2 else piece for i, piece in enumerate(pieces) if piece)


def _special(piece: str, wildcards: bool) -> Token:
    """What the expression captured: a wildcard or ``${...}``."""
    if piece in _WILDCARDS:
        return _WILDCARDS[piece] if wildcards else piece
    return _variable(piece[2:-1])


def _variable(body: str) -> str | Variable:
    if body in {"*", "?", "$"}:
        return body
    key, _, default = body.partition(", ")
    quoted = len(default) >= 2 and default[0] == default[-1] == "'"
    return Variable(key.lower(), default[1:-1]) if quoted else Variable(body.lower(), None)


def _merged(tokens: Iterable[Token]) -> tuple[Token, ...]:
    merged: list[Token] = []
    for kind, run in groupby(tokens, key=lambda token: token if token is Wildcard.ANY_RUN else type(token)):
        if kind is str:
            merged.append("".join(token for token in run if isinstance(token, str)))
        else:
            merged.extend([Wildcard.ANY_RUN] if kind is Wildcard.ANY_RUN else run)
    return tuple(merged)


def is_fixed(tokens: Sequence[Token]) -> bool:
    """Whether no variable is among them, so that the test can be made once."""
    return not any(isinstance(token, Variable) for token in tokens)


def fixed(tokens: Sequence[Token]) -> tuple[Fixed, ...]:
    """Tokens known to be without variables, for the type checker."""
    return tuple(token for token in tokens if not isinstance(token, Variable))


def expand(tokens: Sequence[Token], context: Context) -> tuple[Fixed, ...] | None:
    """The tokens with their variables' values, or None when one has no value.

    A list key is no variable at all: not even its default is used (recorded-aws.md 6.2).
    """
    values = [_value(token, context) if isinstance(token, Variable) else token for token in tokens]
    known = [value for value in values if value is not None]
    # An empty value is no token: it may bring two stars together.
    return fixed(_merged(value for value in known if value != "")) if len(known) == len(values) else None


def insert(tokens: Sequence[str | Variable], context: Context) -> str | None:
    """The text of tokens without wildcards, with their variables' values, or None when one has no value."""
    pieces = [token if isinstance(token, str) else _value(token, context) for token in tokens]
    known = [piece for piece in pieces if piece is not None]
    return "".join(known) if len(known) == len(pieces) else None


def _value(variable: Variable, context: Context) -> str | None:
    value = context.get(variable.key)
    value = variable.default if value is None else value
    return value if isinstance(value, str) else None


def pattern_test(tokens: Sequence[Fixed]) -> Test:
    """The cheapest test for a whole text."""
    match tokens:
        case []:
            return "".__eq__
        case [str() as literal]:
            return literal.__eq__
        case [Wildcard.ANY_RUN]:
            return lambda _text: True
        case [str() as prefix, Wildcard.ANY_RUN]:
            return lambda text: text.startswith(prefix)
    return _automaton(tokens) if Wildcard.ANY_ONE in tokens else _segments(tokens)


def _segments(tokens: Sequence[Fixed]) -> Test:
    """Literals between stars: the first is the start, the last the end, those between are found from left to right."""
    head = tokens[0] if isinstance(tokens[0], str) else ""
    tail = tokens[-1] if isinstance(tokens[-1], str) else ""
    inner = [token for token in tokens[bool(head) : len(tokens) - bool(tail)] if isinstance(token, str)]

    def test(text: str) -> bool:
        end = len(text) - len(tail)
        position = len(head)
        if position > end or not (text.startswith(head) and text.endswith(tail)):
            return False
        for segment in inner:
            found = text.find(segment, position, end)
            if found < 0:
                return False
            position = found + len(segment)
        return True

    return test


def _automaton(tokens: Sequence[Fixed]) -> Test:
    """Bit i is set while the first i units of the pattern can have matched; a star keeps its bit and lends it to its successor."""
    units: list[str | Wildcard] = []
    for token in tokens:
        units.extend(utf16_units(token) if isinstance(token, str) else [token])
    stars = sum(1 << i for i, unit in enumerate(units) if unit is Wildcard.ANY_RUN)
    any_one = sum(1 << i for i, unit in enumerate(units) if unit is Wildcard.ANY_ONE)
    accepts: dict[str, int] = {}
    for i, unit in enumerate(units):
        if isinstance(unit, str):
            accepts[unit] = accepts.get(unit, any_one) | 1 << i
    start = 1 | (stars & 1) << 1
    final = 1 << len(units)

    def test(text: str) -> bool:
        states = start
        for unit in utf16_units(text):
            states = (states & accepts.get(unit, any_one)) << 1 | states & stars
            states |= (states & stars) << 1
            if not states:
                return False
        return bool(states & final)

    return test


def utf16_units(text: str) -> str:
    """``text`` with each supplementary character as its two surrogates."""
    return text if text.isascii() else _SUPPLEMENTARY.sub(_surrogates, text)


def _surrogates(character: re.Match[str]) -> str:
    offset = ord(character[0]) - 0x10000
    return chr(0xD800 + (offset >> 10)) + chr(0xDC00 + (offset & 0x3FF))
