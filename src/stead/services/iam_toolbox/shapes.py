"""Explanations in the words of IAM Toolbox, whose service model is its only specification (botocore, ``iam-toolbox``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stead.aws.condition_keys import spelt
from stead.policy import Layer
from stead.store.entity_policies import MANAGED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stead.policy import Explanation, LayerCheck, Layers, MatchedStatement, Policy, StatementReference
    from stead.store.decided import Check, Keys

# In the model's order of checks: its name for the check, its name for the policies.
_LAYERS = {
    Layer.RCP: ("RESOURCE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"),
    Layer.SCP: ("SERVICE_CONTROL_POLICY", "SERVICE_CONTROL_POLICY"),
    Layer.RESOURCE: ("RESOURCE", "RESOURCE_BASED_POLICY"),
    Layer.TRUST: ("RESOURCE", "RESOURCE_BASED_POLICY"),
    Layer.IDENTITY: ("PRINCIPAL", "IDENTITY_BASED_POLICY"),
    Layer.BOUNDARY: ("PERMISSIONS_BOUNDARY", "PERMISSIONS_BOUNDARY"),
    Layer.SESSION: ("SESSION", "SESSION_POLICY"),
}
_ORDER = list(_LAYERS)
_ORGANIZATION = frozenset({Layer.RCP, Layer.SCP})
_OF_RESOURCE = frozenset({Layer.RESOURCE, Layer.TRUST})
_EFFECTS = {"allowed": "ALLOW", "explicitDeny": "EXPLICIT_DENY", "implicitDeny": "IMPLICIT_DENY"}


def context(keys: Keys) -> dict[str, Any]:
    """Condition keys as people write them; a key with several values has a list."""
    return {spelt(key): list(value) if isinstance(value, tuple) else value for key, value in sorted(keys.items())}


def evaluation(check: Check, explained: Explanation, entity_arn: str) -> dict[str, Any]:
    """One check of the gate, layer by layer. ``entity_arn`` is the user or role that was bound."""
    applying = [part for part in explained.checks if part.counts or part.layer not in _ORGANIZATION]
    ordered = sorted(applying, key=lambda part: (_ORDER.index(part.layer), part.level or 0))
    return {
        "action": check.action,
        "resource": "" if check.resource == "*" else check.resource,  # empty: the action is not resource-specific
        "context": context(check.keys),
        "evaluatedEffect": _EFFECTS[explained.decision.effect],
        "matchedPolicies": _matched(entity_arn, ((part.layer, one) for part in ordered for one in part.matched)),
        "checks": [_check(part, entity_arn) for part in ordered],
    }


def _check(part: LayerCheck, entity_arn: str) -> dict[str, Any]:
    name, kind = _LAYERS[part.layer]
    counted = part.counts or part.effect == "allowed"
    return {
        "checkType": name,
        "evaluatedEffect": _EFFECTS[part.effect] if counted else "NO_IMPACT",
        "relevantPolicyTypes": [kind],
        "matchedPolicies": _matched(entity_arn, ((part.layer, one) for one in part.matched)),
    }


def _matched(entity_arn: str, statements: Iterable[tuple[Layer, MatchedStatement]]) -> list[dict[str, Any]]:
    """The policies of these statements, each with its own."""
    found: dict[str, list[dict[str, str]]] = {}
    for layer, one in statements:
        shown = {"sid": sid(one.statement), "evaluatedEffect": one.effect.upper()}
        found.setdefault(uri(layer, one.policy, entity_arn), []).append(shown)
    return [{"uri": name, "matchedStatements": shown} for name, shown in found.items()]


def sid(statement: StatementReference) -> str:
    """A statement's Sid, or its place where there is none: no Sid of an identity policy has brackets."""
    return statement.sid or f"Statement[{statement.index}]"


def policies(layers: Layers, entity_arn: str) -> Iterator[tuple[dict[str, Any], Policy]]:
    """Every policy that was asked, as the model describes it, and the policy."""
    for layer, policy in _placed(layers):
        owner = policy.id if layer in _OF_RESOURCE else entity_arn
        described = {
            "type": _LAYERS[layer][1],
            "inline": policy.type != MANAGED,
            "uri": uri(layer, policy, entity_arn),
            "attachedTo": [{"arn": owner}],
        }
        yield described, policy


def _placed(layers: Layers) -> Iterator[tuple[Layer, Policy]]:
    yield from ((Layer.RCP, policy) for level in layers.rcps for policy in level)
    yield from ((Layer.SCP, policy) for level in layers.scps for policy in level)
    if layers.resource is not None:
        yield layers.resource_layer, layers.resource
    yield from ((Layer.IDENTITY, policy) for policy in layers.identity)
    if layers.boundary is not None:
        yield Layer.BOUNDARY, layers.boundary
    yield from ((Layer.SESSION, policy) for policy in layers.session or ())


def uri(layer: Layer, policy: Policy, entity_arn: str) -> str:
    """A managed policy's ARN. The rest have none: whose they are and what they are called tells people most."""
    if policy.type == MANAGED:
        return policy.id
    if layer in _OF_RESOURCE:
        return f"{policy.id}#{policy.type}"
    return f"{entity_arn}#{'session' if layer is Layer.SESSION else f'{policy.type}/{policy.id}'}"
