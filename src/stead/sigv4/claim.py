"""A request's claim to come from the holder of an access key: everything that can be known before the secret is.

Three rules beyond the format:

- **The body is always bound.** The canonical request holds the hash of the body that came, never a hash or a marker that the caller
  merely states. A caller that signed ``UNSIGNED-PAYLOAD`` or ``STREAMING-...`` (S3's, for bodies too large to hash) is refused with a
  word why; so is one whose ``x-amz-content-sha256`` is another body's. AWS's services other than S3 hash the body likewise.
- **What selects the operation is bound.** ``Host`` and every ``x-amz-*`` header must be signed, as AWS's documentation asks, because
  ``x-amz-target`` names the operation. ``x-amz-security-token`` may be added afterwards (AWS's suite has that case): the secret that
  verifies the signature is the token's own, so another token breaks the signature. ``content-type`` may be unsigned: botocore leaves it
  out of presigned requests and curl adds one, and the service is bound by the credential scope.
- **Nothing is looked up.** Whether the Region or the service exists is for the router, whether the key does for the store.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from stead.sigv4 import refusals
from stead.sigv4.canonical import canonical_request, joined_headers, query_pairs
from stead.sigv4.presented import Presented, read_presented

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_TERMINATOR = "aws4_request"
_PRINTABLE = re.compile(rb"[!-~]+")
# RFC 9110's token characters in lower case: a line break, say, would be smuggled into the canonical request. Bounded, because remembered.
_HEADER_NAMES = re.compile(rb"[0-9a-z!#$%&'*+.^_`|~;-]{1,4096}")
_MAY_BE_UNSIGNED = {b"x-amz-security-token"}


class Claim(NamedTuple):
    """Who says to have signed what, and when. Believe it only after :func:`stead.sigv4.verify` and :func:`stead.sigv4.check_time`."""

    access_key_id: str
    date: str
    region: str
    service: str
    session_token: str | None
    signed_at_ms: int
    expires_seconds: int | None
    signature: str
    string_to_sign: bytes
    presigned: bool

    def __repr__(self) -> str:
        """Without token and signature, so that a log line gives nobody a working request."""
        return f"Claim({self.access_key_id}/{self.date}/{self.region}/{self.service}, signed_at_ms={self.signed_at_ms})"


def claim(method: str, path: bytes, query: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> Claim:
    """Read the signature of a request exactly as it came; header names are lower case, repeated headers repeated.

    Raises :class:`stead.aws.errors.AwsError` when there is none, or none that could ever be right.
    """
    fields = joined_headers(headers)
    pairs = query_pairs(query) if query else []
    presented = read_presented(fields, pairs, body)
    names = _header_names(presented.signed_headers)
    _check_signed(names, fields)
    access_key_id, date, region, service = _credential(presented)
    signed_pairs = [pair for pair in pairs if pair[0] != b"X-Amz-Signature"] if presented.presigned else pairs
    request = canonical_request(method, path, signed_pairs, fields, names, _payload_hash(body, fields, pairs))
    return Claim(
        access_key_id,
        date,
        region,
        service,
        None if presented.session_token is None else presented.session_token.decode("latin-1"),
        presented.signed_at_ms,
        presented.expires_seconds,
        presented.signature.decode("latin-1"),
        _string_to_sign(presented.timestamp, f"{date}/{region}/{service}", request),
        presented.presigned,
    )


def _check_signed(names: Mapping[bytes, None], fields: Iterable[bytes]) -> None:
    """Refuse a signature that leaves out a header which has to be signed."""
    if b"host" not in names:
        raise refusals.does_not_match(refusals.HOST_UNSIGNED)
    for name in fields:
        if name[:6] == b"x-amz-" and name not in names and name not in _MAY_BE_UNSIGNED:
            raise refusals.unsigned_header(name)


@lru_cache(maxsize=64)  # a client signs the same headers every time
def _header_names(signed_headers: bytes) -> Mapping[bytes, None]:
    """``Host;X-Amz-Date`` as an ordered set of names, lower case and sorted."""
    lowered = signed_headers.lower()
    if not _HEADER_NAMES.fullmatch(lowered):
        raise refusals.does_not_match()
    return dict.fromkeys(sorted(lowered.split(b";")))


def _credential(presented: Presented) -> list[str]:
    """Key id, date, Region and service of ``keyid/date/region/service/aws4_request``; all that is wrong with the scope is said at once."""
    if not _PRINTABLE.fullmatch(presented.credential):
        raise refusals.malformed_credential(presented.credential)
    *elements, terminator = presented.credential.decode().split("/")
    if len(elements) != 4 or not elements[0]:
        raise refusals.malformed_credential(presented.credential)
    wrong = "" if terminator == _TERMINATOR else refusals.wrong_terminator(terminator.encode())
    if elements[1] != presented.timestamp[:8].decode():
        wrong += refusals.wrong_date(elements[1].encode(), presented.timestamp)
    if wrong:
        raise refusals.does_not_match(wrong)
    return elements


def _payload_hash(body: bytes, fields: Mapping[bytes, bytes], pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The hash of the body that came; a stated one, in the header or presigned in the query, must be the same."""
    actual = hashlib.sha256(body).hexdigest().encode()
    stated = fields.get(b"x-amz-content-sha256")
    if stated is None and pairs:
        stated = next((value for name, value in pairs if name == b"X-Amz-Content-Sha256"), None)
    if stated is not None and stated.strip() != actual:
        raise refusals.payload_not_bound(stated)
    return actual


def _string_to_sign(timestamp: bytes, scope: str, request: bytes) -> bytes:
    return f"{refusals.ALGORITHM}\n{timestamp.decode()}\n{scope}/{_TERMINATOR}\n{hashlib.sha256(request).hexdigest()}".encode()
