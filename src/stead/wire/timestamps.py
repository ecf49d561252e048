"""Timestamps as the protocols write them.

Stead stores a time as whole milliseconds since the epoch, so in an answer an ``int`` is milliseconds; a ``datetime`` is taken as it is. In a
request every protocol may use each of the three forms: ISO 8601 with a zone, seconds since the epoch, an HTTP date.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from stead.aws.clock import as_datetime, iso_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

type_error = (ValueError, OverflowError, TypeError, IndexError)
"""What the standard library raises for a text or number that is no time; ``read`` lets these through and the codecs name them."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ][0-9:.,]+(?:[Zz]|[+-][0-9:]+)?)?")
_SECONDS = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,9})?")


def read(value: str | float) -> datetime:
    """The time that a request says; one of :data:`type_error` when it says none."""
    if not isinstance(value, str):
        return _EPOCH + timedelta(seconds=value)
    if _SECONDS.fullmatch(value):
        return _EPOCH + timedelta(seconds=float(value))
    if _ISO.fullmatch(value):
        return _with_zone(datetime.fromisoformat(value.upper()))
    return _with_zone(parsedate_to_datetime(value))


def _with_zone(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def milliseconds(value: datetime | int) -> int:
    """Either kind of time as milliseconds since the epoch."""
    return value if isinstance(value, int) else (value - _EPOCH) // timedelta(milliseconds=1)


def seconds(value: datetime | int) -> int | float:
    """Seconds since the epoch with milliseconds as the fraction, whole when there is none: ``1764000000.123``."""
    whole, rest = divmod(milliseconds(value), 1000)
    return whole if rest == 0 else (whole * 1000 + rest) / 1000


@lru_cache(maxsize=4096)
def _iso(whole_seconds: int) -> str:
    return iso_seconds(whole_seconds * 1000)


def iso(value: datetime | int | str) -> str:
    """``2026-11-23T20:47:00Z``. The few members of IAM that carry milliseconds (recorded-aws.md 10) are given as text, ready to send."""
    return value if isinstance(value, str) else _iso(milliseconds(value) // 1000)


def http_date(value: datetime | int) -> str:
    """``Tue, 29 Apr 2014 18:30:38 GMT``."""
    return format_datetime(as_datetime(milliseconds(value)), usegmt=True)


FORMATS: dict[str, Callable[[datetime | int], str | float]] = {"iso8601": iso, "unixTimestamp": seconds, "rfc822": http_date}
"""The writers by the names of the models' ``timestampFormat``."""
