"""Where a command looks for a running Stead, and with which credentials it signs."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import TYPE_CHECKING

import pytest

from stead.commands import client
from stead.commands.output import CommandError

if TYPE_CHECKING:
    from pathlib import Path

FILE_URL, OTHER_URL = "http://127.0.0.1:4566", "http://127.0.0.1:9"
FROM_FILE, FROM_ENVIRONMENT = "AKIAFILE", "AKIAENVIRONMENT"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A data directory that was started, in a place where nothing else is configured."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "STEAD_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".stead").mkdir()
    (tmp_path / ".stead/credentials").write_text(
        f"[default]\naws_access_key_id = {FROM_FILE}\naws_secret_access_key = s\nregion = us-east-1\nendpoint_url = {FILE_URL}\n"
    )


def found(*arguments: str) -> tuple[str, str]:
    parser = ArgumentParser()
    client.add_options(parser)
    at = client.endpoint(parser.parse_args(arguments))
    return at.url, at.session.get_credentials().access_key


@pytest.mark.parametrize(
    ("environment", "arguments", "expected"),
    [
        ({}, [], (FILE_URL, FROM_FILE)),
        ({"STEAD_DATA_DIR": ".stead", "AWS_ACCESS_KEY_ID": FROM_ENVIRONMENT}, [], (FILE_URL, FROM_FILE)),
        ({"AWS_ENDPOINT_URL": OTHER_URL, "AWS_ACCESS_KEY_ID": FROM_ENVIRONMENT}, [], (OTHER_URL, FROM_ENVIRONMENT)),
        ({"AWS_ACCESS_KEY_ID": FROM_ENVIRONMENT}, ["--endpoint-url", OTHER_URL], (OTHER_URL, FROM_ENVIRONMENT)),
        ({"AWS_ENDPOINT_URL": OTHER_URL, "AWS_ACCESS_KEY_ID": FROM_ENVIRONMENT}, ["--data-dir", ".stead"], (FILE_URL, FROM_FILE)),
        ({}, ["--data-dir", ".stead", "--endpoint-url", OTHER_URL], (OTHER_URL, FROM_FILE)),
    ],
    ids=["default", "environment-without-endpoint", "environment", "endpoint", "directory-wins", "both"],
)
def test_one_place_says_where_and_who(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], arguments: list[str], expected: tuple[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    assert found(*arguments) == expected


def test_nowhere() -> None:
    with pytest.raises(CommandError, match=r"^no credentials in none: give --data-dir, or AWS_ENDPOINT_URL and credentials"):
        found("--data-dir", "none")


def test_what_fails_is_one_line() -> None:
    parser = ArgumentParser()
    client.add_options(parser)
    with pytest.raises(CommandError, match="Could not connect to the endpoint URL"):
        client.call(parser.parse_args(["--endpoint-url", OTHER_URL, "--data-dir", ".stead"]), "iam", "list_roles")
