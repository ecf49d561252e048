"""Numeric operators: integers and decimals, exact at any size (recorded-aws.md 6.3: beyond 2**53; ``01``, ``+1`` and ``1.0`` equal 1)."""

from __future__ import annotations

import re
from decimal import Decimal

from stead.policy.conditions.ordered import ordered_operators

# No exponent and no NaN: a number is written out, so its cost is its length.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")


def read_number(text: str) -> Decimal | None:
    """The number that ``text`` is, or None."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


OPERATORS = ordered_operators("Numeric", read_number)
