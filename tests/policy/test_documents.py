"""Documents as values, examples in the docstrings, AWS's own documents, and input that no document is."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import json
import pkgutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy.policies import ANYTHING, document_text

import stead.policy
from stead.policy import DocumentKind, MalformedPolicy, PrincipalEntry, compile_document, validate
from stead.policy.parse import spans

MODULES = ["stead.policy", *(module.name for module in pkgutil.walk_packages(stead.policy.__path__, "stead.policy."))]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_are_true(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_principals_are_listed_for_iam_to_check() -> None:
    first = {"AWS": ["arn:aws:iam::123456789012:user/a", "*"], "Service": "ecs.amazonaws.com"}
    text = document_text(
        {"Effect": "Allow", "Principal": first, "Action": "sts:AssumeRole"},
        {"Effect": "Deny", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"},
    )
    assert validate(text, DocumentKind.TRUST).principals() == (
        PrincipalEntry("AWS", "arn:aws:iam::123456789012:user/a"),
        PrincipalEntry("AWS", "*"),
        PrincipalEntry("Service", "ecs.amazonaws.com"),
        PrincipalEntry("AWS", "123456789012"),
    )


def test_size_leaves_white_space_out() -> None:
    text = document_text(ANYTHING)
    assert validate(json.dumps(json.loads(text), indent=8), DocumentKind.IDENTITY).size == len(text.replace(" ", ""))


def test_spans_find_every_value() -> None:
    text = '{"a": [1, {"b\\"c": "x,]"}], "d": {}}'
    places = {path: text[start:end] for path, (start, end) in spans(text).items()}
    assert places == {
        (): text,
        ("a",): '[1, {"b\\"c": "x,]"}]',
        ("a", 0): "1",
        ("a", 1): '{"b\\"c": "x,]"}',
        ("a", 1, 'b"c'): '"x,]"',
        ("d",): "{}",
    }


HOSTILE = {
    "deep lists": "[" * 100_000,
    "deep objects": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "deep but whole": '{"Version": "2012-10-17", "Statement": ' + "[" * 900 + "]" * 900 + "}",
    "a number of many digits": '{"Version": ' + "9" * 10_000 + "}",
    "an exponent": '{"Version": 1e999999999}',
    "infinity": '{"Version": -Infinity}',
    "a raw surrogate": '{"Version": "\ud800"}',
    "an escaped surrogate as a key": '{"\\udfff": 1}',
    "a NUL": "\x00",
    "a byte order mark": "\ufeff{}",
    "a control character": '{"Version": "\x01"}',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("kind", DocumentKind)
def test_hostile_texts_are_refused(text: str, kind: DocumentKind) -> None:
    with pytest.raises(MalformedPolicy):
        validate(text, kind)
    with pytest.raises(MalformedPolicy):
        compile_document(text)


@pytest.mark.parametrize("surrogate", ["\ud800", "\\ud800"])
def test_lone_surrogates_are_refused_wherever_they_stand(surrogate: str) -> None:
    text = document_text(ANYTHING).replace('"Action": "*"', '"Action": "s3:x"')
    assert validate(text, DocumentKind.IDENTITY)
    with pytest.raises(MalformedPolicy, match="Syntax errors"):
        validate(text.replace("s3:x", f"s3:{surrogate}"), DocumentKind.IDENTITY)


@pytest.mark.parametrize("kind", DocumentKind)
def test_a_document_has_a_length_when_it_is_written(kind: DocumentKind) -> None:
    """Not when it is read: AWS's own AWSSupportServiceRolePolicy is longer than what AWS lets others write."""
    text = document_text({**ANYTHING, "Action": ["iam:GetRole"] * 20_000})
    assert compile_document(text).candidates("iam:GetRole").allows
    with pytest.raises(MalformedPolicy, match="Syntax errors"):
        validate(text, kind)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=8,
)
ELEMENTS = ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"]
CONDITION = st.dictionaries(st.sampled_from(["StringLike", "DateEquals", "IpAddress", "ArnLike", "Bool", "Null", "x"]), JSON, max_size=2)
VALUE = st.sampled_from(["Allow", "*", "arn:aws:iam::1:x", {"AWS": "*"}, "a:b", ":", "arn:aws", "sts:*"]) | CONDITION | JSON
STATEMENT = st.dictionaries(st.sampled_from(ELEMENTS), VALUE) | JSON
NEARLY = st.fixed_dictionaries({"Version": st.just("2012-10-17"), "Statement": STATEMENT | st.lists(STATEMENT, max_size=3)}) | JSON


@settings(max_examples=300, deadline=None)
@given(NEARLY.map(json.dumps) | st.text(max_size=40), st.sampled_from(DocumentKind))
def test_a_document_is_accepted_or_refused(text: str, kind: DocumentKind) -> None:
    """Never anything else; and what is accepted compiles."""
    with contextlib.suppress(MalformedPolicy):
        assert compile_document(validate(text, kind).text).statements
