"""What a caller says about its own signature: read, not yet believed.

A signature comes in the ``Authorization`` header or, presigned, in the query string; never in both. Everything missing is named at once,
as AWS does.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from stead.aws.clock import SECOND
from stead.sigv4 import refusals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ALGORITHM = refusals.ALGORITHM.encode()
_AUTHORIZATION_PARAMETERS = (b"Credential", b"Signature", b"SignedHeaders")
_REQUIRED = (b"X-Amz-Algorithm", b"X-Amz-Credential", b"X-Amz-Signature", b"X-Amz-SignedHeaders", b"X-Amz-Date")
_QUERY_PARAMETERS = {*_REQUIRED, b"X-Amz-Expires", b"X-Amz-Security-Token", b"X-Amz-Content-Sha256"}
_BASIC_FORMAT = re.compile(rb"\d{8}T\d{6}Z")
_NUMBER = re.compile(rb"-?\d+")
_WEEK = 604800
_WEEK_DIGITS = 6


class Presented(NamedTuple):
    """The parts of a signature as the caller wrote them; only the time has been read."""

    credential: bytes
    signed_headers: bytes
    signature: bytes
    timestamp: bytes
    signed_at_ms: int
    session_token: bytes | None
    expires_seconds: int | None
    presigned: bool


def read_presented(fields: Mapping[bytes, bytes], pairs: Sequence[tuple[bytes, bytes]], body: bytes) -> Presented:
    """The signature, from wherever the caller put it."""
    authorization = fields.get(b"authorization")
    parameters = _query_parameters(pairs) if pairs else {}
    presigned = not parameters.keys().isdisjoint(_REQUIRED)
    if authorization is None:
        if presigned:
            return _from_query(parameters)
        raise _nobody(pairs, body)
    if b"X-Amz-Algorithm" in parameters:
        raise refusals.does_not_match(refusals.BOTH_FORMS)
    return _from_header(authorization, fields)


def _query_parameters(pairs: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    parameters: dict[bytes, bytes] = {}
    for name, value in pairs:
        if name in parameters:
            raise refusals.repeated_parameter(name)
        if name in _QUERY_PARAMETERS:
            parameters[name] = value
    return parameters


def _nobody(pairs: Sequence[tuple[bytes, bytes]], body: bytes) -> Exception:
    """Signature Version 2 puts its parts among the operation's parameters: said plainly, not taken for an unsigned call."""
    if any(name == b"AWSAccessKeyId" for name, _ in pairs) or b"AWSAccessKeyId=" in body:
        return refusals.unsupported_algorithm("AWS Signature Version 2")
    return refusals.missing_authentication_token()


def _from_header(authorization: bytes, fields: Mapping[bytes, bytes]) -> Presented:
    parameters = _authorization_parameters(authorization)
    timestamp = _timestamp(fields)
    if not timestamp or not all(map(parameters.get, _AUTHORIZATION_PARAMETERS)):
        raise _header_lacks(authorization, parameters, timestamp)
    credential, signature, signed_headers = map(parameters.__getitem__, _AUTHORIZATION_PARAMETERS)
    token = fields.get(b"x-amz-security-token") or None
    return Presented(credential, signed_headers, signature, timestamp, milliseconds(timestamp), token, None, presigned=False)


def _header_lacks(authorization: bytes, parameters: Mapping[bytes, bytes], timestamp: bytes) -> Exception:
    missing = [name.decode() for name in _AUTHORIZATION_PARAMETERS if not parameters.get(name)]
    sentences = [f"Authorization header requires '{name}' parameter." for name in missing]
    return refusals.authorization_lacks(sentences if timestamp else [*sentences, refusals.DATE_MISSING], authorization)


def _timestamp(fields: Mapping[bytes, bytes]) -> bytes:
    """``X-Amz-Date``, else ``Date``; empty when there is neither."""
    return fields.get(b"x-amz-date", b"").strip() or _basic_format(fields.get(b"date", b"").strip())


def _authorization_parameters(authorization: bytes) -> dict[bytes, bytes]:
    """``Name=value`` pairs, apart by commas, spaces or both, in any order (reported).

    What does not even begin like AWS's algorithms (``Bearer``, ``Basic``) counts as no signature at all (reported).
    """
    algorithm, *words = authorization.replace(b",", b" ").split() or [b""]
    if not algorithm.startswith(b"AWS"):
        raise refusals.missing_authentication_token()
    if algorithm != _ALGORITHM:
        raise refusals.unsupported_algorithm(refusals.shown(algorithm))
    parameters: dict[bytes, bytes] = {}
    for word in words:
        name, equals, value = word.partition(b"=")
        if not equals:
            raise refusals.malformed_pair(authorization)
        if name in parameters:
            raise refusals.repeated_parameter(name)
        parameters[name] = value
    return parameters


def _from_query(parameters: Mapping[bytes, bytes]) -> Presented:
    lacking = [name.decode() for name in _REQUIRED if not parameters.get(name)]
    if lacking:
        raise refusals.query_lacks(lacking)
    algorithm, credential, signature, signed_headers, timestamp = map(parameters.__getitem__, _REQUIRED)
    if algorithm != _ALGORITHM:
        raise refusals.unsupported_algorithm(refusals.shown(algorithm))
    token = parameters.get(b"X-Amz-Security-Token") or None
    expires = _expires(parameters.get(b"X-Amz-Expires"))
    return Presented(credential, signed_headers, signature, timestamp, milliseconds(timestamp), token, expires, presigned=True)


def _expires(value: bytes | None) -> int | None:
    """Seconds; AWS's front end does not ask for it (only S3 does)."""
    if value is None:
        return None
    if not _NUMBER.fullmatch(value):
        raise refusals.incomplete(refusals.EXPIRES_NOT_A_NUMBER)
    if value.startswith(b"-"):
        raise refusals.incomplete(refusals.EXPIRES_NEGATIVE)
    digits = value.lstrip(b"0") or b"0"
    if len(digits) > _WEEK_DIGITS or int(digits) > _WEEK:
        raise refusals.incomplete(refusals.EXPIRES_TOO_LONG)
    return int(digits)


@lru_cache(maxsize=64)  # the calls of one second share their timestamp
def milliseconds(timestamp: bytes) -> int:
    """The time that ``20150830T123600Z`` names, in milliseconds since 1970."""
    if not _BASIC_FORMAT.fullmatch(timestamp):
        raise refusals.malformed_date(timestamp)
    try:
        return int(datetime.fromisoformat(timestamp.decode()).timestamp()) * SECOND
    except ValueError:
        raise refusals.malformed_date(timestamp) from None


def _basic_format(date: bytes) -> bytes:
    """A ``Date`` header, RFC 822's form or already the basic one, as it stands in the string to sign."""
    if not date or _BASIC_FORMAT.fullmatch(date):
        return date
    try:
        moment = parsedate_to_datetime(date.decode("latin-1"))
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        raise refusals.malformed_date(date) from None
    return moment.strftime("%Y%m%dT%H%M%SZ").encode()
