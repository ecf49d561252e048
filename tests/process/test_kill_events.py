"""SIGKILL and the history: no write's event is lost, and of the reads' at most the last second (gateway/record.py)."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from support.history import recorded
from support.process import until

from stead.store.prepare import opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.process import Running

LAG_SECONDS = 1.0  # what may be lost
BUSY_SECONDS = 1.0  # by how much the clock of a busy machine may be wrong about it
WORK_SECONDS = 3 * (LAG_SECONDS + BUSY_SECONDS)


class Caller:
    """A client that reads and writes by turns, and knows which calls were answered when."""

    def __init__(self, running: Running, name: str) -> None:
        self._sts, self._iam, self._name = running.client("sts"), running.client("iam"), name
        self.reads: dict[str, float] = {}
        self.writes: dict[str, float] = {}

    def work(self, stop: threading.Event) -> None:
        """Until it is told to, or nobody answers."""
        number = 0
        while not stop.is_set():
            number += 1
            try:
                for answers, answer in (
                    (self.reads, self._sts.get_caller_identity()),
                    (self.writes, self._iam.create_user(UserName=f"{self._name}-{number}")),
                ):
                    answers[answer["ResponseMetadata"]["RequestId"]] = time.monotonic()
            except (BotoCoreError, ClientError):
                return


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_a_kill_leaves_of_the_history(start: Callable[..., Running], tmp_path: Path, workers: str) -> None:
    data = tmp_path / "data"
    running = start("--data-dir", str(data), "--workers", workers)
    callers = [Caller(running, f"caller-{number}") for number in range(2)]
    stop, begun = threading.Event(), time.monotonic()
    with ThreadPoolExecutor(len(callers)) as pool:
        ends = [pool.submit(caller.work, stop) for caller in callers]
        until(lambda: time.monotonic() > begun + WORK_SECONDS, 2 * WORK_SECONDS)
        killed = time.monotonic()
        running.kill()
        stop.set()
    for end in ends:
        end.result()
    with opened(f"sqlite:///{data / 'stead.db'}") as store:
        known = {found.record["requestID"] for found in recorded(store.read())}
    for caller in callers:
        assert caller.writes
        assert not caller.writes.keys() - known
        lost = [moment for request_id, moment in caller.reads.items() if request_id not in known]
        assert all(moment > killed - LAG_SECONDS - BUSY_SECONDS for moment in lost), killed - min(lost)
        assert caller.reads.keys() & known
