"""Patterns and variables (rows PE-3.1-1, PE-5-*, RA-6.6-*): a text becomes a list of UTF-16 units, with marks where wildcards stand."""

from __future__ import annotations

import re
from collections.abc import Mapping

ANY_RUN = "any run"
ONE_UNIT = "one unit"
Token = int | str
Context = Mapping[str, "str | tuple[str, ...]"]

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")  # one that is not closed is text
_WITH_DEFAULT = re.compile(r"((?:(?!, ).)*), '(.*)'", re.DOTALL)


def units(text: str) -> list[Token]:
    """RA-6.6-3: what a question mark stands for is one UTF-16 unit."""
    raw = text.encode("utf-16-be", "surrogatepass")
    return [raw[place] * 256 + raw[place + 1] for place in range(0, len(raw), 2)]


def wild(text: str) -> list[Token]:
    return [ANY_RUN if unit == ord("*") else ONE_UNIT if unit == ord("?") else unit for unit in units(text)]


def tokens(text: str, context: Context | None, *, wildcards: bool) -> list[Token] | None:
    """The pattern, its variables filled in; None when one has no value. Without a context ``${`` is text (PE-5-1)."""
    lexed = wild if wildcards else units
    found: list[Token] = []
    end = 0
    for variable in _VARIABLE.finditer(text) if context is not None else ():
        value = filling(variable[1], context or {})
        if value is None:
            return None
        found += lexed(text[end : variable.start()]) + units(value)  # PE-5-7: what is filled in is literal
        end = variable.end()
    return found + lexed(text[end:])


def filling(inside: str, context: Context) -> str | None:
    if inside in ("*", "?", "$"):  # PE-5-6
        return inside
    with_default = _WITH_DEFAULT.fullmatch(inside)  # PE-5-5
    key, default = with_default.groups() if with_default else (inside, None)
    value = context.get(key.lower())
    if isinstance(value, tuple):  # PE-5-4, RA-6.2-1: a list is no value, and its default is not used
        return None
    return default if value is None else value


def matches(pattern: list[Token], text: list[Token]) -> bool:
    """Every place of the text at which the pattern so far can end."""
    places = {0}
    for token in pattern:
        if token == ANY_RUN:
            places = set(range(min(places), len(text) + 1)) if places else set()
        else:
            places = {place + 1 for place in places if place < len(text) and token in (ONE_UNIT, text[place])}
    return len(text) in places
