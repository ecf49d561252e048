"""docs/reference/ says what the program has: a forgotten operation, setting, operator or linked service fails here."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from stead.aws.operation import all_operations
from stead.config import Settings
from stead.linked_roles import catalog
from stead.policy.conditions.condition import TABLES

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "reference"


def _script() -> Any:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = _script().PAGES


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_up_to_date(name: str) -> None:
    """If this fails: make reference."""
    assert (FOLDER / name).read_text("utf-8") == PAGES[name]()


def test_no_page_is_left_over() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("operations.md", lambda: {operation.name for operation in all_operations()}),
        ("settings.md", lambda: {f"STEAD_{name.upper()}" for name in Settings.__dataclass_fields__}),
        ("operators.md", lambda: {name for table in TABLES for name in table.OPERATORS}),
        ("linked-services.md", lambda: set(catalog.services())),
    ],
)
def test_nothing_is_missing(page: str, names: Any) -> None:
    """Independent of how the pages are made."""
    text = (FOLDER / page).read_text("utf-8")
    wanted = names()
    assert len(wanted) > 10
    assert [name for name in sorted(wanted) if f"`{name}`" not in text] == []
