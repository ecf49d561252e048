"""ARN operators: ``ArnEquals`` is ``ArnLike``, both take wildcards, each part is matched for itself (policy-evaluation.md 4.1).

A policy value that is no ARN spares no Deny and helps no Allow, unless a value before it matched; a request value that is no ARN meets
neither the operator nor its Not twin (recorded-aws.md 6.3, 6.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.aws.arn import parse_arn
from stead.policy.arns import arn_test, split_parts
from stead.policy.conditions.operator import BROKEN, MATCH, MISMATCH, NEITHER, VALUE, Comparison, Operator, Outcome
from stead.policy.patterns import Context, Test, Token, expand, fixed, is_fixed, tokenize

if TYPE_CHECKING:
    from collections.abc import Sequence

# A value is a test made once, None for one that is no ARN, or tokens that wait for their variables.
_Wanted = Test | None | tuple[Token, ...]


def _wanted(operand: str, variables: bool) -> _Wanted:
    tokens = tokenize(operand, variables=variables)
    return arn_test(fixed(tokens)) if is_fixed(tokens) else tokens


def _compared(wanted: _Wanted, value: str, context: Context) -> Outcome:
    if isinstance(wanted, tuple):
        expanded = expand(wanted, context)
        if expanded is None:
            return MISMATCH
        wanted = arn_test(expanded)
    if wanted is None:
        return BROKEN
    return MATCH if wanted(value) else MISMATCH


def _prepare(operands: Sequence[str], variables: bool) -> Comparison:
    values = [_wanted(operand, variables) for operand in operands]

    def compare(value: str, context: Context) -> Outcome:
        if parse_arn(value) is None:
            return NEITHER
        for wanted in values:
            outcome = _compared(wanted, value, context)
            if outcome is not MISMATCH:
                return outcome
        return MISMATCH

    return compare


def _readable(operand: str) -> bool:
    """A variable may become any part of an ARN, so only fixed text can be judged when it is written."""
    tokens = tokenize(operand, variables=True)
    return not is_fixed(tokens) or len(split_parts(tokens)) == 6


OPERATORS = {
    "ArnEquals": Operator(_prepare, readable=_readable, cost=VALUE),
    "ArnLike": Operator(_prepare, readable=_readable, cost=VALUE),
    "ArnNotEquals": Operator(_prepare, negated=True, readable=_readable, cost=VALUE),
    "ArnNotLike": Operator(_prepare, negated=True, readable=_readable, cost=VALUE),
}
