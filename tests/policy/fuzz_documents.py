"""Any bytes to the validator: a document or MalformedPolicy; and what is a document can be asked.

Run by test_fuzz.py, or by hand with ``python tests/policy/fuzz_documents.py CORPUS``; the options are libFuzzer's. The first byte chooses the
kind of document; the rest is its text, in UTF-8 or not.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["stead.policy"]):
    from stead.policy import DocumentKind

sys.path[:0] = [str(Path(__file__).parents[1])]
from policy.questions import accepted_or_refused  # noqa: E402 - after the engine was imported under the instrument

KINDS = list(DocumentKind)


def one_input(data: bytes) -> None:
    kind = KINDS[data[0] % len(KINDS)] if data else DocumentKind.IDENTITY
    text = data[1:].decode("utf-8", "surrogateescape")  # other bytes become lone surrogates, which JSON's escapes can write too
    accepted_or_refused(text, kind)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
