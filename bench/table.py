"""What was measured, as tables in Markdown: the figures of every server, then the bars of design.md section 5 and whether each holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from servers import BARE, KINDS, MINISTACK, MOTO, STEAD

if TYPE_CHECKING:
    from collections.abc import Callable

CALLER, GET_ROLE, LIST_ROLES, WRITES = "GetCallerIdentity", "GetRole", "ListRoles of 100", "CreateRole and DeleteRole"
CYCLES, P50, P95 = "linked role: whole cycles", "linked role: deletion p50", "linked role: deletion p95"
FIRST_START, LATER_START = "first start", "later start"
IDLE_RSS, IDLE_PSS, CALLED_RSS, CALLED_PSS = "idle, RSS", "idle, PSS", "after one call, RSS", "after one call, PSS"

UNITS = {
    **dict.fromkeys((CALLER, GET_ROLE, LIST_ROLES, WRITES, CYCLES), "/s"),
    **dict.fromkeys((P50, P95), "ms"),
    **dict.fromkeys((FIRST_START, LATER_START), "s"),
    **dict.fromkeys((IDLE_RSS, IDLE_PSS, CALLED_RSS, CALLED_PSS), "MB"),
}
_DIGITS = {"/s": 0, "ms": 2, "s": 2, "MB": 0}
_RATIOS = (BARE.name, MINISTACK.name, MOTO.name)


@dataclass
class Results:
    """Figures by (name, server), and for those that are void or missing the reason."""

    values: dict[tuple[str, str], float] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    def ratio(self, figure: str, server: str) -> float | None:
        """How many times Stead's figure is the ``server``'s."""
        mine, theirs = self.values.get((figure, STEAD.name)), self.values.get((figure, server))
        return mine / theirs if mine and theirs else None


class Bar(NamedTuple):
    """One bar: what it is about, the number that must be reached (or kept under), and how it is found."""

    text: str
    limit: float
    is_least: bool
    measure: Callable[[Results], float | None]

    def row(self, results: Results) -> list[str]:
        """The bar and whether it holds."""
        found = self.measure(results)
        due = f"{'at least' if self.is_least else 'under'} {self.limit:g}"
        if found is None:
            return [self.text, due, "not measured", "unknown"]
        holds = found >= self.limit if self.is_least else found < self.limit
        return [self.text, due, f"{found:.2f}", "yes" if holds else "**no**"]


def _ratio(figure: str, server: str) -> Callable[[Results], float | None]:
    return lambda results: results.ratio(figure, server)


def _own(figure: str) -> Callable[[Results], float | None]:
    return lambda results: results.values.get((figure, STEAD.name))


BARS = (
    Bar("GetCallerIdentity, Stead : bare", 0.33, True, _ratio(CALLER, BARE.name)),
    Bar("GetRole, Stead : ministack", 5, True, _ratio(GET_ROLE, MINISTACK.name)),
    Bar("GetRole, Stead : moto server", 25, True, _ratio(GET_ROLE, MOTO.name)),
    Bar("writes, Stead : ministack", 2, True, _ratio(WRITES, MINISTACK.name)),
    Bar("deletion of a linked role, p50, ms", 10, False, _own(P50)),
    Bar("deletion of a linked role, p95, ms", 50, False, _own(P95)),
    Bar("first start, s", 1, False, _own(FIRST_START)),
    Bar("idle memory, RSS of all processes, MB", 120, False, _own(IDLE_RSS)),
)


def render(results: Results, facts: list[str]) -> str:
    """The whole report."""
    names = [kind.name for kind in KINDS]
    figures = [[f"{name}, {unit}", *_values(results, name), *_ratios(results, name)] for name, unit in UNITS.items()]
    parts = [
        "\n".join(f"- {fact}" for fact in facts),
        _table(["figure", *names, *(f"Stead : {name}" for name in _RATIOS)], figures),
        _table(["bar (design.md, section 5)", "due", "measured", "holds"], [bar.row(results) for bar in BARS]),
        "\n".join(f"- void: {reason}" for reason in results.reasons),
    ]
    return "\n\n".join(part for part in parts if part)


def _values(results: Results, figure: str) -> list[str]:
    digits = _DIGITS[UNITS[figure]]
    found = [results.values.get((figure, kind.name)) for kind in KINDS]
    return ["" if value is None else f"{value:,.{digits}f}" for value in found]


def _ratios(results: Results, figure: str) -> list[str]:
    found = [results.ratio(figure, name) for name in _RATIOS]
    return ["" if value is None else f"{value:.2f}" for value in found]


def _table(head: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [head, ["-" * (width - 1) + (":" if column else "-") for column, width in enumerate(widths)], *rows]
    return "\n".join(
        "| " + " | ".join(_fit(cell, width, column) for column, (cell, width) in enumerate(zip(line, widths, strict=True))) + " |"
        for line in lines
    )


def _fit(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column else cell.ljust(width)
