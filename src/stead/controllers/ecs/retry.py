"""How ECS's work goes on after a refusal: again, ever later, for as long as it takes; and what a step of it found out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from stead.controllers.ecs.behalf import Where
from stead.controllers.runner import Again

if TYPE_CHECKING:
    from stead.controllers.ecs.pace import Pace
    from stead.store.engine import Row

_MOST_DOUBLINGS = 16


class Step(NamedTuple):
    """What a step made of a row's ``work``, why it could not go on (empty when it could), and whether it goes on at once."""

    work: dict[str, Any]
    refused: str = ""
    at_once: bool = False


def where(row: Row) -> Where:
    """Account and Region of a row of work."""
    return Where(row.account_id, row.region)


def work_of(row: Row) -> dict[str, Any]:
    """A fresh copy of what the row remembers."""
    kept: dict[str, Any] = orjson.loads(row.work)
    return kept


def later(work: dict[str, Any], pace: Pace) -> Again:
    """The next try, noted in ``work``."""
    failures: int = work.get("failures", 0) + 1
    work["failures"] = failures
    return Again(min(pace.first_retry << min(failures - 1, _MOST_DOUBLINGS), pace.last_retry))


def over(work: dict[str, Any]) -> None:
    """Whatever was in the way is gone."""
    work.pop("failures", None)
