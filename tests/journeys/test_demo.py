"""`make demo` with every AWS CLI that people use; and its player, which must be able to say that something is wrong."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import process

ROOT = Path(__file__).parents[2]
OF_THE_PROJECT = Path(sys.executable).with_name("aws")
OF_DEBIAN = Path("/usr/bin/aws")
DEMO_SECONDS = 600  # a bound for a broken run: some sixty starts of the CLI, each half a second or more


@pytest.mark.parametrize("aws", [OF_THE_PROJECT, OF_DEBIAN], ids=["version 1", "Debian's version 2"])
def test_the_demo_plays_with_the_real_cli(aws: Path) -> None:
    if not aws.exists():
        assert not os.environ.get("CI"), f"CI must install {aws}"
        pytest.skip(f"{aws} is not installed (Debian: awscli)")
    command = [sys.executable, ROOT / "scripts" / "demo.py", "--aws", aws]
    done = subprocess.run(
        command, env=process.environment(), capture_output=True, text=True, timeout=DEMO_SECONDS, check=False, cwd=ROOT.parent
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert done.stdout.endswith("answers was the expected one.\n")


CLI = """#!/bin/sh
[ "$1" = --version ] && { echo aws-cli/1.0; exit; }
case "$2" in
  get-role) echo '{"Role": {"RoleName": "r"}}';;
  list-roles) echo 'not JSON';;
  *) echo; echo 'An error occurred (Code) when calling the DeleteRole operation: words' >&2; exit 255;;
esac
"""


@pytest.fixture
def player(tmp_path: Path) -> Any:
    """The demo's player on a CLI that knows three answers."""
    spec = importlib.util.spec_from_file_location("player", ROOT / "scripts" / "player.py")
    assert spec
    assert spec.loader
    module = sys.modules["player"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    aws = tmp_path / "aws"
    aws.write_text(CLI)
    aws.chmod(0o755)
    return module.Player(module.Cli.found_at(aws), "http://localhost:1", tmp_path, tmp_path)


def test_the_player_accepts_what_was_promised(player: Any) -> None:
    player.ok("aws iam get-role", {"Role.RoleName": "r", "Role.Path": None})
    player.refused("aws iam delete-role", "Code", "words")
    assert player.commands == 2


@pytest.mark.parametrize(
    ("method", "arguments", "said"),
    [
        ("ok", ("aws iam get-role", {"Role.RoleName": "other"}), "expected: 'other'\ncame:     'r'"),
        ("ok", ("aws iam delete-role",), "exit code\nexpected: 0\ncame:     255"),
        ("ok", ("aws iam list-roles", {"@": {}}), "expected: JSON\ncame:     not JSON"),
        ("refused", ("aws iam get-role", "Code", "words"), "error text"),
        ("refused", ("aws iam delete-role", "Code", "other words"), "operation: other words"),
        ("refused", ("aws iam delete-role", "Other", "words"), "(Other)"),
    ],
)
def test_the_player_says_what_was_expected_and_what_came(player: Any, method: str, arguments: tuple[Any, ...], said: str) -> None:
    with pytest.raises(sys.modules["player"].Mismatch) as caught:
        getattr(player, method)(*arguments)
    assert said in str(caught.value)
