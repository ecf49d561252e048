"""What must hold for any documents (house-style.md, from Cedar): small vocabularies, so that statements really meet requests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy.policies import ACCOUNT, ANYTHING, CALLERS, compiled

from stead.policy import Decision, Layers, Policy, PrincipalKind, Request, authorize, explain

EXAMPLES = settings(max_examples=100, deadline=None)

ACTIONS = st.sampled_from(["iam:GetRole", "iam:PassRole", "ecs:RunTask"])
RESOURCES = st.sampled_from([f"arn:aws:iam::{ACCOUNT}:role/a", f"arn:aws:iam::{ACCOUNT}:role/b", "*"])
CONTEXTS = st.dictionaries(
    st.sampled_from(["aws:a", "aws:b"]),
    st.sampled_from(["1", "2", "x", ("1", "2")]),
)
CALLER = st.sampled_from(["root", "alice", "app_session", "linked_session", "federated", "outsider", "ecs_tasks"]).map(CALLERS.__getitem__)

CONDITIONS = st.dictionaries(
    st.sampled_from(
        ["StringEquals", "StringNotLike", "NumericLessThanIfExists", "ForAllValues:StringLike", "ForAnyValue:StringEquals", "Null"]
    ),
    st.dictionaries(st.sampled_from(["aws:A", "aws:b"]), st.sampled_from(["1", "true", ["x", "2"], "${aws:b}"]), max_size=2),
    max_size=2,
)
STATEMENTS = st.builds(
    lambda effect, actions, resources, condition: {"Effect": effect, **actions, **resources, "Condition": condition},
    st.sampled_from(["Allow", "Allow", "Deny"]),
    st.sampled_from([{"Action": "*"}, {"Action": "iam:*"}, {"Action": ["iam:GetRole", "ecs:Run*"]}, {"NotAction": "iam:PassRole"}]),
    st.sampled_from([{"Resource": "*"}, {"Resource": "arn:aws:iam::*:role/a"}, {"NotResource": "arn:aws:iam::*:role/b"}]),
    CONDITIONS,
)
PRINCIPALS = st.sampled_from(["*", {"AWS": ACCOUNT}, {"AWS": CALLERS["alice"].arn}, {"AWS": CALLERS["app_session"].role_arn}])
NAMED = st.builds(lambda statement, element: {**statement, "Principal": element}, STATEMENTS, PRINCIPALS)

DOCUMENTS = st.lists(st.lists(STATEMENTS, min_size=1, max_size=3), max_size=3)
REQUESTS = st.builds(Request, ACTIONS, RESOURCES, CALLER, CONTEXTS, st.just(ACCOUNT))


def policies(documents: list[list[dict[str, Any]]]) -> tuple[Policy, ...]:
    return tuple(Policy(f"p{number}", "inline", compiled(*statements)) for number, statements in enumerate(documents))


# Mostly allowing, or nothing would reach the layers below.
LEVELS = st.lists(st.just([ANYTHING]) | st.lists(STATEMENTS, min_size=1, max_size=2), max_size=2).map(
    lambda levels: tuple(policies([statements]) for statements in levels)
)
LAYERS = st.builds(
    Layers,
    identity=DOCUMENTS.map(policies),
    boundary=st.none() | st.lists(STATEMENTS, min_size=1, max_size=3).map(lambda statements: policies([statements])[0]),
    session=st.none() | DOCUMENTS.map(policies),
    resource=st.none() | st.lists(NAMED, min_size=1, max_size=3).map(lambda statements: policies([statements])[0]),
    resource_is_trust=st.booleans(),
    scps=LEVELS,
    rcps=LEVELS,
)


def with_identity(layers: Layers, *more: Policy) -> Layers:
    return replace(layers, identity=layers.identity + more)


@settings(max_examples=300, deadline=None)
@given(REQUESTS, LAYERS)
def test_an_explanation_decides_alike(request: Request, layers: Layers) -> None:
    assert explain(request, layers).decision == authorize(request, layers)


@EXAMPLES
@given(REQUESTS, LAYERS)
def test_an_explicit_deny_wins(request: Request, layers: Layers) -> None:
    deny = Policy("deny", "inline", compiled({**ANYTHING, "Effect": "Deny"}))
    assert authorize(request, with_identity(layers, deny)).effect == "explicitDeny"


@EXAMPLES
@given(REQUESTS, LAYERS, STATEMENTS)
def test_another_allow_removes_nothing(request: Request, layers: Layers, statement: dict[str, Any]) -> None:
    more = Policy("more", "inline", compiled({**statement, "Effect": "Allow"}))
    if authorize(request, layers).allowed:
        assert authorize(request, with_identity(layers, more)).allowed


@EXAMPLES
@given(REQUESTS, LAYERS)
def test_a_boundary_only_narrows(request: Request, layers: Layers) -> None:
    without = replace(layers, boundary=None)
    if authorize(request, layers).allowed:
        assert authorize(request, without).allowed


@EXAMPLES
@given(REQUESTS, LAYERS)
def test_session_policies_only_narrow(request: Request, layers: Layers) -> None:
    """A federation session is the exception by rule: without session policies it has no identity permissions at all."""
    without = replace(layers, session=None)
    if authorize(request, layers).allowed and request.principal is not CALLERS["federated"]:
        assert authorize(request, without).allowed


@EXAMPLES
@given(REQUESTS, LAYERS)
def test_organizations_only_narrow(request: Request, layers: Layers) -> None:
    if authorize(request, layers).allowed:
        assert authorize(request, replace(layers, scps=())).allowed
        assert authorize(request, replace(layers, rcps=())).allowed


@EXAMPLES
@given(REQUESTS, LAYERS)
def test_organizations_do_not_bind_linked_roles(request: Request, layers: Layers) -> None:
    linked = request._replace(principal=replace(request.principal, kind=PrincipalKind.LINKED_ROLE))
    assert authorize(linked, layers) == authorize(linked, replace(layers, scps=(), rcps=()))


@EXAMPLES
@given(REQUESTS, DOCUMENTS, st.randoms(use_true_random=False))
def test_order_never_matters(request: Request, documents: list[list[dict[str, Any]]], random: Any) -> None:
    shuffled = [random.sample(statements, len(statements)) for statements in random.sample(documents, len(documents))]
    first, second = (authorize(request, Layers(policies(each))) for each in (documents, shuffled))
    assert (first.effect, first.layer) == (second.effect, second.layer)


@EXAMPLES
@given(REQUESTS, LAYERS)
def test_a_decision_names_what_decided(request: Request, layers: Layers) -> None:
    decision: Decision = authorize(request, layers)
    assert (decision.statement is None) == (decision.policy is None)
    assert (decision.clause(request.action) == "") is decision.allowed
    if decision.effect == "explicitDeny":
        assert decision.statement is not None
    if decision.near_misses:
        assert decision.effect == "implicitDeny"


TWINS = [
    ("StringEquals", "StringNotEquals", st.text(max_size=5)),
    ("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", st.text(max_size=5)),
    ("StringLike", "StringNotLike", st.text(alphabet="ab*?", max_size=8)),
    ("NumericEquals", "NumericNotEquals", st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str) | st.just("x")),
    ("DateEquals", "DateNotEquals", st.datetimes().map(lambda instant: instant.isoformat()) | st.just("x")),
    ("IpAddress", "NotIpAddress", st.ip_addresses().map(str)),
    ("ArnLike", "ArnNotLike", st.text(alphabet="ab:/*?", max_size=8).map(lambda rest: f"arn:aws:iam::1:{rest}")),
]


@pytest.mark.parametrize(("operator", "twin", "values"), TWINS, ids=[twin[0] for twin in TWINS])
def test_an_operator_and_its_twin_disagree(operator: str, twin: str, values: st.SearchStrategy[str]) -> None:
    """On a present single value of the operator's type (values of no type: recorded-aws.md 6.3, in cases/conditions.yaml)."""

    @EXAMPLES
    @given(values, st.lists(values, min_size=1, max_size=3))
    def disagree(value: str, operands: list[str]) -> None:
        request = Request("iam:GetRole", "*", CALLERS["alice"], {"aws:key": value}, ACCOUNT)
        answers = [
            authorize(request, Layers(policies([[{**ANYTHING, "Condition": {name: {"aws:key": operands}}}]]))).allowed
            for name in (operator, twin)
        ]
        assert answers[0] is not answers[1]

    disagree()
