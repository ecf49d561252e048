"""How commands speak: results on standard output, everything else on standard error with the command's name before it."""

from __future__ import annotations

import sys


class CommandError(Exception):
    """A command cannot do what it was asked; the message says why, in one line."""


def say(line: str) -> None:
    """One line of the result, at once."""
    print(line, flush=True)  # noqa: T201  # a command's output


def tell(line: str) -> None:
    """One line about the result."""
    print(f"stead: {line}", file=sys.stderr, flush=True)  # noqa: T201  # a command's messages


def printable(text: str) -> str:
    """``text`` without characters that could steer the terminal: names, agents and documents are other people's."""
    return "".join(character if character.isprintable() else "?" for character in text)
