"""The child process: waits for the lock, then for moto, then serves. It ends with its parent, whose end closes its standard input.

The lock comes before moto, which takes seconds and 190 MB: of several workers that need neighbours at once, one's child serves, and the others'
wait here, small, to take over when that one ends.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import sqlite3
import sys
import threading
from pathlib import Path

LOCK = "neighbours.lock"


def main(directory: Path) -> None:
    """Serve the data directory ``directory``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches everybody; the main process answers it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.umask(0o077)
    with (directory / LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        from stead.neighbours.embedded import server  # noqa: PLC0415  # see the module's text

        try:
            server.serve(directory)
        except (OSError, sqlite3.Error) as error:  # never an empty start instead
            sys.exit(f"stead.neighbours: the embedded neighbours cannot serve {directory}: {error}")


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)  # a thread that plays must not delay it: what is not journaled was not answered


if __name__ == "__main__":
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.WARNING)
    main(Path(sys.argv[1]))
