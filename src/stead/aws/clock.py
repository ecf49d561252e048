"""Time as Stead uses it: whole milliseconds since the epoch, read in one place so that a test can step it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def now_ms() -> int:
    """The real time in milliseconds since 1970; signatures are checked against this one, whatever a test did to Stead's clock."""
    return time.time_ns() // 1_000_000


def as_datetime(milliseconds: int) -> datetime:
    """A stored time as an aware UTC ``datetime``."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def iso_milliseconds(milliseconds: int) -> str:
    """``2026-11-23T20:47:00.123Z``: of the few times in IAM's XML that carry milliseconds (recorded-aws.md 10)."""
    return f"{iso_seconds(milliseconds)[:-1]}.{milliseconds % 1000:03}Z"


def iso_seconds(milliseconds: int) -> str:
    """``2026-11-23T20:47:00Z``: the form of IAM's XML and of CloudTrail, whole seconds."""
    return _iso(milliseconds // 1000)


@lru_cache(maxsize=256)
def _iso(seconds: int) -> str:
    """Every request of a second asks for the same one, several times."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
