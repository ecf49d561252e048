"""The examples of docs/policy.md run, and the document names everything that the library exports."""

from __future__ import annotations

import doctest
from pathlib import Path

import stead.policy

DOCUMENT = Path(__file__).parents[2] / "docs/policy.md"
# What appears only in annotations, or is reached through what the document shows.
REACHED = {
    "Context",
    "ContextValue",
    "CompiledDocument",
    "Document",
    "PrincipalEntry",
    "Effect",
    "Grant",
    "MatchedStatement",
    "Explanation",
}


def test_the_examples_are_true() -> None:
    ended = doctest.testfile(str(DOCUMENT), module_relative=False, encoding="utf-8")
    assert ended.attempted > 20
    assert ended.failed == 0


def test_what_is_exported_is_shown() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert [name for name in stead.policy.__all__ if name not in REACHED and name not in text] == []
