"""``Null``: presence only; an empty value is present (recorded-aws.md 6.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.policy.conditions.boolean import is_true
from stead.policy.conditions.operator import MATCH, MISMATCH, Comparison, Operator, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stead.policy.patterns import Context


def _prepare(operands: Sequence[str], _variables: bool) -> Comparison:
    outcome = MISMATCH if all(map(is_true, operands)) else MATCH

    def compare(_value: str, _context: Context) -> Outcome:
        return outcome

    return compare


OPERATORS = {"Null": Operator(_prepare, tests_presence=True)}
