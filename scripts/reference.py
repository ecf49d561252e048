"""Writes docs/reference/ from the program's own tables: the operations, the settings, the condition operators, the linked services.

`make reference` after adding one of these; tests/docs/test_reference.py compares the files with what this makes.
"""

from __future__ import annotations

import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from stead.app import declare_operations
from stead.aws.operation import Effect, Operation, all_operations
from stead.config import DEFAULT_DATA_DIR, HELP, Settings
from stead.linked_roles import catalog
from stead.policy.conditions.condition import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
MADE = "Made by `make reference`; edit the program, not this page.\n\n"
NAMES = {"iam": "IAM", "iam-toolbox": "IAM Toolbox", "sts": "STS", "ecs": "ECS", "cloudtrail": "CloudTrail"}
LEGEND = (
    "Each is authorized as the action `service:Operation` unless it says *open*. An operation of these services that is not here answers HTTP 501"
    " `NotImplemented`. *Recorded* is what AWS was seen to answer, *reported* what users say of it, *inferred* what we conclude."
)
EFFECTS = {
    Effect.READS: "reads",
    Effect.WRITES: "writes",
    Effect.ADMINISTERS: "writes",
    Effect.PERMITS: "writes, changes permissions",
    Effect.FORWARDS: "nothing: a neighbour is asked",
}


def operations() -> str:
    """The implemented operations."""
    declare_operations()
    found = all_operations()
    parts = [
        "# Operations\n\n",
        MADE,
        f"{len(found)} operations. {LEGEND}\n",
    ]
    for service, name in NAMES.items():
        mine = [one for one in found if one.service == service]
        rows = ((f"`{one.name}`", EFFECTS[one.effect] + (", open" if one.open else ""), _first_line(one)) for one in mine)
        parts.append(f"\n## {name} ({len(mine)})\n\n{_table(('operation', 'what it does to the store', 'note'), rows)}")
    return "".join(parts)


def settings() -> str:
    """The options of ``stead serve``."""
    rows = (
        (f"`--{field.name.replace('_', '-')}`", f"`STEAD_{field.name.upper()}`", _default(field.name, field.default), HELP[field.name])
        for field in fields(Settings)
    )
    return f"# Settings of `stead serve`\n\n{MADE}{_table(('option', 'environment variable', 'default', 'meaning'), rows)}"


def operators() -> str:
    """The condition operators."""
    rows = (
        (f"`{name}`", table.__name__.rsplit(".", 1)[-1], "yes" if operator.negated else "", "no" if operator.tests_presence else "yes")
        for table in TABLES
        for name, operator in table.OPERATORS.items()
    )
    heading = ("operator", "file in `policy/conditions/`", "negated", "takes `IfExists`, `ForAllValues:`, `ForAnyValue:`")
    return f"# Condition operators\n\n{MADE}{_table(heading, rows)}"


def linked_services() -> str:
    """The services with a service-linked role."""
    known = catalog.services()
    rows = (
        (f"`{principal}`", f"`{one.role_name}`", f"`{one.policy_name}`" if one.policy_name else "none", one.suffix.value, _uses(one))
        for principal, one in sorted(known.items())
    )
    heading = ("principal", "role", "policy", "suffix", "use is found by")
    return f"# Services with a service-linked role\n\n{MADE}{len(known)} services.\n\n{_table(heading, rows)}"


def _uses(service: catalog.LinkedService) -> str:
    return ", ".join(f"`{probe.own or f'{probe.service}:{probe.operation}'}`" for probe in service.probes)


def _first_line(one: Operation) -> str:
    """The first paragraph of the operation's docstring, as Markdown in a table's cell; citations are for those who read the code."""
    text = re.split(r"\n\s*\n", (one.run.__doc__ or "").strip(), maxsplit=1)[0]
    text = re.sub(r"\s*\((?:[^()]*\.md|designs? D)[^()]*\)", "", " ".join(text.split()))
    return text.replace("``", "`").replace("|", "\\|")


def _default(name: str, value: object) -> str:
    if name == "data_dir":
        return f"`./{DEFAULT_DATA_DIR}`"
    return "" if value in ("", False) else f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "".join(_lines(heading, rows))


def _lines(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heading)} |\n"
    yield f"|{'---|' * len(heading)}\n"
    for row in rows:
        yield f"| {' | '.join(row)} |\n"


PAGES: dict[str, Callable[[], str]] = {
    "operations.md": operations,
    "settings.md": settings,
    "operators.md": operators,
    "linked-services.md": linked_services,
}


def main() -> int:
    """Write every page."""
    FOLDER.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
