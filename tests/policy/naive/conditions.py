"""Conditions (rows PE-4-*, RA-6.*): true, false, or MALFORMED, under which an Allow does not apply and a Deny does (RA-6.4-5)."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from policy.naive import values
from policy.naive.arns import is_arn, match_by_parts, parts
from policy.naive.text import Context, matches, tokens, units

MALFORMED = "malformed"
Truth = bool | str

# PE-4.1-11: only Null takes neither the prefixes nor the suffix.
_OPERATOR = re.compile(r"(?:(forallvalues|foranyvalue):)?(.*?)(ifexists)?", re.IGNORECASE)


def all_of(truths: list[Truth]) -> Truth:
    return False if False in truths else MALFORMED if MALFORMED in truths else True


def any_of(truths: list[Truth]) -> Truth:
    return True if True in truths else MALFORMED if MALFORMED in truths else False


def as_texts(operands: Any) -> list[str]:
    """PE-4.1-13: numbers (read as text already) and booleans equal their text."""
    return [str(item).lower() if isinstance(item, bool) else item for item in (operands if isinstance(operands, list) else [operands])]


def block_holds(block: dict[str, dict[str, Any]], context: Context, *, variables: bool) -> Truth:
    """PE-4-1: all operators and all keys."""
    return all_of(
        [
            condition_holds(name, key.lower(), as_texts(operands), context, variables=variables)
            for name, keys in block.items()
            for key, operands in keys.items()
        ]
    )


def condition_holds(name: str, key: str, operands: list[str], context: Context, *, variables: bool) -> Truth:
    value = context.get(key)
    missing = value is None or value == ()
    if name.lower() == "null":  # PE-4.1-10, PE-4.2-3, RA-6.1-4
        return any((operand.lower() == "true") is missing for operand in operands)
    found = _OPERATOR.fullmatch(name.lower())
    assert found
    quantifier, base, if_exists = found.groups()
    negated, compare = OPERATORS[base]
    if missing:  # PE-4.2-1, -2, -4, -5
        return bool(if_exists) or quantifier == "forallvalues" or (quantifier is None and negated)
    if isinstance(value, tuple) and quantifier is None:  # PE-4.3-10, RA-6.1-1
        return False
    elements = value if isinstance(value, tuple) else (value,)
    if quantifier == "forallvalues" and isinstance(value, tuple) and all(element == "" for element in elements):  # PE-4.3-7
        return True
    filled = context if variables else None
    truths = [compare(element, operands, filled, negated) for element in elements]
    return any_of(truths) if quantifier == "foranyvalue" else all_of(truths)


Compare = Callable[[str, list[str], Context | None, bool], Truth]


def string(equal: Callable[[str, str, Context | None], bool]) -> Compare:
    return lambda value, operands, context, negated: any(equal(value, operand, context) for operand in operands) is not negated


def exactly(value: str, operand: str, context: Context | None) -> bool:
    return tokens(operand, context, wildcards=False) == units(value)


def ignoring_case(value: str, operand: str, context: Context | None) -> bool:
    """RA-6.6-1: lower-casing, not folding."""
    filled = tokens(operand, context, wildcards=False)
    return filled is not None and text_of(filled).lower() == value.lower()


def text_of(found: list[Any]) -> str:
    return b"".join(unit.to_bytes(2, "big") for unit in found).decode("utf-16-be", "surrogatepass")


def like(value: str, operand: str, context: Context | None) -> bool:
    filled = tokens(operand, context, wildcards=True)
    return filled is not None and matches(filled, units(value))


def ordered(read: Callable[[str], Any], holds: Callable[[Any, Any], bool]) -> Compare:
    """RA-6.3-1, RA-6.3-2, RA-6.4-3: what cannot be read on either side does not match, so its negation does."""

    def compare(value: str, operands: list[str], _: Context | None, negated: bool) -> Truth:
        left = read(value)
        rights = [read(operand) for operand in operands]
        return any(left is not None and right is not None and holds(left, right) for right in rights) is not negated

    return compare


def boolean(value: str, operands: list[str], _: Context | None, __: bool) -> Truth:
    """RA-6.3-3: what is not true is false."""
    return any((operand.lower() == "true") is (value.lower() == "true") for operand in operands)


def in_network(value: str, operands: list[str], _: Context | None, negated: bool) -> Truth:
    caller = values.address(value)
    if caller is None:  # RA-6.3-4
        return False
    return any(values.contains(operand, caller) for operand in operands) is not negated


def arn(value: str, operands: list[str], context: Context | None, negated: bool) -> Truth:
    if not is_arn(units(value)):  # RA-6.3-4
        return False
    for operand in operands:
        filled = tokens(operand, context, wildcards=True)
        if filled is None:  # PE-5-11, PE-5-12
            continue
        if len(parts(filled)) < 6:  # RA-6.4-5; each of its parts is a pattern, the first too (PE-4.1-9)
            return MALFORMED
        if match_by_parts(parts(filled), parts(units(value))):  # RA-6.4-6
            return not negated
    return negated


OPERATORS: dict[str, tuple[bool, Compare]] = {
    "stringequals": (False, string(exactly)),
    "stringnotequals": (True, string(exactly)),
    "stringequalsignorecase": (False, string(ignoring_case)),
    "stringnotequalsignorecase": (True, string(ignoring_case)),
    "stringlike": (False, string(like)),
    "stringnotlike": (True, string(like)),
    "bool": (False, boolean),
    "binaryequals": (False, ordered(values.binary, operator.eq)),
    "ipaddress": (False, in_network),
    "notipaddress": (True, in_network),
    "arnequals": (False, arn),
    "arnlike": (False, arn),
    "arnnotequals": (True, arn),
    "arnnotlike": (True, arn),
}
for _kind, _read in (("numeric", values.number), ("date", values.date)):
    OPERATORS |= {
        f"{_kind}equals": (False, ordered(_read, operator.eq)),
        f"{_kind}notequals": (True, ordered(_read, operator.eq)),
        f"{_kind}lessthan": (False, ordered(_read, operator.lt)),
        f"{_kind}lessthanequals": (False, ordered(_read, operator.le)),
        f"{_kind}greaterthan": (False, ordered(_read, operator.gt)),
        f"{_kind}greaterthanequals": (False, ordered(_read, operator.ge)),
    }
