"""AWS's own suite: canonical request, string to sign and verification of every case."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from stead.aws.errors import AwsError
from stead.sigv4 import claim, signing_key, verify
from stead.sigv4.canonical import canonical_request, joined_headers, query_pairs
from tests.sigv4.vectors import ACCESS_KEY_ID, REGION, SECRET, SERVICE, cases, read_request, signed_request, suite

if TYPE_CHECKING:
    from pathlib import Path

needs_suite = pytest.mark.skipif(suite() is None, reason="STEAD_VECTORS is not set: AWS's Signature Version 4 suite was NOT run")
each_case = pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)


@needs_suite
def test_the_whole_suite_is_there() -> None:
    assert len(cases()) == 34


@needs_suite
@each_case
def test_canonical_request(case: Path) -> None:
    request = read_request(case.with_suffix(".sreq"))
    names = sorted(case.with_suffix(".authz").read_bytes().split(b"SignedHeaders=")[1].split(b",")[0].split(b";"))
    payload = hashlib.sha256(request.body).hexdigest().encode()
    pairs = query_pairs(request.query)
    canonical = canonical_request(request.method, request.path, pairs, joined_headers(request.headers), names, payload)
    assert canonical == case.with_suffix(".creq").read_bytes()


@needs_suite
@each_case
def test_claim_and_verification(case: Path) -> None:
    claimed = claim(*signed_request(case))
    assert claimed.string_to_sign == case.with_suffix(".sts").read_bytes()
    assert (claimed.access_key_id, claimed.region, claimed.service, claimed.presigned) == (ACCESS_KEY_ID, REGION, SERVICE, False)
    verify(claimed, signing_key(SECRET, claimed.date, claimed.region, claimed.service))


@needs_suite
@each_case
def test_another_secret_is_refused(case: Path) -> None:
    claimed = claim(*signed_request(case))
    with pytest.raises(AwsError, match="SignatureDoesNotMatch"):
        verify(claimed, signing_key(SECRET + "x", claimed.date, claimed.region, claimed.service))


@needs_suite
def test_the_one_signature_that_the_suite_has_wrong_is_refused() -> None:
    """The ``.sreq`` of this case carries the signature of ``get-vanilla``, made without the token."""
    (case,) = (case for case in cases() if case.name == "get-vanilla-with-session-token")
    claimed = claim(*read_request(case.with_suffix(".sreq")))
    with pytest.raises(AwsError, match="SignatureDoesNotMatch"):
        verify(claimed, signing_key(SECRET, claimed.date, claimed.region, claimed.service))
