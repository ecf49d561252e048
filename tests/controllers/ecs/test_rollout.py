"""How a service gets from the tasks it has to those it wishes: the decisions on counts (controllers/ecs/rollout.py)."""

from __future__ import annotations

from typing import Any

import pytest

from stead.controllers.ecs.rollout import Tally, is_complete, limits, plan, threshold

OLD, NEW = "ecs-svc/1", "ecs-svc/2"
NONE = Tally()


def healthy(count: int, leaving: int = 0) -> Tally:
    """Tasks that all run and are healthy."""
    return Tally(count, count, count, leaving)


def pending(count: int) -> Tally:
    """Tasks that do not run yet."""
    return Tally(count)


def percent(least: int, most: int) -> dict[str, int]:
    """A deployment configuration."""
    return {"minimumHealthyPercent": least, "maximumPercent": most}


PLANS: list[tuple[str, int, tuple[int, int], Tally, Tally, int, int, int]] = [
    # what, desired, percentages, old, new, to start, old ones to stop, new ones to stop
    ("a first deployment starts all", 4, (100, 200), NONE, NONE, 4, 0, 0),
    ("what is on its way is not started again", 4, (100, 200), NONE, pending(3), 1, 0, 0),
    ("a rolling update begins with as many new ones", 4, (100, 200), healthy(4), NONE, 4, 0, 0),
    ("no old one goes before a new one is healthy", 4, (100, 200), healthy(4), pending(4), 0, 0, 0),
    ("one for one", 4, (100, 200), healthy(4), Tally(4, 2, 2), 0, 2, 0),
    ("one that runs and is not healthy frees nobody", 4, (100, 200), healthy(4), Tally(4, 4, 1), 0, 1, 0),
    ("at most maximumPercent, rounded down", 5, (100, 150), healthy(5), NONE, 2, 0, 0),
    ("at least minimumHealthyPercent, rounded up", 5, (50, 100), healthy(5), NONE, 0, 2, 0),
    ("both at once", 4, (50, 150), healthy(4), NONE, 2, 2, 0),
    ("neither: nothing can move", 4, (100, 100), healthy(4), NONE, 0, 0, 0),
    ("an old one that is not healthy goes at once", 4, (100, 100), Tally(4, 4, 2), healthy(2), 0, 2, 0),
    ("an old one that does not run yet goes at once", 2, (100, 200), pending(2), NONE, 2, 2, 0),
    ("scaling in", 1, (100, 200), NONE, healthy(4), 0, 0, 3),
    ("scaling to zero", 0, (100, 200), healthy(1), healthy(2), 0, 1, 2),
    ("those that leave take no room", 2, (100, 100), healthy(0, leaving=5), NONE, 2, 0, 0),
]


@pytest.mark.parametrize(
    ("desired", "percentages", "old", "new", "start", "stop_old", "stop_new"), [row[1:] for row in PLANS], ids=[row[0] for row in PLANS]
)
def test_a_step(desired: int, percentages: Any, old: Tally, new: Tally, start: int, stop_old: int, stop_new: int) -> None:  # noqa: PLR0917  # the table's columns
    made = plan(desired, percent(*percentages), NEW, {OLD: old, NEW: new})
    assert (made.start, made.stop[OLD], made.stop[NEW]) == (start, stop_old, stop_new)


@pytest.mark.parametrize(("least", "most"), [(0, 100), (50, 100), (100, 101), (100, 150), (25, 133), (100, 200)])
@pytest.mark.parametrize("desired", [1, 2, 3, 7])
def test_every_possible_rollout_ends_within_its_limits(desired: int, least: int, most: int) -> None:
    """Played to the end: starts become healthy, stops are gone, and neither limit is ever broken."""
    configuration = percent(least, most)
    highest, lowest = limits(desired, configuration)
    old, new = healthy(desired), NONE
    for _ in range(10 * desired):
        made = plan(desired, configuration, NEW, {OLD: old, NEW: new})
        new = healthy(new.wanted + made.start - made.stop[NEW])
        assert old.wanted + new.wanted <= highest
        old = healthy(old.wanted - made.stop[OLD])
        assert old.wanted + new.wanted >= min(lowest, desired)
        if is_complete(desired, NEW, {OLD: old, NEW: new}):
            return
    assert highest == lowest or (highest == desired and lowest == desired)


@pytest.mark.parametrize(
    ("complete", "tallies"),
    [
        (True, {NEW: healthy(2)}),
        (True, {NEW: healthy(2, leaving=1)}),
        (False, {NEW: Tally(2, 2, 1)}),
        (False, {NEW: healthy(3)}),
        (False, {NEW: healthy(2), OLD: healthy(1)}),
        (False, {NEW: healthy(2), OLD: healthy(0, leaving=1)}),
        (False, {}),
    ],
)
def test_when_a_deployment_is_complete(complete: bool, tallies: dict[str, Tally]) -> None:  # the table's column
    assert is_complete(2, NEW, tallies) is complete


@pytest.mark.parametrize(
    ("desired", "given", "failures"),
    [
        (1, None, 3),
        (10, None, 5),
        (11, None, 6),
        (1000, None, 200),
        (10, {"type": "BOUNDED_PERCENT", "value": 100}, 10),
        (1000, {"type": "UNBOUNDED_PERCENT", "value": 50}, 500),
        (1, {"type": "UNBOUNDED_PERCENT", "value": 50}, 1),
        (1000, {"type": "COUNT", "value": 7}, 7),
    ],
)
def test_the_circuit_breakers_threshold(desired: int, given: Any, failures: int) -> None:
    assert threshold(desired, {"thresholdConfiguration": given}) == failures
