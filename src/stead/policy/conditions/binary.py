"""``BinaryEquals``: the decoded bytes are equal; the padding counts (recorded-aws.md 6.3: ``YQ`` is not ``YQ==``)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import TYPE_CHECKING

from stead.policy.conditions.operator import MATCH, MISMATCH, VALUE, Comparison, Operator, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stead.policy.patterns import Context


def read_binary(text: str) -> bytes | None:
    """The bytes that ``text`` encodes, or None."""
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # ValueError: characters beyond ASCII
        return None


def _prepare(operands: Sequence[str], _variables: bool) -> Comparison:
    wanted = frozenset(map(read_binary, operands)) - {None}

    def compare(value: str, _context: Context) -> Outcome:
        return MATCH if read_binary(value) in wanted else MISMATCH

    return compare


def _readable(operand: str) -> bool:
    return read_binary(operand) is not None


OPERATORS = {"BinaryEquals": Operator(_prepare, readable=_readable, cost=VALUE)}
