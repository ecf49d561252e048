"""What the commands that need no server tell an operator about what they cannot use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stead.cli import main
from stead.credentials_file import parse

if TYPE_CHECKING:
    from pathlib import Path

POLICY = "AmazonECSServiceRolePolicy"


@pytest.mark.parametrize(
    "content",
    [b"no section", b"[other]\nregion = us-east-1\n", b"[default]\nregion = us-east-1\n", b"[default]\nregion = \xff\n"],
    ids=["no-section", "no-default", "half", "not-utf-8"],
)
def test_damaged_credentials_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    file = tmp_path / "credentials"
    file.write_bytes(content)
    assert main(["env", "--data-dir", str(tmp_path)]) == 2
    assert capsys.readouterr() == ("", f"stead: {file} is damaged; every start writes it anew\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--database-url", "mysql://h/x"], "--database-url must begin with postgresql://"),
        (["--data-dir", "{}/none"], "no store in {}/none: start Stead there first"),
    ],
)
def test_where_the_policy_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main(["service-policy", "set", POLICY, "v24", *(word.format(tmp_path) for word in words)]) == 2
    assert capsys.readouterr() == ("", f"stead: {said.format(tmp_path)}\n")


def test_every_option_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    usage = " ".join(capsys.readouterr().out.partition("options:")[0].split())
    for option in ("--root-credentials KEYID:SECRET|@FILE", "--neighbours embedded|URL|none", "--rehearse-propagation SECONDS"):
        assert f"[{option}]" in usage


@pytest.mark.parametrize("content", [None, b"\xff:secret"], ids=["missing", "not-utf-8"])
def test_root_credentials_that_cannot_be_read_name_their_option_and_file(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "root"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ValueError, match=f"^--root-credentials: cannot read {file}: "):
        parse(f"@{file}")
