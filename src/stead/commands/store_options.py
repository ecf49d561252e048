"""The options of commands that work in Stead's own data directory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from stead.config import DEFAULT_DATA_DIR, HELP

if TYPE_CHECKING:
    import argparse


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """``--data-dir``, by default what ``stead serve`` would use."""
    default = Path(os.environ.get("STEAD_DATA_DIR", DEFAULT_DATA_DIR))
    parser.add_argument("--data-dir", metavar="DIR", type=Path, default=default, help=f"{HELP['data_dir']} (default %(default)s)")
