"""The operators as IAM's policy simulator has them: those of enforcement, with the differences of recorded-aws.md 9.

- A value that is no number leaves ``NumericNotEquals`` false too. Numbers may have exponents.
- An operand that is no network ends an IP comparison as false, before negation: what stands behind it is not looked at.
- A context entry of a number's or date's type is no text, whatever its characters: see :class:`NoText`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from itertools import takewhile
from typing import TYPE_CHECKING

from stead.policy.conditions import ip, string
from stead.policy.conditions.condition import ENFORCED
from stead.policy.conditions.operator import MISMATCH, NEITHER, Comparison, Operator, Outcome
from stead.policy.conditions.ordered import ordered_operators

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stead.policy.patterns import Context

    Prepare = Callable[[Sequence[str], bool], Comparison]

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?")


class NoText(str):
    """A context value that string operators do not compare: ``01.00`` does not equal ``01.00``."""

    __slots__ = ()


def read_number(text: str) -> Decimal | None:
    """The number that a context entry is, or None: ``01.00`` and ``1e2`` are, ``0x10`` and ``Infinity`` are not."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _of_numbers(prepare: Prepare) -> Prepare:
    def prepared(operands: Sequence[str], variables: bool) -> Comparison:
        compare = prepare(operands, variables)
        return lambda value, context: NEITHER if read_number(value) is None else compare(value, context)

    return prepared


def _of_texts(prepare: Prepare) -> Prepare:
    def prepared(operands: Sequence[str], variables: bool) -> Comparison:
        compare = prepare(operands, variables)

        def compare_text(value: str, context: Context) -> Outcome:
            return MISMATCH if isinstance(value, NoText) else compare(value, context)

        return compare_text

    return prepared


def _of_addresses(prepare: Prepare) -> Prepare:
    return lambda operands, variables: prepare(list(takewhile(ip.read_network, operands)), variables)


def _changed(table: dict[str, Operator], change: Callable[[Prepare], Prepare]) -> dict[str, Operator]:
    return {name.lower(): replace(operator, prepare=change(operator.prepare)) for name, operator in table.items()}


SIMULATED = {
    **ENFORCED,
    **_changed(string.OPERATORS, _of_texts),
    **_changed(ip.OPERATORS, _of_addresses),
    **_changed(ordered_operators("Numeric", read_number), _of_numbers),
}
