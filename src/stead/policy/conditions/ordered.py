"""The six comparisons that numbers and dates share.

An unreadable value of the policy equals nothing, an unreadable request value matches nothing, and both leave the negated operator true
(recorded-aws.md 6.3, 6.4).
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, TypeVar

from stead.policy.conditions.operator import MATCH, MISMATCH, VALUE, Comparison, Operator, Outcome, remembered

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stead.policy.patterns import Context

Value = TypeVar("Value")

_COMPARISONS: dict[str, tuple[Callable[[Any, Any], bool], bool]] = {
    "Equals": (operator.eq, False),
    "NotEquals": (operator.eq, True),
    "LessThan": (operator.lt, False),
    "LessThanEquals": (operator.le, False),
    "GreaterThan": (operator.gt, False),
    "GreaterThanEquals": (operator.ge, False),
}


def ordered_operators(kind: str, read: Callable[[str], Value | None]) -> dict[str, Operator]:
    """The operators of one ordered type, e.g. ``NumericEquals`` to ``NumericGreaterThanEquals``."""
    read_again = remembered(read)

    def prepared(holds: Callable[[Value, Value], bool]) -> Callable[[Sequence[str], bool], Comparison]:
        def prepare(operands: Sequence[str], _variables: bool) -> Comparison:
            wanted = [value for value in map(read, operands) if value is not None]

            def compare(text: str, _context: Context) -> Outcome:
                value = read_again(text)
                if value is not None:
                    for other in wanted:
                        if holds(value, other):
                            return MATCH
                return MISMATCH

            return compare

        return prepare

    def readable(operand: str) -> bool:
        return read(operand) is not None

    return {
        kind + name: Operator(prepared(holds), negated=negated, readable=readable, cost=VALUE)
        for name, (holds, negated) in _COMPARISONS.items()
    }
