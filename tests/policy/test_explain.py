"""What an explanation tells beside the decision; that its decision is authorize's is a property (test_properties.py)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from policy.policies import ACCOUNT, ANYTHING, CALLERS, compiled

from stead.policy import Grant, Layer, LayerCheck, Layers, Policy, Position, Request, Span, compile_document, explain

ALICE = CALLERS["alice"]
DENY = {**ANYTHING, "Effect": "Deny"}
OTHER = {**ANYTHING, "Action": "other:Thing"}


def policy(name: str, *statements: dict[str, Any]) -> Policy:
    return Policy(name, name, compiled(*statements))


def request(context: dict[str, Any] | None = None, caller: str = "alice") -> Request:
    return Request("iam:GetRole", f"arn:aws:iam::{ACCOUNT}:role/x", CALLERS[caller], context or {}, ACCOUNT)


def check_of(layer: Layer, layers: Layers, asked: Request) -> LayerCheck:
    return next(check for check in explain(asked, layers).checks if check.layer is layer)


def test_checks_come_in_the_order_of_explicit_blame() -> None:
    full = Layers(
        identity=(policy("identity", ANYTHING),),
        boundary=policy("boundary", ANYTHING),
        session=(policy("session", ANYTHING),),
        resource=policy("resource", {**ANYTHING, "Principal": "*"}),
        scps=((policy("root", ANYTHING),), (policy("unit", ANYTHING),)),
        rcps=((policy("rcp", ANYTHING),),),
    )
    found = [(check.layer, check.level) for check in explain(request(), full).checks]
    assert found == [
        (Layer.SCP, 0),
        (Layer.SCP, 1),
        (Layer.RCP, 0),
        (Layer.RESOURCE, None),
        (Layer.IDENTITY, None),
        (Layer.BOUNDARY, None),
        (Layer.SESSION, None),
    ]


def test_layers_that_are_not_there_are_told_only_where_they_had_to_allow() -> None:
    assert [check.layer for check in explain(request(), Layers()).checks] == [Layer.IDENTITY]
    assert [check.layer for check in explain(request(caller="outsider"), Layers()).checks] == [Layer.RESOURCE, Layer.IDENTITY]
    assert explain(request(caller="root"), Layers()).checks == ()


COUNTING = [
    # who, further layers, layer, its effect, whether it counts
    ("alice", {}, Layer.BOUNDARY, "implicitDeny", True),
    ("alice", {"resource": {"AWS": ALICE.arn}}, Layer.BOUNDARY, "implicitDeny", False),
    ("alice", {"resource": {"AWS": ALICE.arn}}, Layer.IDENTITY, "implicitDeny", False),
    ("alice", {"resource": {"AWS": ALICE.arn}}, Layer.RESOURCE, "allowed", True),
    ("alice", {"resource": {"AWS": ACCOUNT}}, Layer.RESOURCE, "allowed", False),
    ("alice", {"resource": {"AWS": ACCOUNT}}, Layer.IDENTITY, "implicitDeny", True),
    ("alice", {"scps": [OTHER]}, Layer.SCP, "implicitDeny", True),
    ("linked_session", {"scps": [OTHER]}, Layer.SCP, "implicitDeny", False),
    ("linked_session", {"scps": [DENY]}, Layer.SCP, "explicitDeny", False),
    ("linked_session", {"rcps": [DENY]}, Layer.RCP, "explicitDeny", False),
    ("alice", {"rcps": [DENY]}, Layer.RCP, "explicitDeny", True),
]


@pytest.mark.parametrize(("caller", "further", "layer", "effect", "counts"), COUNTING)
def test_whether_a_layer_counts(caller: str, further: dict[str, Any], layer: Layer, effect: str, *, counts: bool) -> None:
    layers = Layers(identity=(policy("identity", OTHER),), boundary=policy("boundary", OTHER))
    if "resource" in further:
        layers = replace(layers, resource=policy("resource", {**ANYTHING, "Principal": further["resource"]}))
    for name in {"scps", "rcps"} & further.keys():
        layers = replace(layers, **{name: ((policy(name, *further[name]),),)})
    found = check_of(layer, layers, request(caller=caller))
    assert (found.effect, found.counts) == (effect, counts)


def test_every_statement_that_applies_is_told() -> None:
    layers = Layers(identity=(policy("a", ANYTHING, OTHER, {**DENY, "Sid": "No"}), policy("b", ANYTHING)))
    matched = check_of(Layer.IDENTITY, layers, request()).matched
    assert [(found.policy.id, found.statement.index, found.statement.sid, found.effect, found.grant) for found in matched] == [
        ("a", 0, None, "Allow", None),
        ("a", 2, "No", "Deny", None),
        ("b", 0, None, "Allow", None),
    ]


def test_a_resource_policy_s_statements_tell_how_they_name_the_caller() -> None:
    named = [{**ANYTHING, "Principal": {"AWS": who}} for who in (ACCOUNT, ALICE.arn, CALLERS["outsider"].arn)]
    matched = check_of(Layer.RESOURCE, Layers(resource=policy("resource", *named)), request()).matched
    assert [(found.statement.index, found.grant) for found in matched] == [(0, Grant.ACCOUNT), (1, Grant.DIRECT)]


def test_near_misses_belong_to_their_layer() -> None:
    unmet = {**ANYTHING, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    layers = Layers(identity=(policy("identity", ANYTHING),), boundary=policy("boundary", unmet))
    assert check_of(Layer.IDENTITY, layers, request()).near_misses == ()
    (miss,) = check_of(Layer.BOUNDARY, layers, request()).near_misses
    assert (miss.policy, miss.key, miss.actual) == ("boundary", "aws:securetransport", None)
    assert explain(request(), layers).decision.near_misses == (miss,)


# The statement's condition and resource, the context, and the keys that are missing (recorded-aws.md 9).
MISSING = [
    ({"StringEquals": {"aws:PrincipalTag/Team": "a"}}, "*", {}, ("aws:PrincipalTag/Team",)),
    ({"StringEquals": {"aws:PrincipalTag/Team": "a"}}, "*", {"aws:principaltag/team": "b"}, ()),
    ({"StringNotEquals": {"aws:PrincipalTag/Team": "a"}}, "*", {}, ()),
    ({"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}, "*", {}, ()),
    ({"StringEquals": {"aws:a": "${aws:B}"}}, "*", {"aws:a": "x"}, ("aws:B",)),
    ({}, "arn:aws:iam::*:role/${AWS:UserName}${*}", {}, ("AWS:UserName",)),
    ({"StringEquals": {"aws:A": "a"}}, "arn:aws:iam::*:role/y", {}, ()),
]


@pytest.mark.parametrize(("condition", "resource", "context", "missing"), MISSING)
def test_missing_keys(condition: dict[str, Any], resource: str, context: dict[str, Any], missing: tuple[str, ...]) -> None:
    layers = Layers(identity=(policy("p", {**ANYTHING, "Resource": resource, "Condition": condition}),))
    assert check_of(Layer.IDENTITY, layers, request(context)).missing_keys == missing


STATEMENT = '{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}'
SPANS = [
    # policy-evaluation.md 10.2, the recorded sample
    (
        '{"Version": "2012-10-17", "Statement": {"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}}',
        [((1, 41), (1, 113))],
    ),
    (f'{{"Version": "2012-10-17", "Statement": [{STATEMENT}]}}', [((1, 41), (1, 41 + len(STATEMENT)))]),
    (
        f'{{"Statement":\n[\n {STATEMENT},\n {STATEMENT}\n]}}',
        [((2, 2), (3, 2 + len(STATEMENT))), ((3, 2 + len(STATEMENT)), (4, 2 + len(STATEMENT)))],
    ),
]


@pytest.mark.parametrize(("text", "expected"), SPANS)
def test_spans(text: str, expected: list[Any]) -> None:
    document = compile_document(text)
    wanted = [Span(Position(*start), Position(*end)) for start, end in expected]
    assert [document.span(index) for index in range(len(document.statements))] == wanted
