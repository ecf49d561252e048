"""Last use across kills, clean exits and processes (gateway/last_used.py)."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest
from support.process import KEY_ID, SECRET, until

from stead.aws.clock import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.process import Running


CALLS_SECONDS = 2.5
MOST_LOST_MS = 1000 + 1000  # what may be lost, and by how much the clock of a busy machine may be wrong about it


def last_uses(data: Path) -> dict[str, int]:
    """The stored time of the root key's last use of each service, in milliseconds."""
    connection = sqlite3.connect(data / "stead.db")
    try:
        return dict(connection.execute("SELECT service, time FROM last_used WHERE subject_id = ?", (KEY_ID,)).fetchall())
    finally:
        connection.close()


def call_until(running: Running, deadline: float) -> int:
    """Call without pause; when the last answered call began."""
    sts, last = running.client("sts"), 0
    while time.monotonic() < deadline:
        began = now_ms()
        sts.get_caller_identity()
        last = began
    return last


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_kill_loses_a_second_at_most(start: Callable[..., Running], tmp_path: Path, workers: str) -> None:
    data = tmp_path / "data"
    running = start("--data-dir", str(data), "--workers", workers)
    last = call_until(running, time.monotonic() + CALLS_SECONDS)
    running.kill()
    assert last - last_uses(data)["sts"] <= MOST_LOST_MS


def test_a_worker_that_is_killed_takes_nothing_of_the_others(start: Callable[..., Running], tmp_path: Path) -> None:
    data = tmp_path / "data"
    running = start("--data-dir", str(data), "--workers", "2")
    last = call_until(running, time.monotonic() + CALLS_SECONDS)
    os.kill(running.workers()[0], signal.SIGKILL)
    assert last - last_uses(data)["sts"] <= MOST_LOST_MS
    last = call_until(running, time.monotonic() + 0.2)
    until(lambda: last_uses(data)["sts"] >= last, 5)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_clean_exit_loses_nothing(start: Callable[..., Running], tmp_path: Path, workers: str) -> None:
    """The call just before SIGTERM is there, after a restart over the API too."""
    data = tmp_path / "data"
    running = start("--data-dir", str(data), "--workers", workers)
    began = now_ms()
    running.client("sts", region="eu-west-3").get_caller_identity()
    running.stop()
    assert last_uses(data)["sts"] >= began
    again = start("--data-dir", str(data))
    shown = again.client("iam", (KEY_ID, SECRET)).get_access_key_last_used(AccessKeyId=KEY_ID)["AccessKeyLastUsed"]
    assert (shown["ServiceName"], shown["Region"]) == ("sts", "eu-west-3")
