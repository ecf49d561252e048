"""How an overlay reads a request and words an answer: with moto's own parsers and serialisers, in whichever protocol the caller speaks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.responses import ActionContext, ActionResult
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from moto.ec2.responses._base_response import EC2BaseResponse
from werkzeug.datastructures import Headers, MultiDict

from stead.neighbours.messages import NeighbourReply

if TYPE_CHECKING:
    from stead.neighbours.messages import NeighbourRequest

# How moto's objects differ from the shapes, by service.
_PICKERS: dict[str, Any] = {"ec2": EC2BaseResponse}


def read(request: NeighbourRequest) -> dict[str, Any]:
    """The parameters of ``request``."""
    service = get_service_model(request.service)
    form = request.query if request.method == "GET" else request.body.decode("utf-8", "replace")
    parser = PROTOCOL_PARSERS[_protocol(request)](service.operation_model(request.operation), map_type=dict)
    parsed: dict[str, Any] | None = parser.parse(
        {
            "method": request.method,
            "values": MultiDict(parse_qsl(form, keep_blank_values=True)),
            "headers": Headers(list(request.headers)),
            "body": request.body,
            "url_path": request.path,
            "url_params": {},
        }
    )
    return parsed or {}


def written(request: NeighbourRequest, result: Any) -> NeighbourReply:
    """``result``, members or an exception with ``code`` and ``message``, as the answer to ``request``."""
    service = get_service_model(request.service)
    context = ActionContext(
        service,
        service.operation_model(request.operation),
        get_serializer_class(request.service, _protocol(request)),
        _PICKERS.get(request.service, SimpleNamespace()),
    )
    status, headers, body = ActionResult(result).execute_result(context)
    pairs = tuple((str(name), str(value)) for name, value in headers.items())
    return NeighbourReply(int(status), pairs, body if isinstance(body, bytes) else str(body).encode())


def _protocol(request: NeighbourRequest) -> str:
    content_type = next((value for name, value in request.headers if name.lower() == "content-type"), "")
    service = get_service_model(request.service)
    if request.method == "GET" and service.protocol == "query":
        return "query"
    return determine_request_protocol(service, content_type)
