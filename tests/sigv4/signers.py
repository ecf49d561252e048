"""botocore as the independent signer: requests exactly as its clients would send them, as :class:`Request` values."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from tests.sigv4.vectors import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

ENDPOINT = "http://127.0.0.1:4566"
KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE//+token=="


def received(request: Any) -> Request:
    """A signed request as a server on the socket's other end sees it."""
    url = urlsplit(request.url)
    fields = [(name.lower(), value if isinstance(value, bytes) else value.encode()) for name, value in request.headers.items()]
    if all(name != "host" for name, _ in fields):
        fields.append(("host", url.netloc.encode()))
    body = request.body or b""
    return Request(
        request.method,
        url.path.encode() or b"/",
        url.query.encode(),
        tuple((name.encode(), value) for name, value in fields),
        body if isinstance(body, bytes) else body.encode(),
    )


def by_header(method: str, target: str, headers: Mapping[str, str], body: bytes = b"", token: str | None = None) -> Request:
    """Signed in the ``Authorization`` header."""
    request = AWSRequest(method, ENDPOINT + target, headers=dict(headers), data=body)
    SigV4Auth(Credentials(KEY_ID, SECRET, token), "iam", "us-east-1").add_auth(request)
    return received(request)


def by_query(target: str, token: str | None = None, expires: int = 60) -> Request:
    """Presigned in the query string."""
    request = AWSRequest("GET", ENDPOINT + target)
    SigV4QueryAuth(Credentials(KEY_ID, SECRET, token), "sts", "us-east-1", expires=expires).add_auth(request)
    return received(request)


def client(service: str, token: str | None = None) -> Any:
    """A boto3 client of the fixed key."""
    return boto3.client(
        service,
        "eu-west-1",
        endpoint_url=ENDPOINT,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}),
    )


def from_client(service: str, operation: str, parameters: Mapping[str, Any], token: str | None = None) -> Request:
    """What an unmodified boto3 client puts on the wire for one call."""
    sent: list[Request] = []
    caller = client(service, token)

    def keep(request: Any, **_: Any) -> None:
        sent.append(received(request))
        raise _SentError

    caller.meta.events.register("before-send", keep)
    with suppress(_SentError):
        getattr(caller, operation)(**parameters)
    return sent[0]


class _SentError(Exception):
    """Ends a client's call where its request would go to the socket."""
