"""The key ring: secrets at rest and sealed session tokens (designs D5, D6).

``DIR/keys`` (mode 0600) holds AES-256 keys, newest last, outside the database: a stolen database is not a stolen account. The newest key
seals; every key opens, so keys are rotated by appending one and removed only when the longest session (36 h) is over. The database holds a
check value sealed by the ring: a ring that cannot open it is an error, never a reason for a new ring, because a new ring would quietly
make every stored secret unreadable.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stead.store.engine import StoreError

if TYPE_CHECKING:
    from pathlib import Path

SECRET_PURPOSE = "secret access key"  # noqa: S105  # bound into each sealed secret; not a secret itself
_NONCE_BYTES = 12
_KEY_ID_BYTES = 4
_DIGEST_BYTES = 16
_PURPOSE_BYTES = 16  # each purpose has the same length before the data, so no two pairs of purpose and data are one


class CannotOpen(Exception):  # noqa: N818  # the caller words the refusal
    """The bytes were not sealed by this ring, or were tampered with."""


class KeyRing:
    """AES-GCM with named keys. ``purpose`` is bound into what is sealed: a secret cannot be opened as a token."""

    MARK_BYTES = _KEY_ID_BYTES + _DIGEST_BYTES

    def __init__(self, keys: list[tuple[bytes, bytes]]) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys}
        marking = {key_id: hashlib.blake2b(b"marks", key=key).digest() for key_id, key in keys}  # one key, one use
        self._marking = {key_id: hashlib.blake2b(key=key, digest_size=_DIGEST_BYTES) for key_id, key in marking.items()}
        self._newest = keys[-1][0]

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """Encrypt and authenticate: key id, nonce, ciphertext."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return self._newest + nonce + self._ciphers[self._newest].encrypt(nonce, plain, self._newest + purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """The plain bytes; raises CannotOpen for anything that this ring did not seal for ``purpose``."""
        key_id, nonce = sealed[:_KEY_ID_BYTES], sealed[_KEY_ID_BYTES : _KEY_ID_BYTES + _NONCE_BYTES]
        cipher = self._ciphers.get(key_id)
        if cipher is None or len(nonce) < _NONCE_BYTES:
            raise CannotOpen
        try:
            return cipher.decrypt(nonce, sealed[_KEY_ID_BYTES + _NONCE_BYTES :], key_id + purpose.encode())
        except InvalidTag as error:
            raise CannotOpen from error

    def mark(self, data: bytes, purpose: str) -> bytes:
        """A proof that the holder of this ring wrote ``data``, which stays readable: key id and keyed hash, ``MARK_BYTES`` long."""
        return self._newest + self._keyed_hash(self._newest, data, purpose)

    def is_marked(self, data: bytes, mark: bytes, purpose: str) -> bool:
        """Whether this ring made ``mark`` for just these bytes."""
        key_id = mark[:_KEY_ID_BYTES]
        return key_id in self._marking and hmac.compare_digest(mark[_KEY_ID_BYTES:], self._keyed_hash(key_id, data, purpose))

    def _keyed_hash(self, key_id: bytes, data: bytes, purpose: str) -> bytes:
        begun = self._marking[key_id].copy()  # cheaper than a new one for every event
        begun.update(purpose.encode().ljust(_PURPOSE_BYTES, b"\0"))
        begun.update(data)
        return begun.digest()


def load_or_create(path: Path, *, may_create: bool) -> KeyRing:
    """The ring of ``path``; a new one only where no database of that ring exists yet (``may_create``)."""
    if not path.exists():
        if not may_create:
            raise StoreError(f"the key ring {path} is missing, and the database was made with one: restore it from your backup")
        _write_new(path)
    try:
        lines = [line.split() for line in path.read_text("ascii").splitlines() if line.strip()]
        keys = [(bytes.fromhex(key_id), bytes.fromhex(key)) for key_id, key in lines]
        return KeyRing(keys)
    except (ValueError, IndexError) as error:
        raise StoreError(f"the key ring {path} is damaged: restore it from your backup") from error


def _write_new(path: Path) -> None:
    """Written whole, then renamed into place: a kill leaves no half a ring."""
    unfinished = path.with_suffix(".new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{secrets.token_hex(_KEY_ID_BYTES)} {secrets.token_hex(32)}\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
