"""``Bool``: ``true`` in any case is true, every other text is false, on both sides (recorded-aws.md 6.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.policy.conditions.operator import MATCH, MISMATCH, Comparison, Operator, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stead.policy.patterns import Context


def is_true(text: str) -> bool:
    """How AWS reads a boolean."""
    return text.lower() == "true"


def _prepare(operands: Sequence[str], _variables: bool) -> Comparison:
    wanted = frozenset(map(is_true, operands))

    def compare(value: str, _context: Context) -> Outcome:
        return MATCH if is_true(value) in wanted else MISMATCH

    return compare


OPERATORS = {"Bool": Operator(_prepare)}
