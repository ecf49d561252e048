"""What documents could ever grant (service-linked-roles.md 5, recorded-aws.md 10)."""

from __future__ import annotations

import json
import re
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stead.policy.grants import Grants, granted, overlap_of_arns

ROLE = ("arn:*:iam::*:role/*",)
OBJECT = ("arn:*:s3:::*/*",)
CLUSTER = ("arn:*:ecs:*:*:cluster/*",)

# Two patterns, and whether an ARN exists that both match.
OVERLAPS = [
    ("arn:aws:iam::123456789012:role/app/*", ROLE[0], True),
    ("arn:aws:iam::123456789012:user/alice", ROLE[0], False),
    ("arn:aws:s3:::bucket/key", OBJECT[0], True),
    ("arn:aws:s3:::bucket", OBJECT[0], False),
    ("arn:aws:s3:::b*", OBJECT[0], True),
    ("arn:aws:s3:::*x", OBJECT[0], True),
    ("arn:aws:s3", OBJECT[0], True),
    ("arn:aws:ecs:eu-west-?:*:cluster/?", CLUSTER[0], True),
    ("arn:aws:ecs:*:*:service/*", CLUSTER[0], False),
    ("arn:*:*:*:*:cluster/", CLUSTER[0], True),
]


def document(*statements: dict[str, Any]) -> Grants:
    """A document of these statements; what they do not say is Allow and everything."""
    whole = [{"Effect": "Allow", **({} if "NotResource" in one else {"Resource": "*"}), **one} for one in statements]
    return Grants(json.dumps({"Version": "2012-10-17", "Statement": whole}))


GET_OBJECT = {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}

# A document's statements, an action, the resources it can be authorized on, and whether it is granted.
CASES = [
    ([GET_OBJECT], "s3:GetObject", OBJECT, True),
    ([GET_OBJECT], "s3:PutObject", OBJECT, False),
    ([{**GET_OBJECT, "Condition": {"Null": {"aws:userid": "true"}}}], "s3:GetObject", OBJECT, True),
    ([{**GET_OBJECT, "Resource": "arn:aws:iam::123456789012:role/x"}], "s3:GetObject", OBJECT, False),
    ([{"Action": "ec2:DescribeVpcs", "Resource": "arn:aws:ec2:*:*:vpc/*"}], "ec2:DescribeVpcs", (), False),
    ([{"Action": "ec2:Describe*"}], "ec2:describevpcs", (), True),
    ([{"Action": "S3:GET*", "Resource": "arn:aws:s3:::${aws:username}/*"}], "s3:GetObject", OBJECT, True),
    ([{"NotAction": "iam:*"}], "s3:GetObject", OBJECT, True),
    ([{"NotAction": "iam:*"}], "iam:GetRole", ROLE, False),
    ([{"Action": "s3:*", "NotResource": "arn:aws:s3:::bucket/*"}], "s3:GetObject", OBJECT, True),
    ([{"Action": "s3:*", "NotResource": "*"}], "s3:GetObject", OBJECT, False),
    ([GET_OBJECT, {"Effect": "Deny", "Action": "s3:*"}], "s3:GetObject", OBJECT, False),
    ([GET_OBJECT, {"Effect": "Deny", "NotAction": "iam:*"}], "s3:GetObject", OBJECT, False),
    ([GET_OBJECT, {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::*"}], "s3:GetObject", OBJECT, True),
    (
        [GET_OBJECT, {"Effect": "Deny", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}],
        "s3:GetObject",
        OBJECT,
        True,
    ),
    ([GET_OBJECT, {"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::other"}], "s3:GetObject", OBJECT, True),
    ([{"Effect": "Deny", "Action": "iam:*"}], "s3:GetObject", OBJECT, False),
]


@pytest.mark.parametrize(("one", "other", "expected"), OVERLAPS)
def test_patterns_that_meet(one: str, other: str, expected: bool) -> None:
    assert overlap_of_arns(one, other) is expected
    assert overlap_of_arns(other, one) is expected


def matching(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern))


@given(st.text("ab*?", max_size=3), st.text("ab*?", max_size=3))
def test_they_meet_exactly_when_a_text_matches_both(one: str, other: str) -> None:
    """The shortest common text has at most one character for each of both patterns: here six, of their alphabet and a stranger."""
    texts = ("".join(letters) for length in range(7) for letters in product("abc", repeat=length))
    both = matching(one), matching(other)
    expected = any(both[0].fullmatch(text) and both[1].fullmatch(text) for text in texts)
    assert overlap_of_arns(f"arn:aws:s3:::{one}", f"arn:aws:s3:::{other}") is expected


@pytest.mark.parametrize(("statements", "action", "kinds", "expected"), CASES)
def test_one_document(statements: list[dict[str, Any]], action: str, kinds: tuple[str, ...], expected: bool) -> None:
    assert granted([document(*statements)], action, kinds) is expected


def test_a_deny_takes_away_what_another_document_allows() -> None:
    allow, deny = document(GET_OBJECT), document({"Effect": "Deny", "Action": "s3:*"})
    assert granted([allow], "s3:GetObject", OBJECT)
    assert not granted([allow, deny], "s3:GetObject", OBJECT)
    assert allow.allows("s3:GetObject", OBJECT)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Action": ["s3:Get*", "IAM:GetRole"]}, frozenset({"s3", "iam"})),
        ({"Action": "*"}, None),
        ({"Action": "*:*"}, None),
        ({"NotAction": "iam:*"}, None),
        ({"Effect": "Deny", "Action": "iam:*"}, frozenset()),
    ],
)
def test_the_services_that_it_can_let_into(statement: dict[str, Any], expected: frozenset[str] | None) -> None:
    assert document(statement).services() == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Action": "s3:NoSuchAction"}, True),
        ({"Action": "s3:NoSuchAction", "Resource": "arn:aws:s3:::b/k"}, True),
        ({"Action": "s3:NoSuchAction", "Resource": "arn:aws:iam::123456789012:role/r"}, False),
        ({"Action": "iam:NoSuchAction"}, False),
        ({"Effect": "Deny", "Action": "s3:NoSuchAction"}, False),
    ],
)
def test_actions_that_aws_does_not_have(statement: dict[str, Any], expected: bool) -> None:
    assert document(statement).names("s3", OBJECT) is expected


def test_a_long_pattern_costs_little() -> None:
    """An automaton, not a search: a policy is as long as its author likes."""
    assert overlap_of_arns("arn:aws:s3:::" + "a*" * 3000, OBJECT[0])
    assert not overlap_of_arns("arn:aws:s3:::" + "a*b?" * 1500 + "a", "arn:*:s3:::" + "b*a" * 40)
