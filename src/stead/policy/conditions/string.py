"""String operators (policy-evaluation.md 4.1, recorded-aws.md 6.6).

A policy value with a variable that has no value is no value at all: it matches nothing, so the negated operators do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.policy.conditions.operator import MATCH, MISMATCH, Comparison, Operator, Outcome
from stead.policy.patterns import Context, Fixed, Test, expand, fixed, is_fixed, pattern_test, tokenize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _operator(test: Callable[[Sequence[Fixed]], Test], *, wildcards: bool) -> Callable[[Sequence[str], bool], Comparison]:
    def prepare(operands: Sequence[str], variables: bool) -> Comparison:
        patterns = [tokenize(operand, variables=variables, wildcards=wildcards) for operand in operands]
        tests = [test(fixed(pattern)) for pattern in patterns if is_fixed(pattern)]
        templates = [pattern for pattern in patterns if not is_fixed(pattern)]

        def compare(value: str, context: Context) -> Outcome:
            for fixed_test in tests:
                if fixed_test(value):
                    return MATCH
            for template in templates:
                expanded = expand(template, context)
                if expanded is not None and test(expanded)(value):
                    return MATCH
            return MISMATCH

        return compare

    return prepare


def _ignoring_case(tokens: Sequence[Fixed]) -> Test:
    """Lower case, not case folding: recorded-aws.md 6.6."""
    wanted = "".join(str(token) for token in tokens).lower()
    return lambda value: value.lower() == wanted


_EQUALS = _operator(pattern_test, wildcards=False)
_EQUALS_IGNORE_CASE = _operator(_ignoring_case, wildcards=False)
_LIKE = _operator(pattern_test, wildcards=True)

OPERATORS = {
    "StringEquals": Operator(_EQUALS),
    "StringNotEquals": Operator(_EQUALS, negated=True),
    "StringEqualsIgnoreCase": Operator(_EQUALS_IGNORE_CASE),
    "StringNotEqualsIgnoreCase": Operator(_EQUALS_IGNORE_CASE, negated=True),
    "StringLike": Operator(_LIKE),
    "StringNotLike": Operator(_LIKE, negated=True),
}
