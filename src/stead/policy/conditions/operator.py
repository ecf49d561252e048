"""What a condition operator is: a comparison of one request value with all values of the policy.

A file of this package holds the operators of one value type in a table ``OPERATORS``. Set operators, ``IfExists``, negation, missing keys and
list keys are none of its business: ``condition.py`` handles them once for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TypeVar

from stead.policy.patterns import Context


class Outcome(Enum):
    """What comparing one request value gave."""

    MATCH = 1
    MISMATCH = 2
    NEITHER = 3  # the request value is not of the operator's type: neither the operator nor its Not twin holds (recorded-aws.md 6.3)
    BROKEN = 4  # the policy's value is unreadable in the one way that spares no Deny (recorded-aws.md 6.4, ARNs)


MATCH, MISMATCH, NEITHER, BROKEN = Outcome

# What a comparison costs: a look at the text, matching it with a pattern, or reading it as a value of another type.
TEXT, PATTERN, VALUE = range(3)

_SHORT = 64  # no number, date or address that means something is longer
Read = TypeVar("Read")


def remembered(read: Callable[[str], Read]) -> Callable[[str], Read]:
    """``read`` for request values: many requests come with the same few. Only short texts are kept, so that nobody can fill the memory."""
    known = lru_cache(maxsize=1024)(read)
    return lambda text: known(text) if len(text) <= _SHORT else read(text)


Comparison = Callable[[str, Context], Outcome]


def always_readable(_operand: str) -> bool:
    """The check at write time of operators whose every operand means something."""
    return True


@dataclass(frozen=True, slots=True)
class Operator:
    """One row of a table.

    ``prepare`` makes the comparison from the policy's values and from whether the document's version has variables; ``readable`` says which
    values IAM stores (recorded-aws.md 6.4); ``tests_presence`` marks ``Null``; ``cost`` orders the conditions of a statement.
    """

    prepare: Callable[[Sequence[str], bool], Comparison]
    negated: bool = False
    readable: Callable[[str], bool] = always_readable
    tests_presence: bool = False
    cost: int = TEXT
