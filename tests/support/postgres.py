"""A real PostgreSQL server for the tests: started once, on a Unix socket only, under a user that is not root (it refuses root)."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
_START_SECONDS = 30
# As servers in use have it, names are sorted as people do (`a-b` beside `ab`), not by their bytes as SQLite and Python do.
_LOCALE = ("--locale-provider=icu", "--icu-locale=en-US")


def programs() -> Path | None:
    """The folder of PostgreSQL's server programs, or None where they are not installed."""
    return next((folder for folder in _BINARIES if (folder / "initdb").exists()), None)


@contextlib.contextmanager
def server() -> Iterator[str]:
    """A running server; yields the start of its URLs, to which a database name is appended."""
    folder = Path(tempfile.mkdtemp(prefix="stead-pg-"))
    user = _user()
    shutil.chown(folder, user)
    binaries = programs()
    assert binaries is not None
    _run(user, [binaries / "initdb", "-D", folder / "data", "-U", "stead", "-A", "trust", "--no-sync", "-E", "UTF8", *_LOCALE])
    # Nothing here outlives the tests, so nothing waits for the disk.
    fast = ["-F", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
    options = [*fast, "-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "max_connections=200"]
    process = subprocess.Popen(
        [binaries / "postgres", "-D", folder / "data", *options], user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(folder)
        yield f"postgresql://stead@/%s?host={folder}"
    finally:
        process.send_signal(signal.SIGQUIT)  # at once, without a last checkpoint
        process.wait(_START_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str:
    """Who runs it: whoever we are, or `postgres` (else `nobody`) when we are root."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid()).pw_name
    return next(
        entry.pw_name for entry in sorted(pwd.getpwall(), key=lambda e: e.pw_name != "postgres") if entry.pw_name in {"postgres", "nobody"}
    )


def _run(user: str, command: list[object]) -> None:
    subprocess.run([str(word) for word in command], user=user, check=True, stdout=subprocess.DEVNULL, cwd="/")


def _wait(folder: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(f"postgresql://stead@/postgres?host={folder}").close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, "PostgreSQL did not start"
            time.sleep(0.05)  # a bounded poll: there is nothing to wait on before the socket exists
        else:
            return
