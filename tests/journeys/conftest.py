"""What the journeys share: a Stead of their own, on either database, reached over HTTP only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from support import process

from stead.aws.ids import new_uuid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.process import Running


@pytest.fixture
def served(store_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Running]:
    """A running Stead with an empty account."""
    root = tmp_path / "root"
    root.write_text(f"{process.KEY_ID}:{process.SECRET}")
    store = ["--ephemeral"] if store_kind == "sqlite" else ["--database-url", _database(request), "--data-dir", str(tmp_path / "data")]
    running = process.start(tmp_path / "served", ["--port", "0", "--root-credentials", f"@{root}", *store])
    try:
        running.wait_ready()
        yield running
    finally:
        running.kill()


def _database(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database."""
    server: str = request.getfixturevalue("postgres_server")
    name = f"journey_{new_uuid().replace('-', '')}"
    with psycopg.connect(server % "postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return server % name
