"""What a document could ever grant, whoever asks for it in whatever context: the question of the access advisor, not of the gate.

The rules are those of service-linked-roles.md 5 and recorded-aws.md 10. Conditions of an Allow are ignored. An Allow counts for an action
only if one of its resources can be one that the action is authorized on. A Deny counts only without conditions and over everything.
Variables may have any value.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from stead.policy.actions import ActionIndex, Entry
from stead.policy.arns import PARTS
from stead.policy.grammar import Tree, check, statements, values
from stead.policy.parse import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_VARIABLE = re.compile(r"\$\{[^}]*\}")
_ANYTHING = re.compile(r"\*+")


class _Allow(NamedTuple):
    """One Allow: its action patterns (empty with NotAction) and its resource patterns (empty with NotResource)."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    excepted: tuple[str, ...]

    def reaches(self, kinds: Sequence[str]) -> bool:
        """Whether it covers some resource of one of these kinds; no kinds: the action is authorized on ``*`` alone."""
        if self.excepted:
            return not any(map(_ANYTHING.fullmatch, self.excepted))
        return any(_ANYTHING.fullmatch(mine) or any(overlap_of_arns(mine, kind) for kind in kinds) for mine in self.resources)


class Grants:
    """One document."""

    def __init__(self, text: str) -> None:
        self._allowed: ActionIndex[_Allow] = ActionIndex()
        self._denied: ActionIndex[bool] = ActionIndex()
        self._allows: list[_Allow] = []
        for path, statement in statements(check(parse_json(text))):
            actions = tuple(action for _, action in values(statement, path, "Action"))
            if statement["Effect"].lower() == "allow":
                allow = _Allow(actions if "Action" in statement else (), _texts(statement, "Resource"), _texts(statement, "NotResource"))
                self._allows.append(allow)
                _index(self._allowed, statement, actions, allow)
            elif "Condition" not in statement and any(map(_ANYTHING.fullmatch, _texts(statement, "Resource"))):
                _index(self._denied, statement, actions, True)

    def services(self) -> frozenset[str] | None:
        """The only services whose actions an Allow can cover; None: any."""
        named = [action.lower().partition(":")[0] for allow in self._allows for action in allow.actions]
        return None if "*" in named or not all(allow.actions for allow in self._allows) else frozenset(named)

    def allows(self, action: str, kinds: Sequence[str]) -> bool:
        """Whether some Allow covers the action on a resource of one of these kinds (ARN patterns)."""
        return any(allow.reaches(kinds) for allow in self._allowed.find(action))

    def denies(self, action: str) -> bool:
        """Whether a Deny without conditions, over everything, covers the action."""
        return bool(self._denied.find(action))

    def names(self, service: str, kinds: Sequence[str]) -> bool:
        """Whether an Allow names actions of ``service``, real or not, with a resource of one of these kinds."""
        return any(allow.reaches(kinds) for allow in self._allows if any(_vendor(action) in {service, "*"} for action in allow.actions))


grants_of = lru_cache(maxsize=1024)(Grants)


def granted(documents: Iterable[Grants], action: str, kinds: Sequence[str]) -> bool:
    """Whether the documents together grant the action: a Deny in one takes away what another allows."""
    held = tuple(documents)
    return any(one.allows(action, kinds) for one in held) and not any(one.denies(action) for one in held)


def overlap_of_arns(one: str, other: str) -> bool:
    """Whether an ARN exists that both patterns match; a short ARN is completed with stars (policy-evaluation.md 3.2)."""
    pairs = zip(_parts(one), _parts(other), strict=True)
    return all(_overlap(mine, theirs) for mine, theirs in pairs)


def _texts(statement: Tree, element: str) -> tuple[str, ...]:
    found = statement.get(element, ())
    return tuple(_VARIABLE.sub("*", text) for text in ((found,) if isinstance(found, str) else found))


def _index(index: ActionIndex[Entry], statement: Tree, actions: tuple[str, ...], entry: Entry) -> None:
    (index.add if "Action" in statement else index.add_all_but)(actions, entry)


def _vendor(action: str) -> str:
    return action.lower().partition(":")[0]


@lru_cache(maxsize=8192)
def _parts(arn: str) -> tuple[str, ...]:
    parts = _ANYTHING.sub("*", arn).split(":", PARTS - 1)
    return (*parts, *("*" for _ in range(PARTS - len(parts))))


@lru_cache(maxsize=8192)
def _overlap(one: str, other: str) -> bool:
    """Whether a text exists that both patterns match: ``other`` as an automaton (bit i: its first i characters can be over) reads ``one``."""
    accepts: dict[str, int] = {}
    for i, character in enumerate(other):
        accepts[character] = accepts.get(character, 0) | 1 << i
    stars, any_one = accepts.pop("*", 0), accepts.pop("?", 0)
    everything = (2 << len(other)) - 1
    states = _past_stars(1, stars)
    for character in one:
        if character == "*":  # whatever `other` still wants, this can be it
            states = everything & ~((states & -states) - 1)
        else:
            read = ~stars if character == "?" else any_one | accepts.get(character, 0)
            states = _past_stars((states & read) << 1 & everything | states & stars, stars)
        if not states:
            return False
    return bool(states >> len(other))


def _past_stars(states: int, stars: int) -> int:
    """A star may be over without having read anything; no two stars stand together."""
    return states | (states & stars) << 1
