"""Runs a command as a person types it, shows it and its answer, and compares the answer with what was promised.

The environment of a command is made here and inherited from nowhere: no profile, no proxy, no metadata service, no pager.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jmespath

if TYPE_CHECKING:
    from pathlib import Path

COMMAND_SECONDS = 60
PATIENCE_SECONDS = 20  # for work that Stead does by itself; it takes milliseconds
POLL_SECONDS = 0.1
UNFINISHED = {"NOT_STARTED", "IN_PROGRESS"}
GREY, BOLD, PLAIN = ("\033[90m", "\033[1m", "\033[0m") if os.isatty(1) else ("", "", "")

# What IAM adds to a refusal, with another id each time (recorded-aws.md 2).
_AUTHORIZATION = re.compile(
    r"\. Go to \S+/([0-9a-z]{25}) for complete details, or call the \w+ API with the following authorization id: \1\Z"
)


class Mismatch(Exception):  # noqa: N818  # the story's own word: no error of the program
    """An answer was not the expected one; the message says what was expected and what came."""


@dataclass(frozen=True)
class Cli:
    """One AWS CLI. Its two major versions differ in the exit code of a refusal, and old ones of version 2 know no AWS_ENDPOINT_URL."""

    path: Path
    refusal_code: int
    options: str

    @classmethod
    def found_at(cls, path: Path) -> Cli:
        """The CLI installed as ``path``."""
        version = subprocess.run([path, "--version"], check=True, capture_output=True, text=True).stdout
        if version.startswith("aws-cli/1."):
            return cls(path, 255, "")
        return cls(path, 254, ' --endpoint-url "$AWS_ENDPOINT_URL"')


@dataclass(frozen=True)
class Answer:
    """What a command gave."""

    command: str
    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """The output as JSON; None where there is none."""
        try:
            return json.loads(self.out) if self.out.strip() else None
        except ValueError:
            raise Mismatch(f"$ {self.command}\nexpected: JSON\ncame:     {self.out}") from None

    def check(self, what: str, expected: object, came: object) -> None:
        """Refuse what is not as expected; a pattern is matched, everything else is equal."""
        good = bool(expected.fullmatch(str(came))) if isinstance(expected, re.Pattern) else expected == came
        if not good:
            wanted = expected.pattern if isinstance(expected, re.Pattern) else repr(expected)
            raise Mismatch(f"$ {self.command}\n{what}\nexpected: {wanted}\ncame:     {came!r}\n{self.err.strip()}")


class Player:
    """Plays commands as one user after the other."""

    def __init__(self, cli: Cli, endpoint: str, folder: Path, directory: Path) -> None:
        self._cli = cli
        self._directory = directory
        self._user = ""
        self.commands = 0
        self.keys: dict[str, tuple[str, str]] = {}
        programs = folder / "bin"
        programs.mkdir()
        (programs / "aws").symlink_to(cli.path)
        self._environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "NO_PROXY": "*",
        }

    def chapter(self, title: str) -> None:
        """A heading."""
        print(f"\n{BOLD}== {title}{PLAIN}")

    def become(self, user: str) -> None:
        """Sign what follows with this user's key; the prompt shows who acts."""
        self._user = user
        self._environment |= dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), self.keys[user], strict=True))

    def give_key(self, user: str) -> None:
        """Make the user an access key and keep it; its secret is not shown, not even this one."""
        answer = self._run(f"aws iam create-access-key --user-name {user}")
        answer.check("exit code", 0, answer.code)
        key = answer.value["AccessKey"]
        self.keys[user] = key["AccessKeyId"], key["SecretAccessKey"]
        self._show(replace(answer, out=answer.out.replace(key["SecretAccessKey"], "(not shown here)")))

    def ok(self, command: str, expected: dict[str, Any] | None = None) -> Any:
        """The answer of a command that succeeds, where each JMESPath of ``expected`` gives the value beside it."""
        answer = self._run(command)
        self._show(answer)
        answer.check("exit code", 0, answer.code)
        for path, value in (expected or {}).items():
            answer.check(path, value, jmespath.search(path, answer.value))
        return None if expected is None else answer.value

    def refused(self, command: str, code: str, message: str) -> None:
        """A command that AWS refuses with this code, in exactly these words."""
        answer = self._run(command)
        self._show(answer)
        operation = "".join(word.title() for word in command.split()[2].split("-"))
        text = f"An error occurred ({code}) when calling the {operation} operation: {message}"
        answer.check("error text", text, _AUTHORIZATION.sub("", answer.err.strip()))
        answer.check("exit code", self._cli.refusal_code, answer.code)

    def settled(self, command: str, expected: dict[str, Any]) -> None:
        """The same as :meth:`ok` for a command asked again until the work it asks about has ended."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (answer := self._run(command)).code == 0 and answer.value["Status"] in UNFINISHED and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        self._show(answer)
        answer.check("exit code", 0, answer.code)
        for path, value in expected.items():
            answer.check(path, value, jmespath.search(path, answer.value))

    def _run(self, command: str) -> Answer:
        self.commands += 1
        line = command.replace("aws ", f"aws{self._cli.options} ", 1)
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            env=self._environment,
            cwd=self._directory,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return Answer(line, done.returncode, done.stdout, done.stderr)

    def _show(self, answer: Answer) -> None:
        print(f"\n{BOLD}{self._user}$ {answer.command}{PLAIN}")
        text = (answer.out + answer.err.lstrip()).rstrip()
        if text:
            print(f"{GREY}{text}{PLAIN}")
