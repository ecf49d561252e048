"""``stead policy check``: what IAM would say of a document, in the manner of a compiler. It needs no server.

The rules are those of the call that would store the document: CreatePolicy and Put...Policy (identity), CreateRole (trust), AssumeRole
(session), a resource's own call (resource).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stead.commands.output import CommandError, say
from stead.policy import DocumentKind, MalformedPolicy, validate

if TYPE_CHECKING:
    import argparse


class Finding(NamedTuple):
    """Why a document is refused, and where; IAM's own words."""

    file: str
    line: int
    column: int
    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.text}"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which files, and what they are."""
    kinds = [kind.value for kind in DocumentKind]
    parser.add_argument("files", metavar="FILE", nargs="+", help="a policy document; - is standard input")
    parser.add_argument("--kind", choices=kinds, default="identity", help="where the documents would go (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the findings as a JSON list")


def run(options: argparse.Namespace) -> int:
    """Print one finding for each malformed document; 1 if there are any."""
    kind = DocumentKind(options.kind)
    findings = [found for file in options.files if (found := check(file, kind))]
    if options.json:
        say(json.dumps([found._asdict() for found in findings], indent=2))
    else:
        for found in findings:
            say(str(found))
    return 1 if findings else 0


def check(file: str, kind: DocumentKind) -> Finding | None:
    """The finding about one file, if any."""
    content = _read(file)
    try:
        validate(content.decode(), kind)
    except UnicodeDecodeError as error:
        line, column = content.count(b"\n", 0, error.start) + 1, error.start - content.rfind(b"\n", 0, error.start)
        return Finding(file, line, column, "MalformedPolicyDocument", "the document is not UTF-8")
    except MalformedPolicy as error:
        return Finding(file, error.line or 1, error.column or 1, error.code, error.message)
    return None


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from error
