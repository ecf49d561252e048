"""SIGKILL at random moments while clients create, delete and poll: every acknowledged write is there and every task ends.

Kills prove atomicity and recovery; power loss is SQLite's and PostgreSQL's promise.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import process
from support.history import recorded
from support.process import START_SECONDS, alive, until
from support.witness import Witness

from stead.store.prepare import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.process import Running

    from stead.store.events import Found

SEED = 20240229
CLIENTS = 2
LEASE_SECONDS = 60  # a step whose process died is taken up by another when its lease is over (design D4)
LONGEST_ROUND = 0.6


class Killing:
    """One data directory and one port, Steads that come and go, clients that remember."""

    def __init__(self, folder: Path, root_file: str) -> None:
        self.chance = random.Random(SEED)
        self.folder = folder
        self.data = folder / "data"
        self.root_file = root_file
        self.running = self.start(0)
        self.witnesses = [Witness(number, self.running, random.Random(SEED + number)) for number in range(CLIENTS)]

    def restart_with(self, workers: str) -> Running:
        """The same once more, with so many workers."""
        self.kill()
        return self.start(self.running.port, workers)

    def start(self, port: int, workers: str = "", *, ready: bool = True) -> Running:
        """Start it once more, now and then with two workers."""
        workers = workers or self.chance.choice("112")
        words = ["--port", str(port), "--data-dir", str(self.data), "--workers", workers, "--root-credentials", self.root_file]
        self.running = process.start(self.folder / "run", words)
        if ready:
            self.running.wait_ready()
        return self.running

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """The clients work, for a random moment before the block and while it runs."""
        stop = threading.Event()
        with ThreadPoolExecutor(CLIENTS) as pool:
            ends = [pool.submit(witness.work, stop) for witness in self.witnesses]
            try:
                self.moment()
                yield
            finally:
                stop.set()
        for end in ends:
            end.result()  # raises what a client met

    def moment(self) -> None:
        """A random moment: the one thing here that must be waited for by the clock."""
        time.sleep(self.chance.random() * LONGEST_ROUND)

    def kill(self) -> None:
        """SIGKILL to the main process alone: within two seconds no worker lives on and the port is free."""
        workers = self.running.workers()
        self.running.process.kill()
        self.running.process.wait()
        until(lambda: not any(alive(worker) for worker in workers), 2)
        if self.running.url:
            until(lambda: _is_free(self.running.port), 2)

    def compare(self) -> None:
        """Every client finds what it was told."""
        for witness in self.witnesses:
            witness.compare()

    def end(self) -> None:
        """Every task ends, and each acknowledged call has its event: they were one transaction."""
        for witness in self.witnesses:
            until(witness.see_all_end, LEASE_SECONDS + 15)
        until(lambda: not self.rows("SELECT id FROM deletion_tasks WHERE finished IS NULL"), LEASE_SECONDS + 15)
        states = {status for (status,) in self.rows("SELECT DISTINCT status FROM deletion_tasks")}
        assert states <= {"SUCCEEDED", "FAILED"}
        self.compare()
        known = {found.record["requestID"] for found in self.history()}
        for witness in self.witnesses:
            assert witness.request_ids <= known

    def history(self) -> list[Found]:
        """Every event in the store."""
        with opened(f"sqlite:///{self.data / 'stead.db'}") as store:
            return recorded(store.read())

    def rows(self, query: str) -> list[tuple[str, ...]]:
        """A look at the store itself."""
        connection = sqlite3.connect(self.data / "stead.db")
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()


@pytest.fixture
def killing(tmp_path: Path, root_file: str) -> Iterator[Killing]:
    killing = Killing(tmp_path, root_file)
    yield killing
    killing.kill()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _listeners(port: int) -> int:
    """How many sockets listen on ``port``: each worker has its own."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(fields[1].endswith(f":{port:04X}") and fields[3] == "0A" for fields in lines)


def test_the_main_process_is_killed(killing: Killing, kill_rounds: int) -> None:
    port = killing.running.port
    for number in range(kill_rounds):
        with killing.working():
            killing.kill()
        if number % 10 == 9:  # at a random moment of a start, too
            killing.start(port, ready=False)
            killing.moment()
            killing.kill()
        killing.start(port)
        killing.compare()
    killing.end()
    _report("main process", killing, kill_rounds)


def test_one_worker_is_killed(killing: Killing, kill_rounds: int) -> None:
    """Its clients lose at most the call in flight, the other worker goes on, and a new one takes its place."""
    running = killing.restart_with("2")
    for _ in range(kill_rounds):
        until(lambda: _listeners(running.port) == 2, START_SECONDS)
        with killing.working():
            killed = killing.chance.choice(running.workers())
            os.kill(killed, signal.SIGKILL)
            until(lambda killed=killed: len({*running.workers()} - {killed}) == 2)
        killing.compare()
    assert running.process.poll() is None
    assert running.said().count("ready") == 1
    killing.end()
    _report("worker", killing, kill_rounds)


def _report(what: str, killing: Killing, rounds: int) -> None:
    acknowledged = sum(len(witness.request_ids) for witness in killing.witnesses)
    (tasks,) = killing.rows("SELECT count(*) FROM deletion_tasks")[0]
    print(f"{what}: {rounds} kills, seed {SEED}, {acknowledged} acknowledged writes, {tasks} deletion tasks")  # noqa: T201  # the seed
