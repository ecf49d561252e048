"""The canonical request of Signature Version 4, built on the bytes that came.

Rules (AWS's Signature Version 4 reference, and what its SDKs do):

- The path is taken as sent, so already encoded once; dot segments and doubled slashes go, then every byte outside RFC 3986's unreserved
  set is encoded (again). Only S3 does otherwise, and Stead has no S3.
- The query is decoded and encoded anew, strictly, then sorted by encoded name and encoded value. ``+`` is a space, as it is to the query
  protocol's parser: were it a plus here, a signed ``%2B`` could be turned into a space without breaking the signature.
- Header values lose outer spaces and fold inner ones; repeated headers are joined with commas in the order of arrival.
- A header that is signed but absent leaves no line. It cannot be left out unnoticed, because its signer wrote one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from stead.sigv4.refusals import REPEATED_AUTHORIZATION, incomplete

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def joined_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers by name, repeated ones joined. Two of ``Authorization`` would leave it open whose is the caller's."""
    fields: dict[bytes, bytes] = {}
    for name, value in headers:
        if name not in fields:
            fields[name] = value
        elif name == b"authorization":
            raise incomplete(REPEATED_AUTHORIZATION)
        else:
            fields[name] = fields[name].strip() + b"," + value.strip()
    return fields


def query_pairs(query: bytes) -> list[tuple[bytes, bytes]]:
    """The decoded names and values of a raw query string, in order; a name without ``=`` has an empty value."""
    pairs = []
    for part in query.replace(b"+", b" ").split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            pairs.append((unquote_to_bytes(name), unquote_to_bytes(value)))
    return pairs


def canonical_path(path: bytes) -> bytes:
    """``/./a//b/../c d`` becomes ``/a/c%20d``; ``/a%20b`` becomes ``/a%2520b``."""
    if path == b"/":
        return path
    kept: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in {b"", b"."}:
            kept.append(segment)
    end = "/" if kept and path.endswith(b"/") else ""
    return f"/{quote(b'/'.join(kept))}{end}".encode()


def canonical_query(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Encoded, sorted, joined. The names sort as encoded, so ``%E1`` comes before ``P``."""
    encoded = sorted((quote(name, safe=""), quote(value, safe="")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded).encode()


def canonical_request(  # noqa: PLR0913, PLR0917 - the six lines of the canonical request
    method: str,
    path: bytes,
    pairs: Sequence[tuple[bytes, bytes]],
    fields: Mapping[bytes, bytes],
    signed_names: Iterable[bytes],
    payload_hash: bytes,
) -> bytes:
    """The text whose hash is signed; ``signed_names`` are lower case and sorted."""
    lines = [method.encode(errors="backslashreplace"), canonical_path(path), canonical_query(pairs) if pairs else b""]
    lines += [name + b":" + b" ".join(fields[name].split()) for name in signed_names if name in fields]
    lines += [b"", b";".join(signed_names), payload_hash]
    return b"\n".join(lines)
