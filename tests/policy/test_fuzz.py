"""Documents that no writer meant: refused as MalformedPolicy, or accepted, compiled and asked. Never anything else."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy.policies import load, text_of_document
from policy.questions import accepted_or_refused
from policy.worlds import ACTION_PATTERNS, FAMILIES, KEYS, PRINCIPALS, RESOURCE_PATTERNS

from stead.policy import DocumentKind

EXAMPLES = settings(max_examples=1_000 if os.environ.get("CI") else 200, deadline=None)
SECONDS = 30 if os.environ.get("CI") else 5

# JSON as it should not be: other types, numbers as texts and back, lists where one value belongs, and the other way round.
ODD = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just({}) | st.just([])
WORDS = st.sampled_from(
    [*ACTION_PATTERNS, *RESOURCE_PATTERNS, *(value for _, values in FAMILIES for value in values), "a:b:c", ":", "arn:", "arn:aws:iam:x:::"]
)
ONE = WORDS | st.text(max_size=20) | st.integers().map(str) | st.integers() | st.floats(allow_nan=False)
SOME = ONE | st.lists(ONE | ODD, max_size=3) | ODD
OPERATORS = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "", "ForAllValues:", "foranyvalue:", "ForSome:", ":"]),
        st.sampled_from([name for names, _ in FAMILIES for name in names] + ["Null", "Like", "", "stringequals"]),
        st.sampled_from(["", "", "IfExists", "IFEXISTS", "IfExistsIfExists"]),
    ),
)
CONDITION = st.dictionaries(OPERATORS, st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), SOME, max_size=2) | ODD, max_size=3)
STATEMENT = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"])},
    optional={
        "Sid": st.sampled_from(["", "a", "b", "a b"]) | ODD,
        "Principal": st.sampled_from(PRINCIPALS) | SOME,
        "NotPrincipal": st.sampled_from(PRINCIPALS) | SOME,
        "Action": SOME,
        "NotAction": SOME,
        "Resource": SOME,
        "NotResource": SOME,
        "Condition": CONDITION | ODD,
    },
)
DOCUMENT = st.fixed_dictionaries(
    {"Statement": STATEMENT | st.lists(STATEMENT | ODD, max_size=3)},
    optional={"Version": st.sampled_from(["2012-10-17", "2012-10-17", "2008-10-17"]) | ODD, "Id": ODD},
)


# The documents of the cases, as texts.
SEEDS = [
    (DocumentKind(table["kind"]), text_of_document(table["kind"], case))
    for name in ("malformed", "valid")
    for table in load(name)
    for case in table["cases"]
]


@st.composite
def broken_texts(draw: Any) -> str:
    """A document's text with pieces of it doubled, dropped and put elsewhere: duplicate keys among much else."""
    text = draw(st.sampled_from([text for _, text in SEEDS]) | DOCUMENT.map(json.dumps))
    for _ in range(draw(st.integers(1, 4))):
        start, end, place = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 3)))
        piece = draw(
            st.sampled_from([text[start:end], "", '"', "{", "}", "[", "]", ",", ":", "\\", "\ud800", "\\ud800", "1e400", "NaN", "\u00a0"])
        )
        text = text[:place] + piece + text[draw(st.sampled_from([place, end])) :]
    return text


@EXAMPLES
@given(DOCUMENT, st.sampled_from(DocumentKind))
def test_documents_of_odd_parts(document: dict[str, Any], kind: DocumentKind) -> None:
    accepted_or_refused(json.dumps(document), kind)


@EXAMPLES
@given(broken_texts(), st.sampled_from(DocumentKind))
def test_broken_texts(text: str, kind: DocumentKind) -> None:
    accepted_or_refused(text, kind)


@EXAMPLES
@given(st.binary(max_size=60), st.sampled_from(DocumentKind))
def test_bytes_that_are_no_utf_8(data: bytes, kind: DocumentKind) -> None:
    accepted_or_refused(f'{{"Statement": {{"Sid": "{data.decode("utf-8", "surrogateescape")}"}}}}', kind)


@pytest.mark.parametrize("kind", DocumentKind)
@pytest.mark.parametrize("part", ["Action", "Resource", "Sid", "Version", "Condition"])
@pytest.mark.parametrize(
    "huge", ["x" * 100_000, "arn:aws:s3:::" + "*?" * 40_000, "${a" * 30_000, "s3:" + "*" * 100_000], ids=lambda text: text[:13]
)
def test_huge_texts(kind: DocumentKind, part: str, huge: str) -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    value = {"StringLike": {"aws:a": huge}} if part == "Condition" else huge
    document = {"Version": huge} if part == "Version" else {"Version": "2012-10-17", "Statement": {**statement, part: value}}
    accepted_or_refused(json.dumps(document), kind)


@pytest.mark.parametrize("depth", [10, 500, 5_000, 60_000])
@pytest.mark.parametrize(("opening", "closing"), ["[]", ('{"a":', "}"), ('{"StringLike":', "}")])
def test_deep_nesting(depth: int, opening: str, closing: str) -> None:
    deep = opening * depth + "1" + closing * depth
    for text in (deep, f'{{"Statement": {{"Effect": "Allow", "Condition": {deep}}}}}'):
        accepted_or_refused(text, DocumentKind.SESSION)


def test_the_fuzzer_finds_nothing(tmp_path: Path) -> None:
    """For a bounded time, from the cases' documents on; atheris guides it by the lines that it reaches."""
    if importlib.util.find_spec("atheris") is None:
        assert not os.environ.get("CI"), "CI must have atheris: pyproject.toml says for which Pythons there is one"
        pytest.skip("there is no atheris for this Python: the policy parser was not fuzzed")
    corpus, words = tmp_path / "corpus", tmp_path / "words"
    corpus.mkdir()
    for number, (kind, text) in enumerate(SEEDS):
        (corpus / str(number)).write_bytes(bytes([list(DocumentKind).index(kind)]) + text.encode("utf-8", "surrogatepass"))
    words.write_text("\n".join(map(in_dictionary, WORDS_OF_POLICIES)))
    program = [sys.executable, str(Path(__file__).with_name("fuzz_documents.py")), str(corpus)]
    options = [f"-max_total_time={SECONDS}", "-timeout=10", "-max_len=8192", "-print_final_stats=1", f"-dict={words}"]
    done = subprocess.run(
        [*program, *options, f"-artifact_prefix={tmp_path}/"], capture_output=True, text=True, check=False, timeout=SECONDS + 120
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    runs = next(int(line.rpartition(" ")[2]) for line in done.stderr.splitlines() if "number_of_executed_units" in line)
    assert runs > len(SEEDS), "the fuzzer did not come to its own inputs"


ELEMENTS = [
    "Version",
    "Id",
    "Statement",
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
]
NAMES = [name for names, _ in FAMILIES for name in names]
WORDS_OF_POLICIES = [json.dumps(word) for word in [*ELEMENTS, *NAMES, "Null", "Allow", "Deny", "2012-10-17", "*", *KEYS]] + [
    "ForAllValues:",
    "ForAnyValue:",
    "IfExists",
    "arn:aws:iam::",
    "${aws:username}",
    "${*}",
    ", 'x'}",
    "\\u0041",
    "true",
    "null",
]


def in_dictionary(word: str) -> str:
    """As libFuzzer reads it: bytes in quotes, the odd ones in hexadecimal."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"'
