"""How a command asks a running Stead: over HTTP, as any client does.

Where and who comes from one place: ``--data-dir`` if it was given; else the environment that ``stead env`` prints, or any other that botocore
understands, if it names an endpoint; else the credentials file of the default data directory. An endpoint is always named: nothing falls back to AWS itself.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stead.commands.output import CommandError
from stead.config import DEFAULT_DATA_DIR

if TYPE_CHECKING:
    import argparse

    from botocore.session import Session


class Endpoint(NamedTuple):
    """A running Stead, and a botocore session that signs for it."""

    url: str
    session: Session


def add_options(parser: argparse.ArgumentParser) -> None:
    """``--endpoint-url`` and ``--data-dir``."""
    parser.add_argument(
        "--endpoint-url", metavar="URL", help="where Stead listens (default: AWS_ENDPOINT_URL, or what the data directory says)"
    )
    parser.add_argument("--data-dir", metavar="DIR", type=Path, help="sign with the root credentials of this data directory")


def endpoint(options: argparse.Namespace) -> Endpoint:
    """The Stead that ``options`` and the environment mean."""
    url = options.endpoint_url or os.environ.get("AWS_ENDPOINT_URL")
    if options.data_dir is None and url:
        return Endpoint(url, _session({}))
    values = _from_file(options.data_dir or Path(os.environ.get("STEAD_DATA_DIR", DEFAULT_DATA_DIR)))
    return Endpoint(options.endpoint_url or values["AWS_ENDPOINT_URL"], _session(values))


def client(options: argparse.Namespace, service: str) -> Any:
    """A botocore client of ``service``, e.g. ``client(options, "iam").list_roles()``."""
    from botocore.config import Config

    at = endpoint(options)
    return at.session.create_client(service, endpoint_url=at.url, config=Config(retries={"max_attempts": 0}))


def call(options: argparse.Namespace, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
    """The answer of one operation, e.g. ``call(options, "iam", "get_role", RoleName="r")``; a refusal is a CommandError."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer: dict[str, Any] = getattr(client(options, service), operation)(**parameters)
    except (BotoCoreError, ClientError) as error:
        raise failure(error) from error
    return answer


def failure(error: Exception) -> CommandError:
    """What botocore says, without its remark on the retries that were never wanted."""
    return CommandError(str(error).replace(" (reached max retries: 0)", ""))


def _session(values: dict[str, str]) -> Session:
    from botocore.session import get_session

    session = get_session()
    session.set_config_variable("region", values.get("AWS_REGION") or session.get_config_variable("region") or "us-east-1")
    session.set_config_variable("metadata_service_num_attempts", 1)  # no credentials is soon said
    if values:
        session.set_credentials(values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"])
    return session


def _from_file(data_dir: Path) -> dict[str, str]:
    from stead.credentials_file import read_values

    try:
        return read_values(data_dir)
    except OSError as error:
        message = f"no credentials in {data_dir}: give --data-dir, or AWS_ENDPOINT_URL and credentials ({error.strerror})"
        raise CommandError(message) from error
    except ValueError as error:
        raise CommandError(str(error)) from error
