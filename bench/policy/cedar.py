"""The scenarios in Cedar: one policy a statement; action, ARN and condition keys stand in the context.

Action patterns are matched as text, as IAM does. Groups of actions, Cedar's own way, would need all actions that exist; they were tried and
were no faster. The tests of a statement stand in the order that was fastest: resource, action, conditions.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workload import Ask, Context, Scenario, Statement

# Keys that are no text in Cedar.
_TYPES = {
    "aws:SourceIp": lambda value: {"__extn": {"fn": "ip", "arg": value}},
    "aws:CurrentTime": lambda value: {"__extn": {"fn": "datetime", "arg": value}},
    "aws:MultiFactorAuthAge": int,
    "aws:SecureTransport": lambda value: value == "true",
}
# Each operator as a condition on a key `{k}` and one operand `{v}`; several operands are alternatives.
_ONE = {
    "StringEquals": "{k} == {v}",
    "StringLike": "{k} like {v}",
    "IpAddress": "{k}.isInRange(ip({v}))",
    "NumericLessThan": "{k} < {n}",
    "DateGreaterThan": "{k} > datetime({v})",
    "Bool": "{k} == {n}",
}


def policies(scenario: Scenario) -> str:
    """All statements of all policies, which Cedar weighs as IAM does: a forbid wins, without a permit nothing is allowed."""
    return "\n".join(_policy(statement) for policy in scenario.policies for statement in policy)


def request(ask: Ask) -> dict[str, Any]:
    """A request as cedarpy takes it."""
    context: Context = {key: _TYPES[key](value) if key in _TYPES else value for key, value in ask.context.items()}
    return {
        "principal": {"type": "User", "id": "alice"},
        "action": {"type": "Action", "id": "call"},
        "resource": {"type": "Resource", "id": "one"},
        "context": {**context, "action": ask.action, "arn": ask.resource},
    }


def _policy(statement: Statement) -> str:
    effect = "permit" if statement["Effect"] == "Allow" else "forbid"
    tests = [_either("context.arn", statement["Resource"])] if statement["Resource"] != ["*"] else []
    tests.append(_either("context.action", statement["Action"]))
    tests += [
        _condition(operator, key, values) for operator, keys in statement.get("Condition", {}).items() for key, values in keys.items()
    ]
    return f"{effect}(principal, action, resource) when {{ {' && '.join(tests)} }};"


def _either(name: str, patterns: list[str]) -> str:
    """Plain texts are a set, which is faster than one comparison after the other."""
    plain = [pattern for pattern in patterns if "*" not in pattern]
    tests = [f"{json.dumps(plain)}.contains({name})"] if plain else []
    tests += [f"{name} like {json.dumps(pattern)}" for pattern in patterns if "*" in pattern]
    return f"({' || '.join(tests)})"


def _condition(operator: str, key: str, values: str | list[str]) -> str:
    """A key that is not there fails the condition, as in IAM; reading it would be an error in Cedar."""
    name = f"context[{json.dumps(key)}]"
    if operator == "ForAllValues:StringEquals":
        test = f"{json.dumps(values)}.containsAll({name})"
    elif isinstance(values, str) and values.startswith("${"):
        test = f"{name} == context[{json.dumps(values[2:-1])}]"
    else:
        operands = [values] if isinstance(values, str) else values
        test = f"({' || '.join(_ONE[operator].format(k=name, v=json.dumps(value), n=value) for value in operands)})"
    return f"(context has {json.dumps(key)} && {test})"
