"""What tests of the embedded neighbours share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.neighbours import Embedded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Embedded]:
    """Fresh embedded neighbours."""
    made = Embedded(tmp_path)
    yield made
    made.journal.close()
