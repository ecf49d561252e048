"""Makes a store ready before the first worker starts: schema, key ring, account, root key, AWS managed policies.

Every step asks first whether it is done, so a kill at any moment is mended by the next start. Nothing is ever replaced by something empty:
a file or database that cannot be read is an error with a sentence for the operator.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, inspect, select, text
from sqlalchemy.exc import DatabaseError

from stead.aws.clock import now_ms
from stead.aws.ids import secret_access_key, unique_id
from stead.store import events, managed_policies
from stead.store.documents import digest_of
from stead.store.engine import Store, StoreError, Writer, first_line
from stead.store.keyring import SECRET_PURPOSE, CannotOpen, KeyRing, load_or_create
from stead.store.migrations import HEAD
from stead.store.tables import access_keys, accounts, documents, meta, policies, policy_versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

    from stead.store.managed_policies import ManagedPolicy

PREPARATION_LOCK = 0x57EAD  # the number of a PostgreSQL advisory lock
QUICK_CHECK_BYTES = 64 * 2**20  # a larger SQLite file is not read through at each start
_CHECK_PURPOSE = "check value"
_FOREIGN = "the database holds tables that are not Stead's; give Stead one of its own"
_META = select(meta.c.value).where(meta.c.key == bindparam("key"))
_ACCOUNTS = select(accounts.c.id)
_ROOT_KEYS = select(access_keys.c.id, access_keys.c.secret).where(access_keys.c.user_id.is_(None)).order_by(access_keys.c.created)
_HAVE_POLICIES = select(func.count()).select_from(policies).where(policies.c.account_id == "aws")


@dataclass(frozen=True, slots=True)
class RootCredentials:
    """The account's root access key."""

    access_key_id: str
    secret: str


def prepare(url: str, key_path: Path, account_id: str, wanted: RootCredentials | None) -> RootCredentials:
    """Make the store at ``url`` ready and return its root credentials; ``wanted`` are those the operator named, if any."""
    with opened(url) as store:
        if store.is_sqlite:
            _check_file(Path(str(store.url.database)), key_path)
        with _alone(store):
            return _prepare(store, key_path, account_id, wanted)


@contextlib.contextmanager
def opened(url: str) -> Iterator[Store]:
    """A store for a moment; a database that cannot be read is explained to the operator."""
    store = Store(url)
    try:
        yield store
    except (sqlite3.DatabaseError, DatabaseError) as error:
        name = store.url.render_as_string()
        raise StoreError(f"the database {name} cannot be read: {first_line(error)}. Restore it from your backup") from error
    finally:
        store.close()
        store.engine.dispose()


def _prepare(store: Store, key_path: Path, account_id: str, wanted: RootCredentials | None) -> RootCredentials:
    migrate(store)
    ring = _ring(store, key_path)
    with store.write() as db:
        _account(db, account_id)
        credentials = _root(db, ring, account_id, wanted)
    seed_managed_policies(store)
    events.pack_if_due(store)  # those of an older Stead, which a migration can only put there
    return credentials


@contextlib.contextmanager
def _alone(store: Store) -> Iterator[None]:
    """On PostgreSQL several hosts may start at once: one after the other. SQLite's directory has one owner (stead/serve.py)."""
    if store.is_sqlite:
        yield
        return
    connection = store.read().connection
    connection.execute(select(func.pg_advisory_lock(PREPARATION_LOCK)))
    try:
        yield
    finally:
        connection.execute(select(func.pg_advisory_unlock(PREPARATION_LOCK)))


def migrate(store: Store) -> None:
    """Bring the schema to HEAD; a database from a newer Stead is refused, not touched."""
    connection = store.read().connection
    at = revision(connection)
    if at == HEAD:
        return
    if at is not None and at > HEAD:
        raise StoreError(f"the database is at revision {at}, made by a newer Stead; this one knows {HEAD}. Use the newer version")
    _upgrade(connection)


def seed_managed_policies(store: Store) -> None:
    """Store the AWS managed policies, once; those that came with moto follow when it is installed later (design D8)."""
    have = store.read().scalar(_HAVE_POLICIES)
    own = list(managed_policies.own())
    if have > len(own):
        return
    if not have:
        _store_policies(store, own)
    neighbours = managed_policies.neighbours()
    if neighbours is not None:
        _store_policies(store, neighbours)


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  # a tenth of a second that only a first start or an upgrade pays
    from alembic.config import Config  # noqa: PLC0415  # the same

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    connection.execute(text("BEGIN"))
    try:
        command.upgrade(config, HEAD)
        connection.execute(text("COMMIT"))
    except BaseException:
        connection.execute(text("ROLLBACK"))
        raise


def revision(connection: Connection) -> str | None:
    """Where the schema's history stands; None for a new database."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return found
    if tables:
        raise StoreError(_FOREIGN)
    return None


def _check_file(path: Path, key_path: Path) -> None:
    """Refuse a file that is damaged, foreign or was emptied, through a connection that changes nothing: the store's own would set WAL."""
    tables: set[str] = set()
    if path.exists():
        with contextlib.closing(sqlite3.connect(path)) as connection:
            if path.stat().st_size <= QUICK_CHECK_BYTES:
                _quick_check(connection, path)
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and "alembic_version" not in tables:
        raise StoreError(_FOREIGN)
    if not tables and key_path.exists():  # the ring is made after the schema, so there was one
        raise StoreError(
            f"the key ring {key_path} is there, but the database {path} is missing or empty: restore it from your backup, "
            "or use another data directory to begin anew"
        )


def _quick_check(connection: sqlite3.Connection, path: Path) -> None:
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise StoreError(f"the database {path} is damaged ({found.splitlines()[-1]}). Restore it from your backup")


def _ring(store: Store, path: Path) -> KeyRing:
    """The ring, proven by the check value that the database keeps (design D6)."""
    sealed = store.read().scalar(_META, key="key_check")
    ring = load_or_create(path, may_create=sealed is None)
    if sealed is None:
        with store.write() as db:
            db.insert(meta, key="key_check", value=ring.seal(b"stead", _CHECK_PURPOSE).hex())
        return ring
    try:
        ring.open(bytes.fromhex(sealed), _CHECK_PURPOSE)
    except CannotOpen as error:
        raise StoreError(f"the key ring {path} is not the one this database was made with: restore it from your backup") from error
    return ring


def _account(db: Writer, account_id: str) -> None:
    stored = [row.id for row in db.all(_ACCOUNTS)]
    if not stored:
        db.insert(accounts, id=account_id, generation=1, clock_offset=0, created=now_ms())
    elif account_id not in stored:
        raise StoreError(f"the store belongs to account {stored[0]}, not {account_id}: start with --account-id {stored[0]}")


def _root(db: Writer, ring: KeyRing, account_id: str, wanted: RootCredentials | None) -> RootCredentials:
    stored = [RootCredentials(row.id, ring.open(row.secret, SECRET_PURPOSE).decode()) for row in db.all(_ROOT_KEYS)]
    if not stored:
        return _make_root_key(db, ring, account_id, wanted)
    if wanted is not None and wanted not in stored:  # the root user may have made a second key
        raise StoreError("the root credentials given are not the stored ones; leave them out, or use another data directory")
    return wanted or stored[0]


def _make_root_key(db: Writer, ring: KeyRing, account_id: str, wanted: RootCredentials | None) -> RootCredentials:
    made = wanted or RootCredentials(unique_id("AKIA", account_id, 20), secret_access_key())
    sealed = ring.seal(made.secret.encode(), SECRET_PURPOSE)
    db.insert(access_keys, id=made.access_key_id, account_id=account_id, user_id=None, secret=sealed, status="Active", created=now_ms())
    return made


def _store_policies(store: Store, found: Iterable[ManagedPolicy]) -> None:
    with store.write() as db:
        rows = [_policy_rows(policy) for policy in found]
        texts = {row["hash"]: row for _, _, texts in rows for row in texts}
        stored = {row.hash for row in db.all(select(documents.c.hash))}
        db.insert_many(documents, [row for digest, row in texts.items() if digest not in stored])
        db.insert_many(policies, [policy for policy, _, _ in rows])
        db.insert_many(policy_versions, [version for _, versions, _ in rows for version in versions])


def _policy_rows(policy: ManagedPolicy) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    texts = [(version, digest_of(document), document, created) for version, document, created in policy.versions]
    row = {
        "arn": policy.arn,
        "id": _aws_policy_id(policy.arn),
        "account_id": "aws",
        "name": policy.name,
        "name_key": policy.name.lower(),
        "path": policy.path,
        "description": None,
        "default_version": policy.default_version,
        "next_version": 0,
        "created": policy.created_ms,
        "updated": policy.updated_ms,
    }
    versions = [{"policy_arn": policy.arn, "version_id": v, "document_hash": digest, "created": at} for v, digest, _, at in texts]
    return row, versions, [{"hash": digest, "text": document} for _, digest, document, _ in texts]


def _aws_policy_id(arn: str) -> str:
    """In AWS's form, and the same in every Stead; the real ids of AWS's own policies are not public."""
    return "ANPA" + base64.b32encode(hashlib.sha256(arn.encode()).digest())[:17].decode()
