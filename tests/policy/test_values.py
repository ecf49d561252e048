"""The engine reads numbers, dates, binaries and addresses as the naive evaluator does: texts of their forms and nearly of their forms."""

from __future__ import annotations

import os
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy.naive import values

from stead.policy.conditions.binary import read_binary
from stead.policy.conditions.date import read_date
from stead.policy.conditions.ip import read_address, read_network
from stead.policy.conditions.numeric import read_number

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = settings(max_examples=1_000 if os.environ.get("CI") else 200, deadline=None)

NUMBERS = st.from_regex(r"[+-]?[0-9]{0,20}(\.[0-9]{0,5})?([eE][+-]?[0-9]{1,10})?", fullmatch=True) | st.text(
    "0123456789.+-eE_ ", max_size=8
)
DAYS = st.from_regex(r"[+-]?[0-9]{1,6}(-[0-9]{1,2}(-[0-3]?[0-9])?)?", fullmatch=True)
TIMES = st.from_regex(
    r"([Tt][0-2]?[0-9](:[0-5]?[0-9](:[0-6]?[0-9](\.[0-9]{1,10})?)?)?)?([Zz]|[+-][0-2][0-9](:?[0-5][0-9])?)?", fullmatch=True
)
DATES = (
    st.datetimes().map(lambda instant: instant.isoformat()) | st.builds("".join, st.tuples(DAYS, TIMES)) | st.text("0123-:TZ", max_size=12)
)
BINARIES = st.text("AQYg/+=\n -", max_size=9) | st.binary(max_size=6).map(lambda data: values.base64.b64encode(data).decode())
ADDRESSES = (
    st.ip_addresses().map(str)
    | st.from_regex(r"(::ffff:)?[0-3]?[0-9]{1,2}(\.0?[0-9]{1,2}){3}", fullmatch=True)
    | st.text("0:af.1", max_size=12)
)


@pytest.mark.parametrize(
    ("read", "naive", "texts"),
    [
        pytest.param(read_number, values.number, NUMBERS, id="numbers"),
        pytest.param(read_date, values.date, DATES, id="dates"),
        pytest.param(read_binary, values.binary, BINARIES, id="binaries"),
    ],
)
def test_values_are_read_alike(read: Callable[[str], Any], naive: Callable[[str], Any], texts: st.SearchStrategy[str]) -> None:
    @EXAMPLES
    @given(texts)
    def alike(text: str) -> None:
        assert read(text) == naive(text)

    alike()


@EXAMPLES
@given(ADDRESSES, ADDRESSES, st.none() | st.integers(0, 130))
def test_networks_contain_alike(text: str, base: str, prefix: int | None) -> None:
    """Each address in a network of another, and in its own network of that length, host bits cut off or not."""
    address, naive = read_address(text), values.address(text)
    assert (address and (4 if address.bits == 32 else 6, address.number)) == naive
    if address is None or naive is None:
        return
    networks = [base if prefix is None else f"{base}/{prefix}", f"{text}/{prefix}"]
    if prefix is not None and prefix <= address.bits and ":" not in text:
        networks.append(str(ip_network((address.number, prefix), strict=False)))
    for written in networks:
        network = read_network(written)
        inside = network is not None and network.bits == address.bits and address.number >> network.shift == network.start
        assert inside is values.contains(written, naive)
