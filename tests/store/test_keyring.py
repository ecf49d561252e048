"""The key ring: what it sealed it opens, for its purpose and untouched; nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stead.store.engine import StoreError
from stead.store.keyring import CannotOpen, KeyRing, load_or_create

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW = (b"old_", b"o" * 32), (b"new_", b"n" * 32)


@given(st.binary(max_size=100), st.text(max_size=20))
def test_what_is_sealed_opens(plain: bytes, purpose: str) -> None:
    ring = KeyRing([OLD])
    assert ring.open(ring.seal(plain, purpose), purpose) == plain


def test_no_bit_of_it_can_be_changed() -> None:
    ring = KeyRing([OLD])
    sealed = ring.seal(b"secret", "purpose")
    for position in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(CannotOpen):
            ring.open(bytes(changed), "purpose")


@given(st.binary(max_size=60))
def test_any_bytes_cannot_be_opened(sealed: bytes) -> None:
    with pytest.raises(CannotOpen):
        KeyRing([OLD]).open(sealed, "purpose")


def test_every_beginning_of_it_cannot_be_opened() -> None:
    sealed = KeyRing([OLD]).seal(b"secret", "purpose")
    for length in range(len(sealed)):
        with pytest.raises(CannotOpen):
            KeyRing([OLD]).open(sealed[:length], "purpose")


def test_a_secret_is_no_token() -> None:
    ring = KeyRing([OLD])
    with pytest.raises(CannotOpen):
        ring.open(ring.seal(b"secret", "secret access key"), "session token")


def test_the_newest_key_seals_and_every_key_opens() -> None:
    before = KeyRing([OLD]).seal(b"plain", "purpose")
    ring = KeyRing([OLD, NEW])
    assert ring.open(before, "purpose") == b"plain"
    after = ring.seal(b"plain", "purpose")
    assert KeyRing([NEW]).open(after, "purpose") == b"plain"
    with pytest.raises(CannotOpen):
        KeyRing([OLD]).open(after, "purpose")


def test_the_same_text_is_never_sealed_alike() -> None:
    ring = KeyRing([OLD])
    assert len({ring.seal(b"plain", "purpose") for _ in range(100)}) == 100


def test_a_new_ring_is_its_owners_alone_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    sealed = load_or_create(path, may_create=True).seal(b"plain", "purpose")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["keys"]
    assert load_or_create(path, may_create=True).open(sealed, "purpose") == b"plain"


def test_a_missing_ring_is_an_error_where_one_must_be(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is missing, and the database was made with one: restore it from your backup"):
        load_or_create(tmp_path / "keys", may_create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"\n", b"zz zz\n", b"00\n", b"\xff\xfe", b"00000000 " + b"1" * 10 + b"\n", b"00000000 11 22\n"])
def test_a_damaged_ring_is_an_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(content)
    with pytest.raises(StoreError, match="is damaged: restore it from your backup"):
        load_or_create(tmp_path / "keys", may_create=True)
    assert (tmp_path / "keys").read_bytes() == content
