"""What is kept of decisions: read back as it was, and not at all once a bit of it, or the event it belongs to, is another."""

from __future__ import annotations

import pytest
from support.stead import ACCOUNT

from stead.policy import Principal, PrincipalKind
from stead.store import decided as subject
from stead.store.decided import Check, Decided, Verdict, pack, unpack
from stead.store.keyring import KeyRing
from stead.store.policy_sets import Altered

RING = KeyRing([(b"abcd", b"k" * 32)])
EVENT, OTHER = "01890000-0000-7000-8000-000000000001", "01890000-0000-7000-8000-000000000002"
ALICE = Principal(PrincipalKind.USER, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/alice", "AIDA")


def check(number: int, size: int = 1) -> Check:
    keys = {"aws:tagkeys": ("a", "b"), "aws:requesttag/a": "v" * size}
    verdict = Verdict("implicitDeny", "identity-based policy", None, None)
    return Check(
        "iam:GetUser", f"arn:aws:iam::{ACCOUNT}:user/u{number}", ACCOUNT, number > 0, keys, ("aws:resourcetag/",), "0" * 64, verdict
    )


@pytest.mark.parametrize("checks", [1, 5, 100])
def test_what_is_packed_is_unpacked(checks: int) -> None:
    """A few checks stand as they are, many are compressed."""
    made = Decided(ALICE, ALICE.arn, {"aws:username": "alice"}, tuple(map(check, range(checks))))
    packed = pack(RING, EVENT, made)
    assert unpack(RING, EVENT, packed) == made
    assert len(packed) < 2200


def test_every_bit_counts() -> None:
    packed = pack(RING, EVENT, Decided(ALICE, ALICE.arn, {}, (check(0),)))
    for position in range(len(packed)):
        changed = packed[:position] + bytes([packed[position] ^ 1]) + packed[position + 1 :]
        with pytest.raises(Altered, match="was changed, or belongs to another event"):
            unpack(RING, EVENT, changed)
    for shorter in (b"", packed[:10], packed[:-1]):
        with pytest.raises(Altered):
            unpack(RING, EVENT, shorter)


def test_a_decision_belongs_to_its_event_and_ring() -> None:
    packed = pack(RING, EVENT, Decided(ALICE, ALICE.arn, {}, (check(0),)))
    with pytest.raises(Altered):
        unpack(RING, OTHER, packed)
    with pytest.raises(Altered):
        unpack(KeyRing([(b"abcd", b"x" * 32)]), EVENT, packed)


def test_an_older_key_of_the_ring_still_proves() -> None:
    made = Decided(ALICE, ALICE.arn, {}, (check(0),))
    rotated = KeyRing([(b"abcd", b"k" * 32), (b"efgh", b"n" * 32)])
    assert unpack(rotated, EVENT, pack(RING, EVENT, made)) == made


def test_too_much_keeps_the_last_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal is the last check of its call."""
    monkeypatch.setattr(subject, "MAX_BYTES", 1000)
    many = tuple(check(number)._replace(policies=f"{number * 7919 % 1000:064x}") for number in range(200))
    kept = unpack(RING, EVENT, pack(RING, EVENT, Decided(ALICE, ALICE.arn, {}, many)))
    assert 0 < len(kept.checks) < 200
    assert kept.checks == many[-len(kept.checks) :]
    assert kept.omitted == 200 - len(kept.checks)


def test_a_context_says_what_it_does_not_know() -> None:
    made = Decided(ALICE, ALICE.arn, {"aws:username": "alice"}, (check(0),))
    context = subject.RecordedContext(made, made.checks[0])
    assert (context.get("aws:username"), context.get("aws:tagkeys"), context.get("aws:sourceip")) == ("alice", ("a", "b"), None)
    assert context.unknown == set()
    assert context.get("aws:resourcetag/team") is None
    assert context.unknown == {"aws:resourcetag/team"}
