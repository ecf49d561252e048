"""What botocore signs, Stead verifies: unmodified clients, odd requests, presigned ones."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from stead.aws.errors import AwsError
from stead.sigv4 import check_time, claim, signing_key, verify
from tests.sigv4.signers import KEY_ID, SECRET, TOKEN, by_header, by_query, client, from_client
from tests.sigv4.vectors import Request

TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}'
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("iam", "get_role", {"RoleName": "AWSServiceRoleForECS"}),
    ("iam", "create_role", {"RoleName": "a", "AssumeRolePolicyDocument": TRUST, "Description": "Grüße + 100 % ~"}),
    ("sts", "get_caller_identity", {}),
    ("sts", "assume_role", {"RoleArn": "arn:aws:iam::123456789012:role/a", "RoleSessionName": "s=,.@-"}),
    ("ecs", "create_cluster", {"clusterName": "c", "tags": [{"key": "k", "value": "日本"}]}),
    ("cloudtrail", "lookup_events", {}),
]
TARGETS = [
    "/",
    "/?",
    "/?Action=ListUsers&Version=2010-05-08",
    "/?b=2&a=1&a=0&A=%20",
    "/?flag=&%E1%88%B4=x%2By%26z%3D",
    "/?empty=",
    "/a/b/",
    "/a%20b/%E1%88%B4/~x",
    "/a//b/./c/../d",
    "/../..",
    "/$&'()*+,;=:@!/",
    "/%2F/%2e%2E/x",
]
HEADERS = [
    {},
    {"X-Foo": "  several   spaces  inside  "},
    {"X-Foo": "", "Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
    {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters", "X-Bar": '"a   b"'},
]


def accept(request: Request, token: str | None = None) -> None:
    """The request verifies with the right secret, now, and with no other."""
    claimed = claim(*request)
    assert (claimed.access_key_id, claimed.session_token) == (KEY_ID, token)
    verify(claimed, signing_key(SECRET, claimed.date, claimed.region, claimed.service))
    check_time(claimed, claimed.signed_at_ms)
    with pytest.raises(AwsError, match="SignatureDoesNotMatch"):
        verify(claimed, signing_key("another", claimed.date, claimed.region, claimed.service))


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize(("service", "operation", "parameters"), CALLS, ids=[call[1] for call in CALLS])
def test_an_unmodified_client(service: str, operation: str, parameters: dict[str, Any], token: str | None) -> None:
    request = from_client(service, operation, parameters, token)
    accept(request, token)
    claimed = claim(*request)
    assert (claimed.service, claimed.region, claimed.presigned, claimed.expires_seconds) == (service, "eu-west-1", False, None)


@pytest.mark.parametrize("headers", HEADERS)
@pytest.mark.parametrize("target", TARGETS)
def test_odd_targets_and_headers(target: str, headers: dict[str, str]) -> None:
    accept(by_header("POST", target, headers, b"Action=GetUser&x=%00"))


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize("target", ["/", "/?Action=GetCallerIdentity&Version=2011-06-15", "/?b=a%20b&a=%2B", "/x//y%20z?a="])
def test_presigned(target: str, token: str | None) -> None:
    request = by_query(target, token)
    accept(request, token)
    assert (claim(*request).presigned, claim(*request).expires_seconds) == (True, 60)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("service", "operation", "parameters"), [CALLS[0], CALLS[1], CALLS[2]], ids=["iam", "text", "sts"])
def test_a_client_presigns(service: str, operation: str, parameters: dict[str, Any], method: str) -> None:
    """Of a POST botocore moves the form into the query and signs an empty body."""
    url = urlsplit(client(service).generate_presigned_url(operation, parameters, ExpiresIn=900, HttpMethod=method))
    accept(Request(method, url.path.encode(), url.query.encode(), ((b"host", url.netloc.encode()),), b""))


def test_a_space_sent_as_plus() -> None:
    """Botocore signs a parameter's space as ``%20`` and sends it as ``+``."""
    request = by_header("GET", "/?a=one%20two", {})
    accept(request._replace(query=b"a=one+two"))


def test_repeated_headers_are_joined_in_order() -> None:
    request = by_header("GET", "/", {"X-Foo": "one,two  three"})
    rest = tuple(pair for pair in request.headers if pair[0] != b"x-foo")
    accept(request._replace(headers=((b"x-foo", b" one "), *rest, (b"x-foo", b"two   three"))))


def test_a_token_may_be_added_after_signing() -> None:
    request = by_header("GET", "/", {})
    accept(request._replace(headers=(*request.headers, (b"x-amz-security-token", TOKEN.encode()))), TOKEN)


def test_a_date_header_instead_of_x_amz_date() -> None:
    """In RFC 822's form, as the signing specification allows."""
    request = by_header("GET", "/", {"Date": "Mon, 01 Jan 2001 00:00:00 GMT"})  # botocore puts the present time in its place
    assert {b"date"} == {name for name, _ in request.headers if name.endswith(b"date")}
    accept(request)
