"""A simulation's answer: one entry per action, with the details per resource when resources were named (recorded-aws.md 9).

Of an explicit denial the Deny statements are told, of a permission the Allow statements of identity and resource policies; of an implicit denial
none, and none of an organization's. An organization that denies hides what the other layers said.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from stead.policy import Layer, explain
from stead.policy.context_keys import ESCAPES, keys_by_statement
from stead.services.iam import authorization_reference
from stead.services.iam.simulator_input import ANY, BOUNDARY_TYPE, IDENTITY_TYPE, RESOURCE_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from stead.policy import CompiledDocument, Effect, Explanation, LayerCheck, Layers, MatchedStatement, Policy, Position
    from stead.services.iam.simulator_input import Simulation

_SEVERITY: tuple[Effect, ...] = ("explicitDeny", "implicitDeny", "allowed")
_ORGANIZATION = frozenset({Layer.SCP, Layer.RCP})
_TYPES = {Layer.IDENTITY: IDENTITY_TYPE, Layer.RESOURCE: RESOURCE_TYPE, Layer.TRUST: RESOURCE_TYPE, Layer.BOUNDARY: BOUNDARY_TYPE}
_GRANTING = frozenset({Layer.IDENTITY, Layer.RESOURCE, Layer.TRUST})


class _Judged(NamedTuple):
    """One action on one resource. ``by_organization``, ``by_boundary``: whether these allow, None where there are none."""

    resource: str
    decision: Effect
    statements: Sequence[MatchedStatement]
    missing: Sequence[str]
    by_organization: bool | None
    by_boundary: bool | None
    by_type: dict[str, Effect]  # of each policy type, when the resource is another account's


def evaluated(simulation: Simulation, action: str) -> dict[str, Any]:
    """The ``EvaluationResult`` of one action."""
    judged = [_judge(simulation, action, resource) for resource in simulation.resources]
    entry = {
        "EvalActionName": action,
        "EvalResourceName": _name(action, simulation.resources),
        "EvalDecision": _most_restrictive(one.decision for one in judged),
        "MatchedStatements": _statements(statement for one in judged for statement in one.statements),
        "MissingContextValues": list(dict.fromkeys(key for one in judged for key in one.missing)),
        **_details(judged),
    }
    if list(simulation.resources) == [ANY]:
        return entry
    if all(one.by_organization is not False for one in judged):
        entry["EvalDecisionDetails"] = _joined([one.by_type for one in judged])
    return {**entry, "ResourceSpecificResults": [_specific(one) for one in judged]}


def _judge(simulation: Simulation, action: str, resource: str) -> _Judged:
    request, layers = simulation.request(action, resource), simulation.layers_for(action)
    explanation = explain(request, layers)
    possible = resource == ANY or authorization_reference.supports(action, resource)
    decision: Effect = explanation.decision.effect if possible else "implicitDeny"
    organization = [check for check in explanation.checks if check.layer in _ORGANIZATION]
    boundary = [check for check in explanation.checks if check.layer is Layer.BOUNDARY]
    barred = any(check.effect != "allowed" for check in organization)
    across = request.resource_account != simulation.principal.account
    return _Judged(
        resource,
        decision,
        () if barred else tuple(_decisive(explanation, decision)),
        () if barred else tuple(_missing(simulation, layers, explanation)),
        not barred if organization else None,
        boundary[0].effect == "allowed" if boundary else None,
        {_TYPES[check.layer]: check.effect for check in explanation.checks if check.layer in _TYPES} if across else {},
    )


def _decisive(explanation: Explanation, decision: Effect) -> Iterator[MatchedStatement]:
    """The statements that are told of a decision."""
    for check in _of_policies(explanation):
        for matched in check.matched:
            denies = decision == "explicitDeny" and matched.effect == "Deny"
            grants = decision == "allowed" and matched.effect == "Allow" and check.layer in _GRANTING
            if denies or grants:
                yield matched


def _of_policies(explanation: Explanation) -> Iterator[LayerCheck]:
    return (check for check in explanation.checks if check.layer not in _ORGANIZATION)


def _missing(simulation: Simulation, layers: Layers, explanation: Explanation) -> Iterator[str]:
    """The keys that no entry gave, of all statements that do not apply, whatever their action; a key's default does not count (recorded)."""
    applying = {(id(matched.policy), matched.statement.index) for check in _of_policies(explanation) for matched in check.matched}
    for policy in _policies(layers):
        for index, keys in enumerate(keys_by_statement(policy.document.text)):
            if (id(policy), index) not in applying:
                yield from (key for key in keys if key.lower() not in simulation.supplied and key not in ESCAPES)


def _policies(layers: Layers) -> Iterator[Policy]:
    yield from layers.identity
    yield from filter(None, (layers.boundary, layers.resource))


def _statements(matched: Iterable[MatchedStatement]) -> list[dict[str, Any]]:
    """Each statement once."""
    return [_statement(one) for one in {(id(one.policy), one.statement.index): one for one in matched}.values()]


def _statement(matched: MatchedStatement) -> dict[str, Any]:
    places = _places(matched.policy.document)[matched.statement.index]
    return {"SourcePolicyId": matched.policy.id, "SourcePolicyType": matched.policy.type, **places}


@lru_cache(maxsize=64)
def _places(document: CompiledDocument) -> list[dict[str, Any]]:
    """Where each statement stands."""
    found = map(document.span, range(len(document.statements)))
    return [{"StartPosition": _position(start), "EndPosition": _position(end)} for start, end in found]


def _position(place: Position) -> dict[str, int]:
    return {"Line": place.line, "Column": place.column}


def _specific(one: _Judged) -> dict[str, Any]:
    """The ``ResourceSpecificResult`` of one resource."""
    return {
        "EvalResourceName": one.resource,
        "EvalResourceDecision": one.decision,
        "MatchedStatements": _statements(one.statements),
        "MissingContextValues": list(dict.fromkeys(one.missing)),
        "PermissionsBoundaryDecisionDetail": None if one.by_boundary is None else {"AllowedByPermissionsBoundary": one.by_boundary},
        "EvalDecisionDetails": one.by_type if one.by_type and one.by_organization is not False else None,
    }


def _details(judged: Sequence[_Judged]) -> dict[str, Any]:
    organization, boundary = judged[0].by_organization, judged[0].by_boundary
    details: dict[str, Any] = {}
    if organization is not None:
        details["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": all(one.by_organization for one in judged)}
    if boundary is not None:
        details["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": all(one.by_boundary for one in judged)}
    return details


def _name(action: str, resources: Sequence[str]) -> str:
    """One resource is echoed, several go by the name of their type."""
    return resources[0] if len(resources) == 1 else authorization_reference.collective_name(action, resources)


def _joined(details: Sequence[dict[str, Effect]]) -> dict[str, Effect]:
    types = dict.fromkeys(kind for one in details for kind in one)
    return {kind: _most_restrictive(one[kind] for one in details if kind in one) for kind in types}


def _most_restrictive(effects: Iterable[Effect]) -> Effect:
    return min(effects, key=_SEVERITY.index)
