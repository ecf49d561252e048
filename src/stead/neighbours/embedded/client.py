"""The parent's side: speaks to the child, and starts it when nobody listens."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from multiprocessing.connection import Client, Connection
from typing import TYPE_CHECKING, Any

from stead.neighbours.embedded import journal
from stead.neighbours.messages import FORGET, NeighbourReply, NeighbourRequest, NeighbourUnavailableError, pack_request, unpack_reply

if TYPE_CHECKING:
    from pathlib import Path

START_SECONDS = 60.0  # the journal is played before the child listens
POLL_SECONDS = 0.02
ANSWER_SECONDS = 30.0
SOCKET, JOURNAL = "neighbours.sock", "neighbours.db"


class EmbeddedNeighbours:
    """moto in a child process of whichever worker needed it first. Any thread may send."""

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
        if (self._directory / JOURNAL).exists():
            _exchange(self._connected(), FORGET)

    def close(self) -> None:
        """End the child, if this process started it."""
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()
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
                return Client(str(self._directory / SOCKET), "AF_UNIX")
            except (FileNotFoundError, ConnectionRefusedError):
                self._start_child()
                time.sleep(POLL_SECONDS)
        raise NeighbourUnavailableError("the embedded neighbours did not start in time")

    def _start_child(self) -> None:
        """One at a time; one that finds another at work ends at once (its lock), and the next look finds that one's socket."""
        with self._starting:
            if self._child is None or self._child.poll() is not None:
                command = [sys.executable, "-m", "stead.neighbours.embedded.server", str(self._directory)]
                self._child = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603  # our own module, by a path of our own


def _exchange(connection: Connection[Any, Any], packed: bytes) -> NeighbourReply:
    connection.send_bytes(packed)
    if not connection.poll(ANSWER_SECONDS):
        connection.close()
        raise EOFError("no answer in time")
    return unpack_reply(connection.recv_bytes())
