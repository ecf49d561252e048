"""The door: bytes in, bytes out. Which operation, whose signature, then the pipeline; and every refusal in the words of the protocol."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from stead import sigv4
from stead.aws.call import Call, RawRequest
from stead.aws.clock import now_ms
from stead.aws.errors import AwsError
from stead.aws.ids import new_uuid
from stead.aws.models import GLOBAL_REGION, SERVICES, operation_model, regions, service_model
from stead.neighbours.speech import Answer, RefusedByNeighbourError, UnplayableError
from stead.wire import aws_ec2, aws_json, aws_query, rest_json, rest_xml, rpc_cbor
from stead.wire.constraints import validate
from stead.wire.messages import HttpReply
from stead.wire.route import asked, resolve, scope_service

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.model import OperationModel, ServiceModel

    from stead.aws.call import Caller, Parameters, Result
    from stead.gateway.pipeline import Pipeline
    from stead.neighbours.messages import NeighbourReply
    from stead.sigv4 import Claim
    from stead.wire.messages import HttpRequest
    from stead.wire.route import Asked, Route

log = logging.getLogger("stead")


class Codec(NamedTuple):
    """How a protocol reads parameters and words its two kinds of answer."""

    parse: Callable[[OperationModel, Any], dict[str, Any]]
    reply: Callable[[OperationModel, Mapping[str, Any], str], HttpReply]
    refuse: Callable[[ServiceModel, AwsError, str], HttpReply]


def _forwarded_only(model: OperationModel, _result: Mapping[str, Any], _request_id: str) -> HttpReply:
    raise AssertionError(f"{model.name} is forwarded: its answer is the neighbour's, as it came")


PROTOCOLS = {
    "query": Codec(aws_query.parse, aws_query.reply, aws_query.refuse),
    "json": Codec(aws_json.parse, aws_json.reply, aws_json.refuse),
    "rest-json": Codec(rest_json.parse, rest_json.reply, rest_json.refuse),
    "rest-xml": Codec(rest_xml.parse, _forwarded_only, rest_xml.refuse),
    "ec2": Codec(aws_ec2.parse, _forwarded_only, aws_ec2.refuse),
    "smithy-rpc-v2-cbor": Codec(rpc_cbor.parse, rpc_cbor.reply, rpc_cbor.refuse),
}
_QUERY_IN_JSON = Codec(aws_query.parse, aws_query.reply_json, aws_query.refuse_json)
_FALLBACK = SERVICES["iam"]  # the protocol of a refusal when nothing tells the service: IAM's XML


class Moment(NamedTuple):
    """Where and when a verified request stands."""

    region: str
    now: int
    request_id: str


class Door:
    """Answers every request that is meant for AWS's API."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def answer(self, request: HttpRequest) -> HttpReply:
        """The reply to ``request``; never raises."""
        request_id = new_uuid()
        words = asked(request)
        try:
            return self._serve(request, words, request_id)
        except AwsError as error:
            if isinstance(error, RefusedByNeighbourError):
                return _relayed(error.reply, request_id)
            return refusal(words, scope_service(request), error, request_id, in_json=_accepts_json(request))
        except Exception:  # the last line of defence: the cause goes to the log, never to the caller
            log.exception("request %s failed", request_id)
            failure = AwsError(
                "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.", 500
            )
            return refusal(words, "", failure, request_id, in_json=_accepts_json(request))

    def _serve(self, request: HttpRequest, words: Asked, request_id: str) -> HttpReply:
        claim = sigv4.claim(request.method, request.path, request.query, request.headers, request.body)
        caller, now = self._verify(claim)
        route = resolve(words, claim.service)
        moment = Moment(GLOBAL_REGION if route.service.is_global else claim.region, now, request_id)
        self._pipeline.last_used.note(caller, route.service.prefix, route.operation, moment.region, now)
        codec = _codec(route.protocol, in_json=_accepts_json(request))
        model = operation_model(route.service.name, route.operation)
        parameters = codec.parse(model, route.body)
        if not route.service.is_forwarded:  # else what a parameter may be is the neighbour's to say
            validate(model, route.service.name, parameters)
        try:
            result: Result = self._pipeline.run(_call(request, route, parameters, caller, moment))
        except UnplayableError:
            validate(model, route.service.name, parameters)
            raise
        return _relayed(result.reply, request_id) if isinstance(result, Answer) else codec.reply(model, result, request_id)

    def _verify(self, claim: Claim) -> tuple[Caller, int]:
        """Who signed, and Stead's time. The real clock judges the signature; Stead's own judges everything else."""
        if claim.region not in regions():
            text = f"Credential should be scoped to a valid region, not '{claim.region}'. "  # the blank at the end is AWS's
            raise AwsError("SignatureDoesNotMatch", text, 403)
        pipeline, real = self._pipeline, now_ms()
        sigv4.check_time(claim, real)
        db = pipeline.store.read()
        now = real + pipeline.standing.now(db)
        candidate = pipeline.credentials.candidate(db, claim, now)
        sigv4.verify(claim, candidate.key)
        return candidate.caller, now


def refusal(words: Asked, scope_service: str, error: AwsError, request_id: str, *, in_json: bool = False) -> HttpReply:
    """``error`` in the protocol of the service that was meant."""
    service = words.service or SERVICES.get(scope_service) or _FALLBACK
    protocol = service.protocol if words.protocol == "query" else words.protocol
    return _codec(protocol, in_json=in_json).refuse(service_model(service.name), error, request_id)


def _codec(protocol: str, *, in_json: bool) -> Codec:
    return _QUERY_IN_JSON if in_json and protocol == "query" else PROTOCOLS[protocol]


def _accepts_json(request: HttpRequest) -> bool:
    """Whether JSON is what the caller would rather have: so ask those who log in with a signed GetCallerIdentity (aws-behaviour.md 1.1)."""
    return request.header(b"accept").partition(b",")[0].partition(b";")[0].strip().lower() == b"application/json"


def _call(request: HttpRequest, route: Route, parameters: Parameters, caller: Caller, moment: Moment) -> Call:
    return Call(
        route.service.name,
        route.operation,
        parameters,
        caller,
        moment.region,
        moment.now,
        moment.request_id,
        request.source_ip,
        request.header(b"user-agent").decode("latin-1"),
        request.header(b"referer").decode("latin-1"),
        _raw(request) if route.service.is_forwarded else None,
        route.protocol,
    )


_GOES_ON = frozenset({b"accept", b"content-type", b"smithy-protocol", b"x-amz-target", b"x-amzn-query-mode"})
_COMES_BACK = frozenset({"content-type", "location", "smithy-protocol", "x-amzn-errortype", "x-amzn-query-error"})


def _raw(request: HttpRequest) -> RawRequest:
    """What a neighbour needs of a request: not who signed it, nor how."""
    headers = tuple((name.decode(), value.decode("latin-1")) for name, value in request.headers if name in _GOES_ON)
    return RawRequest(request.method, request.path.decode("latin-1"), request.query.decode("latin-1"), headers, request.body)


def _relayed(reply: NeighbourReply, request_id: str) -> HttpReply:
    """A neighbour's answer, under Stead's own request id."""
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in reply.headers if name.lower() in _COMES_BACK]
    return HttpReply(reply.status, (*headers, (b"x-amzn-requestid", request_id.encode())), reply.body)
