"""The parent's side: speaks to the child, and starts it when nobody listens."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Client, Connection
from typing import TYPE_CHECKING, Any

from stead.neighbours.embedded import journal
from stead.neighbours.embedded.place import JOURNAL, address
from stead.neighbours.messages import FORGET, NeighbourReply, NeighbourRequest, NeighbourUnavailableError, pack_request, unpack_reply

if TYPE_CHECKING:
    from pathlib import Path

START_SECONDS = 60.0  # the journal is played before the child listens
POLL_SECONDS = 0.02
ANSWER_SECONDS = 30.0
END_SECONDS = 2.0  # SIGTERM ends Stead within five
_READ_BY_MOTO = ("AWS_", "BOTO", "MOTO_", "TEST_SERVER_MODE")  # nothing of the surroundings takes part


class EmbeddedNeighbours:
    """Moto in a child process of whichever worker needed it first. Any thread may send."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._starting = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._own = threading.local()

    def send(self, request: NeighbourRequest) -> NeighbourReply:
        """The child's answer. A call that could be done twice is not sent twice."""
        packed = pack_request(request)
        connection = self._connected()
        try:
            return _exchange(connection, packed)
        except (OSError, EOFError) as error:  # the child ended; another one knows what this one had answered
            self._own.connection = None
            if not (request.read_only or request.intent):
                raise NeighbourUnavailableError(f"{request.service}:{request.operation}: {error}") from error
        return self._once_more(packed, request)

    def used_regions(self, service: str) -> frozenset[str]:
        """Where something of ``service`` was ever changed. Reads the journal beside its writer, and starts nothing."""
        return journal.used_regions(self._directory / JOURNAL, service)

    def forget(self) -> None:
        """Everything that was ever changed."""
        if not (self._directory / JOURNAL).exists():
            return
        try:
            _exchange(self._connected(), FORGET)
        except (OSError, EOFError) as error:
            self._own.connection = None
            raise NeighbourUnavailableError(f"the embedded neighbours: {error}") from error

    def close(self) -> None:
        """End the child, if this process started it."""
        if self._child is None or self._child.stdin is None:
            return
        self._child.stdin.close()
        try:
            self._child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _once_more(self, packed: bytes, request: NeighbourRequest) -> NeighbourReply:
        try:
            return _exchange(self._connected(), packed)
        except (OSError, EOFError) as error:
            self._own.connection = None
            raise NeighbourUnavailableError(f"{request.service}:{request.operation}: {error}") from error

    def _connected(self) -> Connection[Any, Any]:
        connection: Connection[Any, Any] | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._connect()
        return connection

    def _connect(self) -> Connection[Any, Any]:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            try:
                with address(self._directory) as where:
                    return Client(where, "AF_UNIX")
            except (FileNotFoundError, ConnectionRefusedError):
                self._start_child()
                time.sleep(POLL_SECONDS)
        raise NeighbourUnavailableError("the embedded neighbours did not start in time")

    def _start_child(self) -> None:
        """One for this process; if another process's serves, it waits for the lock."""
        with self._starting:
            if self._child is not None and self._child.poll():
                self._child = None
                raise NeighbourUnavailableError("the embedded neighbours ended as they started: the log says why")
            if self._child is None or self._child.returncode is not None:
                command = [sys.executable, "-m", "stead.neighbours.embedded.child", str(self._directory)]
                self._child = subprocess.Popen(command, stdin=subprocess.PIPE, env=_environment())  # noqa: S603  # our own module


def _environment() -> dict[str, str]:
    """The surroundings without what moto and botocore would read; sets in one order, so that moto's answers are the same in each process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_READ_BY_MOTO)}
    return {**kept, "PYTHONHASHSEED": "0", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def _exchange(connection: Connection[Any, Any], packed: bytes) -> NeighbourReply:
    connection.send_bytes(packed)
    if not connection.poll(ANSWER_SECONDS):
        connection.close()
        raise EOFError("no answer in time")
    return unpack_reply(connection.recv_bytes())
