"""Which service and operation a request asks for.

By ``X-Amz-Target``, by ``Action`` and ``Version``, by method and path (REST), or by the path of the CBOR protocol, never by host name, so
that one port serves every service. The service is the one in the signed scope; two of them may share it (both load balancing services), and then the version tells.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_plus

from stead.aws.errors import AwsError, unknown_service
from stead.aws.models import SERVICES, Service, operation_names
from stead.wire import rest, rpc_cbor

if TYPE_CHECKING:
    from stead.wire.messages import HttpRequest

_BY_TARGET = {service.target_prefix: service for service in SERVICES.values() if service.target_prefix}
_BY_VERSION = {service.api_version: service for service in SERVICES.values() if service.protocol in ("query", "ec2")}
_BY_SCOPE = {
    scope: [service for service in SERVICES.values() if service.signs_as == scope] for scope in {s.signs_as for s in SERVICES.values()}
}
_USUAL = re.compile(rb"Action=([\w]*)&Version=([\d-]*)(?:&|$)")  # how every SDK begins: one search instead of two
_ACTION = re.compile(rb"(?:^|&)Action=([^&]*)")
_VERSION = re.compile(rb"(?:^|&)Version=([^&]*)")
_METHODS = frozenset({"GET", "POST"})  # a request by any other names no operation
_JSON = re.compile(rb"application/(x-amz-)?json", re.IGNORECASE)  # a body that does not call itself JSON is none, as with forms
_FORM = b"application/x-www-form-urlencoded"
_REST = tuple(service.name for service in SERVICES.values() if service.protocol in ("rest-json", "rest-xml"))
_CBOR_PATH = re.compile(rb"/service/([^/]+)/operation/(\w+)")


class Route(NamedTuple):
    """What is asked. ``body`` holds the parameters: the request's body, or its query string for a GET; all of it in the REST protocols."""

    service: Service
    operation: str
    body: bytes | HttpRequest
    protocol: str


class Asked(NamedTuple):
    """What can be told before anything is checked; ``service`` is None when the request names none that Stead has.

    ``protocol`` is what the request speaks (``query`` stands for EC2's dialect too), which a service may have beside its usual one.
    """

    service: Service | None
    operation: str
    version: str
    body: bytes | HttpRequest
    protocol: str


def asked(request: HttpRequest) -> Asked:
    """Read the request's own words, refusing nothing yet: even a refusal must know which protocol to speak."""
    target = request.header(b"x-amz-target")
    if target:
        prefix, _, name = target.decode("latin-1").rpartition(".")
        meant = request.method in _METHODS and _JSON.match(request.header(b"content-type"))
        return Asked(_BY_TARGET.get(prefix), name if meant else "", "", request.body, "json")
    if request.header(rpc_cbor.HEADER[0]) == rpc_cbor.HEADER[1]:
        return _asked_in_cbor(request)
    if request.path != b"/" and (found := rest.find(request, _REST)):
        return Asked(SERVICES[found[0]], found[1], "", request, SERVICES[found[0]].protocol)
    form = _form(request)
    usual = _USUAL.match(form)
    if usual:
        action, version = usual[1].decode(), usual[2].decode()
    else:
        action, version = _field(_ACTION, form), _field(_VERSION, form)
    return Asked(_BY_VERSION.get(version), action, version, form, "query")


def _asked_in_cbor(request: HttpRequest) -> Asked:
    found = _CBOR_PATH.fullmatch(request.path) if request.method == "POST" else None
    service = _BY_TARGET.get(found[1].decode("latin-1")) if found else None
    return Asked(service, found[2].decode() if found else "", "", request.body, "smithy-rpc-v2-cbor")


def resolve(words: Asked, scope_service: str) -> Route:
    """The operation, given the signed scope's service; raises AWS's error for what does not exist."""
    candidates = _BY_SCOPE.get(scope_service)
    if candidates is None:
        raise unknown_service(scope_service)
    service = words.service if words.service in candidates else candidates[-1]
    if service.protocol in ("query", "ec2") and (words.protocol == "query" or words.service is not service):
        return Route(service, _query_operation(service, words), words.body, service.protocol)
    if words.service is not service or words.operation not in operation_names(service.name):
        raise AwsError("UnknownOperationException", "", 404)
    return Route(service, words.operation, words.body, words.protocol)


def _query_operation(service: Service, words: Asked) -> str:
    if not words.operation:
        raise AwsError("MissingAction", "Missing Action")
    if words.version != service.api_version or words.operation not in operation_names(service.name):
        version = words.version or "NO_VERSION_SPECIFIED"
        raise AwsError("InvalidAction", f"Could not find operation {words.operation} for version {version}")
    return words.operation


def _form(request: HttpRequest) -> bytes:
    """The form of a query request. A body that does not call itself a form, or comes by another method, is none (AWS then finds no Action)."""
    if request.method == "GET" or (request.method == "POST" and not request.body):
        return request.query
    is_form = request.method == "POST" and request.header(b"content-type").lower().startswith(_FORM)
    return request.body if is_form else b""


def _field(pattern: re.Pattern[bytes], form: bytes) -> str:
    found = pattern.search(form)
    if found is None:
        return ""
    text = found[1].decode("latin-1")
    return unquote_plus(text, errors="replace") if "%" in text or "+" in text else text


def scope_service(request: HttpRequest) -> str:
    """The service in a credential scope, unverified: good only to choose the words of a refusal."""
    parts = request.header(b"authorization").split(b"/", 5)
    return parts[3].decode("latin-1") if len(parts) > 4 else ""
