"""SCOPE.md says of each service what Stead leaves for later: every operation that it lacks, and none that it has."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from stead.app import declare_operations
from stead.aws.models import operation_names
from stead.aws.operation import all_operations

ROWS = re.findall(r"^\| (ECS|IAM|STS) \|[^|]*\|(.*)\|$", (Path(__file__).parents[2] / "SCOPE.md").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("service", ["ecs", "iam", "sts"])
def test_what_is_left_for_later(service: str) -> None:
    declare_operations()
    patterns = [pattern for name, cell in ROWS if name.lower() == service for pattern in re.findall(r"`([^`]+)`", cell)]
    here = {operation.name for operation in all_operations() if operation.service == service}

    def listed(names: frozenset[str] | set[str]) -> set[str]:
        return {name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)}

    missing = operation_names(service) - here
    assert missing - listed(missing) == set()
    assert listed(here) == set()
    assert [pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in missing)] == []
