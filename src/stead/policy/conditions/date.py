"""Date operators: instants in whole milliseconds (recorded-aws.md 6.3).

The forms are those of the W3C profile of ISO 8601, and of AWS's more lenient reader where aws-behaviour.md 7 shows it: one-digit parts, a
lower-case ``t``, an offset of hours alone, years of any sign. Digits alone are epoch seconds, except four of them, which are a year.
"""

from __future__ import annotations

import re

from stead.policy.conditions.ordered import ordered_operators

_EPOCH = re.compile(r"[0-9]{1,3}|[0-9]{5,19}")
_LAST_EPOCH_SECOND = 2**63 - 1  # aws-behaviour.md 7
_DATE = re.compile(
    r"(?P<year>[+-]?[0-9]{1,9})(?:-(?P<month>[0-9]{1,2})(?:-(?P<day>[0-9]{1,2}))?)?"
    r"(?:[Tt](?:(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-9]{1,2})(?::(?P<second>[0-9]{1,2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?)?)?"
    r"(?:[Zz]|(?P<sign>[+-])(?P<zone_hour>[0-9]{2})(?::?(?P<zone_minute>[0-9]{2}))?)?)?"
)
_DAYS_BEFORE_MONTH = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365)


def read_date(text: str) -> int | None:
    """Milliseconds since 1970, or None when ``text`` is no date. Missing parts are the lowest, a missing zone is UTC."""
    if _EPOCH.fullmatch(text):
        return int(text) * 1000 if int(text) <= _LAST_EPOCH_SECOND else None
    found = _DATE.fullmatch(text)
    return _instant(found.groupdict()) if found else None


def _instant(parts: dict[str, str | None]) -> int | None:
    numbers = {name: int(text) for name, text in parts.items() if text is not None and name not in {"sign", "fraction"}}
    day = _day_number(numbers["year"], numbers.get("month", 1), numbers.get("day", 1))
    hour, minute, second = numbers.get("hour", 0), numbers.get("minute", 0), numbers.get("second", 0)
    zone_hour, zone_minute = numbers.get("zone_hour", 0), numbers.get("zone_minute", 0)
    if day is None or max(hour, zone_hour) > 23 or max(minute, second, zone_minute) > 59:
        return None
    offset = (zone_hour * 60 + zone_minute) * (-1 if parts["sign"] == "-" else 1)
    milliseconds = int((parts["fraction"] or "").ljust(3, "0")[:3])
    return ((day * 24 + hour) * 60 + minute - offset) * 60_000 + second * 1000 + milliseconds


def _day_number(year: int, month: int, day: int) -> int | None:
    """Days since 1970-01-01 in the Gregorian calendar, for any year: ``datetime`` ends at 1 and 9999, AWS does not."""
    if not 1 <= month <= 12:
        return None
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    before = _DAYS_BEFORE_MONTH[month - 1] + (leap and month > 2)
    length = _DAYS_BEFORE_MONTH[month] - _DAYS_BEFORE_MONTH[month - 1] + (leap and month == 2)
    if not 1 <= day <= length:
        return None
    past = year - 1
    return past * 365 + past // 4 - past // 100 + past // 400 + before + day - 719_163


OPERATORS = ordered_operators("Date", read_date)
