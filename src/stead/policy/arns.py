"""ARN patterns: six parts, each matched for itself (policy-evaluation.md 3.2, 4.1).

A star never crosses the first five colons; the sixth part keeps its further colons. Variables are found before the colons are, so that the
colon in ``${aws:username}`` separates nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from stead.policy.patterns import (
    Context,
    Fixed,
    Test,
    Token,
    Wildcard,
    expand,
    fixed,
    is_fixed,
    pattern_test,
    tokenize,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

PARTS = 6


def split_parts(tokens: Sequence[Token]) -> list[list[Token]]:
    """The tokens cut at the first five colons of the literal text; fewer than six parts when the colons are fewer."""
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if not isinstance(token, str):
            parts[-1].append(token)
            continue
        first, *rest = token.split(":", PARTS - len(parts))
        parts[-1].extend([first] if first else [])
        parts.extend([[piece] if piece else [] for piece in rest])
    return parts


def arn_test(tokens: Sequence[Fixed]) -> Test | None:
    """A test for whole ARNs, or None when the pattern has no six parts."""
    parts = split_parts(tokens)
    if len(parts) != PARTS:
        return None
    # Most patterns have no wildcard before the sixth part: these parts are compared in one go.
    if all(isinstance(token, str) for part in parts[:-1] for token in part):
        return _with_fixed_head(parts)
    tests = [(i, pattern_test(fixed(part))) for i, part in enumerate(parts) if part != [Wildcard.ANY_RUN]]
    return lambda text: _parts_match(tests, text.split(":", PARTS - 1))


def _with_fixed_head(parts: Sequence[Sequence[Token]]) -> Test:
    head = "".join("".join(map(str, part)) + ":" for part in parts[:-1])
    last = pattern_test(fixed(parts[-1]))
    length = len(head)
    return lambda text: text.startswith(head) and last(text[length:])


def _parts_match(tests: Sequence[tuple[int, Test]], parts: Sequence[str]) -> bool:
    if len(parts) != PARTS:
        return False
    for i, test in tests:  # noqa: SIM110 - half the time of a generator
        if not test(parts[i]):
            return False
    return True


_MANY = 5
ResourceTest = Callable[[str, Context], bool]


def resource_test(patterns: Sequence[str], *, variables: bool, complete: bool) -> ResourceTest | None:
    """The cheapest test for the patterns of one element, or None when they cover everything.

    ``complete`` fills ARNs of fewer than six parts with stars, as in every policy but the resource-based ones. ``*``, the resource of actions
    without resource types, is covered only by a star pattern.
    """
    tokens = [tokenize(pattern, variables=variables) for pattern in patterns]
    if (Wildcard.ANY_RUN,) in tokens:
        return None
    plain = [fixed(pattern) for pattern in tokens if is_fixed(pattern)]
    literals = [literal for literal in map(_literal, plain) if literal is not None]
    # A set pays from about here; an account has thousands of statements with one ARN.
    exact = tuple(literals) if len(literals) < _MANY else frozenset(literals)
    prefixes = tuple(prefix for prefix in map(_prefix, plain) if prefix is not None)
    others = [pattern for pattern in plain if _literal(pattern) is None and _prefix(pattern) is None]
    tests = [arn_test(_completed(pattern) if complete else pattern) for pattern in others]
    templates = [_template(pattern, complete) for pattern in tokens if not is_fixed(pattern)]
    return _any_of(exact, prefixes, [test for test in tests if test is not None], templates)


def _any_of(exact: Collection[str], prefixes: tuple[str, ...], tests: Sequence[Test], templates: Sequence[_Template]) -> ResourceTest:
    match exact, prefixes, tests, templates:
        case _, (), [], []:
            return lambda resource, _: resource in exact
        case _, _, [], []:
            return lambda resource, _: resource in exact or resource.startswith(prefixes)
        case _, (), [test], [] if not exact:
            return lambda resource, _: test(resource)

    def covers(resource: str, context: Context) -> bool:
        if resource in exact or resource.startswith(prefixes):
            return True
        for test in tests:
            if test(resource):
                return True
        return bool(templates) and any(template.matches(resource, context) for template in templates)

    return covers


def negated(test: ResourceTest | None) -> ResourceTest:
    """``NotResource``: what the patterns do not cover."""
    if test is None:
        return lambda _, __: False
    return lambda resource, context: not test(resource, context)


def _literal(pattern: Sequence[Fixed]) -> str | None:
    match pattern:
        case [str() as text] if text.count(":") >= PARTS - 1:
            return text
    return None


def _prefix(pattern: Sequence[Fixed]) -> str | None:
    match pattern:
        case [str() as text, Wildcard.ANY_RUN] if text.count(":") >= PARTS - 1:
            return text
    return None


def _completed(pattern: Sequence[Fixed]) -> tuple[Fixed, ...]:
    missing = PARTS - len(split_parts(pattern))
    return (*pattern, *((":", Wildcard.ANY_RUN) * missing))


class _Template:
    """An ARN pattern with variables; the parts without are tested first, and variables looked up only if these match."""

    __slots__ = ("_open", "_tests")

    def __init__(self, parts: Sequence[Sequence[Token]]) -> None:
        self._tests = [(i, pattern_test(fixed(part))) for i, part in enumerate(parts) if is_fixed(part)]
        self._open = [(i, part) for i, part in enumerate(parts) if not is_fixed(part)]

    def matches(self, resource: str, context: Context) -> bool:
        given = resource.split(":", PARTS - 1)
        return _parts_match(self._tests, given) and all(_expanded_match(part, given[i], context) for i, part in self._open)


def _template(pattern: Sequence[Token], complete: bool) -> _Template:
    parts = split_parts(pattern)
    missing = PARTS - len(parts)
    # Without completion a short ARN has an empty rest, which no ARN's resource part equals.
    parts.extend([[Wildcard.ANY_RUN] if complete else []] * missing)
    return _Template(parts)


def _expanded_match(part: Sequence[Token], given: str, context: Context) -> bool:
    """A variable without a value matches no resource, not even its own literal text (policy-evaluation.md 5)."""
    expanded = expand(part, context)
    return expanded is not None and pattern_test(expanded)(given)
