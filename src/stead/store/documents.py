"""Policy texts: each is stored once, by its hash, whoever holds it. So equal policies are compiled once, and a comparison is one of hashes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from stead.store.tables import documents

if TYPE_CHECKING:
    from stead.store.engine import Writer

_DOCUMENT = select(documents.c.hash).where(documents.c.hash == bindparam("hash"))


def digest_of(document: str) -> str:
    """The hash under which a policy text is stored."""
    return hashlib.sha256(document.encode()).hexdigest()


def store_document(db: Writer, document: str) -> str:
    """Store a policy text unless it is there; its hash."""
    digest = digest_of(document)
    if db.first(_DOCUMENT, hash=digest) is None:
        db.insert(documents, hash=digest, text=document)
    return digest


def size_of(document: str) -> int:
    """Characters without white space, as IAM's quotas count (policy-evaluation.md 7.2)."""
    return sum(map(len, document.split()))
