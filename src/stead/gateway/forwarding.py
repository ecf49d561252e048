"""A call sent on to the neighbour that serves it, and the answer brought back (designs/neighbours.md)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stead.aws.errors import AwsError, not_implemented
from stead.aws.models import operation_model
from stead.neighbours import speech
from stead.neighbours.messages import NOT_IMPLEMENTED, NeighbourRequest, NeighbourUnavailableError

if TYPE_CHECKING:
    from stead.aws.call import Call, RawRequest, Result
    from stead.neighbours.messages import Neighbours
    from stead.neighbours.speech import Answer


_TRANSLATED = "smithy-rpc-v2-cbor"  # the newest protocol, which stand-ins for AWS do not know: Stead asks them in an older one


def send(neighbours: Neighbours, call: Call, *, read_only: bool) -> Result:
    """The neighbour's answer; AwsError for its refusal, or when there is no answer."""
    if call.protocol != _TRANSLATED:
        return _sent(neighbours, call, read_only=read_only)
    try:
        return dict(_sent(neighbours, replace(call, raw=None, protocol=""), read_only=read_only))
    except speech.RefusedByNeighbourError as error:
        raise AwsError(error.code, error.message, error.status) from error


def _sent(neighbours: Neighbours, call: Call, *, read_only: bool) -> Answer:
    model = operation_model(call.service, call.operation)
    requester = call.caller.invoked_by or "" if call.caller.is_linked_role else ""  # not who acts with a customer's own rights
    if call.raw is None:
        request = speech.written(call, model, read_only=read_only, intent=call.intent, requester=requester)
    else:
        request = _as_it_came(call, call.raw, model.service_model.endpoint_prefix, read_only=read_only)
    try:
        reply = neighbours.send(request)
    except NeighbourUnavailableError as error:
        raise AwsError("ServiceUnavailable", f"The service is unavailable: {error}", 503) from error
    if reply.status == NOT_IMPLEMENTED.status:
        raise not_implemented(call.service, call.operation)
    if reply.status >= 500 and not reply.body:
        raise speech.UnplayableError(call.service, call.operation)
    return speech.read(call.service, model, reply, call.protocol or speech.protocol_of(call.service))


def _as_it_came(call: Call, raw: RawRequest, host: str, *, read_only: bool) -> NeighbourRequest:
    where = (call.service, call.operation, host, call.region, call.caller.account_id)
    return NeighbourRequest(*where, raw.method, raw.path, raw.query, raw.headers, raw.body, call.now, read_only)
