"""One call played by moto: at a given moment, and from a given seed when it may change anything."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import time_machine
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends
from moto.moto_api._internal import mock_random

from stead.neighbours.messages import NOT_IMPLEMENTED, NeighbourReply

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stead.neighbours.messages import NeighbourRequest

GLOBAL_HOSTS = {"route53": "route53.amazonaws.com"}
# moto reads Region and service from here and verifies nothing: the signature was verified at Stead's door.
_AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/{region}/{host}/aws4_request, SignedHeaders=host, Signature=0"
_GENESIS = 1_700_000_000  # when every Region's default VPC was made
_MAIN_REGION = "us-east-1"  # whose backend moto asks for its URLs, whatever the call's Region

_stubber = BotocoreStubber()


@contextmanager
def at(request: NeighbourRequest, seed: int | None) -> Iterator[None]:
    """The moment of ``request``; with a ``seed``, chance too is the same each time."""
    for where in ((DEFAULT_ACCOUNT_ID, _MAIN_REGION), (request.account_id, request.region)):
        _awaken(*where)
    if seed is not None:
        mock_random.seed(seed)
    with time_machine.travel(request.now / 1000, tick=False):
        yield


def play(request: NeighbourRequest) -> NeighbourReply:
    """What moto answers; called within :func:`at`."""
    try:
        answer = _stubber.process_request(_prepared(request))
    except NotImplementedError:
        return NOT_IMPLEMENTED
    if answer is None or (answer[0] == 404 and answer[2] == "Not yet implemented"):
        return NOT_IMPLEMENTED
    status, headers, body = answer
    return NeighbourReply(int(status), _pairs(headers), body if isinstance(body, bytes) else str(body).encode())


def forget() -> None:
    """Moto as it was before its first call."""
    BackendDict.reset()
    _awaken.cache_clear()


@cache
def _awaken(account_id: str, region: str) -> None:
    """Make a Region's default VPC. The first call there makes it too, but that may be a read, which has no seed and is not journaled."""
    mock_random.seed(int.from_bytes(hashlib.blake2b(f"{account_id}/{region}".encode(), digest_size=8).digest()))
    with time_machine.travel(_GENESIS, tick=False):
        ec2_backends[account_id][region]


def _prepared(request: NeighbourRequest) -> AWSPreparedRequest:
    host = GLOBAL_HOSTS.get(request.service, f"{request.host}.{request.region}.amazonaws.com")
    url = f"https://{host}{request.path or '/'}" + (f"?{request.query}" if request.query else "")
    headers = HTTPHeaders()
    for name, value in request.headers:
        headers[name] = value
    headers["Host"] = host
    headers["Authorization"] = _AUTHORIZATION.format(region=request.region, host=request.host)
    headers["x-moto-account-id"] = request.account_id
    return AWSPreparedRequest(request.method, url, headers, request.body, stream_output=False)


def _pairs(headers: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    return tuple((str(name), str(value)) for name, value in headers.items())
