"""`stead policy check` says what IAM would say, where, and in the exit code."""

from __future__ import annotations

import json
from io import BytesIO, TextIOWrapper
from typing import TYPE_CHECKING

import pytest
from support.documents import allow

from stead.cli import main
from stead.policy import DocumentKind

if TYPE_CHECKING:
    from pathlib import Path

TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ecs.amazonaws.com"},"Action":"sts:AssumeRole"}}'
NO_VENDOR = '{"Version": "2012-10-17",\n "Statement": [\n  {"Effect": "Allow", "Action": "GetRole", "Resource": "*"}\n]}'
# The third Sid is the second of its object; one in a value is no key.
REPEATED = '{"Version": "2012-10-17", "Statement": [{"Sid": "a"},\n{"Sid": "\\\\\\"Sid\\": ", "Effect": "Allow", "Sid": "b"}]}'
VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (allow("iam:GetRole"), "identity", ""),
        (TRUST, "trust", ""),
        (TRUST, "identity", "1:67: Policy document should not specify a principal."),
        (NO_VENDOR, "identity", f"3:33: {VENDOR}"),
        ('{"Version": "2012-10-17",\n nothing}', "identity", "2:2: Syntax errors in policy."),
        ("", "trust", "1:1: This policy contains invalid Json"),
        (REPEATED, "identity", "2:43: Syntax errors in policy."),
        (b"{\n \xff}", "identity", "2:2: the document is not UTF-8"),
        ("[" * 100_000, "session", "1:1: Syntax errors in policy."),
    ],
    ids=["good", "trust", "trust-as-identity", "no-vendor", "no-json", "empty", "repeated", "not-utf-8", "deep"],
)
def test_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | bytes, kind: str, said: str) -> None:
    file = tmp_path / "p.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(["policy", "check", "--kind", kind, str(file)]) == (1 if said else 0)
    assert capsys.readouterr() == (f"{file}:{said}\n" if said else "", "")


def test_every_file_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {"first": NO_VENDOR, "good": allow("*"), "second": "{"}
    for name, content in names.items():
        (tmp_path / name).write_text(content)
    assert main(["policy", "check", *(str(tmp_path / name) for name in names)]) == 1
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [str(tmp_path / "first"), str(tmp_path / "second")]


def test_json_of_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(NO_VENDOR.encode())))
    assert main(["policy", "check", "-", "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert found == {"file": "-", "line": 3, "column": 33, "code": "MalformedPolicyDocument", "text": VENDOR}


def test_json_of_good_documents_is_an_empty_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good").write_text(allow("*"))
    assert main(["policy", "check", str(tmp_path / "good"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", str(tmp_path / "none")]) == 2
    assert capsys.readouterr() == ("", f"stead: cannot read {tmp_path / 'none'}: No such file or directory\n")


def test_every_kind_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["policy", "check", "--help"])
    assert "{" + ",".join(kind.value for kind in DocumentKind) + "}" in "".join(capsys.readouterr().out.split())
