"""Identifiers in AWS's forms."""

from __future__ import annotations

import re
import uuid

import pytest

from stead.aws import ids


@pytest.mark.parametrize("account", ["123456789012", "000000000000", "999999999999", "123456789013"])
@pytest.mark.parametrize(("prefix", "length"), [("AKIA", 20), ("AROA", 21)])
def test_an_id_holds_its_account(account: str, prefix: str, length: int) -> None:
    made = ids.unique_id(prefix, account, length)
    assert re.fullmatch(rf"{prefix}[A-Z2-7]{{{length - 4}}}", made)
    assert ids.account_of_key(made) == account


@pytest.mark.parametrize("other", ["", "AKIA", "AKIATEST", "AKIAaaaaaaaaaaaaaaaa", "AKIA!!!!!!!!!!!!!!!!"])
def test_other_texts_hold_none(other: str) -> None:
    assert ids.account_of_key(other) is None


@pytest.mark.parametrize(("made", "version"), [(ids.new_uuid(), 4), (ids.ordered_uuid(1_700_000_000_000), 7)], ids=["new", "ordered"])
def test_uuids_are_of_their_version(made: str, version: int) -> None:
    parsed = uuid.UUID(made)
    assert (str(parsed), parsed.version, parsed.variant) == (made, version, uuid.RFC_4122)


def test_ordered_uuids_follow_time() -> None:
    made = [ids.ordered_uuid(moment) for moment in range(1_700_000_000_000, 1_700_000_000_100)]
    assert made == sorted(made)


def test_ordered_uuids_follow_their_making_within_a_millisecond() -> None:
    made = [ids.ordered_uuid(1_700_000_000_000) for _ in range(5000)]
    assert made == sorted(set(made))


@pytest.mark.parametrize(
    ("uuid", "moment"),
    [(ids.ordered_uuid(1_700_000_000_123), 1_700_000_000_123), (ids.new_uuid(), None), ("", None), ("x" * 36, None)],
    ids=["ordered", "new", "empty", "long"],
)
def test_an_ordered_uuid_says_when(uuid: str, moment: int | None) -> None:
    assert ids.ordered_time(uuid) == moment


def test_a_secret_has_forty_characters() -> None:
    assert re.fullmatch(r"[A-Za-z0-9+/]{40}", ids.secret_access_key())
