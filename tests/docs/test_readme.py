"""The README's transcript is true: its commands are typed into a shell, and the answers compared but for identifiers and times."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from support import process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.process import Running

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
MARK = "the command before this has ended"
SETTLE_SECONDS = 20
# What differs from run to run.
MASKS = (
    (r"\b(AROA|AIDA|AKIA)[A-Z0-9]{16,17}\b", r"\1..."),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
    (r"\b[0-9a-z]{25}\b", "AUTHORIZATION"),
    (r"http://127\.0\.0\.1:\d+", "ENDPOINT"),
)


class Typed(NamedTuple):
    """A command of the transcript, and the answer that the README shows."""

    command: str
    answer: str


def blocks(language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def transcript() -> Iterator[Typed]:
    """Every command: a `$`, its continuation lines with `>`, then the answer."""
    for found in re.finditer(r"^\$ (.*(?:\n> .*)*)\n((?:(?!\$ ).*\n)*)", "".join(blocks("console")), re.MULTILINE):
        yield Typed(found[1].replace("\n> ", "\n"), found[2])


def masked(text: str) -> list[str]:
    """The lines that matter, without what differs."""
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


class Shell:
    """A shell that remembers, as a person's does."""

    def __init__(self, **environment: str) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env=process.environment(**environment),
        )

    def type(self, command: str) -> str:
        """What the command answers."""
        assert self._bash.stdin
        assert self._bash.stdout
        self._bash.stdin.write(f"{command}\necho '{MARK}'\n")
        self._bash.stdin.flush()
        lines = list(iter(self._bash.stdout.readline, f"{MARK}\n"))
        assert "" not in lines, f"the shell ended at: {command}"
        return "".join(lines)

    def close(self) -> None:
        """End it."""
        self._bash.communicate("exit\n")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell beside a Stead with a data directory of its own, which `stead env` finds."""
    running = process.start(tmp_path / "served", ["--port", "0", "--data-dir", str(tmp_path / "data")])
    try:
        running.wait_ready()
        shell = Shell(STEAD_DATA_DIR=str(tmp_path / "data"), HOME=str(tmp_path), AWS_PAGER="")
        yield shell
        shell.close()
    finally:
        running.kill()


def settled(shell: Shell, command: str) -> str:
    """The answer; asked again while work that Stead does by itself is under way (milliseconds, but a busy machine is a busy machine)."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while re.search("NOT_STARTED|IN_PROGRESS", answer := shell.type(command)) and time.monotonic() < deadline:
        pass
    return answer


def test_the_transcript_is_true(shell: Shell) -> None:
    typed = list(transcript())
    assert len(typed) > 20
    for command, answer in typed:
        assert masked(settled(shell, command)) == masked(answer), command


def test_the_transcript_is_read_whole() -> None:
    """No line of a console block is lost between its commands and answers."""
    lines = "".join(blocks("console"))
    again = "".join("$ " + typed.command.replace("\n", "\n> ") + "\n" + typed.answer for typed in transcript())
    assert again == lines


def test_the_example_of_tests_works(tmp_path: Path) -> None:
    """Each line of it is typed, against the server that its first line starts."""
    (tmp_path / "FILE").write_text(f"{process.KEY_ID}:{process.SECRET}")
    (example,) = (block for block in blocks("sh") if "--ephemeral" in block)
    serve, *curls = [line.partition(" #")[0].strip() for line in example.splitlines()]
    running = process.start(tmp_path, [], command=[process.COMMAND, *serve.split()[1:]])
    try:
        running.wait_ready()
        answers = [_asked(running, shlex.split(curl)) for curl in curls]
    finally:
        running.kill()
    assert [json.loads(answer)["status"] for _, answer in answers] == ["reset", "advanced", "ok"]


def _asked(running: Running, words: list[str]) -> tuple[int, bytes]:
    """What curl with these words would get; not every machine has curl."""
    options = dict(pair for pair in pairwise(words) if pair[0] in {"-X", "-d"})
    (path,) = (word.removeprefix("$URL") for word in words if word.startswith("$URL"))
    return running.ask(options.get("-X", "GET"), path, options.get("-d", "").encode())


def test_the_python_examples_print_what_they_say(shell: Shell) -> None:
    shell.type('export PATH="$PWD/.venv/bin:$PATH"; eval "$(stead env)"')
    examples = blocks("python")
    assert examples
    for example in examples:
        promised = re.findall(r"#\s*(.*)$", example, re.MULTILINE)
        assert shell.type(f"{sys.executable} - <<'PYTHON'\n{example}PYTHON").splitlines() == promised
