"""The data directory: what a start writes there, and that one which cannot be used is refused in a line and left as it was."""

from __future__ import annotations

import configparser
import shutil
import sqlite3
import subprocess
from typing import TYPE_CHECKING

import boto3
import pytest
from support import process

from stead.config import Settings
from stead.credentials_file import write
from stead.store.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.process import Running


def content(folder: Path) -> dict[str, bytes]:
    """Every file's bytes. The lock is left out: who asked for it may write its number there."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and p.name != "lock"}


def serve(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to fail."""
    return process.run("serve", "--port", "0", "--data-dir", str(data), *arguments, cwd=data.parent if data.parent.is_dir() else None)


def assert_refused(ended: subprocess.CompletedProcess[str], message: str) -> None:
    """Exit code 2 and one clear line."""
    assert message in ended.stderr
    assert ended.stderr.startswith("stead: ")
    assert len(ended.stderr.splitlines()) == 1
    assert "ready" not in ended.stdout
    assert ended.returncode == 2


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory as a first start leaves it; copied, never used itself."""
    folder = tmp_path_factory.mktemp("prepared")
    settings = Settings(data_dir=folder)
    write(folder / "credentials", prepare(settings.store_url, folder / "keys", settings.account_id, None), settings)
    (folder / ".gitignore").write_text("*\n")
    return folder


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    """A data directory with a past."""
    return shutil.copytree(prepared, tmp_path / "data")


def test_a_first_start_makes_credentials_that_boto3_reads(
    start: Callable[..., Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    running = start("--data-dir", str(data), "--root-credentials", "")
    assert {path.name: path.stat().st_mode & 0o777 for path in data.iterdir() if path.is_file()} == {
        ".gitignore": 0o600,
        "credentials": 0o600,
        "keys": 0o600,
        "lock": 0o600,
        "stead.db": 0o600,
        "stead.db-shm": 0o600,
        "stead.db-wal": 0o600,
        "stead.write-lock": 0o600,
    }
    assert data.stat().st_mode & 0o777 == 0o700
    assert (data / "lock").read_text() == f"{running.process.pid}\n"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(data / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    assert boto3.Session().client("sts").get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:root"


def test_the_directory_is_never_committed(start: Callable[..., Running], tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    start("--data-dir", str(tmp_path / "data"))
    seen = subprocess.run(["git", "-C", tmp_path, "status", "--porcelain", "--", "data"], capture_output=True, text=True, check=True)
    assert (tmp_path / "data" / ".gitignore").read_text() == "*\n"
    assert seen.stdout == ""


def test_credentials_stay_the_same_and_follow_the_port(start: Callable[..., Running], data: Path) -> None:
    before = _profile(data)
    running = start("--data-dir", str(data), "--root-credentials", "")
    after = _profile(data)
    assert after["aws_secret_access_key"] == before["aws_secret_access_key"]
    assert after["endpoint_url"] == running.url
    key = after["aws_access_key_id"], after["aws_secret_access_key"]
    assert running.client("sts", key).get_caller_identity()["Account"] == "123456789012"


def test_credentials_taken_from_a_file_are_taken_again(start: Callable[..., Running], tmp_path: Path) -> None:
    running = start("--data-dir", str(tmp_path / "data"))
    assert running.stop() == 0
    assert start("--data-dir", str(tmp_path / "data")).client("sts").get_caller_identity()["Arn"].endswith(":root")


def _profile(data: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(data / "credentials")
    return parser["default"]


@pytest.mark.parametrize("given", ["AKIAOTHER:secret", "@other"])
def test_another_root_key_than_the_stored_one_is_an_error(given: str, data: Path) -> None:
    (data.parent / "other").write_text("AKIAOTHER:secret")
    before = content(data)
    ended = serve(data, "--root-credentials", given)
    assert "the root credentials given are not the stored ones; leave them out, or use another data directory" in ended.stderr
    assert ended.returncode == 2
    assert content(data) == before


def _garbage(data: Path) -> None:
    (data / "stead.db").write_bytes(b"this is no database\n" * 1000)


def _truncated(data: Path) -> None:
    with (data / "stead.db").open("r+b") as file:
        file.truncate((data / "stead.db").stat().st_size // 2)


def _empty(data: Path) -> None:
    (data / "stead.db").write_bytes(b"")


def _missing(data: Path) -> None:
    (data / "stead.db").unlink()


def _zeroed_first_page(data: Path) -> None:
    _zero(data, 0)


def _zeroed_inner_page(data: Path) -> None:
    _zero(data, 4096)


def _zero(data: Path, offset: int) -> None:
    with (data / "stead.db").open("r+b") as file:
        file.seek(offset)
        file.write(bytes(4096))


def _foreign_tables(data: Path) -> None:
    (data / "stead.db").unlink()
    _execute(data, "CREATE TABLE orders (id INTEGER)")


def _newer(data: Path) -> None:
    _execute(data, "UPDATE alembic_version SET version_num = '9999'")


def _missing_ring(data: Path) -> None:
    (data / "keys").unlink()


def _foreign_ring(data: Path) -> None:
    (data / "keys").write_text("00000000 " + "11" * 32 + "\n")


def _same_id_other_key(data: Path) -> None:
    (data / "keys").write_text((data / "keys").read_text().split()[0] + " " + "11" * 32 + "\n")


def _damaged_ring(data: Path) -> None:
    (data / "keys").write_bytes(b"\xff\x00 not a ring")


def _short_key(data: Path) -> None:
    (data / "keys").write_text("00000000 1111\n")


def _empty_ring(data: Path) -> None:
    (data / "keys").write_text("")


def _ring_is_a_folder(data: Path) -> None:
    (data / "keys").unlink()
    (data / "keys").mkdir()


def _database_is_a_folder(data: Path) -> None:
    (data / "stead.db").unlink()
    (data / "stead.db").mkdir()


def _credentials_are_a_folder(data: Path) -> None:
    (data / "credentials").unlink()
    (data / "credentials").mkdir()


def _lock_is_a_folder(data: Path) -> None:
    (data / "lock").mkdir()


def _execute(data: Path, statement: str) -> None:
    with sqlite3.connect(data / "stead.db") as connection:
        connection.execute(statement)
    connection.close()


UNUSABLE: dict[Callable[[Path], None], str] = {
    _garbage: "cannot be read",
    _truncated: "cannot be read: database disk image is malformed",
    _empty: "is missing or empty: restore it from your backup, or use another data directory to begin anew",
    _missing: "is missing or empty: restore it from your backup, or use another data directory to begin anew",
    _zeroed_first_page: "cannot be read",
    _zeroed_inner_page: "is damaged",
    _foreign_tables: "the database holds tables that are not Stead's; give Stead one of its own",
    _newer: "the database is at revision 9999, made by a newer Stead",
    _missing_ring: "is missing, and the database was made with one: restore it from your backup",
    _foreign_ring: "is not the one this database was made with: restore it from your backup",
    _same_id_other_key: "is not the one this database was made with: restore it from your backup",
    _damaged_ring: "is damaged: restore it from your backup",
    _short_key: "is damaged: restore it from your backup",
    _empty_ring: "is damaged: restore it from your backup",
    _ring_is_a_folder: "keys",
    _database_is_a_folder: "cannot be read: unable to open database file",
    _credentials_are_a_folder: "credentials",
    _lock_is_a_folder: "lock",
}


@pytest.mark.parametrize("damage", UNUSABLE, ids=lambda damage: damage.__name__.strip("_"))
def test_what_cannot_be_used_is_said_and_left_as_it_was(damage: Callable[[Path], None], data: Path) -> None:
    damage(data)
    before = content(data)
    ended = serve(data)
    assert_refused(ended, UNUSABLE[damage])
    assert content(data) == before


def test_another_account_is_refused(data: Path) -> None:
    before = content(data)
    ended = serve(data, "--account-id", "210987654321")
    assert_refused(ended, "the store belongs to account 123456789012, not 210987654321: start with --account-id 123456789012")
    assert content(data) == before


@pytest.mark.parametrize("where", ["file", "file/below", "/proc/stead"])
def test_a_directory_that_cannot_be_made(where: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ended = serve(tmp_path / where)
    assert_refused(ended, f"cannot write to the data directory {tmp_path / where}: ")
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.fixture
def read_only(data: Path) -> Iterator[Path]:
    """The directory mounted read-only over itself: the only bar that holds for root too."""
    if subprocess.run(["mount", "--bind", "-o", "ro", data, data], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount; the other cases cover what cannot be written")
    yield data
    subprocess.run(["umount", data], check=True)


def test_a_directory_that_is_read_only(read_only: Path) -> None:
    before = content(read_only)
    assert_refused(serve(read_only), f"cannot write to the data directory {read_only}: Read-only file system")
    assert content(read_only) == before
