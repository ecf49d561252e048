"""Every row of ``rows.yaml`` is shown by a case, or by the test that it names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from policy.policies import CASES, load

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parents[1]
ROWS: dict[str, dict[str, str]] = yaml.safe_load((CASES.parent / "rows.yaml").read_text())
ELSEWHERE = {name: row for name, row in ROWS.items() if "shown_by" in row or "absent" in row}


def named(tree: Any) -> Iterator[str]:
    """The ids in all ``rows`` of a file, at any depth."""
    if isinstance(tree, dict):
        yield from tree.get("rows", ())
    for item in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from named(item)


SHOWN = {row for file in CASES.glob("*.yaml") for row in named(load(file.stem))}


def test_every_row_has_a_case() -> None:
    assert sorted(ROWS.keys() - ELSEWHERE.keys() - SHOWN) == []


def test_cases_name_rows_that_there_are() -> None:
    assert sorted(SHOWN - ROWS.keys()) == []


def test_the_naive_evaluator_names_rows_that_there_are() -> None:
    code = "".join(path.read_text() for path in CASES.with_name("naive").glob("*.py"))
    cited = set(re.findall(r"\b(?:PE|RA)-[0-9.]+-[0-9]+", code))
    assert len(cited) > 50
    assert sorted(cited - ROWS.keys()) == []


@pytest.mark.parametrize("file", [path.stem for path in CASES.glob("*.yaml") if path.stem != "callers"])
def test_every_case_names_its_rows(file: str) -> None:
    unnamed = [case for table in load(file) if "rows" not in table for case in table.get("cases", [table])]
    assert [case for case in unnamed if not (isinstance(case, dict) and case.get("rows"))] == []


@pytest.mark.parametrize("row", [row for row in ELSEWHERE.values() if "shown_by" in row], ids=lambda row: row["says"])
def test_a_row_of_another_layer_has_its_test(row: dict[str, str]) -> None:
    file, _, name = row["shown_by"].partition("::")
    assert f"def {name}(" in (TESTS / file).read_text()
