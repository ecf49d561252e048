"""The database: one held connection per thread, statements compiled once, and the way into a write transaction.

Theory of operation. SQLAlchemy Core composes every statement, so there is one text for SQLite and PostgreSQL; the statement is compiled
once per process and run on the driver's own cursor, which costs a fifth of Core's execution. That is sound because ``tables.py`` uses only
types that need no conversion. Connections are in the driver's autocommit mode: a read is one statement, a write is an explicit
transaction.

SQLite has one writer. Waiting for it inside SQLite means sleeping and polling; a file lock taken before ``BEGIN IMMEDIATE`` queues writers
of all threads and processes in the kernel instead, and the kernel frees it when its holder is killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections import namedtuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, insert
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import Connection, Engine, Table
    from sqlalchemy.sql.expression import Executable

SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000", "temp_store=MEMORY")

# PostgreSQL's codes: serialization failure, deadlock, unique violation (the loser of a race for a name, who then finds it taken).
_CONFLICTS = frozenset({"40001", "40P01", "23505"})

Row = Any  # a named tuple of the statement's columns; each statement has its own


class StoreError(Exception):
    """The database cannot be used; the message is for the operator and says what to do."""


class Conflict(Exception):  # noqa: N818  # not an error of anybody's: a reason to run the transaction again
    """Another transaction was in the way (a deadlock or a lost race); running this one again will succeed."""


class _Prepared:
    """A statement compiled for one database: its text, the values written into it, and the shape of its rows."""

    __slots__ = ("constants", "make_row", "text")

    def __init__(self, statement: Executable, engine: Engine, columns: list[str] | None = None) -> None:
        # Executable is the public name of what statements are; that each of them compiles is not part of its declared type.
        compiled = statement.compile(dialect=engine.dialect, column_keys=columns)  # type: ignore[attr-defined]
        self.text = str(compiled)
        self.constants: dict[str, Any] = {k: v for k, v in compiled.params.items() if v is not None}
        names = list(statement.selected_columns.keys()) if hasattr(statement, "selected_columns") else []
        # mypy wants a literal list of names; here each statement names its own columns.
        self.make_row: Callable[[Any], Row] = namedtuple("Row", names)._make  # type: ignore[attr-defined]  # noqa: PYI024


class Store:
    """One database and this process's connections to it. Safe to share between threads; never carried over a fork."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _make_engine(str(url), is_sqlite=self.is_sqlite)
        self._prepared: dict[Any, _Prepared] = {}
        self._local = threading.local()
        self.on_due: Callable[[], None] = _nobody_waits  # what Writer.wake_runner calls; set by whoever runs the background work

    def read(self) -> Reader:
        """This thread's connection, for reads: each statement sees the latest committed state."""
        reader: Reader | None = getattr(self._local, "reader", None)
        if reader is None or reader.is_lost:
            reader = self._local.reader = Reader(self, self._connect())
        return reader

    @contextlib.contextmanager
    def write(self) -> Iterator[Writer]:
        """One transaction: committed at the end of the block, undone by any exception; then its ``after_commit`` calls run."""
        reader = self.read()
        writer = Writer(self, reader.connection)
        with self._writer_lock():
            try:
                writer.begin()
                yield writer
                writer.commit()
            except BaseException as error:
                self._undo(writer)
                if _is_conflict(error):
                    raise Conflict from error
                raise
        for call in writer.after_commit:
            call()

    def prepared(self, statement: Executable) -> _Prepared:
        """``statement``, compiled on first use; statements are module constants, so the cache ends."""
        found = self._prepared.get(statement)
        if found is None:
            found = self._prepared[statement] = _Prepared(statement, self.engine)
        return found

    def prepared_insert(self, table: Table, columns: tuple[str, ...]) -> _Prepared:
        """An INSERT of just these columns, compiled on first use."""
        found = self._prepared.get((table, columns))
        if found is None:
            found = self._prepared[table, columns] = _Prepared(insert(table), self.engine, list(columns))
        return found

    def close(self) -> None:
        """Close this thread's connection."""
        reader = getattr(self._local, "reader", None)
        if reader is not None:
            reader.connection.close()
            self._local.reader = None

    def _connect(self) -> Connection:
        try:
            return self.engine.connect()
        except Exception as error:
            raise StoreError(f"cannot open the database {self.url.render_as_string()}: {first_line(error)}") from error

    @contextlib.contextmanager
    def _writer_lock(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        descriptor = self._lock_descriptor()
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _lock_descriptor(self) -> int:
        """This thread's own open file: a lock belongs to the open file, so threads exclude each other too."""
        descriptor: int | None = getattr(self._local, "lock", None)
        if descriptor is None:
            path = Path(str(self.url.database)).with_suffix(".write-lock")
            descriptor = self._local.lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return descriptor

    def _undo(self, writer: Writer) -> None:
        try:
            writer.rollback()
        except Exception:  # noqa: BLE001  # whatever it was, the connection is gone and the transaction with it: take a new one next time
            writer.connection.invalidate()
            self._local.reader = None


class Reader:
    """Statements on one connection. ``parameters`` are the statement's bind parameters by name."""

    __slots__ = ("_raw", "_store", "connection")

    def __init__(self, store: Store, connection: Connection) -> None:
        self._store = store
        self.connection = connection
        self._raw: Any = connection.connection.driver_connection

    @property
    def is_lost(self) -> bool:
        """Whether the connection ended under this reader; SQLite's cannot."""
        return not self._store.is_sqlite and bool(self._raw.closed)

    def first(self, statement: Executable, **parameters: Any) -> Row | None:
        """The first row, or None."""
        prepared = self._store.prepared(statement)
        row = self._execute(prepared, parameters).fetchone()
        return None if row is None else prepared.make_row(row)

    def all(self, statement: Executable, **parameters: Any) -> list[Row]:
        """Every row."""
        prepared = self._store.prepared(statement)
        return list(map(prepared.make_row, self._execute(prepared, parameters).fetchall()))

    def scalar(self, statement: Executable, **parameters: Any) -> Any:
        """The first column of the first row, or None."""
        row = self._execute(self._store.prepared(statement), parameters).fetchone()
        return None if row is None else row[0]

    def all_now(self, statement: Executable) -> list[Row]:
        """Every row of a statement composed for this one call (an IN list, an optional filter); Core compiles and runs it."""
        return list(self.connection.execute(statement).fetchall())

    def _execute(self, prepared: _Prepared, parameters: Mapping[str, Any]) -> Any:
        values = {**prepared.constants, **parameters} if prepared.constants else parameters
        return self._raw.execute(prepared.text, values)


class Writer(Reader):
    """A write transaction. ``after_commit`` holds calls to make once it is durable."""

    __slots__ = ("after_commit",)

    def __init__(self, store: Store, connection: Connection) -> None:
        super().__init__(store, connection)
        self.after_commit: list[Callable[[], None]] = []

    def run(self, statement: Executable, **parameters: Any) -> int:
        """Run an UPDATE or DELETE; how many rows it touched."""
        count: int = self._execute(self._store.prepared(statement), parameters).rowcount
        return count

    def run_many(self, statement: Executable, rows: list[dict[str, Any]]) -> None:
        """Run a statement without values of its own once for each of ``rows``, its parameters."""
        self._raw.cursor().executemany(self._store.prepared(statement).text, rows)

    def insert(self, table: Table, **values: Any) -> None:
        """Insert one row."""
        self._raw.execute(self._store.prepared_insert(table, tuple(values)).text, values)

    def insert_many(self, table: Table, rows: list[dict[str, Any]]) -> None:
        """Insert rows that all have the same columns."""
        if rows:
            self._raw.cursor().executemany(self._store.prepared_insert(table, tuple(rows[0])).text, rows)

    def wake_runner(self) -> None:
        """This transaction makes a row due: once it is durable, have the background work look at once (design D4)."""
        self.after_commit.append(self._store.on_due)

    def begin(self) -> None:
        """Begin; on SQLite as the one writer at once, so that a read-then-write never fails half way."""
        self._raw.execute("BEGIN IMMEDIATE" if self._store.is_sqlite else "BEGIN")

    def commit(self) -> None:
        """Make it durable."""
        self._raw.execute("COMMIT")

    def rollback(self) -> None:
        """Undo it; harmless when the database has already done so."""
        if not self._store.is_sqlite or self._raw.in_transaction:
            self._raw.execute("ROLLBACK")


def _nobody_waits() -> None:
    """No background work runs in this process; another one's looks by itself."""


def _make_engine(url: str, *, is_sqlite: bool) -> Engine:
    # "named" gives SQLite the parameter style that takes a mapping, as psycopg's own does.
    options: dict[str, Any] = {"paramstyle": "named"} if is_sqlite else {}
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT", **options)
    if is_sqlite:
        event.listen(engine, "connect", _set_pragmas)
    return engine


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _is_conflict(error: BaseException) -> bool:
    return getattr(error, "sqlstate", None) in _CONFLICTS


def first_line(error: BaseException) -> str:
    """What the driver said, without SQLAlchemy's notes on it."""
    return str(getattr(error, "orig", None) or error).splitlines()[0]
