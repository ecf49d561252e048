"""One call played by moto: at a given moment, and from a given seed when it may change anything."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import time_machine
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.botocore_stubber import BotocoreStubber
from moto.moto_api._internal import mock_random

from stead.neighbours.messages import NOT_IMPLEMENTED, NeighbourReply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stead.neighbours.messages import NeighbourRequest

GLOBAL_HOSTS = {"route53": "route53.amazonaws.com"}
# moto reads Region and service from here and verifies nothing: the signature was verified at Stead's door.
_AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/{region}/{host}/aws4_request, SignedHeaders=host, Signature=0"

log = logging.getLogger("stead.neighbours")

_stubber = BotocoreStubber()


def play(request: NeighbourRequest, seed: int | None) -> NeighbourReply:
    """What moto answers; with a ``seed``, the same one each time the state is the same."""
    if seed is not None:
        mock_random.seed(seed)
    with time_machine.travel(request.now / 1000, tick=False):
        try:
            answer = _stubber.process_request(_prepared(request))
        except NotImplementedError:
            return NOT_IMPLEMENTED
        except Exception:  # moto's own, for what it did not expect: no reason to end
            log.exception("moto cannot play %s:%s", request.service, request.operation)
            return NeighbourReply(500, (), b"")
    if answer is None or (answer[0] == 404 and answer[2] == "Not yet implemented"):
        return NOT_IMPLEMENTED
    status, headers, body = answer
    return NeighbourReply(int(status), _pairs(headers), body if isinstance(body, bytes) else str(body).encode())


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
