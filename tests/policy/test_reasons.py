"""What a decision tells: the sentence's end, the near misses, and how little of the context it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from policy.policies import ACCOUNT, ANYTHING, CALLERS, compiled

from stead.policy import Decision, Layer, Layers, NearMiss, Policy, Request, StatementReference, authorize

# policy-evaluation.md 9.2
CLAUSES = [
    ("implicitDeny", Layer.IDENTITY, " because no identity-based policy allows the iam:GetRole action"),
    ("implicitDeny", Layer.RESOURCE, " because no resource-based policy allows the iam:GetRole action"),
    ("implicitDeny", Layer.BOUNDARY, " because no permissions boundary allows the iam:GetRole action"),
    ("implicitDeny", Layer.SESSION, " because no session policy allows the iam:GetRole action"),
    ("implicitDeny", Layer.TRUST, " because no role trust policy allows the iam:GetRole action"),
    ("implicitDeny", Layer.SCP, " because no service control policy allows the iam:GetRole action"),
    ("implicitDeny", Layer.RCP, " because no resource control policy allows the iam:GetRole action"),
    ("explicitDeny", Layer.SCP, " with an explicit deny in a service control policy"),
    ("explicitDeny", Layer.RCP, " with an explicit deny in a resource control policy"),
    ("explicitDeny", Layer.IDENTITY, " with an explicit deny in an identity-based policy"),
    ("explicitDeny", Layer.RESOURCE, " with an explicit deny in a resource-based policy"),
    ("explicitDeny", Layer.BOUNDARY, " with an explicit deny in a permissions boundary"),
    ("explicitDeny", Layer.SESSION, " with an explicit deny in a session policy"),
    ("explicitDeny", Layer.TRUST, " with an explicit deny in the role trust policy"),
    ("allowed", Layer.IDENTITY, ""),
    ("allowed", None, ""),
]


@pytest.mark.parametrize(("effect", "layer", "clause"), CLAUSES)
def test_clauses(effect: str, layer: Layer | None, clause: str) -> None:
    assert Decision(effect, layer).clause("iam:GetRole") == clause  # type: ignore[arg-type] # the table's texts are the literals


def test_near_misses_name_key_operator_wanted_and_actual() -> None:
    met = {"Bool": {"aws:SecureTransport": "true"}}
    document = compiled(
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"StringEquals": {"aws:a": "1"}}},
        {
            "Sid": "Near",
            **ANYTHING,
            "Condition": {**met, "StringLike": {"aws:PrincipalTag/Team": ["a*", "b*"]}, "Null": {"aws:b": "false"}},
        },
    )
    context = {"aws:securetransport": "true", "aws:principaltag/team": "z"}
    request = Request("iam:GetRole", "*", CALLERS["alice"], context, ACCOUNT)
    decision = authorize(request, Layers(identity=(Policy("arn:p", "managed", document),)))
    near = StatementReference(1, "Near")
    assert decision.near_misses == (
        NearMiss("arn:p", near, "aws:principaltag/team", "StringLike", ("a*", "b*"), "z"),
        NearMiss("arn:p", near, "aws:b", "Null", ("false",), None),
    )


def test_near_misses_of_a_trust_policy_are_about_the_caller() -> None:
    trust = [
        {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole", "Condition": {"Bool": {"aws:a": "true"}}}
        for arn in ("arn:aws:iam::123456789012:user/bob", CALLERS["alice"].arn)
    ]
    request = Request("sts:AssumeRole", "*", CALLERS["alice"], {}, ACCOUNT)
    decision = authorize(request, Layers(resource=Policy("trust", "trust", compiled(*trust)), resource_is_trust=True))
    assert decision.layer is Layer.TRUST
    assert [miss.statement.index for miss in decision.near_misses] == [1]


class Recorded(Mapping[str, str]):
    """A context that computes its values and remembers which were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getitem__(self, key: str) -> str:
        self.asked.append(key)
        return "1"

    def __iter__(self) -> Iterator[str]:
        raise AssertionError

    def __len__(self) -> int:
        raise AssertionError


def test_only_keys_of_statements_that_cover_the_request_are_read() -> None:
    document = compiled(
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"StringEquals": {"aws:OtherAction": "1"}}},
        {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::b", "Condition": {"StringEquals": {"aws:OtherResource": "1"}}},
        {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::${aws:Variable}"},
        {**ANYTHING, "Condition": {"StringEquals": {"aws:Wanted": "1"}}},
        {**ANYTHING, "Condition": {"StringEquals": {"aws:Later": "1"}}},
    )
    context = Recorded()
    request = Request("iam:GetRole", f"arn:aws:iam::{ACCOUNT}:role/x", CALLERS["alice"], context, ACCOUNT)
    assert authorize(request, Layers(identity=(Policy("p", "inline", document),))).allowed
    assert context.asked == ["aws:wanted"]


def test_a_memory_of_actions_is_bounded() -> None:
    document = compiled(ANYTHING)
    for number in range(1000):
        assert len(document.candidates(f"iam:Invented{number}").allows) == 1
    assert len(document._remembered) < 1000


def test_a_pool_s_memory_of_actions_is_bounded() -> None:
    layers = Layers(identity=(Policy("p", "inline", compiled(ANYTHING)),))
    for number in range(1000):
        assert authorize(Request(f"iam:Invented{number}", "*", CALLERS["alice"], {}, ACCOUNT), layers).allowed
    assert len(layers.identity_pool._remembered) < 300


def test_layers_made_from_others_keep_what_their_pools_remember() -> None:
    layers = Layers(identity=(Policy("p", "inline", compiled(ANYTHING)),))
    assert replace(layers, resource_is_trust=True).identity_pool is layers.identity_pool


def test_near_misses_are_worked_out_when_asked_for() -> None:
    """Most refusals are of no interest to anybody but their caller."""
    context = Recorded()
    unmet = [{**ANYTHING, "Condition": {"StringEquals": {f"aws:key{number}": "2", "aws:other": "2"}}} for number in range(3)]
    request = Request("iam:GetRole", "*", CALLERS["alice"], context, ACCOUNT)
    decision = authorize(request, Layers(identity=(Policy("p", "inline", compiled(*unmet)),)))
    assert len(context.asked) == 3
    assert len(decision.near_misses) == 6
