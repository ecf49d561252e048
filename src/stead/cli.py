"""The ``stead`` command."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stead import __version__
from stead.config import DEFAULT_DATA_DIR, HELP, SettingsError, add_options, read

if TYPE_CHECKING:
    from collections.abc import Sequence

OLD_CLI = (
    'note: AWS CLI v2 before 2.13 ignores AWS_ENDPOINT_URL and would call AWS itself; give it --endpoint-url "$AWS_ENDPOINT_URL" there'
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    logging.basicConfig(format="stead: %(message)s", level=logging.WARNING)
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stead", description="IAM, STS and ECS in which service-linked roles really work.")
    parser.add_argument("--version", action="version", version=f"stead {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run Stead")
    add_options(serve)
    serve.set_defaults(run=_serve)
    env = commands.add_parser("env", help='print what a shell needs: eval "$(stead env)"')
    _add_data_dir(env)
    env.set_defaults(run=_env)
    policy = commands.add_parser("service-policy", help="move the default version of a service-linked role's policy")
    _add_service_policy(policy)
    return parser


def _add_service_policy(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    chosen = actions.add_parser("set", help="set NAME to a stored VERSION (v24) or to the document in FILE")
    chosen.add_argument("name", metavar="NAME", help="the policy's name, e.g. AmazonECSServiceRolePolicy")
    chosen.add_argument("source", metavar="VERSION|FILE", help="a stored version such as v24, or a file with the document of a new one")
    _add_data_dir(chosen)
    chosen.add_argument("--database-url", metavar="URL", help=HELP["database_url"])
    chosen.set_defaults(run=_set_service_policy)


def _add_data_dir(parser: argparse.ArgumentParser) -> None:
    default = Path(os.environ.get("STEAD_DATA_DIR", DEFAULT_DATA_DIR))
    parser.add_argument("--data-dir", metavar="DIR", type=Path, default=default, help=f"{HELP['data_dir']} (default %(default)s)")


def _serve(options: argparse.Namespace) -> int:
    from stead.serve import ServeError, serve  # noqa: PLC0415  # the other commands need no server

    try:
        settings, lines = read(options, os.environ)
        for line in lines:
            _tell(line)
        serve(settings, _say)
    except (SettingsError, ServeError) as error:
        if str(error):
            _tell(str(error))
        return 2
    return 0


def _env(options: argparse.Namespace) -> int:
    from stead.credentials_file import shell_exports  # noqa: PLC0415  # as above

    try:
        sys.stdout.write(shell_exports(options.data_dir))
    except OSError as error:
        _tell(f"no credentials in {options.data_dir}: start Stead there first ({error.strerror})")
        return 2
    except ValueError as error:
        _tell(str(error))
        return 2
    _tell(OLD_CLI)
    return 0


def _set_service_policy(options: argparse.Namespace) -> int:
    from stead.aws.errors import AwsError  # noqa: PLC0415  # as above
    from stead.service_policy import set_default  # noqa: PLC0415
    from stead.store.engine import StoreError  # noqa: PLC0415

    try:
        settings, _ = read(options, os.environ)
        _say(set_default(options.name, options.source, settings.data_dir, settings.database_url))
    except (SettingsError, StoreError, AwsError, OSError, ValueError) as error:
        _tell(str(error))
        return 2
    return 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # a command's output


def _tell(line: str) -> None:
    print(f"stead: {line}", file=sys.stderr, flush=True)  # noqa: T201  # a command's messages
