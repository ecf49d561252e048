"""``stead policy explain``: what somebody may do, and every layer's reason, whether or not they ever asked for it.

The documents are read through the API and evaluated here by the engine that the gate uses; SimulatePrincipalPolicy of the running Stead is asked
the same, and a disagreement is said.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from stead.aws.condition_keys import spelt
from stead.commands import client
from stead.commands.output import CommandError, printable, say, tell

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from stead.commands.principal_policies import Bound
    from stead.policy import ContextValue, Explanation, LayerCheck, NearMiss, Policy, StatementReference

_SAYS = {"allowed": "allows", "explicitDeny": "denies", "implicitDeny": "does not allow"}
_DECISIONS = {"allowed": "Allowed", "explicitDeny": "Denied explicitly", "implicitDeny": "Denied implicitly"}


class Explained(NamedTuple):
    """The question, the answer, and what the running Stead says to the same."""

    principal: str
    action: str
    resource: str
    context: dict[str, ContextValue]
    explanation: Explanation
    simulated: str
    policies: dict[str, Policy]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The question, and where to ask."""
    parser.add_argument("--principal", metavar="ARN", required=True, help="a user, group, role, or session of a role")
    parser.add_argument("--action", metavar="A", required=True, help="e.g. iam:GetRole")
    parser.add_argument("--resource", metavar="R", default="*", help="the resource's ARN (default *: the action has none)")
    parser.add_argument(
        "--context", metavar="K=V", action="append", default=[], help="a condition key of the request; given several times it is a list"
    )
    parser.add_argument("--json", action="store_true", help="print the explanation as JSON")
    client.add_options(parser)


def run(options: argparse.Namespace) -> int:
    """Print the explanation; 0 if the request is allowed, 1 if not."""
    found = explained(options)
    if options.json:
        say(json.dumps(_plain(found), indent=2))
    else:
        for line in _lines(found):
            say(printable(line))
    effect = found.explanation.decision.effect
    if found.simulated != effect:
        tell(f"the running Stead's SimulatePrincipalPolicy says {found.simulated}, and it is the one that has the say")
    return 0 if effect == "allowed" else 1


def explained(options: argparse.Namespace) -> Explained:
    """Ask and evaluate."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.handlers import json_decode_policies

    from stead.commands.principal_policies import read
    from stead.policy import Request, explain

    given = _context(options.context)
    iam = client.client(options, "iam")
    iam.meta.events.unregister("after-call.iam", json_decode_policies)
    try:
        bound = read(
            lambda operation, **parameters: getattr(iam, operation)(**parameters), options.principal, options.action, options.resource
        )
        context = {**bound.keys, **given}
        simulated = _simulated(iam, bound, options, context)
    except (BotoCoreError, ClientError) as error:
        raise client.failure(error) from error
    request = Request(options.action, options.resource, bound.principal, context, bound.principal.account)
    layers = bound.layers
    policies = {policy.id: policy for policy in (*layers.identity, *filter(None, (layers.boundary, layers.resource)))}
    return Explained(options.principal, options.action, options.resource, context, explain(request, layers), simulated, policies)


def _context(pairs: list[str]) -> dict[str, ContextValue]:
    values: dict[str, list[str]] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise CommandError(f"{pair!r} is not KEY=VALUE")
        values.setdefault(key.lower(), []).append(value)
    return {key: found[0] if len(found) == 1 else tuple(found) for key, found in values.items()}


def _simulated(iam: Any, bound: Bound, options: argparse.Namespace, context: dict[str, ContextValue]) -> str:
    entries = [
        {
            "ContextKeyName": key,
            "ContextKeyType": "string" if isinstance(value, str) else "stringList",
            "ContextKeyValues": [value] if isinstance(value, str) else list(value),
        }
        for key, value in context.items()
    ]
    trust = bound.layers.resource
    more = {"ResourcePolicy": trust.document.text} if trust is not None else {}
    answer = iam.simulate_principal_policy(
        PolicySourceArn=bound.arn, ActionNames=[options.action], ResourceArns=[options.resource], ContextEntries=entries, **more
    )
    decision: str = answer["EvaluationResults"][0]["EvalDecision"]
    return decision


def _lines(found: Explained) -> Iterator[str]:
    decision = found.explanation.decision
    yield f"{_DECISIONS[decision.effect]}: {found.action} on {found.resource} by {found.principal}"
    if decision.policy is not None and decision.statement is not None:
        yield f"  decided by {_place(found, decision.policy, decision.statement)}"
    elif decision.layer is not None:
        yield f"  no {decision.layer.value} allows it"
    for check in found.explanation.checks:
        yield from _branch(found, check)


def _branch(found: Explained, check: LayerCheck) -> Iterator[str]:
    aside = "" if check.counts or check.effect == "allowed" else " (which does not matter here)"
    yield f"  - {check.layer.value}: {_SAYS[check.effect]}{aside}"
    for one in check.matched:
        yield f"      {one.effect}: {_place(found, one.policy.id, one.statement)}"
    for miss in check.near_misses:
        yield f"      almost: {_place(found, miss.policy, miss.statement)}"
        yield f"        {miss.operator} {spelt(miss.key)}: wanted {_shown(miss.wanted)}, was {_shown(miss.actual)}"


def _place(found: Explained, policy: str, statement: StatementReference) -> str:
    """A statement, as its policy's reader finds it."""
    first, last = _line_numbers(found, policy, statement)
    name = f" {statement.sid}" if statement.sid else ""
    return f"{policy}, statement {statement.index + 1}{name}, " + (f"line {first}" if first == last else f"lines {first} to {last}")


def _line_numbers(found: Explained, policy: str, statement: StatementReference) -> tuple[int, int]:
    """The simulator's positions begin behind the token before the statement; a person looks for the statement."""
    document = found.policies[policy].document
    start, end = document.span(statement.index)
    text = document.text.splitlines()
    first = start.line
    while first < end.line and not text[first - 1][start.column - 1 if first == start.line else 0 :].strip(" \t,["):
        first += 1
    return first, end.line


def _shown(value: ContextValue | None) -> str:
    if value is None:
        return "absent"
    return value if isinstance(value, str) else " or ".join(value)


def _plain(found: Explained) -> dict[str, Any]:
    decision = found.explanation.decision
    deciding = None
    if decision.policy is not None and decision.statement is not None:
        deciding = _statement(found, decision.policy, decision.statement)
    return {
        "principal": found.principal,
        "action": found.action,
        "resource": found.resource,
        "context": found.context,
        "decision": decision.effect,
        "layer": decision.layer.value if decision.layer else None,
        "decidedBy": deciding,
        "simulatePrincipalPolicy": found.simulated,
        "layers": [_layer(found, check) for check in found.explanation.checks],
    }


def _layer(found: Explained, check: LayerCheck) -> dict[str, Any]:
    return {
        "layer": check.layer.value,
        "decision": check.effect,
        "counts": check.counts,
        "matched": [{"effect": one.effect, **_statement(found, one.policy.id, one.statement)} for one in check.matched],
        "nearMisses": [_near(found, miss) for miss in check.near_misses],
        "missingKeys": list(check.missing_keys),
    }


def _near(found: Explained, miss: NearMiss) -> dict[str, Any]:
    return {
        **_statement(found, miss.policy, miss.statement),
        "operator": miss.operator,
        "key": miss.key,
        "wanted": list(miss.wanted),
        "actual": miss.actual,
    }


def _statement(found: Explained, policy: str, statement: StatementReference) -> dict[str, Any]:
    return {"policy": policy, "statement": statement.index, "sid": statement.sid, "lines": list(_line_numbers(found, policy, statement))}
