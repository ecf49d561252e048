"""``stead env``: what a shell needs to speak to a Stead of this machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from stead.commands.output import CommandError, tell
from stead.commands.store_options import add_data_dir

if TYPE_CHECKING:
    import argparse

OLD_CLI = (
    'note: AWS CLI v2 before 2.13 ignores AWS_ENDPOINT_URL and would call AWS itself; give it --endpoint-url "$AWS_ENDPOINT_URL" there'
)

add_options = add_data_dir


def run(options: argparse.Namespace) -> int:
    """Print the ``export`` lines."""
    from stead.credentials_file import shell_exports

    try:
        sys.stdout.write(shell_exports(options.data_dir))
    except OSError as error:
        raise CommandError(f"no credentials in {options.data_dir}: start Stead there first ({error.strerror})") from error
    except ValueError as error:
        raise CommandError(str(error)) from error
    tell(OLD_CLI)
    return 0
