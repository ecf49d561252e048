"""What holds for every request: nothing signed can be changed, and no bytes do worse than a refusal."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stead.aws.errors import AwsError
from stead.sigv4 import check_time, claim, signing_key, verify
from stead.sigv4.canonical import query_pairs
from tests.sigv4.signers import SECRET, TOKEN, by_header, by_query
from tests.sigv4.vectors import Request

if TYPE_CHECKING:
    from collections.abc import Iterator


HEADERS = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "X-Amz-Target": "A.B"}
SIGNED = by_header("POST", "/a/b?c=1&d=two", HEADERS, b"Action=GetRole&RoleName=a", TOKEN)
PRESIGNED = by_query("/?Action=GetCallerIdentity&Version=2011-06-15", TOKEN)


def refusal(request: Request) -> AwsError | None:
    """How the request is refused; None when it passes as its key's own, whatever Region, service or day it claims."""
    try:
        claimed = claim(*request)
        verify(claimed, signing_key(SECRET, claimed.date, claimed.region, claimed.service))
    except AwsError as error:
        return error
    return None


def believed(request: Request) -> bool:
    return refusal(request) is None


def flips(value: bytes) -> Iterator[bytes]:
    """``value`` with each of its bits turned over in turn."""
    for position in range(len(value)):
        for bit in range(8):
            yield value[:position] + bytes([value[position] ^ 1 << bit]) + value[position + 1 :]


def with_header(request: Request, name: bytes, value: bytes) -> Request:
    return request._replace(headers=tuple((key, value if key == name else old) for key, old in request.headers))


def tampered() -> Iterator[Request]:
    yield from (SIGNED._replace(method=method) for method in ("GET", "PUT", "post", ""))
    yield from (SIGNED._replace(path=path) for path in flips(SIGNED.path))
    yield from (SIGNED._replace(query=query) for query in flips(SIGNED.query))
    yield from (SIGNED._replace(body=body) for body in flips(SIGNED.body))
    headers = dict(SIGNED.headers)
    for name in (b"host", b"content-type", b"x-amz-date", b"x-amz-target", b"x-amz-security-token"):
        yield from (with_header(SIGNED, name, value) for value in flips(headers[name]))
        yield SIGNED._replace(headers=tuple(pair for pair in SIGNED.headers if pair[0] != name))
        yield SIGNED._replace(headers=(*SIGNED.headers, (name, headers[name])))
    yield SIGNED._replace(headers=(*SIGNED.headers, (b"x-amz-new", b"")))
    start, _, signature = headers[b"authorization"].partition(b"Signature=")
    yield from (with_header(SIGNED, b"authorization", start + b"Signature=" + value) for value in flips(signature))
    scope = start.index(b"/")
    yield from (
        with_header(SIGNED, b"authorization", start[:scope] + value + start[start.index(b",") :] + b"Signature=" + signature)
        for value in flips(start[scope : start.index(b",")])
    )


def test_the_untouched_requests_are_believed() -> None:
    assert believed(SIGNED)
    assert believed(PRESIGNED)


def test_no_signed_bit_can_be_changed() -> None:
    assert [request for request in tampered() if believed(request)] == []


def test_no_bit_of_a_presigned_query_can_be_changed() -> None:
    """Except the spelling of an escape (``%2F``, ``%2f``), which means the same."""
    others = (PRESIGNED._replace(query=query) for query in flips(PRESIGNED.query))
    assert [request for request in others if query_pairs(request.query) != query_pairs(PRESIGNED.query) and believed(request)] == []
    assert not believed(PRESIGNED._replace(query=PRESIGNED.query + b"&Another=1"))
    assert not believed(PRESIGNED._replace(body=b"Action=DeleteUser"))


@pytest.mark.parametrize("name", [b"user-agent", b"accept-encoding", b"content-length", b"x-amzn-trace-id"])
def test_an_unsigned_header_may_change_on_the_way(name: bytes) -> None:
    assert believed(SIGNED._replace(headers=(*SIGNED.headers, (name, b"anything"))))


texts = st.text(max_size=12)
known_names = st.sampled_from(
    [b"authorization", b"host", b"date", b"x-amz-date", b"x-amz-security-token", b"x-amz-content-sha256", b"x-amz-target", b"x"]
)
dates = st.sampled_from([b"20150830T123600Z", b"20150830T246100Z", b"00000101T000000Z", b"Mon, 99 Feb 99999 00:00:00 +9999", b"1 1 1"])
credentials = st.builds(b"/".join, st.lists(st.sampled_from([b"A", b"20150830", b"iam", b"aws4_request", b"", b"\xff\n"]), max_size=6))
authorizations = st.builds(
    b"AWS4-HMAC-SHA256 Credential=%b, SignedHeaders=%b, Signature=%b".__mod__,
    st.tuples(
        credentials | st.just(b"A/20150830/r/s/aws4_request"),
        st.sampled_from([b"host", b"host;x-amz-date", b"\xe9;host"]),
        st.binary(max_size=8),
    ),
)
values = st.binary(max_size=40) | dates | authorizations
headers = st.lists(st.tuples(known_names | st.binary(max_size=8), values), max_size=8)
parameters = st.sampled_from(
    ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature", "Security-Token", "Content-Sha256"]
)
presigned_values = (
    st.binary(max_size=12) | dates | credentials | st.sampled_from([b"AWS4-HMAC-SHA256", b"host", b"A/20150830/r/s/aws4_request"])
)
presigned = st.builds(
    lambda chosen: "&".join(f"X-Amz-{name}={quote(value)}" for name, value in chosen.items()).encode(),
    st.dictionaries(parameters, presigned_values),
)


@settings(deadline=None, max_examples=400)
@given(texts, st.binary(max_size=40), st.binary(max_size=40) | presigned, headers, st.binary(max_size=20))
def test_any_bytes_get_a_short_printable_refusal(
    method: str, path: bytes, query: bytes, fields: list[tuple[bytes, bytes]], body: bytes
) -> None:
    error = refusal(Request(method, path, query, tuple(fields), body))
    assert error is not None
    assert (error.code, error.status) in {("IncompleteSignature", 400), ("MissingAuthenticationToken", 403), ("SignatureDoesNotMatch", 403)}
    assert error.message.isprintable()
    assert len(error.message) < 1000


@settings(deadline=None)
@given(st.integers(0, 9999), st.integers(0, 19), st.integers(0, 39), st.integers(0, 2**45))
def test_any_date_is_timed_or_refused(year: int, month: int, day: int, now_ms: int) -> None:
    date = f"{year:04}{month:02}{day:02}"
    authorization = f"AWS4-HMAC-SHA256 Credential=A/{date}/r/s/aws4_request, SignedHeaders=host;x-amz-date, Signature=x"
    fields = [(b"host", b"h"), (b"x-amz-date", f"{date}T123600Z".encode()), (b"authorization", authorization.encode())]
    with suppress(AwsError):
        claimed = claim("GET", b"/", b"", fields, b"")
        check_time(claimed, now_ms)
        assert abs(claimed.signed_at_ms - now_ms) <= 15 * 60 * 1000 + 999


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(texts, texts), max_size=5), st.lists(texts, max_size=4), st.binary(max_size=40))
def test_what_botocore_signs_is_believed(pairs: list[tuple[str, str]], segments: list[str], body: bytes) -> None:
    path = "/" + "/".join(quote(segment, safe="") for segment in segments)
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    assert believed(by_header("POST", f"{path}?{query}", HEADERS, body))
