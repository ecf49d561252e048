"""``stead serve``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from stead.commands.output import CommandError, say, tell
from stead.config import SettingsError, add_options, read

if TYPE_CHECKING:
    import argparse

__all__ = ["add_options", "run"]


def run(options: argparse.Namespace) -> int:
    """Serve until a signal."""
    from stead.serve import ServeError, serve

    try:
        settings, lines = read(options, os.environ)
        for line in lines:
            tell(line)
        serve(settings, say)
    except (SettingsError, ServeError) as error:
        if not str(error):
            return 2
        raise CommandError(str(error)) from error
    return 0
