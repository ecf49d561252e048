"""What the runners in Python share: they are started as `RUNNER SCENARIO.json SECONDS [WORD...]` and print one line of JSON.

With 0 seconds they count wrong answers, else decisions in a CPU second. Only the standard library and Python 3.11: this runs in every peer's
environment.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Decide = Callable[[slice], list[bool]]  # a slice of the scenario's asks

AT_ONCE = 40  # asks between two looks at the clock, and in a batch
WARM = 0.25  # of the seconds


def main(prepare: Callable[[dict[str, Any], list[str]], Decide]) -> None:
    """Print what was asked for."""
    given = json.loads(Path(sys.argv[1]).read_text())
    seconds, decide = float(sys.argv[2]), prepare(given, sys.argv[3:])
    expected = [ask["allowed"] for ask in given["asks"]]
    if seconds:
        _rate(decide, len(expected), seconds * WARM)
        print(json.dumps({"rate": _rate(decide, len(expected), seconds)}))
    else:
        answers = decide(slice(None))
        print(json.dumps({"wrong": sum(answer != right for answer, right in zip(answers, expected, strict=True))}))


def _rate(decide: Decide, asks: int, seconds: float) -> float:
    parts = cycle([slice(start, start + AT_ONCE) for start in range(0, asks, AT_ONCE)])
    done, begun = 0, time.process_time()
    while (spent := time.process_time() - begun) < seconds:
        done += len(decide(next(parts)))
    return done / spent
