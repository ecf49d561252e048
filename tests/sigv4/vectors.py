"""AWS's Signature Version 4 test suite, read from the folder that ``STEAD_VECTORS`` names; it is never copied into this repository.

Each case is a folder: the request before signing (``.req``), its canonical request (``.creq``), string to sign (``.sts``),
``Authorization`` header (``.authz``) and the signed request (``.sreq``). :func:`read_request` gives a request as a server sees it, so
that the same cases can be sent over a socket.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

ACCESS_KEY_ID = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
REGION = "us-east-1"
SERVICE = "service"


class Request(NamedTuple):
    """The arguments of :func:`stead.sigv4.claim`, in their order."""

    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def suite() -> Path | None:
    """The folder of the suite, or None when it is not at hand. The variable may name it, or the folder of all vectors."""
    root = os.environ.get("STEAD_VECTORS")
    if not root:
        return None
    inside = Path(root) / "sigv4"
    return inside if inside.is_dir() else Path(root)


def cases() -> list[Path]:
    """The stem of each case: with ``.req`` and so on behind it, its files."""
    folder = suite()
    return sorted(file.with_suffix("") for file in folder.rglob("*.sreq")) if folder else []


def read_request(file: Path) -> Request:
    """The request in a ``.req`` or ``.sreq`` file: header names in lower case, continued lines joined, as a server hands them on."""
    head, _, body = file.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
    line, *fields = head.replace(b"\n ", b" ").splitlines()
    method, _, target = line.removesuffix(b" HTTP/1.1").partition(b" ")
    path, _, query = target.partition(b"?")
    headers = (field.partition(b":") for field in fields)
    return Request(method.decode(), path, query, tuple((name.lower(), value.strip()) for name, _, value in headers), body)


def signed_request(case: Path) -> Request:
    """The signed request of a case, with the header of its ``.authz``: one ``.sreq`` carries another case's signature."""
    request = read_request(case.with_suffix(".sreq"))
    authorization = case.with_suffix(".authz").read_bytes()
    return request._replace(headers=tuple((name, authorization if name == b"authorization" else value) for name, value in request.headers))
