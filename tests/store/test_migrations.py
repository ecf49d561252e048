"""The schema's history ends at the tables that the code uses, on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text

from stead.store import migrations
from stead.store.engine import Store, StoreError
from stead.store.migrations import HEAD
from stead.store.prepare import migrate
from stead.store.tables import access_keys, accounts, documents, inline_policies, metadata, roles, tags, users

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from support.stead import Stead


# Rows of the first schema.
OLD = (
    "INSERT INTO accounts VALUES ('1', 7, 0, 0)",
    "INSERT INTO documents VALUES ('hash', '{}')",
    "INSERT INTO users VALUES ('AIDA', '1', 'alice', 'alice', '/', NULL, 0)",
    "INSERT INTO access_keys VALUES ('AKIA', '1', 'AIDA', CAST('sealed' AS {bytes}), 'Active', 0)",
    "INSERT INTO roles VALUES ('AROA', '1', 'worker', 'worker', '/', 'customer', NULL, NULL, 'hash', 3600, NULL, 0)",
    "INSERT INTO inline_policies VALUES ('AIDA', 'in', 'in', 'hash')",
    "INSERT INTO tags VALUES ('AIDA', 'team', 'team', 'blue')",
)


def _drop_everything(connection: Connection) -> None:
    for table in [*reversed(metadata.sorted_tables)]:
        connection.execute(text(f"DROP TABLE {table.name}"))
    connection.execute(text("DROP TABLE alembic_version"))


def test_head_is_the_newest_script() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


@pytest.mark.both_stores
def test_the_migrations_end_at_the_tables(stead: Stead) -> None:
    context = MigrationContext.configure(stead.app.store.read().connection, opts={"compare_type": True, "compare_server_default": True})
    assert compare_metadata(context, metadata) == []


@pytest.mark.both_stores
def test_constraints_have_the_names_of_the_convention(stead: Stead) -> None:
    """compare_metadata does not look at primary and foreign keys' names; a later migration must find them."""
    found = inspect(stead.app.store.read().connection)
    for table in metadata.tables.values():
        assert found.get_pk_constraint(table.name)["name"] == f"pk_{table.name}"
        named = {key["name"] for key in found.get_foreign_keys(table.name)}
        assert named == {f"fk_{table.name}_{key.parent.name}" for key in table.foreign_keys}


@pytest.mark.both_stores
def test_a_newer_database_is_refused_and_not_touched(stead: Stead) -> None:
    connection = stead.app.store.read().connection
    connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    expected = f"the database is at revision 9999, made by a newer Stead; this one knows {HEAD}. Use the newer version"
    with pytest.raises(StoreError, match=expected):
        migrate(stead.app.store)
    assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"


@pytest.mark.both_stores
def test_migrating_again_changes_nothing(stead: Stead) -> None:
    migrate(stead.app.store)
    context = MigrationContext.configure(stead.app.store.read().connection)
    assert context.get_current_revision() == HEAD


@pytest.mark.both_stores
def test_a_migration_that_fails_leaves_nothing(stead: Stead, monkeypatch: pytest.MonkeyPatch) -> None:
    """One transaction, on SQLite too: a kill half way is mended by the next start."""
    store = stead.app.store
    connection = store.read().connection
    _drop_everything(connection)

    def fail(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("alembic.runtime.migration.HeadMaintainer.update_to_step", fail)
        with pytest.raises(RuntimeError, match="killed"):
            migrate(store)
    assert inspect(connection).get_table_names() == []
    migrate(store)
    assert compare_metadata(MigrationContext.configure(connection), metadata) == []


@pytest.mark.both_stores
def test_what_is_stored_survives_every_migration(stead: Stead) -> None:
    """From the first schema on, filled as it could be, to the newest."""
    connection = stead.app.store.read().connection
    _drop_everything(connection)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")
    for statement in OLD:
        connection.execute(text(statement.replace("{bytes}", "BLOB" if stead.app.store.is_sqlite else "BYTEA")))
    migrate(stead.app.store)
    assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    kept = (users.c.name, roles.c.name, inline_policies.c.name, documents.c.text, tags.c.value, accounts.c.generation)
    assert [connection.execute(select(column)).scalar() for column in kept] == ["alice", "worker", "in", "{}", "blue", 7]
    assert connection.execute(select(access_keys.c.secret)).scalar() == b"sealed"


def test_a_database_of_somebody_else_is_refused(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'stead.db'}")
    store.read().connection.execute(text("CREATE TABLE orders (id INTEGER)"))
    with pytest.raises(StoreError, match="the database holds tables that are not Stead's"):
        migrate(store)
    store.close()
