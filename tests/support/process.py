"""A real `stead serve`: started on a free port, waited for, asked over HTTP, stopped or killed by its process id."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from support.clients import boto3_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

COMMAND = str(Path(sys.executable).with_name("stead"))
KEY_ID, SECRET = "AKIAROOTFORTESTS0001", "root-secret-for-tests"
READY = "Stead is ready on "
START_SECONDS, STOP_SECONDS = 30, 10  # bounds of a broken run on a busy machine, not promises
_POLL_SECONDS = 0.005


def environment(**more: str) -> dict[str, str]:
    """The environment without anything that Stead or botocore would read, and ``more``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STEAD_", "AWS_"))}
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", **more}


def run(*arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """`stead` with ``arguments``, to its end."""
    command = [COMMAND, *arguments]
    return subprocess.run(
        command, env=environment(**(env or {})), cwd=cwd, capture_output=True, text=True, timeout=START_SECONDS, check=False
    )


def until(what: Callable[[], Any], seconds: float = STOP_SECONDS) -> Any:
    """The first true value of ``what()``; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"{what} was not true within {seconds} seconds"
        time.sleep(_POLL_SECONDS)
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid: int) -> list[int]:
    """The living children of a process, of all its threads."""
    try:
        found = [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [child for child in found if alive(child)]


@dataclass
class Running:
    """One started Stead."""

    process: subprocess.Popen[bytes]
    output: Path
    errors: Path
    url: str = ""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def said(self) -> str:
        """Its standard output so far."""
        return self.output.read_text()

    def complained(self) -> str:
        """Its standard error so far."""
        return self.errors.read_text()

    def workers(self) -> list[int]:
        """The processes that answer requests."""
        return children(self.process.pid)

    def wait_ready(self) -> None:
        """Until the ready line is there."""
        lines = until(lambda: self._ready_lines() or self.process.poll() is not None, START_SECONDS)
        assert isinstance(lines, list), f"Stead ended with {self.process.returncode}: {self.complained()}"
        self.url = lines[0].removeprefix(READY)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it in order; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """SIGKILL to the main process alone; returns when no worker lives on."""
        workers = self.workers()
        self.process.kill()
        self.process.wait(STOP_SECONDS)
        until(lambda: not any(alive(worker) for worker in workers))

    def client(self, service: str, key: Any = (KEY_ID, SECRET), region: str = "us-east-1", retries: int = 0) -> Any:
        """A boto3 client over HTTP; ``key`` is (id, secret[, token])."""
        config = Config(retries={"max_attempts": retries}, connect_timeout=5, read_timeout=20)
        return boto3_session(key, region).client(service, endpoint_url=self.url, config=config)  # type: ignore[call-overload]

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """One plain HTTP request; status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, dict(headers or {}))
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def send(self, content: bytes, patience: float = 20) -> bytes:
        """Raw bytes to the port, and all that comes back until the other side closes, or is silent for so many seconds."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=patience) as connection:
            parts = []
            with contextlib.suppress(TimeoutError, ConnectionError):  # it may close before it has read everything
                connection.sendall(content)
            with contextlib.suppress(TimeoutError, ConnectionError):
                while part := connection.recv(65536):
                    parts.append(part)
            return b"".join(parts)

    def _ready_lines(self) -> list[str]:
        return [line for line in self.said().splitlines() if line.startswith(READY)]


def start(
    folder: Path, arguments: Iterable[str], env: Mapping[str, str] | None = None, command: Iterable[str] = (COMMAND, "serve")
) -> Running:
    """Start a server, not waiting for anything. What it says goes to files in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    output, errors = folder / "stdout", folder / "stderr"
    with output.open("wb") as out, errors.open("wb") as err:
        words = [*command, *arguments]
        return Running(subprocess.Popen(words, stdout=out, stderr=err, env=environment(**(env or {})), cwd=folder), output, errors)
