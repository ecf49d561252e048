"""Every refusal: code, status and words."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from stead.aws.errors import AwsError
from stead.sigv4 import Claim, check_time, claim
from stead.sigv4.refusals import MISMATCH
from tests.sigv4.signers import TOKEN, by_header

if TYPE_CHECKING:
    from tests.sigv4.vectors import Request

CREDENTIAL = "AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request"
SIGNATURE = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential={CREDENTIAL}, SignedHeaders=host;x-amz-date, Signature={SIGNATURE}"
DATED = (("host", "iam.amazonaws.com"), ("x-amz-date", "20150830T123600Z"))
PRESIGNED = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": CREDENTIAL.replace("/", "%2F"),
    "X-Amz-Date": "20150830T123600Z",
    "X-Amz-Expires": "60",
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Signature": SIGNATURE,
}
MISSING = ("MissingAuthenticationToken", 403, "Request is missing Authentication Token")
FIVE = "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{}'"
ISO = "Date must be in ISO-8601 'basic format'. Got '{}'. See http://en.wikipedia.org/wiki/ISO_8601"
WRONG_DATE = (
    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '20150830', from '20150830T123600Z'."
)
UNSUPPORTED = "Unsupported AWS 'algorithm': '{}' (only AWS4-HMAC-SHA256 for now). "
UNBOUND = "'x-amz-content-sha256' must be the SHA-256 of the request's body, not '{}': unsigned and streaming payloads are not supported."
NEEDS = "Authorization header requires '{}' parameter."
NEEDS_DATE = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
QUERY_NEEDS = "AWS query-string parameters must include '{}'."
WEEK = "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"


def hashed(text: str) -> str:
    return b64encode(hashlib.sha256(text.encode()).digest()).decode()


def incomplete(message: str) -> tuple[str, int, str]:
    return ("IncompleteSignature", 400, message)


def mismatch(message: str = MISMATCH) -> tuple[str, int, str]:
    return ("SignatureDoesNotMatch", 403, message)


def lacks(authorization: str, *sentences: str) -> tuple[str, int, str]:
    return incomplete(" ".join([*sentences, f"(Hashed with SHA-256 and encoded with Base64) Authorization={hashed(authorization)}"]))


def signed_by(authorization: str) -> tuple[tuple[str, str], ...]:
    return (*DATED, ("authorization", authorization))


def credential(text: str) -> tuple[tuple[str, str], ...]:
    return signed_by(AUTHORIZATION.replace(CREDENTIAL, text))


BY_HEADER: list[tuple[str, tuple[tuple[str, str], ...], tuple[str, int, str]]] = [
    ("nothing", DATED, MISSING),
    ("empty", signed_by(""), MISSING),
    ("bearer", signed_by("Bearer abc"), MISSING),
    ("version 2", signed_by("AWS AKIDEXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg="), incomplete(UNSUPPORTED.format("AWS"))),
    (
        "version 3",
        signed_by("AWS3-HTTPS AWSAccessKeyId=A,Algorithm=HmacSHA256,Signature=x"),
        incomplete(UNSUPPORTED.format("AWS3-HTTPS")),
    ),
    (
        "version 4a",
        signed_by(AUTHORIZATION.replace("HMAC", "ECDSA-P256")),
        incomplete(UNSUPPORTED.format("AWS4-ECDSA-P256-SHA256")),
    ),
    (
        "bare",
        (("authorization", "AWS4-HMAC-SHA256"),),
        lacks("AWS4-HMAC-SHA256", NEEDS.format("Credential"), NEEDS.format("Signature"), NEEDS.format("SignedHeaders"), NEEDS_DATE),
    ),
    (
        "no signature",
        signed_by(AUTHORIZATION.replace(SIGNATURE, "")),
        lacks(AUTHORIZATION.replace(SIGNATURE, ""), NEEDS.format("Signature")),
    ),
    ("no date", (DATED[0], ("authorization", AUTHORIZATION)), lacks(AUTHORIZATION, NEEDS_DATE)),
    (
        "no equals sign",
        signed_by("AWS4-HMAC-SHA256 Credential, Signature=b"),
        incomplete(
            "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): "
            f"'{hashed('AWS4-HMAC-SHA256 Credential, Signature=b')}'."
        ),
    ),
    ("parameter twice", signed_by(AUTHORIZATION + ", Signature=" + SIGNATURE), incomplete("'Signature' must not be repeated.")),
    (
        "header twice",
        (*signed_by(AUTHORIZATION), ("authorization", AUTHORIZATION)),
        incomplete("The 'Authorization' header must not be repeated."),
    ),
    ("four elements", credential("AKIDEXAMPLE/20150830/us-east-1/iam"), incomplete(FIVE.format("AKIDEXAMPLE/20150830/us-east-1/iam"))),
    ("six elements", credential("a/" + CREDENTIAL), incomplete(FIVE.format("a/" + CREDENTIAL))),
    ("no key id", credential("/20150830/us-east-1/iam/aws4_request"), incomplete(FIVE.format("/20150830/us-east-1/iam/aws4_request"))),
    ("odd bytes in the key id", credential("A\x00é" + CREDENTIAL), incomplete(FIVE.format("A?é" + CREDENTIAL))),
    (
        "terminator",
        credential("AKIDEXAMPLE/20150830/us-east-1/iam/aws5"),
        mismatch("Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'. "),
    ),
    ("scope of another day", credential(CREDENTIAL.replace("0830", "0831")), mismatch(WRONG_DATE.format("20150831"))),
    (
        "terminator and day",
        credential("AKIDEXAMPLE/b/us-east-1/iam/e"),
        mismatch("Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. " + WRONG_DATE.format("b")),
    ),
    (
        "extended date",
        (DATED[0], ("x-amz-date", "2015-08-30T12:36:00Z"), ("authorization", AUTHORIZATION)),
        incomplete(ISO.format("2015-08-30T12:36:00Z")),
    ),
    (
        "no such day",
        (DATED[0], ("x-amz-date", "20150230T123600Z"), ("authorization", AUTHORIZATION)),
        incomplete(ISO.format("20150230T123600Z")),
    ),
    ("date twice", (*signed_by(AUTHORIZATION), DATED[1]), incomplete(ISO.format("20150830T123600Z,20150830T123600Z"))),
    ("bad Date", (DATED[0], ("date", "yesterday"), ("authorization", AUTHORIZATION)), incomplete(ISO.format("yesterday"))),
    ("long Date", (DATED[0], ("date", "x" * 9000), ("authorization", AUTHORIZATION)), incomplete(ISO.format("x" * 128))),
    (
        "host unsigned",
        signed_by(AUTHORIZATION.replace("host;", "")),
        mismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."),
    ),
    (
        "x-amz-date unsigned",
        signed_by(AUTHORIZATION.replace(";x-amz-date", "")),
        mismatch("'x-amz-date' must be a 'SignedHeader' in the AWS Authorization."),
    ),
    (
        "target unsigned",
        (*signed_by(AUTHORIZATION), ("x-amz-target", "Service.Operation")),
        mismatch("'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."),
    ),
    (
        "no header name",
        signed_by(AUTHORIZATION.replace("x-amz-date,", "x amz-date=,")),
        mismatch("'x-amz-date' must be a 'SignedHeader' in the AWS Authorization."),
    ),
    ("odd header name", signed_by(AUTHORIZATION.replace("host;", 'host;"x";')), mismatch()),
    ("endless header names", signed_by(AUTHORIZATION.replace("host;", "host;" + "x" * 4096 + ";")), mismatch()),
]

BY_QUERY: list[tuple[str, dict[str, str | None], tuple[str, int, str]]] = [
    (
        "no algorithm",
        {"X-Amz-Algorithm": None},
        incomplete(QUERY_NEEDS.format("X-Amz-Algorithm") + " Re-examine the query-string parameters."),
    ),
    (
        "only a credential",
        dict.fromkeys(name for name in PRESIGNED if name != "X-Amz-Credential"),
        incomplete(
            " ".join(
                [
                    *(QUERY_NEEDS.format(f"X-Amz-{name}") for name in ("Algorithm", "Signature", "SignedHeaders", "Date")),
                    "Re-examine the query-string parameters.",
                ]
            )
        ),
    ),
    (
        "empty signature",
        {"X-Amz-Signature": ""},
        incomplete(QUERY_NEEDS.format("X-Amz-Signature") + " Re-examine the query-string parameters."),
    ),
    ("algorithm", {"X-Amz-Algorithm": "AWS4-ECDSA-P256-SHA256"}, incomplete(UNSUPPORTED.format("AWS4-ECDSA-P256-SHA256"))),
    ("date", {"X-Amz-Date": "now"}, incomplete(ISO.format("now"))),
    ("expires is no number", {"X-Amz-Expires": "1e3"}, incomplete("X-Amz-Expires should be a number")),
    ("expires is empty", {"X-Amz-Expires": ""}, incomplete("X-Amz-Expires should be a number")),
    ("expires is negative", {"X-Amz-Expires": "-1"}, incomplete("X-Amz-Expires must be non-negative")),
    ("expires is over a week", {"X-Amz-Expires": "604801"}, incomplete(WEEK)),
    ("expires is endless", {"X-Amz-Expires": "9" * 5000}, incomplete(WEEK)),
    ("credential", {"X-Amz-Credential": "a%0Ab"}, incomplete(FIVE.format("a?b"))),
    ("line break in the names", {"X-Amz-SignedHeaders": "host%0Ax"}, mismatch()),
    (
        "host unsigned",
        {"X-Amz-SignedHeaders": "x-foo"},
        mismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."),
    ),
    ("twice", {"X-Amz-Date": "20150830T123600Z&X-Amz-Date=20150830T123600Z"}, incomplete("'X-Amz-Date' must not be repeated.")),
    ("another body's hash", {"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}, mismatch(UNBOUND.format("UNSIGNED-PAYLOAD"))),
]


def refused(query: str, headers: tuple[tuple[str, str], ...], body: bytes = b"") -> tuple[str, int, str]:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    with pytest.raises(AwsError) as caught:
        claim("GET", b"/", query.encode(), encoded, body)
    assert SIGNATURE not in caught.value.message
    return (caught.value.code, caught.value.status, caught.value.message)


def presigned(changes: dict[str, str | None]) -> str:
    return "&".join(f"{name}={value}" for name, value in (PRESIGNED | changes).items() if value is not None)


@pytest.mark.parametrize(("headers", "expected"), [row[1:] for row in BY_HEADER], ids=[row[0] for row in BY_HEADER])
def test_in_the_header(headers: tuple[tuple[str, str], ...], expected: tuple[str, int, str]) -> None:
    assert refused("", headers) == expected


@pytest.mark.parametrize(("changes", "expected"), [row[1:] for row in BY_QUERY], ids=[row[0] for row in BY_QUERY])
def test_presigned(changes: dict[str, str | None], expected: tuple[str, int, str]) -> None:
    assert refused(presigned(changes), DATED[:1]) == expected


def test_the_rows_start_from_requests_that_can_be_read() -> None:
    headers = [(name.encode(), value.encode()) for name, value in signed_by(AUTHORIZATION)]
    assert claim("GET", b"/", b"", headers, b"").access_key_id == "AKIDEXAMPLE"
    assert claim("GET", b"/", presigned({}).encode(), headers[:1], b"").expires_seconds == 60
    assert claim("GET", b"/", presigned({"X-Amz-Expires": "604800"}).encode(), headers[:1], b"").expires_seconds == 604800
    assert claim("GET", b"/", presigned({"X-Amz-Expires": None}).encode(), headers[:1], b"").expires_seconds is None


def test_both_forms_at_once() -> None:
    expected = mismatch("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
    assert refused(presigned({}), signed_by(AUTHORIZATION)) == expected


@pytest.mark.parametrize(
    ("query", "body"),
    [("AWSAccessKeyId=A&SignatureVersion=2", b""), ("", b"Action=ListUsers&AWSAccessKeyId=A&SignatureVersion=2&Signature=x")],
    ids=["query", "body"],
)
def test_version_2_among_the_parameters(query: str, body: bytes) -> None:
    assert refused(query, DATED, body) == incomplete(UNSUPPORTED.format("AWS Signature Version 2"))


def test_the_security_token_is_shown_nowhere() -> None:
    request = by_header("GET", "/", {}, token=TOKEN)
    claimed = claim(*request)
    assert claimed.session_token == TOKEN
    assert TOKEN not in repr(claimed)
    assert claimed.signature not in repr(claimed)


def stated(value: str, body: bytes) -> Request:
    return by_header("POST", "/", {"X-Amz-Content-SHA256": value}, body)


@pytest.mark.parametrize(
    "value",
    [
        "UNSIGNED-PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        hashlib.sha256(b"another body").hexdigest(),
        "",
    ],
)
def test_a_body_that_is_not_bound_to_its_signature(value: str) -> None:
    """Signed by botocore with the stated value in the place of the hash: on S3 some of these would pass."""
    with pytest.raises(AwsError) as caught:
        claim(*stated(value, b"Action=DeleteRole"))
    assert (caught.value.code, caught.value.status, caught.value.message) == mismatch(UNBOUND.format(value))


def test_a_body_with_its_true_hash_stated() -> None:
    assert claim(*stated(hashlib.sha256(b"Action=ListUsers").hexdigest(), b"Action=ListUsers"))


SIGNED_AT = 1465497912000  # 20160609T184512Z
TIMES: list[tuple[str, int, int | None, tuple[str, int, str] | None]] = [
    ("at once", 0, None, None),
    ("in the last second", 15 * 60, None, None),
    (
        "a second late",
        15 * 60 + 1,
        None,
        mismatch("Signature expired: 20160609T184512Z is now earlier than 20160609T184513Z (20160609T190013Z - 15 min.)"),
    ),
    (
        "aws-behaviour.md 1.5",
        25196,
        None,
        mismatch("Signature expired: 20160609T184512Z is now earlier than 20160610T013008Z (20160610T014508Z - 15 min.)"),
    ),
    ("fast clock, just allowed", -15 * 60, None, None),
    (
        "fast clock",
        -15 * 60 - 1,
        None,
        mismatch("Signature not yet current: 20160609T184512Z is still later than 20160609T184511Z (20160609T183011Z + 15 min.)"),
    ),
    ("presigned, alive", 60, 60, None),
    ("presigned, over", 61, 60, ("RequestExpired", 400, "Request has expired.")),
    ("presigned for nothing", 1, 0, ("RequestExpired", 400, "Request has expired.")),
    (
        "presigned for long",
        15 * 60 + 1,
        604800,
        mismatch("Signature expired: 20160609T184512Z is now earlier than 20160609T184513Z (20160609T190013Z - 15 min.)"),
    ),
]


@pytest.mark.parametrize(("seconds", "expires", "expected"), [row[1:] for row in TIMES], ids=[row[0] for row in TIMES])
def test_time(seconds: int, expires: int | None, expected: tuple[str, int, str] | None) -> None:
    claimed = Claim("A", "20160609", "us-east-1", "iam", None, SIGNED_AT, expires, "", b"", presigned=expires is not None)
    now_ms = SIGNED_AT + seconds * 1000 + 999  # the part of a second never counts
    if expected is None:
        check_time(claimed, now_ms)
        return
    with pytest.raises(AwsError) as caught:
        check_time(claimed, now_ms)
    assert (caught.value.code, caught.value.status, caught.value.message) == expected
