"""A second, deliberately naive evaluator of policies: every statement of every document, for every request, read from the text again.

Written from the rules of ``rows.yaml`` alone, without a look at the engine's code: it shares nothing with ``stead.policy``, keeps no
index and remembers nothing. Each step names its row. Where the tables are silent it takes the plainest reading, and says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from policy.naive.arns import resource_matches
from policy.naive.conditions import MALFORMED, block_holds
from policy.naive.principals import Caller, grant
from policy.naive.text import Context, matches, wild

OUTSIDERS = ("service", "anonymous", "federated")  # no account of their own: only a resource's policy speaks for them (PE-2.3-7, -8)


@dataclass(frozen=True)
class Question:
    action: str
    resource: str
    caller: Caller
    context: Context
    resource_account: str


@dataclass(frozen=True)
class Texts:
    """The documents that bind a request, as texts; the fields are those of ``stead.policy.Layers``."""

    identity: list[str] = field(default_factory=list)
    boundary: str | None = None
    session: list[str] | None = None
    resource: str | None = None
    resource_is_trust: bool = False
    scps: list[list[str]] = field(default_factory=list)
    rcps: list[list[str]] = field(default_factory=list)


def read(text: str) -> Any:
    """Numbers stay as they are written (PE-4.1-13)."""
    return json.loads(text, parse_int=str, parse_float=str)


def listed(element: Any) -> list[Any]:
    """PE-7.1-21: a list of one may drop its brackets."""
    return element if isinstance(element, list) else [element]


def action_matches(pattern: str, action: str) -> bool:
    """PE-3.1-1, -2, -3: any case; a prefix has no wildcards, except where the whole pattern means everything."""
    if pattern in ("*", "*:*"):
        return True
    prefix, colon, name = pattern.lower().partition(":")
    asked_prefix, _, asked_name = action.lower().partition(":")
    return bool(colon) and prefix == asked_prefix and matches(wild(name), wild_free(asked_name))


def wild_free(text: str) -> list[Any]:
    return [ord(character) for character in text]


def covers(statement: dict[str, Any], question: Question, layer: str, *, variables: bool) -> bool:
    context = question.context if variables else None
    if "Action" in statement:
        acts = any(action_matches(pattern, question.action) for pattern in listed(statement["Action"]))
    else:
        acts = not any(action_matches(pattern, question.action) for pattern in listed(statement["NotAction"]))  # PE-3.1-4
    if "Resource" in statement:
        meets = any(resource_matches(pattern, question.resource, context, layer) for pattern in listed(statement["Resource"]))
    elif "NotResource" in statement:  # PE-3.2-8
        meets = not any(resource_matches(pattern, question.resource, context, layer) for pattern in listed(statement["NotResource"]))
    else:  # PE-3.2-10
        meets = True
    return acts and meets


def granted(statement: dict[str, Any], question: Question, layer: str, *, bounded: bool) -> str:
    """The kind of grant; outside resource policies every statement speaks of the caller whom it hangs on."""
    if layer not in ("resource", "trust", "rcp"):
        return "DIRECT"
    if "Principal" in statement:
        return grant(statement["Principal"], question.caller)
    if "NotPrincipal" not in statement:  # PE-3.4-16
        return "NONE"
    if statement["Effect"] == "Deny" and bounded:  # PE-3.4-15
        return "DIRECT"
    return "DIRECT" if grant(statement["NotPrincipal"], question.caller) == "NONE" else "NONE"  # PE-3.4-14


@dataclass(frozen=True)
class Verdict:
    denies: bool
    grants: frozenset[str]

    @property
    def allows(self) -> bool:
        return bool(self.grants)


def judge(texts: list[str], question: Question, layer: str, *, bounded: bool = False) -> Verdict:
    """One layer, or one level of one: its documents are one pool (PE-1-4)."""
    denies, grants = False, set()
    for text in texts:
        document = read(text)
        variables = document.get("Version") == "2012-10-17"  # PE-5-1
        for statement in listed(document["Statement"]):
            kind = granted(statement, question, layer, bounded=bounded)
            if kind == "NONE" or not covers(statement, question, layer, variables=variables):
                continue
            truth = block_holds(statement.get("Condition", {}), question.context, variables=variables)
            if statement["Effect"] == "Deny":
                denies = denies or truth in (True, MALFORMED)
            elif truth is True:
                grants.add(kind)
    return Verdict(denies, frozenset(grants))


@dataclass(frozen=True)
class Verdicts:
    scps: list[Verdict]
    rcps: list[Verdict]
    resource: Verdict
    identity: Verdict
    boundary: Verdict | None
    session: Verdict | None


EVERYTHING = Verdict(denies=False, grants=frozenset({"DIRECT"}))


def verdicts(question: Question, texts: Texts) -> Verdicts:
    kind = question.caller["kind"]
    owns_policies = kind not in (*OUTSIDERS, "root")  # PE-2.3-1, -7, -8
    bounded = owns_policies and texts.boundary is not None
    resource_layer = "trust" if texts.resource_is_trust else "resource"
    bound_by_scps = kind not in (*OUTSIDERS, "linked-role")  # PE-2.3-6, PE-2.5-2
    bound_by_rcps = kind != "linked-role"  # PE-2.6-1
    return Verdicts(
        scps=[judge(level, question, "scp") for level in texts.scps] if bound_by_scps else [],
        rcps=[judge(level, question, "rcp", bounded=bounded) for level in texts.rcps] if bound_by_rcps else [],
        resource=judge([texts.resource] if texts.resource else [], question, resource_layer, bounded=bounded),
        identity=judge(texts.identity, question, "identity") if owns_policies else EVERYTHING,  # root has all of its account
        boundary=judge([texts.boundary], question, "boundary") if bounded and texts.boundary else None,
        session=judge(texts.session, question, "session") if owns_policies and texts.session is not None else None,
    )


def decide(question: Question, texts: Texts) -> tuple[str, str | None]:
    """The effect and the layer to blame: policy-evaluation 2.1, the order of blame from 9.2."""
    found = verdicts(question, texts)
    resource_layer = "role trust policy" if texts.resource_is_trust else "resource-based policy"
    denying = [
        ("service control policy", found.scps),
        ("resource control policy", found.rcps),
        (resource_layer, [found.resource]),
        ("identity-based policy", [found.identity]),
        ("permissions boundary", [found.boundary]),
        ("session policy", [found.session]),
    ]
    for layer, judged in denying:  # PE-2.1-1
        if any(verdict and verdict.denies for verdict in judged):
            return "explicitDeny", layer
    if not all(level.allows for level in found.scps):  # PE-2.1-3
        return "implicitDeny", "service control policy"
    if not all(level.allows for level in found.rcps):  # PE-2.1-2
        return "implicitDeny", "resource control policy"
    blamed = lacking(question, texts, found, resource_layer)
    return ("implicitDeny", blamed) if blamed else ("allowed", None)


def lacking(question: Question, texts: Texts, found: Verdicts, resource_layer: str) -> str | None:
    """The layer that lacked an Allow, or None."""
    if question.caller["kind"] in OUTSIDERS:
        return None if found.resource.allows else resource_layer
    same = question.caller["account"] == question.resource_account
    if same and "DIRECT" in found.resource.grants:  # PE-2.2-1
        return None
    by_role = same and "ROLE" in found.resource.grants  # PE-2.2-2
    if found.boundary and not found.boundary.allows:
        return "permissions boundary"
    if found.session and not found.session.allows:
        return "session policy"
    if question.caller["kind"] == "federated-user" and found.session is None:  # PE-2.3-5: a grant to the parent is no grant to the session
        return "session policy"
    if by_role:
        return None
    if same and texts.resource_is_trust and "ACCOUNT" not in found.resource.grants:  # PE-2.2-5: identity policies do not count
        return resource_layer
    if not found.identity.allows:  # PE-2.2-4
        return "identity-based policy"
    return None if same or found.resource.allows else resource_layer  # PE-2.2-3, PE-2.4-2
