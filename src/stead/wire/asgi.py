"""The thin adapter between the HTTP server and the synchronous handlers (design D1).

ASGI because it keeps the raw path and repeated headers. With SQLite a request is answered on the loop's own thread: a hop to another costs
more than the work. With PostgreSQL, which waits for a network, and for services that ask a neighbour, it is answered on a small pool.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from stead.aws.errors import AwsError
from stead.aws.ids import new_uuid
from stead.aws.models import SERVICES
from stead.wire.http import refusal
from stead.wire.messages import HttpReply, HttpRequest
from stead.wire.route import asked, scope_service

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[HttpRequest], HttpReply]
    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

MAX_BODY_BYTES = 2 * 2**20  # the largest request of the services here (a simulation with many policies) is far below
POOL_THREADS = 16
_WAITING = frozenset(service.signs_as for service in SERVICES.values() if service.is_forwarded) | {"ecs"}  # who may ask a neighbour


class Adapter:
    """An ASGI application around ``handler``."""

    def __init__(self, handler: Handler, *, waits_always: bool) -> None:
        self._handler = handler
        self._waits_always = waits_always
        self._pool = ThreadPoolExecutor(POOL_THREADS, "stead-request")  # starts no thread before it is needed

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        body = await _body(receive)
        request = HttpRequest(
            scope["method"], scope["raw_path"], scope["query_string"], tuple(scope["headers"]), body or b"", scope["client"][0]
        )
        if body is None:
            reply = _too_large(request)
        elif not self._waits_always and scope_service(request) not in _WAITING:
            reply = self._handler(request)
        else:
            reply = await asyncio.get_running_loop().run_in_executor(self._pool, self._handler, request)
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        await send({"type": "http.response.body", "body": reply.body, "more_body": False})


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None when it is larger than any request may be; the rest is then never kept."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body if len(body) <= MAX_BODY_BYTES else None
    parts, size = [body], len(body)
    while message.get("more_body") and message["type"] == "http.request":
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY_BYTES:
            parts.append(part)
    return b"".join(parts) if size <= MAX_BODY_BYTES else None


def _too_large(request: HttpRequest) -> HttpReply:
    text = f"The request is larger than {MAX_BODY_BYTES} bytes."
    return refusal(asked(request), "", AwsError("RequestEntityTooLarge", text, 413), new_uuid())
