"""ARN patterns (rows PE-3.2-*, PE-4.1-9)."""

from __future__ import annotations

import re

from policy.naive.text import ANY_RUN, Context, Token, matches, tokens, units

COLON = ord(":")
_VARIABLE_OR_CHARACTER = re.compile(r"\$\{[^{}]*\}|.", re.DOTALL)


def parts(of: list[Token]) -> list[list[Token]]:
    """PE-3.2-1: split at the first five colons; the sixth part keeps the others."""
    found: list[list[Token]] = [[]]
    for token in of:
        if token == COLON and len(found) < 6:
            found.append([])
        else:
            found[-1].append(token)
    return found


def match_by_parts(pattern: list[list[Token]], text: list[list[Token]]) -> bool:
    return len(pattern) == len(text) == 6 and all(map(matches, pattern, text))


def resource_matches(pattern: str, resource: str, context: Context | None, layer: str) -> bool:
    if pattern and set(pattern) == {"*"}:
        return True
    if resource == "*":  # PE-3.2-9
        return False
    pieces = []
    for piece in pieces_of(pattern, variables=context is not None):
        filled = tokens(piece, context, wildcards=True)
        if filled is None:  # PE-5-9, PE-5-10
            return False
        pieces.append(filled)
    completes = layer in ("identity", "boundary", "session") or (layer == "scp" and pattern.endswith("*"))  # PE-3.2-4, PE-3.2-5
    if completes and len(pieces) < 6:
        pieces += [[ANY_RUN]] * (6 - len(pieces))
    return match_by_parts(pieces, parts(units(resource)))


def pieces_of(pattern: str, *, variables: bool) -> list[str]:
    """A value that is filled in is literal (PE-5-7), so its colons separate nothing; nor does the one in a variable's name."""
    found = [""]
    for piece in _VARIABLE_OR_CHARACTER.findall(pattern) if variables else pattern:
        if piece == ":" and len(found) < 6:
            found.append("")
        else:
            found[-1] += piece
    return found


def is_arn(text: list[Token]) -> bool:
    return len(parts(text)) == 6 and parts(text)[0] == units("arn")
