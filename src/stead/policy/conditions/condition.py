"""One condition: an operator with its prefix and suffix, a key, and the policy's values.

Here, once for all operators, are negation, ``IfExists``, the set operators, missing keys and list keys (policy-evaluation.md 4.2 and 4.3,
recorded-aws.md 6.1):

| the key is | no set operator | ``ForAllValues:`` | ``ForAnyValue:`` |
|---|---|---|---|
| missing, or an empty list | false; negated or ``IfExists`` true | true | false; ``IfExists`` true |
| a single value | the operator decides | as a list of one | as a list of one |
| a list | false, negated ones too | every element; true when all are empty texts | some element |
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from stead.policy.conditions import arn, binary, boolean, date, ip, null, numeric, string
from stead.policy.conditions.boolean import is_true
from stead.policy.conditions.operator import BROKEN, MATCH, MISMATCH, PATTERN, TEXT, Comparison, Operator, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stead.policy.patterns import Context, ContextValue

TABLES = (string, numeric, date, boolean, binary, ip, arn, null)


def _registry() -> dict[str, Operator]:
    rows = [(name.lower(), operator) for table in TABLES for name, operator in table.OPERATORS.items()]
    names = {name for name, _ in rows}
    assert len(names) == len(rows), "two tables define one operator"
    return dict(rows)


ENFORCED = _registry()  # by name in lower case; the simulator's own are in simulated.py
_IF_EXISTS = "ifexists"


class Scope(Enum):
    """Which values of a key must satisfy the operator."""

    SINGLE = ""
    ALL = "forallvalues"
    ANY = "foranyvalue"


class Test(NamedTuple):
    """An operator as a policy spells it, taken apart."""

    operator: Operator
    scope: Scope
    if_exists: bool


_SCOPES = {scope.value: scope for scope in Scope}


def parse_operator(name: str, operators: Mapping[str, Operator] = ENFORCED) -> Test | None:
    """The meaning of e.g. ``ForAnyValue:StringLikeIfExists``, or None. Case does not matter (policy-evaluation.md 6)."""
    prefix, colon, rest = name.lower().rpartition(":")
    scope = _SCOPES.get(prefix)
    base = rest.removesuffix(_IF_EXISTS)
    operator = operators.get(base)
    if operator is None or scope is None or (colon and not prefix):
        return None
    if not operator.tests_presence:
        return Test(operator, scope, if_exists=base != rest)
    # Null takes neither prefix nor suffix; inside, it asks whether there is any value.
    return Test(operator, Scope.ANY, if_exists=False) if base == name.lower() else None


class Condition:
    """A compiled condition of one statement."""

    __slots__ = ("cost", "holds", "key", "operands", "operator")
    holds: Callable[[Context], bool]  # whether a request meets the condition

    def __init__(  # noqa: PLR0913  # one call per condition compiled; all but the condition itself are named
        self,
        operator: str,
        key: str,
        operands: Sequence[str],
        *,
        variables: bool,
        denies: bool,
        operators: Mapping[str, Operator] = ENFORCED,
    ) -> None:
        test = parse_operator(operator, operators)
        assert test is not None, "the grammar admits known operators only"
        self.operator = operator
        self.key = key.lower()
        self.operands = tuple(operands)
        self.cost = max(test.operator.cost, PATTERN if variables and any("${" in operand for operand in operands) else TEXT)
        self.holds = _holds(
            self.key, _Truth.of(test, self.operands, denies=denies), test.scope, test.operator.prepare(self.operands, variables)
        )

    def actual(self, context: Context) -> ContextValue | None:
        """What the request has for the key."""
        return context.get(self.key)


class _Truth(NamedTuple):
    """What makes a condition true: the outcomes of its comparison, or a missing key."""

    outcome: Outcome
    or_else: Outcome
    if_missing: bool

    @classmethod
    def of(cls, test: Test, operands: Sequence[str], *, denies: bool) -> _Truth:
        outcome = MISMATCH if test.operator.negated else MATCH
        return cls(outcome, BROKEN if denies else outcome, _if_missing(test, operands))


def _holds(key: str, truth: _Truth, scope: Scope, compare: Comparison) -> Callable[[Context], bool]:
    outcome, or_else, if_missing = truth
    list_holds = _LISTS[scope]

    def holds(context: Context) -> bool:
        value = context.get(key)
        if isinstance(value, str):
            found = compare(value, context)
            return found is outcome or found is or_else
        return list_holds(value, compare, (outcome, or_else), context) if value else if_missing

    return holds


def _every(values: Sequence[str], compare: Comparison, outcomes: tuple[Outcome, ...], context: Context) -> bool:
    # A list of nothing but empty texts is AWS's "null data set"; a single empty value is not (recorded-aws.md 6.1).
    return not any(values) or all(compare(value, context) in outcomes for value in values)


def _some(values: Sequence[str], compare: Comparison, outcomes: tuple[Outcome, ...], context: Context) -> bool:
    return any(compare(value, context) in outcomes for value in values)


def _none(_values: Sequence[str], _compare: Comparison, _outcomes: tuple[Outcome, ...], _context: Context) -> bool:
    return False


_LISTS = {Scope.SINGLE: _none, Scope.ALL: _every, Scope.ANY: _some}


def _if_missing(test: Test, operands: Sequence[str]) -> bool:
    if test.operator.tests_presence:
        return any(map(is_true, operands))
    if test.scope is Scope.ANY:
        # AWS's general text on IfExists says true, field reports say it has no effect here: the documentation wins (4.2).
        return test.if_exists
    return test.if_exists or test.scope is Scope.ALL or test.operator.negated
