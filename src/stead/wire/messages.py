"""What travels between the socket and the codecs: plain values, no behaviour."""

from __future__ import annotations

from typing import NamedTuple


class HttpRequest(NamedTuple):
    """One HTTP request, exactly as it came: nothing decoded, nothing normalised, because signatures cover these bytes.

    Header names are lower case (the server lower-cases them, as HTTP allows); repeated headers stay repeated, in order.
    """

    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    source_ip: str

    def header(self, name: bytes) -> bytes:
        """The first header of that (lower-case) name, or nothing."""
        for key, value in self.headers:
            if key == name:
                return value
        return b""


class HttpReply(NamedTuple):
    """One HTTP answer; ``Content-Length`` is the server's business."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
