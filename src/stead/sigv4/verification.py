"""Whether a claim is true: the signature under the caller's key, and the time of signing against the time now. Both are passed in."""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING

from stead.aws.clock import MINUTE, SECOND
from stead.sigv4 import refusals

if TYPE_CHECKING:
    from stead.sigv4.claim import Claim

_SKEW_MINUTES = 15


def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key that signs for one day, Region and service. Worth keeping: it takes four times as long to make as to use."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def verify(claim: Claim, key: bytes) -> None:
    """Refuse ``claim`` unless ``key`` made its signature, in a time that does not depend on where they differ."""
    expected = hmac.digest(key, claim.string_to_sign, "sha256").hex()
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise refusals.does_not_match()


def check_time(claim: Claim, now_ms: int) -> None:
    """Refuse a claim signed more than 15 minutes ago or ahead (aws-behaviour.md 1.5), or presigned for a shorter life that is over.

    A longer ``X-Amz-Expires`` does not lengthen the 15 minutes: STS and its like ignore it (reported by its users; S3 alone grants up to
    a week). A shorter one, which they ignore too, is what the signer asked for and is kept here.
    """
    now = now_ms // SECOND * SECOND
    skew = _SKEW_MINUTES * MINUTE
    signed_at = claim.signed_at_ms
    if claim.expires_seconds is not None and now > signed_at + claim.expires_seconds * SECOND:
        raise refusals.request_expired()
    if signed_at < now - skew:
        raise refusals.does_not_match(
            f"Signature expired: {_basic(signed_at)} is now earlier than {_basic(now - skew)} ({_basic(now)} - {_SKEW_MINUTES} min.)"
        )
    if signed_at > now + skew:
        raise refusals.does_not_match(
            f"Signature not yet current: {_basic(signed_at)} is still later than {_basic(now + skew)} ({_basic(now)} + {_SKEW_MINUTES} min.)"
        )


def _basic(milliseconds: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(milliseconds // SECOND))
