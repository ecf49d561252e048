"""The root credentials on their way in (``--root-credentials``) and out (``DIR/credentials``, and ``stead env``)."""

from __future__ import annotations

import configparser
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from stead.store.prepare import RootCredentials

if TYPE_CHECKING:
    from stead.config import Settings

# What can travel in an Authorization header: the id stands before a slash there.
_KEY_ID = re.compile(r"[\w.+-]{1,128}\Z")


def parse(given: str) -> RootCredentials | None:
    """``KEYID:SECRET`` or ``@FILE`` holding that; None for an empty text. ValueError for anything else."""
    if not given:
        return None
    text = _read(Path(given[1:])) if given.startswith("@") else given
    key_id, colon, secret = text.partition(":")
    if not colon or not secret or not _KEY_ID.match(key_id):
        raise ValueError("--root-credentials must be KEYID:SECRET, both not empty, or @FILE holding that")
    return RootCredentials(key_id, secret)


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--root-credentials: cannot read {file}: {error}") from error


def write(path: Path, credentials: RootCredentials, settings: Settings) -> None:
    """An AWS shared-credentials file, mode 0600, replaced whole."""
    unfinished = path.with_suffix(".new")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(
            f"[default]\naws_access_key_id = {credentials.access_key_id}\naws_secret_access_key = {credentials.secret}\n"
            f"region = us-east-1\nendpoint_url = http://{settings.url_host}:{settings.port}\n"
        )
    try:
        unfinished.rename(path)
    except OSError:
        unfinished.unlink()  # a secret is not left lying about
        raise


def shell_exports(data_dir: Path) -> str:
    """``export`` lines for ``eval "$(stead env)"``. FileNotFoundError when nothing was started in ``data_dir`` yet."""
    values = read_values(data_dir)
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items()) + "unset AWS_SESSION_TOKEN AWS_PROFILE\n"


def read_values(data_dir: Path) -> dict[str, str]:
    """Endpoint, root credentials and Region by the names of their variables. FileNotFoundError as above, ValueError for a damaged file."""
    path = data_dir / "credentials"
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text("utf-8"))
        profile = parser["default"]
        return {
            "AWS_ENDPOINT_URL": profile["endpoint_url"],
            "AWS_ACCESS_KEY_ID": profile["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": profile["aws_secret_access_key"],
            "AWS_DEFAULT_REGION": profile["region"],
            "AWS_REGION": profile["region"],
        }
    except (configparser.Error, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged; every start writes it anew") from error
