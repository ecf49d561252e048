"""A store made ready: once, again, by two at the same time, and only for the account, ring and root key that it has."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import func, select
from support.stead import ACCOUNT, ROOT

from stead.aws.ids import new_uuid
from stead.config import Settings
from stead.store.engine import Store, StoreError
from stead.store.prepare import RootCredentials, prepare
from stead.store.tables import access_keys, accounts, documents, metadata, policies, policy_versions

if TYPE_CHECKING:
    from pathlib import Path


def again(settings: Settings, account: str = ACCOUNT, wanted: RootCredentials | None = None) -> RootCredentials:
    """Another start on the same store."""
    return prepare(settings.store_url, settings.data_dir / "keys", account, wanted)


def counts(settings: Settings) -> dict[str, int]:
    """The rows of every table."""
    store = Store(settings.store_url)
    found = {name: store.read().scalar(select(func.count()).select_from(table)) for name, table in metadata.tables.items()}
    store.close()
    store.engine.dispose()
    return found


@pytest.mark.both_stores
def test_a_second_start_changes_nothing(settings: Settings) -> None:
    before = counts(settings)
    assert again(settings) == ROOT
    assert again(settings, wanted=ROOT) == ROOT
    assert counts(settings) == before
    assert before[accounts.name] == before[access_keys.name] == 1
    assert before[policies.name] > 1000


@pytest.mark.both_stores
def test_policy_texts_are_stored_once(settings: Settings) -> None:
    store = Store(settings.store_url)
    used = store.read().scalar(select(func.count(policy_versions.c.document_hash.distinct())))
    assert store.read().scalar(select(func.count()).select_from(documents)) == used
    store.close()
    store.engine.dispose()


@pytest.mark.both_stores
@pytest.mark.parametrize(
    ("account", "wanted", "message"),
    [
        ("210987654321", None, f"the store belongs to account {ACCOUNT}, not 210987654321: start with --account-id {ACCOUNT}"),
        (ACCOUNT, RootCredentials("AKIAOTHER", ROOT.secret), "the root credentials given are not the stored ones"),
        (ACCOUNT, RootCredentials(ROOT.access_key_id, "other"), "the root credentials given are not the stored ones"),
    ],
)
def test_what_differs_from_the_store_is_refused(settings: Settings, account: str, wanted: RootCredentials | None, message: str) -> None:
    before = counts(settings)
    with pytest.raises(StoreError, match=message):
        again(settings, account, wanted)
    assert counts(settings) == before


@pytest.mark.both_stores
@pytest.mark.parametrize("ring", [None, b"00000000 " + b"11" * 32])
def test_another_ring_is_refused_and_none_is_made(settings: Settings, ring: bytes | None) -> None:
    path = settings.data_dir / "keys"
    path.unlink()
    if ring is not None:
        path.write_bytes(ring)
    with pytest.raises(StoreError, match="restore it from your backup"):
        again(settings)
    assert path.exists() == (ring is not None)


def test_credentials_are_made_where_none_are_named(tmp_path: Path) -> None:
    url, keys = f"sqlite:///{tmp_path / 'stead.db'}", tmp_path / "keys"
    made = prepare(url, keys, ACCOUNT, None)
    assert made.access_key_id.startswith("AKIA")
    assert (len(made.access_key_id), len(made.secret)) == (20, 40)
    assert prepare(url, keys, ACCOUNT, None) == made
    assert prepare(f"sqlite:///{tmp_path / 'other.db'}", tmp_path / "other-keys", ACCOUNT, None) != made


def test_two_starts_at_once_make_one_account(postgres_server: str, tmp_path: Path) -> None:
    """On PostgreSQL several hosts may start together, each with a copy of the ring: each makes what the others have not."""
    name = f"t{new_uuid().replace('-', '')}"
    with psycopg.connect(postgres_server % "postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    settings = Settings(data_dir=tmp_path, database_url=postgres_server % name)
    (tmp_path / "keys").write_text("00000000 " + "11" * 32 + "\n")
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        made = pool.starmap(prepare, [(settings.store_url, tmp_path / "keys", ACCOUNT, ROOT)] * 3)
        pool.close()
        pool.join()
    assert made == [ROOT] * 3
    assert counts(settings)[accounts.name] == counts(settings)[access_keys.name] == 1
