"""boto3 clients that speak to a Stead in this process: botocore signs and parses as ever, only the socket is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from stead.wire.messages import HttpRequest

if TYPE_CHECKING:
    from stead.wire.http import Door

ENDPOINT = "http://stead.test"


class _Raw:
    """The little of urllib3's response that botocore reads."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_args: object, **_options: object) -> Any:
        yield self._body


def client(door: Door, service: str, key: tuple[str, str, str | None], region: str = "us-east-1") -> Any:
    """A client of ``service`` signing with ``key`` (id, secret, session token), answered by ``door``."""
    session = boto3.Session(*key, region_name=region)
    made = session.client(service, endpoint_url=ENDPOINT, config=Config(retries={"max_attempts": 0}))  # type: ignore[call-overload]
    made.meta.events.register("before-send", lambda request, **_: _answer(door, request))
    return made


def _answer(door: Door, request: Any) -> AWSResponse:
    url = urlsplit(request.url)
    body = request.body or b""
    headers = tuple((name.lower().encode(), _bytes(value)) for name, value in request.headers.items())
    headers += ((b"host", url.netloc.encode()),) if b"host" not in dict(headers) else ()
    reply = door.answer(HttpRequest(request.method, (url.path or "/").encode(), url.query.encode(), headers, _bytes(body), "127.0.0.1"))
    return AWSResponse(request.url, reply.status, {k.decode(): v.decode() for k, v in reply.headers}, _Raw(reply.body))


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()
