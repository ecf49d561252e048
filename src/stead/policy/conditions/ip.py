"""IP address operators (recorded-aws.md 6.5).

- Octets may have leading zeroes; a request value with a prefix length is no address.
- An IPv4-mapped IPv6 request value counts as IPv4; a network keeps the family it is written in, and families never meet.
- Host bits are ignored in IPv4 networks; an IPv6 network with host bits contains nothing, and IAM does not store it.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING, NamedTuple

from stead.policy.conditions.operator import MATCH, MISMATCH, NEITHER, VALUE, Comparison, Operator, Outcome, remembered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stead.policy.patterns import Context

_OCTETS = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})")
_PREFIX = re.compile(r"[0-9]{1,3}")


class _Address(NamedTuple):
    bits: int  # of its family: 32 or 128
    number: int


class _Network(NamedTuple):
    bits: int
    shift: int
    start: int


def _ipv4(text: str) -> _Address | None:
    found = _OCTETS.fullmatch(text)
    octets = [int(octet) for octet in found.groups()] if found else []
    return _Address(32, int.from_bytes(octets, "big")) if octets and max(octets) < 256 else None


def _ipv6(text: str) -> _Address | None:
    if "%" in text:  # a zone means something on one machine only
        return None
    groups, _, last = text.rpartition(":")
    if mapped := _ipv4(last):  # here too octets may have leading zeroes, which Python's reader refuses
        text = f"{groups}:{mapped.number >> 16:x}:{mapped.number & 0xFFFF:x}"
    try:
        return _Address(128, int(IPv6Address(text)))
    except AddressValueError:
        return None


@remembered
def read_address(text: str) -> _Address | None:
    """A request value as an address."""
    address = _ipv4(text) or _ipv6(text)
    if address and address.bits == 128 and address.number >> 32 == 0xFFFF:
        return _Address(32, address.number & 0xFFFF_FFFF)
    return address


def read_network(text: str) -> _Network | None:
    """A policy value as a network; a bare address is a network of one."""
    base, slash, prefix = text.partition("/")
    address = _ipv4(base) or _ipv6(base)
    if address is None or (slash and not _PREFIX.fullmatch(prefix)):
        return None
    shift = address.bits - int(prefix) if slash else 0
    if shift < 0:
        return None
    start = address.number >> shift
    if address.bits == 128 and start << shift != address.number:
        return None
    return _Network(address.bits, shift, start)


def _prepare(operands: Sequence[str], _variables: bool) -> Comparison:
    networks = [network for network in map(read_network, operands) if network is not None]

    def compare(value: str, _context: Context) -> Outcome:
        address = read_address(value)
        if address is None:
            return NEITHER
        bits, number = address
        for family, shift, start in networks:
            if bits == family and number >> shift == start:
                return MATCH
        return MISMATCH

    return compare


def _readable(operand: str) -> bool:
    return read_network(operand) is not None


OPERATORS = {
    "IpAddress": Operator(_prepare, readable=_readable, cost=VALUE),
    "NotIpAddress": Operator(_prepare, negated=True, readable=_readable, cost=VALUE),
}
