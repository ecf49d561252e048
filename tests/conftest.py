"""What every test can ask for: a fresh Stead, clients, both databases, a clock to step."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import update
from support import clients, postgres

from stead.app import App
from stead.aws.ids import new_uuid
from stead.config import Settings
from stead.store.prepare import RootCredentials, prepare
from stead.store.tables import accounts

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT = "123456789012"
ROOT = RootCredentials("AKIAROOTFORTESTS0001", "root-secret-for-tests")


@dataclass(slots=True)
class Stead:
    """A fresh Stead in this process, and what a test does with it."""

    app: App

    def client(self, service: str, key: Any = None, region: str = "us-east-1") -> Any:
        """A boto3 client; ``key`` is (id, secret[, token]), an AccessKey or Credentials answer, or None for root."""
        return clients.client(self.app.door, service, _key(key), region)

    def user(self, name: str, *documents: str) -> Any:
        """A new user with these inline policies; its access key."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        for number, document in enumerate(documents):
            iam.put_user_policy(UserName=name, PolicyName=f"policy-{number}", PolicyDocument=document)
        return iam.create_access_key(UserName=name)["AccessKey"]

    def advance(self, seconds: float) -> None:
        """Step Stead's clock."""
        with self.app.store.write() as db:
            db.run(update(accounts).values(clock_offset=accounts.c.clock_offset + int(seconds * 1000)))

    def settle(self) -> None:
        """Run due background work until none is left, and write the events that wait."""
        runner = getattr(self.app, "runner", None)
        if runner is not None:
            runner.settle()
        self.app.recorder.flush(self.app.store)


def _key(key: Any) -> tuple[str, str, str | None]:
    if key is None:
        return ROOT.access_key_id, ROOT.secret, None
    if isinstance(key, tuple):
        return (*key, None)[:3]
    return key["AccessKeyId"], key["SecretAccessKey"], key.get("SessionToken")


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


def _execute(server: str, statement: str) -> None:
    with psycopg.connect(server % "postgres", autocommit=True) as connection:
        connection.execute(statement.encode())
