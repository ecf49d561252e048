"""Actions: which statements of a document can speak about one (policy-evaluation.md 3.1).

Case is ignored, the prefix is compared whole, and a statement whose list contains a matching pattern is found by lookup: exact names in a
dictionary, patterns in a short list per prefix.
"""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Generic, TypeVar

from stead.policy.patterns import Test, Wildcard, fixed, pattern_test, tokenize

if TYPE_CHECKING:
    from collections.abc import Sequence

Entry = TypeVar("Entry")


class ActionIndex(Generic[Entry]):
    """Statements by the actions that they cover."""

    __slots__ = ("_any", "_excluding", "_names", "_patterns")

    def __init__(self) -> None:
        self._any: list[Entry] = []
        self._names: dict[str, list[Entry]] = {}
        self._patterns: dict[str, list[tuple[Test, Entry]]] = {}
        self._excluding: list[tuple[ActionIndex[Entry], Entry]] = []

    def add(self, actions: Sequence[str], entry: Entry) -> None:
        """``Action``: the entry covers what a pattern of the list matches."""
        for action in actions:
            prefix, _, name = action.lower().partition(":")
            tokens = fixed(tokenize(name, variables=False))
            if prefix == "*" and tokens in {(), (Wildcard.ANY_RUN,)}:
                self._any.append(entry)
            elif Wildcard.ANY_RUN in tokens or Wildcard.ANY_ONE in tokens:
                self._patterns.setdefault(prefix, []).append((pattern_test(tokens), entry))
            else:
                self._names.setdefault(intern(f"{prefix}:{name}"), []).append(entry)  # many documents name the same actions

    def add_all_but(self, actions: Sequence[str], entry: Entry) -> None:
        """``NotAction``: the entry covers what no pattern of the list matches."""
        excluded: ActionIndex[Entry] = ActionIndex()
        excluded.add(actions, entry)
        self._excluding.append((excluded, entry))

    def find(self, action: str) -> list[Entry]:
        """The entries that cover ``action``; one may come more than once."""
        lowered = action.lower()
        prefix, _, name = lowered.partition(":")
        found = self._any + self._names.get(lowered, [])
        found.extend(entry for test, entry in self._patterns.get(prefix, ()) if test(name))
        found.extend(entry for excluded, entry in self._excluding if not excluded.find(action))
        return found
