"""Where child and clients meet, in the data directory."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOCKET, JOURNAL = "neighbours.sock", "neighbours.db"


@contextmanager
def address(directory: Path) -> Iterator[str]:
    """The socket's, by the directory's descriptor: a socket's own path may have 107 bytes, and data directories lie where they lie."""
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)
