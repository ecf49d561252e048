"""boto3 clients that speak to a Stead in this process: botocore signs and parses as ever, only the socket is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session as BotocoreSession

from stead.wire.messages import HttpRequest

if TYPE_CHECKING:
    from stead.wire.http import Door

ENDPOINT = "http://stead.test"
_MODELS = Loader()  # reads and parses a service's model once for all clients of a run: a tenth of a second each


class _Raw:
    """The little of urllib3's response that botocore reads."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_args: object, **_options: object) -> Any:
        yield self._body


def client(door: Door, service: str, key: tuple[str, str, str | None], region: str = "us-east-1") -> Any:
    """A client of ``service`` signing with ``key`` (id, secret, session token), answered by ``door``."""
    session = boto3_session(key, region)
    made = session.client(service, endpoint_url=ENDPOINT, config=Config(retries={"max_attempts": 0}))  # type: ignore[call-overload]
    made.meta.events.register("before-send", lambda request, **_: _answer(door, request))
    return made


def boto3_session(key: tuple[str, str, str | None], region: str) -> boto3.Session:
    """A session of ``key``'s, sharing what does not depend on it."""
    shared = BotocoreSession()
    shared.register_component("data_loader", _MODELS)
    return boto3.Session(*key, region_name=region, botocore_session=shared)


def _answer(door: Door, request: Any) -> AWSResponse:
    url = urlsplit(request.url)
    body = request.body or b""
    headers = tuple((name.lower().encode(), _bytes(value)) for name, value in request.headers.items())
    headers += ((b"host", url.netloc.encode()),) if b"host" not in dict(headers) else ()
    reply = door.answer(HttpRequest(request.method, (url.path or "/").encode(), url.query.encode(), headers, _bytes(body), "127.0.0.1"))
    return AWSResponse(request.url, reply.status, {k.decode(): v.decode() for k, v in reply.headers}, _Raw(reply.body))


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()
