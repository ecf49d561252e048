"""Wildcards against a plain definition, and hostile ones against the clock."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stead.policy.patterns import fixed, pattern_test, tokenize

PATTERNS = st.text(alphabet="ab*?.😀", max_size=12)
TEXTS = st.text(alphabet="ab.\n😀", max_size=12)


def units(text: str) -> str:
    return text.encode("utf-16-be", "surrogatepass").decode("latin-1")


def matches(pattern: str, text: str) -> bool:
    return pattern_test(fixed(tokenize(pattern, variables=False)))(text)


@settings(max_examples=300, deadline=None)
@given(PATTERNS, TEXTS)
@example("a*a", "a")
@example("*a*a*", "aba")
@example("?*?", "😀")
def test_wildcards_mean_what_the_definition_says(pattern: str, text: str) -> None:
    """Each UTF-16 unit is two bytes here; the definition is a regular expression over these pairs (short inputs only: it backtracks)."""
    wildcards = {"*": "(?:..)*", "?": ".."}
    expression = "".join(wildcards.get(character) or re.escape(units(character)) for character in pattern)
    assert matches(pattern, text) is (re.fullmatch(expression, units(text), re.DOTALL) is not None)


@pytest.mark.parametrize("pattern", ["*" * 2000, "*a" * 1000 + "b", "a*" * 1000 + "b", "*a?" * 700 + "b", "*" + "a?" * 900 + "b"])
def test_a_hostile_pattern_costs_no_more_than_its_length(pattern: str) -> None:
    """2,000 wildcards against 8,000 characters: a backtracking matcher would not end. The bound is a hundred times what was measured."""
    test = pattern_test(fixed(tokenize(pattern, variables=False)))
    started = time.perf_counter()
    assert test("a" * 8000) is (set(pattern) == {"*"})
    assert time.perf_counter() - started < 0.5
