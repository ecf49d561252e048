"""Every row of the rules' tables, as data in ``cases/``: the engine and the naive evaluator run the same files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from policy.asking import EVALUATORS, request
from policy.naive.decide import Question, Texts
from policy.naive.principals import grant
from policy.policies import ACCOUNT, ANYTHING, CALLERS, document_text, layers, load, text_of_document, texts

from stead.policy import DocumentKind, MalformedPolicy, authorize, compile_document, validate
from stead.policy.grammar import principal_entries
from stead.policy.principals import PrincipalMatcher

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet
    from policy.asking import Ask

ROLE = f"arn:aws:iam::{ACCOUNT}:role/target"
FIELDS: dict[str, dict[str, str]] = load("callers")

both = pytest.mark.parametrize("ask", EVALUATORS.values(), ids=EVALUATORS.keys())


def rows(name: str) -> list[ParameterSet]:
    """The cases of a file of tables; their ids name the table."""
    return [
        pytest.param(table, case, id=f"{table.get('row') or table['kind'] + ' ' + case['row']} #{number}")
        for table in load(name)
        for number, case in enumerate(table["cases"])
    ]


def context_of(case: dict[str, Any]) -> dict[str, str | tuple[str, ...]]:
    return {key: tuple(item) if isinstance(item, list) else item for key, item in case.get("context", {}).items()}


def allowed(ask: Ask, *statements: dict[str, Any], table: dict[str, Any], **asked: Any) -> bool:
    """By an identity policy of these statements; what is asked for is GetRole on a role by alice, but for what the case changes."""
    question = Question(**{"action": "iam:GetRole", "resource": ROLE, "caller": FIELDS["alice"], "resource_account": ACCOUNT, **asked})
    text = document_text(*statements, version=table.get("version", "2012-10-17"))
    return ask(question, Texts(identity=[text]))[0] == "allowed"


@both
@pytest.mark.parametrize(("table", "case"), rows("conditions"))
def test_conditions(ask: Ask, table: dict[str, Any], case: Any) -> None:
    """As AWS was asked (recorded-aws.md): once as the only Allow, once as a Deny beside an unconditional Allow."""
    operator, operands, value, holds = case["condition"] if isinstance(case, dict) else case
    denies = case["deny"] if isinstance(case, dict) else holds
    context = context_of(table) if value is None else context_of(table) | context_of({"context": {"aws:key": value}})
    tested = {**ANYTHING, "Condition": {operator: {"aws:Key": operands}}}
    assert allowed(ask, tested, table=table, context=context) is holds
    assert allowed(ask, ANYTHING, {**tested, "Effect": "Deny"}, table=table, context=context) is not denies


@both
@pytest.mark.parametrize(("table", "case"), rows("resources"))
def test_resources(ask: Ask, table: dict[str, Any], case: list[Any]) -> None:
    patterns, resource, matches = case
    asked = {"table": table, "resource": resource, "context": context_of(table)}
    statement = {"Effect": "Allow", "Action": "*"}
    assert allowed(ask, {**statement, "Resource": patterns}, **asked) is matches
    assert allowed(ask, {**statement, "NotResource": patterns}, **asked) is not matches


@both
@pytest.mark.parametrize(("table", "case"), rows("actions"))
def test_actions(ask: Ask, table: dict[str, Any], case: list[Any]) -> None:
    patterns, action, matches = case
    asked = {"table": table, "action": action, "context": {}}
    statement = {"Effect": "Allow", "Resource": "*"}
    assert allowed(ask, {**statement, "Action": patterns}, **asked) is matches
    assert allowed(ask, {**statement, "NotAction": patterns}, **asked) is not matches


@pytest.mark.parametrize(("table", "case"), rows("principals"))
def test_principals(table: dict[str, Any], case: list[Any]) -> None:
    caller, element, kind = case
    matcher = PrincipalMatcher(principal_entries(element), negated=False)
    assert matcher.grant(CALLERS[caller]).name == kind, table["row"]
    excluding = PrincipalMatcher(principal_entries(element), negated=True)
    assert (excluding.grant(CALLERS[caller]).name == "NONE") is (kind != "NONE")
    assert grant(element, FIELDS[caller]) == kind


def question_of(case: dict[str, Any]) -> Question:
    action = "sts:AssumeRole" if "trust" in case else "iam:GetRole"
    return Question(action, ROLE, FIELDS[case["caller"]], context_of(case), ACCOUNT)


DECISIONS = pytest.mark.parametrize("case", [pytest.param(case, id=f"{case['row']}") for case in load("decisions")])


@both
@DECISIONS
def test_decisions(ask: Ask, case: dict[str, Any]) -> None:
    effect, blamed = ask(question_of(case), texts(case))
    assert effect == case["expect"]
    assert blamed == (case.get("layer", blamed) if effect != "allowed" else None)


@DECISIONS
def test_what_decided(case: dict[str, Any]) -> None:
    decision = authorize(request(question_of(case)), layers(case))
    if "layer" in case:
        assert decision.layer is not None
        assert decision.layer.value == case["layer"]
    if "policy" in case:
        assert decision.policy == case["policy"]
    if "statement" in case:
        assert decision.statement is not None
        assert decision.statement.index == case["statement"]


@pytest.mark.parametrize(("table", "case"), rows("malformed"))
def test_malformed_documents(table: dict[str, Any], case: dict[str, Any]) -> None:
    with pytest.raises(MalformedPolicy) as caught:
        validate(text_of_document(table["kind"], case), DocumentKind(table["kind"]))
    error = caught.value
    assert (error.code, error.message, error.status) == ("MalformedPolicyDocument", case["text"], 400)
    if "at" in case:
        assert [error.line, error.column] == case["at"]


@pytest.mark.parametrize(("table", "case"), rows("valid"))
def test_valid_documents(table: dict[str, Any], case: dict[str, Any]) -> None:
    text = text_of_document(table["kind"], case)
    assert validate(text, DocumentKind(table["kind"])).text == text
    assert compile_document(text).statements
