"""What every test can ask for: a fresh Stead, clients, both databases, a clock to step."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from support import postgres
from support.stead import ACCOUNT, ROOT, Stead

from stead.app import App
from stead.aws.ids import new_uuid
from stead.config import Settings
from stead.gateway.upstream import NeighboursWithin
from stead.store.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def sqlite_template() -> Iterator[Path]:
    """A prepared data directory, copied for each test."""
    folder = Path(tempfile.mkdtemp(prefix="stead-template-"))
    prepare(f"sqlite:///{folder / 'stead.db'}", folder / "keys", ACCOUNT, ROOT)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL form of a running PostgreSQL; skipped where its programs are missing, unless CI demands them."""
    if postgres.programs() is None:
        assert not os.environ.get("CI"), "CI must install PostgreSQL"
        pytest.skip("PostgreSQL's server programs are not installed (Debian: postgresql)")
    with postgres.server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str, sqlite_template: Path) -> str:
    """A prepared database of the same key ring, cloned for each test."""
    _execute(postgres_server, "CREATE DATABASE template_of_stead")
    url = postgres_server % "template_of_stead"
    prepare(url.replace("postgresql://", "postgresql+psycopg://"), sqlite_template / "keys-postgres", ACCOUNT, ROOT)
    return postgres_server


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--kill-rounds N`: see tests/process/test_kill.py."""
    parser.addoption("--kill-rounds", type=int, help="how often Stead is killed (default 10, in CI 100)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests marked `both_stores` run on both databases, all others on SQLite."""
    if "store_kind" in metafunc.fixturenames:
        both = metafunc.definition.get_closest_marker("both_stores")
        metafunc.parametrize("store_kind", ["sqlite", "postgresql"] if both else ["sqlite"], scope="function")


@pytest.fixture
def settings(store_kind: str, tmp_path: Path, sqlite_template: Path, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """The settings of a fresh, prepared store."""
    data = tmp_path / "data"
    data.mkdir()
    if store_kind == "sqlite":
        shutil.copytree(sqlite_template, data, dirs_exist_ok=True)
        yield Settings(data_dir=data)
        return
    server: str = request.getfixturevalue("postgres_template")
    shutil.copy(sqlite_template / "keys-postgres", data / "keys")
    name = f"t{new_uuid().replace('-', '')}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE template_of_stead")
    yield Settings(data_dir=data, database_url=server % name)
    _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def stead(settings: Settings) -> Iterator[Stead]:
    """A fresh Stead in this process."""
    app = App(settings)
    yield Stead(app)
    app.store.close()
    app.store.engine.dispose()


@pytest.fixture(scope="session")
def neighbours() -> Iterator[NeighboursWithin]:
    """Embedded neighbours, started once for every test that needs them; their socket's path must be short."""
    folder = Path(tempfile.mkdtemp(prefix="stead-neighbours-"))
    within = NeighboursWithin(folder, ACCOUNT)
    yield within
    within.close()
    shutil.rmtree(folder)


@pytest.fixture
def acting(settings: Settings, neighbours: NeighboursWithin, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stead]:
    """A fresh Stead with those neighbours, whose tasks come and go in no time."""
    monkeypatch.setattr("stead.app._neighbours", lambda _: neighbours)
    app = App(replace(settings, task_pace="fast"))
    yield Stead(app)
    app.store.close()
    app.store.engine.dispose()


def _execute(server: str, statement: str) -> None:
    with psycopg.connect(server % "postgres", autocommit=True) as connection:
        connection.execute(statement.encode())
