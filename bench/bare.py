"""The HTTP server that Stead stands on, with nothing on it: the ceiling against which Stead's own work is measured.

It reads the whole request, as every application must, and answers 200 with 400 bytes, about what GetCallerIdentity answers. The server's
options are those of ``src/stead/serve.py``.
"""

from __future__ import annotations

import sys
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.server.mp import MPServer

BODY = b"x" * 400
HEADERS = [(b"content-type", b"text/xml")]


async def application(_scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer one request."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY, "more_body": False})


def load() -> Any:
    """In the worker: the application."""
    return application


if __name__ == "__main__":
    MPServer(
        "bare",
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        workers=1,
        log_enabled=False,
    ).serve(target_loader=load, wrap_loader=False)
