"""Every row of the rules' tables, as data in ``cases/``: another evaluator could run the same files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from policy.policies import ACCOUNT, ANYTHING, CALLERS, compiled, layers, load

from stead.policy import DocumentKind, Layers, MalformedPolicy, Policy, Request, authorize, compile_document, validate
from stead.policy.grammar import principal_entries
from stead.policy.principals import PrincipalMatcher

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

ROLE = f"arn:aws:iam::{ACCOUNT}:role/target"
ALICE = CALLERS["alice"]


def rows(name: str) -> list[ParameterSet]:
    """The cases of a file of tables; their ids name the row."""
    return [
        pytest.param(table, case, id=f"{table.get('row') or table['kind'] + ' ' + case['row']} #{number}")
        for table in load(name)
        for number, case in enumerate(table["cases"])
    ]


def allowed(*statements: dict[str, Any], request: Request, version: str) -> bool:
    policy = Policy("p", "inline", compiled(*statements, version=version))
    return authorize(request, Layers(identity=(policy,))).allowed


@pytest.mark.parametrize(("table", "case"), rows("conditions"))
def test_conditions(table: dict[str, Any], case: Any) -> None:
    """As AWS was asked (recorded-aws.md): once as the only Allow, once as a Deny beside an unconditional Allow."""
    operator, operands, value, holds = case["condition"] if isinstance(case, dict) else case
    denies = case["deny"] if isinstance(case, dict) else holds
    context = dict(table.get("context", {}))
    if value is not None:
        context["aws:key"] = value
    context = {key: tuple(item) if isinstance(item, list) else item for key, item in context.items()}
    request = Request("iam:TagUser", ROLE, ALICE, context, ACCOUNT)
    tested = {**ANYTHING, "Condition": {operator: {"aws:Key": operands}}}
    version = table.get("version", "2012-10-17")
    assert allowed(tested, request=request, version=version) is holds
    assert allowed(ANYTHING, {**tested, "Effect": "Deny"}, request=request, version=version) is not denies


@pytest.mark.parametrize(("table", "case"), rows("resources"))
def test_resources(table: dict[str, Any], case: list[Any]) -> None:
    patterns, resource, matches = case
    context = {key: tuple(item) if isinstance(item, list) else item for key, item in table.get("context", {}).items()}
    request = Request("iam:GetRole", resource, ALICE, context, ACCOUNT)
    version = table.get("version", "2012-10-17")
    statement = {"Effect": "Allow", "Action": "*"}
    assert allowed({**statement, "Resource": patterns}, request=request, version=version) is matches
    assert allowed({**statement, "NotResource": patterns}, request=request, version=version) is not matches


@pytest.mark.parametrize(("table", "case"), rows("actions"))
def test_actions(table: dict[str, Any], case: list[Any]) -> None:
    patterns, action, matches = case
    request = Request(action, ROLE, ALICE, {}, ACCOUNT)
    statement = {"Effect": "Allow", "Resource": "*"}
    assert allowed({**statement, "Action": patterns}, request=request, version="2012-10-17") is matches, table["row"]
    assert allowed({**statement, "NotAction": patterns}, request=request, version="2012-10-17") is not matches


@pytest.mark.parametrize(("table", "case"), rows("principals"))
def test_principals(table: dict[str, Any], case: list[Any]) -> None:
    caller, element, grant = case
    matcher = PrincipalMatcher(principal_entries(element), negated=False)
    assert matcher.grant(CALLERS[caller]).name == grant, table["row"]
    excluding = PrincipalMatcher(principal_entries(element), negated=True)
    assert (excluding.grant(CALLERS[caller]).name == "NONE") is (grant != "NONE")


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case['row']}") for case in load("decisions")])
def test_decisions(case: dict[str, Any]) -> None:
    bound = layers(case)
    action = "sts:AssumeRole" if bound.resource_is_trust else "iam:GetRole"
    decision = authorize(Request(action, ROLE, CALLERS[case["caller"]], case.get("context", {}), ACCOUNT), bound)
    assert decision.effect == case["expect"]
    assert decision.allowed is (case["expect"] == "allowed")
    if "layer" in case:
        assert decision.layer is not None
        assert decision.layer.value == case["layer"]
    if "policy" in case:
        assert decision.policy == case["policy"]
    if "statement" in case:
        assert decision.statement is not None
        assert decision.statement.index == case["statement"]


GOOD: dict[str, dict[str, Any]] = {
    "identity": ANYTHING,
    "session": ANYTHING,
    "trust": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
    "resource": {**ANYTHING, "Principal": "*"},
}


def text_of(kind: str, case: dict[str, Any]) -> str:
    if "statement" not in case:
        return case["document"] if isinstance(case["document"], str) else json.dumps(case["document"])
    statement = {**GOOD[kind], **case["statement"]}
    return json.dumps({"Version": "2012-10-17", "Statement": {name: part for name, part in statement.items() if part is not None}})


@pytest.mark.parametrize(("table", "case"), rows("malformed"))
def test_malformed_documents(table: dict[str, Any], case: dict[str, Any]) -> None:
    with pytest.raises(MalformedPolicy) as caught:
        validate(text_of(table["kind"], case), DocumentKind(table["kind"]))
    error = caught.value
    assert (error.code, error.message, error.status) == ("MalformedPolicyDocument", case["text"], 400)
    if "at" in case:
        assert [error.line, error.column] == case["at"]


@pytest.mark.parametrize(("table", "case"), rows("valid"))
def test_valid_documents(table: dict[str, Any], case: dict[str, Any]) -> None:
    text = text_of(table["kind"], case)
    assert validate(text, DocumentKind(table["kind"])).text == text
    assert compile_document(text).statements
