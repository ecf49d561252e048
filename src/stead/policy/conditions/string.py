"""String operators (policy-evaluation.md 4.1, recorded-aws.md 6.6).

A policy value with a variable that has no value is no value at all: it matches nothing, so the negated operators do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.policy.conditions.operator import MATCH, MISMATCH, PATTERN, Comparison, Operator, Outcome
from stead.policy.patterns import Context, Fixed, Token, Wildcard, expand, fixed, insert, is_fixed, pattern_test, tokenize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _operator(*, wildcards: bool = False, fold: Callable[[str], str] = str) -> Callable[[Sequence[str], bool], Comparison]:
    """``fold`` is what both sides go through before they are compared."""

    def prepare(operands: Sequence[str], variables: bool) -> Comparison:
        patterns = [tokenize(operand, variables=variables, wildcards=wildcards) for operand in operands]
        known = [_folded(fixed(pattern), fold) for pattern in patterns if is_fixed(pattern)]
        templates = [_template(pattern, fold) for pattern in patterns if not is_fixed(pattern)]
        # Texts without wildcards, of which some policies list hundreds, are one lookup.
        exact = frozenset("".join(map(str, pattern)) for pattern in known if _is_literal(pattern))
        tests = [pattern_test(pattern) for pattern in known if not _is_literal(pattern)]

        if not tests and not templates:
            return _one_of(exact, fold)

        def compare(text: str, context: Context) -> Outcome:
            value = fold(text)
            if value in exact or (tests and any(test(value) for test in tests)):
                return MATCH
            for matches in templates:
                if matches(value, context):
                    return MATCH
            return MISMATCH

        return compare

    return prepare


def _one_of(wanted: frozenset[str], fold: Callable[[str], str]) -> Comparison:
    if fold is str:
        return lambda text, _: MATCH if text in wanted else MISMATCH
    return lambda text, _: MATCH if fold(text) in wanted else MISMATCH


def _template(pattern: Sequence[Token], fold: Callable[[str], str]) -> Callable[[str, Context], bool]:
    plain = [token for token in pattern if not isinstance(token, Wildcard)]
    if len(plain) == len(pattern):

        def equals(value: str, context: Context) -> bool:
            text = insert(plain, context)
            return text is not None and fold(text) == value

        return equals

    def matches(value: str, context: Context) -> bool:
        expanded = expand(pattern, context)
        return expanded is not None and pattern_test(_folded(expanded, fold))(value)

    return matches


def _folded(pattern: Sequence[Fixed], fold: Callable[[str], str]) -> list[Fixed]:
    return [fold(token) if isinstance(token, str) else token for token in pattern]


def _is_literal(pattern: Sequence[Fixed]) -> bool:
    return all(isinstance(token, str) for token in pattern)


_EQUALS = _operator()
_EQUALS_IGNORE_CASE = _operator(fold=str.lower)  # lower case, not case folding: recorded-aws.md 6.6
_LIKE = _operator(wildcards=True)

OPERATORS = {
    "StringEquals": Operator(_EQUALS),
    "StringNotEquals": Operator(_EQUALS, negated=True),
    "StringEqualsIgnoreCase": Operator(_EQUALS_IGNORE_CASE),
    "StringNotEqualsIgnoreCase": Operator(_EQUALS_IGNORE_CASE, negated=True),
    "StringLike": Operator(_LIKE, cost=PATTERN),
    "StringNotLike": Operator(_LIKE, negated=True, cost=PATTERN),
}
