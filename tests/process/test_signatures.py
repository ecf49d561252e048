"""AWS's Signature Version 4 suite over a real socket: the signature is judged on the raw bytes, whatever a server makes of them.

The suite's own requests are of 2015 and for no service that exists. So each is sent with today's date, our key, and a signed
`X-Amz-Target` that names an operation; everything else, the canonical request included, is AWS's text of the case.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support import process

from tests.sigv4.vectors import cases

if TYPE_CHECKING:
    from pathlib import Path

    from support.process import Running

TARGET = "AmazonEC2ContainerServiceV20141113.ListClusters"
SCOPE = "us-east-1/ecs/aws4_request"
NO_HTTP = {"get-space", "get-header-value-multiline"}  # a blank in the path, a folded header: refused before AWS's rules begin
SIGNATURE_CODES = {b"InvalidSignatureException", b"IncompleteSignatureException", b"MissingAuthenticationTokenException"}


class Signed:
    """One case's request, signed anew."""

    def __init__(self, case: Path) -> None:
        self.moment = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        head, _, self.body = case.with_suffix(".sreq").read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
        self.line, *fields = head.split(b"\n")
        self.fields = [
            field for field in fields if not re.match(rb"(?i)authorization|x-amz-date|x-amz-security-token|content-length", field)
        ]
        self.fields += [b"X-Amz-Date: " + self.moment.encode(), b"X-Amz-Target: " + TARGET.encode()]
        self.canonical, self.names = self._canonical(case.with_suffix(".creq").read_text("utf-8").replace("\r\n", "\n"))

    def _canonical(self, text: str) -> tuple[str, str]:
        """AWS's canonical request with our date and target in its header lines, its token left out."""
        start, rest = text.split("\n", 3)[:3], text.split("\n", 3)[3]
        lines, names, payload = rest.rsplit("\n", 2)[0].rstrip("\n"), *rest.rsplit("\n", 2)[1:]
        headers = dict(line.split(":", 1) for line in lines.split("\n"))
        headers |= {"x-amz-date": self.moment, "x-amz-target": TARGET}
        headers.pop("x-amz-security-token", None)
        assert set(names.split(";")) - {"x-amz-security-token"} <= set(headers)
        names = ";".join(sorted(headers))
        return "\n".join([*start, *(f"{name}:{headers[name]}" for name in sorted(headers)), "", names, payload]), names

    def bytes(self, line: bytes | None = None) -> bytes:
        """What goes to the socket; ``line`` in the place of the request line that was signed."""
        digest = hashlib.sha256(self.canonical.encode()).hexdigest()
        date = self.moment[:8]
        key = ("AWS4" + process.SECRET).encode()
        for part in (date, *SCOPE.split("/")):
            key = hmac.digest(key, part.encode(), "sha256")
        text = f"AWS4-HMAC-SHA256\n{self.moment}\n{date}/{SCOPE}\n{digest}"
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        credential = f"Credential={process.KEY_ID}/{date}/{SCOPE}"
        authorization = f"Authorization: AWS4-HMAC-SHA256 {credential}, SignedHeaders={self.names}, Signature={signature}".encode()
        length = b"Content-Length: %d" % len(self.body)
        return b"\r\n".join([line or self.line, *self.fields, authorization, length, b"Connection: close", b"", self.body])


def code_of(reply: bytes) -> bytes:
    """The error's code, or nothing for a success."""
    found = re.search(rb'"__type":\s*"(?:[^"#]*#)?([^"]+)"', reply)
    return found[1] if found else b""


if not cases():
    pytest.skip("STEAD_VECTORS names no folder with the suite", allow_module_level=True)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_case_of_the_suite(case: Path, shared: Running) -> None:
    """As signed: whatever comes after the signature. With one byte of its path or query changed: the signature's own refusal."""
    signed = Signed(case)
    reply = shared.send(signed.bytes())
    if case.name in NO_HTTP:
        assert reply.startswith(b"HTTP/1.1 400 ")
        return
    assert re.match(rb"HTTP/1\.1 [24]\d\d ", reply)
    assert code_of(reply) not in SIGNATURE_CODES, reply
    changed = signed.line.replace(b" HTTP/1.1", b"x HTTP/1.1")
    reply = shared.send(signed.bytes(changed))
    assert code_of(reply) == b"InvalidSignatureException", reply
