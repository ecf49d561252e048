"""The journal: every call that changed something, in order, in a SQLite file of the child's own.

A row is checked by its own digest when it is read, so a damaged one is reported and left out, and the rest still plays.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from stead.neighbours.messages import pack_reply, pack_request, unpack_reply, unpack_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from stead.neighbours.messages import NeighbourReply, NeighbourRequest

log = logging.getLogger("stead.neighbours")

_TABLE = """
CREATE TABLE IF NOT EXISTS journal (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice, so no seed is either
    intent TEXT UNIQUE,
    about TEXT,
    service TEXT NOT NULL,
    region TEXT NOT NULL,
    moto TEXT NOT NULL,
    seed INTEGER NOT NULL,
    request BLOB NOT NULL,
    status INTEGER NOT NULL,
    answer BLOB NOT NULL,
    reply BLOB,
    digest TEXT NOT NULL
)
"""
_ABOUT = "CREATE INDEX IF NOT EXISTS journal_about ON journal (about)"


class Entry(NamedTuple):
    """One call as it was played. ``answer`` is the digest of what moto said; ``about`` the one resource that the call concerns, if only one."""

    number: int
    seed: int
    moto: str
    request: NeighbourRequest
    answer: bytes


class Journal:
    """Opened by one process at a time (the child holds a lock)."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.text_factory = _text
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(_TABLE)
        self._db.execute(_ABOUT)
        self._db.execute("CREATE TABLE IF NOT EXISTS salt (salt INTEGER NOT NULL)")
        self._db.execute("INSERT INTO salt SELECT ? WHERE NOT EXISTS (SELECT 1 FROM salt)", (secrets.randbits(31) << 31,))
        self._salt: int = self._db.execute("SELECT salt FROM salt").fetchone()[0]

    def next_seed(self) -> int:
        """A seed that no entry ever had, forgotten ones included, and that no other journal has."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'journal'").fetchone()
        last: int = row[0] if row else 0
        return self._salt + last + 1

    def add(self, seed: int, moto: str, request: NeighbourRequest, reply: NeighbourReply, about: str | None) -> None:
        """Committed when this returns. The reply itself is kept only for a call that may be repeated by its intent."""
        packed = pack_request(request)
        kept = pack_reply(reply) if request.intent else None
        answer = digest_of(reply)
        where = (request.service, request.region)
        row = (request.intent or None, about, *where, moto, seed, packed, reply.status, answer, kept, _seal(seed, packed, answer, kept))
        self._db.execute(
            "INSERT INTO journal (intent, about, service, region, moto, seed, request, status, answer, reply, digest) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            row,
        )

    def answered(self, intent: str) -> NeighbourReply | None:
        """What was answered to a call with this intent before."""
        row = self._db.execute("SELECT reply FROM journal WHERE intent = ?", (intent,)).fetchone()
        return unpack_reply(row[0]) if row is not None else None

    def entries(self) -> Iterator[Entry]:
        """All that can be read, in order. The intent of a damaged one is free again: what it did is not there."""
        damaged = []
        for number, moto, digest, *sealed in self._db.execute(
            "SELECT number, moto, digest, seed, request, answer, reply FROM journal ORDER BY number"
        ):
            if not _is_whole(digest, sealed):
                log.error("entry %d of the neighbours' journal is damaged and left out", number)
                damaged.append((number,))
                continue
            seed, packed, answer, _ = sealed
            yield Entry(number, seed, moto, unpack_request(packed), answer)
        self._db.executemany("UPDATE journal SET intent = NULL WHERE number = ?", damaged)

    def forget(self, abouts: Iterable[str]) -> None:
        """Compaction: everything about these resources, which are gone."""
        self._db.executemany("DELETE FROM journal WHERE about = ?", [(about,) for about in abouts])

    def clear(self) -> None:
        """Forget everything; numbers, and so seeds, go on."""
        self._db.execute("DELETE FROM journal")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


def used_regions(path: Path, service: str) -> frozenset[str]:
    """The Regions of a service's entries, forgotten ones left out; none when nothing was ever changed."""
    if not path.exists():
        return frozenset()
    with closing(sqlite3.connect(path)) as db:
        return frozenset(region for (region,) in db.execute("SELECT DISTINCT region FROM journal WHERE service = ?", (service,)))


def digest_of(reply: NeighbourReply) -> bytes:
    """What tells whether a call played again went as it did."""
    return hashlib.blake2b(b"%d\n%s" % (reply.status, reply.body), digest_size=16).digest()


def _seal(seed: int, packed: bytes, answer: bytes, kept: bytes | None) -> str:
    return hashlib.blake2b(b"%d\n%s%s%s" % (seed, answer, packed, kept or b""), digest_size=16).hexdigest()


def _is_whole(digest: object, sealed: Sequence[Any]) -> bool:
    try:
        return digest == _seal(*sealed)
    except TypeError:  # damage can change what kind of value a column holds
        return False


def _text(found: bytes) -> str:
    return found.decode("utf-8", "replace")
