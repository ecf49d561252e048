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
from stead.policy.conditions.operator import BROKEN, MATCH, MISMATCH, Operator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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

    __slots__ = ("_compare", "_denies", "_if_missing", "_satisfied", "_scope", "cost", "key", "operands", "operator")

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
        self._compare = test.operator.prepare(self.operands, variables)
        self._satisfied = MISMATCH if test.operator.negated else MATCH
        self._scope = test.scope
        self._denies = denies
        self._if_missing = _if_missing(test, self.operands)
        self.cost = test.operator.cost

    def holds(self, context: Context) -> bool:
        """Whether the request meets the condition."""
        value = context.get(self.key)
        if value is None or value == ():
            return self._if_missing
        if self._scope is Scope.SINGLE:
            return isinstance(value, str) and self._satisfied_by(value, context)
        return self._satisfied_by(value, context) if isinstance(value, str) else self._set_holds(value, context)

    def _satisfied_by(self, value: str, context: Context) -> bool:
        outcome = self._compare(value, context)
        return outcome is self._satisfied or (outcome is BROKEN and self._denies)

    def _set_holds(self, values: Sequence[str], context: Context) -> bool:
        if self._scope is Scope.ANY:
            return any(self._satisfied_by(value, context) for value in values)
        # A list of nothing but empty texts is AWS's "null data set"; a single empty value is not (recorded-aws.md 6.1).
        return not any(values) or all(self._satisfied_by(value, context) for value in values)

    def actual(self, context: Context) -> ContextValue | None:
        """What the request has for the key."""
        return context.get(self.key)


def _if_missing(test: Test, operands: Sequence[str]) -> bool:
    if test.operator.tests_presence:
        return any(map(is_true, operands))
    if test.scope is Scope.ANY:
        # AWS's general text on IfExists says true, field reports say it has no effect here: the documentation wins (4.2).
        return test.if_exists
    return test.if_exists or test.scope is Scope.ALL or test.operator.negated
