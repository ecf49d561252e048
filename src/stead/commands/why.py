"""``stead why ID``: who was refused what, what each layer of policies said, and what would have allowed it."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from stead.aws.condition_keys import spelt
from stead.commands import client
from stead.commands.output import CommandError, printable, say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from stead.commands.asked_again import Answer, Evaluation
    from stead.policy import LayerCheck, Policy, StatementReference
    from stead.policy.evaluate import NearMiss

_SAYS = {"allowed": "allows it", "explicitDeny": "denies it", "implicitDeny": "says nothing"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which refusal, and where to ask."""
    parser.add_argument("id", metavar="ID", help="the authorization id of a refusal, the text or link that has it, or an event's id")
    client.add_options(parser)


def run(options: argparse.Namespace) -> int:
    """Print the explanation."""
    from botocore.exceptions import BotoCoreError, ClientError

    from stead.commands.asked_again import ask, id_in

    identifier = id_in(options.id)
    if identifier is None:
        raise CommandError(f"there is no authorization id in {options.id!r}: it has 25 lower-case letters and digits")
    try:
        answer = ask(client.client(options, "iam-toolbox"), identifier)
    except (BotoCoreError, ClientError) as error:
        raise client.failure(error) from error
    for line in lines(answer):
        say(printable(line))
    return 0


def lines(answer: Answer) -> Iterator[str]:
    """The explanation for a person."""
    refused = [one for one in answer.evaluations if one.effect != "ALLOW"]
    for evaluation in refused or answer.evaluations:
        yield from _evaluation(answer, evaluation)
    others = len(answer.evaluations) - len(refused)
    if refused and others:
        yield f"Beside it, {others} other check{'s' if others > 1 else ''} of the same call {'were' if others > 1 else 'was'} allowed."


def _evaluation(answer: Answer, one: Evaluation) -> Iterator[str]:
    request, decision = one.request, one.explained.decision
    verb = "Allowed" if one.effect == "ALLOW" else "Refused"
    yield f"{verb}: {request.action} on {request.resource}"
    yield f"  for {request.principal.arn}, {_circumstances(answer.keys)}"
    if (one.effect == "ALLOW") is not decision.allowed:
        yield "  note: asked again here, the policies answer otherwise; the policies below may not be all there were"
    yield ""
    for check in one.explained.checks:
        yield from _layer(check)
    if decision.policy is not None and decision.statement is not None:
        yield from _deciding(answer.policies[decision.policy], decision.statement)
    if one.effect != "ALLOW":
        yield "What would allow it:"
        yield from (f"  - {remedy}" for check in one.explained.checks if check.counts for remedy in _remedies(one, check))
    yield ""


def _circumstances(keys: dict[str, Any]) -> str:
    named = (("at", "aws:currenttime"), ("from", "aws:sourceip"), ("in", "aws:requestedregion"))
    return " ".join(f"{word} {keys[key]}" for word, key in named if key in keys)


def _layer(check: LayerCheck) -> Iterator[str]:
    level = "" if check.level is None else f" of level {check.level}"
    matter = "" if check.counts or check.effect == "allowed" else ", which does not matter here"
    yield f"  {check.layer.value}{level}: {_SAYS[check.effect]}{matter}"
    for one in check.matched:
        yield f"    {one.effect} by {_place(one.policy.id, one.statement)}"
    yield from (f"    nearly: {_near(miss)}" for miss in check.near_misses)


def _near(miss: NearMiss) -> str:
    was = "absent" if miss.actual is None else _listed(miss.actual)
    return f"{_place(miss.policy, miss.statement)} needs {miss.operator} {spelt(miss.key)} {_listed(miss.wanted)}, and it was {was}"


def _listed(values: str | tuple[str, ...]) -> str:
    return values if isinstance(values, str) else " or ".join(values)


def _place(policy: str, statement: StatementReference) -> str:
    return f"{policy} {statement.sid or f'Statement[{statement.index}]'}"


def _deciding(policy: Policy, statement: StatementReference) -> Iterator[str]:
    from stead.policy.parse import spans

    text = policy.document.text
    offsets = spans(text)
    begin, end = offsets.get(("Statement", statement.index)) or offsets["Statement",]
    first, last = text.count("\n", 0, begin) + 1, text.count("\n", 0, end) + 1
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    yield f"Decided by {_place(policy.id, statement)}, {where}:"
    indent = " " * (begin - text.rfind("\n", 0, begin) - 1) if first < last else ""
    yield from (f"  {line}" for line in dedent(indent + text[begin:end]).splitlines())


def _remedies(one: Evaluation, check: LayerCheck) -> Iterator[str]:
    if check.effect == "explicitDeny":
        denies = (_place(found.policy.id, found.statement) for found in check.matched if found.effect == "Deny")
        yield from (f"take away or narrow {place}: no allow outweighs a deny" for place in denies)
    if check.effect != "implicitDeny":
        return
    for miss in check.near_misses:
        yield f"a request whose {spelt(miss.key)} meets {miss.operator} {_listed(miss.wanted)}: {_place(miss.policy, miss.statement)} would allow it"
    statement: dict[str, Any] = {"Effect": "Allow", "Action": one.request.action, "Resource": one.request.resource}
    if check.layer.name in ("RESOURCE", "TRUST"):
        statement = {"Effect": "Allow", "Principal": {"AWS": one.request.principal.arn}, "Action": one.request.action}
    also = "" if check.layer.name != "SESSION" else ", or a session without session policies"
    yield f"in {_article(check.layer.value)}: {json.dumps(statement)}{also}"


def _article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
