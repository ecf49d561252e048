"""The cluster query language, of ``filter`` and of memberOf placement constraints (ECS developer guide, "Cluster query language").

An expression is ``subject operator [argument]``, joined by and, or, not and parentheses; ``&&``, ``||`` and ``!`` are the same words. It is read
once, into a function of what is known about an instance: the subjects' values, None where it has no such thing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from stead.services.ecs.names import invalid_parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

Facts = Mapping[str, Any]
Test = Callable[[Facts], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<sign>&&|\|\||==|!=|=~|!~|>=|<=|>|<|!in\b|!exists\b|[()\[\],!])|(?P<quoted>\"[^\"]*\"|'[^']*')|(?P<word>[^\s()\[\],=!<>&|~\"']+))"
)
_SAME = {
    "equals": "==",
    "not_equals": "!=",
    "greater_than": ">",
    "greater_than_equal": ">=",
    "less_than": "<",
    "less_than_equal": "<=",
    "not_exists": "!exists",
    "not_in": "!in",
    "matches": "=~",
    "not_matches": "!~",
    "&&": "and",
    "||": "or",
    "!": "not",
}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
}
_LONGEST = 2_000  # documented for a constraint's expression
_DEEPEST = 50


def parse(text: str) -> Test:
    """``text`` as a test; InvalidParameterException when it is no expression."""
    if len(text) > _LONGEST:
        raise _invalid(text)
    tokens = list(_tokens(text))
    reader = _Reader(text, tokens)
    test = reader.either(0)
    if reader.rest:
        raise _invalid(text)
    return test


def _tokens(text: str) -> Iterator[str]:
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise _invalid(text)
        position = match.end()
        word = match[0].strip()
        yield _SAME.get(word, word)


def _invalid(text: str) -> Exception:
    return invalid_parameter(f"Invalid expression: {text}")  # our wording


class _Reader:
    """Reads tokens from the left; ``or`` binds least, then ``and``, then ``not``."""

    def __init__(self, text: str, tokens: list[str]) -> None:
        self.text = text
        self.rest = tokens[::-1]

    def either(self, depth: int) -> Test:
        """``a or b``."""
        tests = [self._both(depth)]
        while self._took("or"):
            tests.append(self._both(depth))
        return lambda facts: any(test(facts) for test in tests)

    def _both(self, depth: int) -> Test:
        tests = [self._one(depth)]
        while self._took("and"):
            tests.append(self._one(depth))
        return lambda facts: all(test(facts) for test in tests)

    def _one(self, depth: int) -> Test:
        if depth > _DEEPEST:
            raise _invalid(self.text)
        if self._took("not"):
            test = self._one(depth + 1)
            return lambda facts: not test(facts)
        if self._took("("):
            test = self.either(depth + 1)
            self._need(")")
            return test
        return self._term()

    def _term(self) -> Test:
        subject, operator = self._next(), self._next()
        if operator in {"exists", "!exists"}:
            return lambda facts: (_of(facts, subject) is not None) == (operator == "exists")
        if operator in {"in", "!in"}:
            listed = self._list()
            return lambda facts: (str(_of(facts, subject)) in listed) == (operator == "in")
        argument = _bare(self._next())
        if operator in {"==", "!="}:
            return lambda facts: (_text(_of(facts, subject)) == argument) == (operator == "==")
        if operator in {"=~", "!~"}:
            pattern = _pattern(self.text, argument)
            return lambda facts: (pattern(_text(_of(facts, subject)) or "")) == (operator == "=~")
        if operator in _COMPARE:
            return _comparison(self.text, subject, operator, argument)
        raise _invalid(self.text)

    def _list(self) -> set[str]:
        self._need("[")
        listed = {_bare(self._next())}
        while self._took(","):
            listed.add(_bare(self._next()))
        self._need("]")
        return listed

    def _took(self, token: str) -> bool:
        if self.rest and self.rest[-1] == token:
            self.rest.pop()
            return True
        return False

    def _need(self, token: str) -> None:
        if not self._took(token):
            raise _invalid(self.text)

    def _next(self) -> str:
        if not self.rest:
            raise _invalid(self.text)
        return self.rest.pop()


def _comparison(text: str, subject: str, operator: str, argument: str) -> Test:
    try:
        number = float(argument)
    except ValueError as error:
        raise _invalid(text) from error
    compare = _COMPARE[operator]

    def test(facts: Facts) -> bool:
        try:
            return compare(float(_of(facts, subject)), number)
        except (TypeError, ValueError):
            return False

    return test


def _pattern(text: str, argument: str) -> Callable[[str], bool]:
    """``*`` only: the guide's examples are ``t2.*``; whole regular expressions of a customer's could run for ever."""
    if len(argument) > _LONGEST:
        raise _invalid(text)
    pieces = argument.replace(".*", "*").split("*")
    return lambda value: _matches(pieces, value)


def _matches(pieces: list[str], value: str) -> bool:
    first, *others = pieces
    if not others:
        return value == first
    *middle, last = others
    if not value.startswith(first) or not value.endswith(last) or len(value) < len(first) + len(last):
        return False
    position, end = len(first), len(value) - len(last)
    for piece in middle:
        found = value.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True


def _of(facts: Facts, subject: str) -> Any:
    return facts.get(subject)


def _bare(token: str) -> str:
    return token[1:-1] if token[:1] in {'"', "'"} else token


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)
