"""The shape of a policy document (policy-evaluation.md 7.1): elements, their JSON types, and which exclude each other.

Everything here is answered ``Syntax errors in policy.`` (aws-behaviour.md 7). A tree that passes can be compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from stead.policy.conditions import parse_operator
from stead.policy.parse import SYNTAX, Defect, Number, Path

VERSIONS = ("2008-10-17", "2012-10-17")
PRINCIPAL_TYPES = ("AWS", "Service", "Federated", "CanonicalUser")

Shape = Callable[[Any, Path], None]
Tree = dict[str, Any]


def _text(value: Any, path: Path) -> None:
    if type(value) is not str:
        raise Defect(SYNTAX, path)


def _version(value: Any, path: Path) -> None:
    if value not in VERSIONS or isinstance(value, Number):
        raise Defect(SYNTAX, path)


def _effect(value: Any, path: Path) -> None:
    _text(value, path)
    # Another case of the two words is not this defect but a legacy parser's (aws-behaviour.md 7).
    if value.lower() not in {"allow", "deny"}:
        raise Defect(SYNTAX, path)


def _texts(value: Any, path: Path) -> None:
    for item, place in _items(value, path):
        _text(item, place)


def _principal(value: Any, path: Path) -> None:
    if isinstance(value, dict):
        for kind, entries in value.items():
            if kind not in PRINCIPAL_TYPES:
                raise Defect(SYNTAX, (*path, kind))
            _texts(entries, (*path, kind))
    elif value != "*":
        raise Defect(SYNTAX, path)


def _condition(value: Any, path: Path) -> None:
    for operator, keys in _entries(value, path):
        for key, operands in _entries(keys, (*path, operator)):
            # An unknown operator without keys passes (aws-behaviour.md 7).
            if parse_operator(operator) is None:
                raise Defect(SYNTAX, (*path, operator))
            for operand, place in _items(operands, (*path, operator, key)):
                if not isinstance(operand, str | bool):
                    raise Defect(SYNTAX, place)


def _statements(value: Any, path: Path) -> None:
    if value == []:
        raise Defect(SYNTAX, path)
    for statement, place in _items(value, path):
        _element(statement, place, STATEMENT, required="Effect")
        for name in ("Action", "Resource", "Principal"):
            if name in statement and f"Not{name}" in statement:
                raise Defect(SYNTAX, place)


DOCUMENT: dict[str, Shape] = {"Version": _version, "Id": _text, "Statement": _statements}
STATEMENT: dict[str, Shape] = {
    "Sid": _text,
    "Effect": _effect,
    "Principal": _principal,
    "NotPrincipal": _principal,
    "Action": _texts,
    "NotAction": _texts,
    "Resource": _texts,
    "NotResource": _texts,
    "Condition": _condition,
}


def _element(value: Any, path: Path, shapes: dict[str, Shape], *, required: str) -> None:
    for name, content in _entries(value, path):
        if name not in shapes:
            raise Defect(SYNTAX, (*path, name))
        shapes[name](content, (*path, name))
    if required not in value:
        raise Defect(SYNTAX, path)


def _entries(value: Any, path: Path) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise Defect(SYNTAX, path)
    yield from value.items()


def _items(value: Any, path: Path) -> Iterator[tuple[Any, Path]]:
    if not isinstance(value, list):
        yield value, path
        return
    for index, item in enumerate(value):
        yield item, (*path, index)


def check(tree: Any) -> Tree:
    """``tree`` as a document, or a :class:`Defect`."""
    _element(tree, (), DOCUMENT, required="Statement")
    document: Tree = tree
    return document


def statements(tree: Tree) -> Iterator[tuple[Path, Tree]]:
    """The statements with their paths; a single object counts as a list of one."""
    for statement, path in _items(tree["Statement"], ("Statement",)):
        yield path, statement


def values(statement: Tree, path: Path, name: str) -> Iterator[tuple[Path, str]]:
    """The texts of an element and its ``Not`` twin, with their paths."""
    for element in (name, f"Not{name}"):
        for text, place in _items(statement.get(element, []), (*path, element)):
            yield place, text


def conditions(statement: Tree, path: Path) -> Iterator[tuple[Path, str, str, list[str]]]:
    """Path, operator, key and values of each condition; JSON numbers and booleans as their text (policy-evaluation.md 4.1)."""
    for operator, keys in statement.get("Condition", {}).items():
        for key, operands in keys.items():
            place = (*path, "Condition", operator, key)
            yield place, operator, key, [_operand(operand) for operand, _ in _items(operands, place)]


def _operand(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def principal_entries(element: Any) -> dict[str, list[str]]:
    """A Principal element by type; ``"*"`` is ``{"AWS": "*"}`` (policy-evaluation.md 3.4)."""
    found = {"AWS": ["*"]} if element == "*" else element
    return {kind: [entries] if isinstance(entries, str) else list(entries) for kind, entries in found.items()}
