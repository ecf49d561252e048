"""``make demo``: the whole life of the ECS service-linked role, played with the real AWS CLI against a throw-away Stead.

Every command is shown as a person types it, with its answer, and is checked: exit code, the answer's members, the error's exact words.
Exit code 0 means that every answer was the expected one. ``--aws`` names another AWS CLI: version 2 is played the same story.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import story
from player import Cli, Mismatch, Player

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
READY = "Stead is ready on "
STOP_SECONDS = 10


def main() -> int:
    """Play the story; 0 if it went as promised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--aws", type=Path, default=BIN / "aws", help="the AWS CLI to play with (default: the one in .venv)")
    aws = parser.parse_args().aws
    if not aws.exists():
        parser.error(f"there is no AWS CLI at {aws}")
    # Line by line, also into a pipe: a story is watched while it is told.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        with _folder() as folder, _stead(folder) as (endpoint, key):
            player = Player(Cli.found_at(aws), endpoint, folder, ROOT)
            player.keys["root"] = key
            for chapter in story.CHAPTERS:
                chapter(player)
    except Mismatch as mismatch:
        print(f"\nNOT AS EXPECTED\n{mismatch}", file=sys.stderr)
        return 1
    print(f"\nEvery one of the {player.commands} answers was the expected one.")
    return 0


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="stead-demo-") as name:
        yield Path(name)


@contextlib.contextmanager
def _stead(folder: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """A throw-away Stead: its endpoint and its root key."""
    key = (f"AKIADEMO{secrets.token_hex(6).upper()}", secrets.token_urlsafe(30))
    secret_file = folder / "root"
    secret_file.touch(mode=0o600)
    secret_file.write_text(":".join(key))
    command = [str(BIN / "stead"), "serve", "--ephemeral", "--port", "0", "--root-credentials", f"@{secret_file}"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STEAD_")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield _endpoint(process), key
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)


def _endpoint(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(READY):
            return line.removeprefix(READY).strip()
    raise Mismatch("Stead did not start; see its messages above")


if __name__ == "__main__":
    sys.exit(main())
