"""Numeric operators: integers and decimals, exact at any size (recorded-aws.md 6.3: beyond 2**53; ``01``, ``+1`` and ``1.0`` equal 1).

An exponent is read too: AWS's simulator takes ``1e2`` (recorded-aws.md 9), and enforcement, of which that was not recorded, is read alike.
"""

from __future__ import annotations

import re
from decimal import Decimal

from stead.policy.conditions.ordered import ordered_operators

# No NaN. Comparing decimals of any exponent costs no more than their digits; beyond nine digits of exponent Decimal itself ends.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?")


def read_number(text: str) -> Decimal | None:
    """The number that ``text`` is, or None."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


OPERATORS = ordered_operators("Numeric", read_number)
