"""What goes to a neighbour and what comes back: HTTP without a host, since a neighbour may be a process or a URL."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple, Protocol

import orjson

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class NeighbourRequest:
    """One request in the neighbour's own protocol, authorized already.

    ``service`` is botocore's name of it and ``host`` its endpoint prefix (``elbv2``, ``elasticloadbalancing``). ``now`` is Stead's time in
    milliseconds. ``intent`` is the idempotency key of a controller's mutation (design D19), empty otherwise: a neighbour that knows the key
    answers as it did. ``requester`` is the service principal that calls with a linked role's session, empty for a customer.
    """

    service: str
    operation: str
    host: str
    region: str
    account_id: str
    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    now: int
    read_only: bool
    intent: str = ""
    requester: str = ""


class NeighbourReply(NamedTuple):
    """The neighbour's answer as it came, errors too."""

    status: int
    headers: Headers
    body: bytes


NOT_IMPLEMENTED = NeighbourReply(501, (), b"")
"""A neighbour's way to say that it has no such operation; Stead words it for the caller."""


FORGET = b"forget"
"""Instead of a packed request: everything is to be forgotten (``/_stead/reset``)."""


class NeighbourUnavailableError(Exception):
    """No answer: the neighbour is switched off, away, or did not answer in time. What was asked may have been done."""


class Neighbours(Protocol):
    """The seam."""

    def send(self, request: NeighbourRequest) -> NeighbourReply:
        """The answer to ``request``; NeighbourUnavailableError when there is none."""
        ...


def pack_request(request: NeighbourRequest) -> bytes:
    """For a socket or a journal; bodies may be any bytes."""
    return orjson.dumps({**asdict(request), "body": request.body.decode("latin-1")})


def unpack_request(packed: bytes) -> NeighbourRequest:
    """What :func:`pack_request` packed."""
    fields = orjson.loads(packed)
    return NeighbourRequest(**{**fields, "headers": _pairs(fields["headers"]), "body": fields["body"].encode("latin-1")})


def pack_reply(reply: NeighbourReply) -> bytes:
    """As :func:`pack_request`."""
    return orjson.dumps([reply.status, reply.headers, reply.body.decode("latin-1")])


def unpack_reply(packed: bytes) -> NeighbourReply:
    """What :func:`pack_reply` packed."""
    status, headers, body = orjson.loads(packed)
    return NeighbourReply(status, _pairs(headers), body.encode("latin-1"))


def _pairs(lists: list[list[str]]) -> Headers:
    return tuple((name, value) for name, value in lists)
