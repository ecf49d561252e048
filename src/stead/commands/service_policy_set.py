"""``stead service-policy set``: see ``stead.service_policy``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from stead.commands.output import CommandError, say
from stead.commands.store_options import add_data_dir
from stead.config import HELP, SettingsError, read

if TYPE_CHECKING:
    import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which policy, which version, in which store."""
    parser.add_argument("name", metavar="NAME", help="the policy's name, e.g. AmazonECSServiceRolePolicy")
    parser.add_argument("source", metavar="VERSION|FILE", help="a stored version such as v24, or a file with the document of a new one")
    add_data_dir(parser)
    parser.add_argument("--database-url", metavar="URL", help=HELP["database_url"])


def run(options: argparse.Namespace) -> int:
    """Set it, and say what was done."""
    from stead.aws.errors import AwsError
    from stead.service_policy import set_default
    from stead.store.engine import StoreError

    try:
        settings, _ = read(options, os.environ)
        say(set_default(options.name, options.source, settings.data_dir, settings.database_url))
    except (SettingsError, StoreError, AwsError, OSError, ValueError) as error:
        raise CommandError(str(error)) from error
    return 0
