"""Values of the condition operators' types, or None when the text is none (rows PE-4.1-*, RA-6.3-*, RA-6.5-*)."""

from __future__ import annotations

import base64
import re
from datetime import datetime
from decimal import Decimal

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")
_BASE64 = re.compile(r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
# One-digit parts, years of any sign, ``t``, an hour or an offset of hours alone: AWS's reader takes them (PE-7.1-15).
_DATE = re.compile(
    r"(?P<year>[+-]?[0-9]{1,9})(-(?P<month>[0-9]{1,2})(-(?P<day>[0-9]{1,2}))?)?"
    r"([Tt]((?P<hour>[0-9]{1,2})(:(?P<minute>[0-9]{1,2})(:(?P<second>[0-9]{1,2})([.,](?P<fraction>[0-9]{1,9}))?)?)?)?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}(:?[0-9]{2})?)?)?"
)
_LOWEST = {"year": 1, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0}
_DAYS_OF_400_YEARS = 146_097


def number(text: str) -> Decimal | None:
    """RA-6.3-5: exact, however many digits."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def date(text: str) -> int | None:
    """Milliseconds since 1970 (RA-6.3-6); four digits are a year, other digits are seconds."""
    if re.fullmatch("[0-9]+", text) and len(text) != 4:
        return int(text) * 1000 if int(text) < 2**63 else None
    found = _DATE.fullmatch(text)
    if not found:
        return None
    year, *rest = (int(found[name] or lowest) for name, lowest in _LOWEST.items())
    cycles, year_of_cycle = divmod(year - 2000, 400)  # the calendar repeats itself, and Python's ends at 1 and 9999
    try:
        since = datetime(2000 + year_of_cycle, *rest) - datetime(1970, 1, 1)  # noqa: DTZ001 - the zone is subtracted below
        minutes = offset(found["zone"] or "Z")
    except ValueError:
        return None
    seconds = (since.days + cycles * _DAYS_OF_400_YEARS) * 86400 + since.seconds - minutes * 60
    return seconds * 1000 + int(((found["fraction"] or "") + "000")[:3])


def offset(zone: str) -> int:
    if zone in "Zz":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
    if hours > 23 or minutes > 59:
        raise ValueError(zone)
    return (hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)


def binary(text: str) -> bytes | None:
    """RA-6.3-8: the padding counts."""
    return base64.b64decode(text) if _BASE64.fullmatch(text) else None


Address = tuple[int, int]  # family and number


def ipv4(text: str) -> int | None:
    octets = text.split(".")
    if len(octets) != 4 or not all(re.fullmatch("[0-9]{1,3}", octet) and int(octet) < 256 for octet in octets):
        return None
    return sum(int(octet) << shift for octet, shift in zip(octets, (24, 16, 8, 0), strict=True))


def ipv6(text: str) -> int | None:
    head, colons, tail = text.partition("::")
    left, right = groups(head, last=not colons), groups(tail, last=True)
    if left is None or right is None or "::" in tail:
        return None
    missing = 8 - len(left) - len(right)
    if (colons and missing < 1) or (not colons and missing != 0):
        return None
    whole = left + [0] * missing + right
    return sum(group << (16 * (7 - place)) for place, group in enumerate(whole))


def groups(text: str, *, last: bool) -> list[int] | None:
    """16-bit groups; the last of an address may be written as IPv4."""
    found: list[int] = []
    pieces = text.split(":") if text else []
    for place, piece in enumerate(pieces):
        mapped = ipv4(piece) if last and place == len(pieces) - 1 and "." in piece else None
        if mapped is not None:
            found += [mapped >> 16, mapped & 0xFFFF]
        elif re.fullmatch("[0-9a-fA-F]{1,4}", piece):
            found.append(int(piece, 16))
        else:
            return None
    return found


def address(text: str) -> Address | None:
    """RA-6.5-1, RA-6.5-2: the caller's address; one mapped into IPv6 is IPv4."""
    if (four := ipv4(text)) is not None:
        return 4, four
    six = ipv6(text)
    if six is None:
        return None
    return (4, six & 0xFFFFFFFF) if six >> 32 == 0xFFFF else (6, six)


def contains(network: str, caller: Address) -> bool:
    """PE-4.1-8, RA-6.5-2, RA-6.5-3, RA-6.5-4: the network keeps the family it is written in."""
    base, slash, length = network.partition("/")
    family, width, start = (4, 32, ipv4(base)) if ipv4(base) is not None else (6, 128, ipv6(base))
    bits = length if slash else str(width)
    if start is None or not re.fullmatch("[0-9]{1,3}", bits) or int(bits) > width or family != caller[0]:
        return False
    hosts = width - int(bits)
    if family == 6 and start % (1 << hosts):
        return False
    return start >> hosts == caller[1] >> hosts
