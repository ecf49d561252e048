"""Which service and operation a request asks for, by its own words and the signed scope."""

from __future__ import annotations

import pytest

from stead.aws.errors import AwsError
from stead.wire.messages import HttpRequest
from stead.wire.route import asked, resolve

FORM = (b"content-type", b"application/x-www-form-urlencoded; charset=utf-8")
JSON = (b"content-type", b"application/x-amz-json-1.1")
TARGET = (b"x-amz-target", b"AmazonEC2ContainerServiceV20141113.ListClusters")
LIST = b"Action=ListRoles&Version=2010-05-08"


def request(
    method: str = "POST", body: bytes = b"", query: bytes = b"", headers: tuple[tuple[bytes, bytes], ...] = (FORM,), path: bytes = b"/"
) -> HttpRequest:
    return HttpRequest(method, path, query, headers, body, "127.0.0.1")


@pytest.mark.parametrize(
    ("asking", "scope", "service", "operation", "body"),
    [
        (request(body=LIST), "iam", "iam", "ListRoles", LIST),
        (request("GET", query=LIST), "iam", "iam", "ListRoles", LIST),
        (request("GET", query=LIST, body=b"Action=Other"), "iam", "iam", "ListRoles", LIST),
        (request(query=LIST), "iam", "iam", "ListRoles", LIST),  # a POST without a body, as presigned ones are
        (request(body=b"Version=2010-05-08&MaxItems=1&Action=ListRoles"), "iam", "iam", "ListRoles", None),
        (request(body=b"Action=List%52oles&Version=2010%2D05-08"), "iam", "iam", "ListRoles", None),
        (request(body=LIST, headers=((b"content-type", b"Application/X-WWW-Form-Urlencoded"),)), "iam", "iam", "ListRoles", LIST),
        (request(body=b"Action=GetCallerIdentity&Version=2011-06-15"), "sts", "sts", "GetCallerIdentity", None),
        (request(body=b"{}", headers=(TARGET, JSON)), "ecs", "ecs", "ListClusters", b"{}"),
        (request(body=b"{}", headers=((b"content-type", b"Application/JSON"), TARGET), query=LIST), "ecs", "ecs", "ListClusters", b"{}"),
        (request(body=LIST, path=b"/anything"), "iam", "iam", "ListRoles", LIST),
    ],
)
def test_what_is_asked(asking: HttpRequest, scope: str, service: str, operation: str, body: bytes | None) -> None:
    route = resolve(asked(asking), scope)
    assert (route.service.name, route.operation) == (service, operation)
    assert body is None or route.body == body


@pytest.mark.parametrize(
    ("asking", "scope", "status", "code", "message"),
    [
        (request(), "iam", 400, "MissingAction", "Missing Action"),
        (request(body=LIST, headers=()), "iam", 400, "MissingAction", "Missing Action"),
        (request("PUT", body=LIST), "iam", 400, "MissingAction", "Missing Action"),
        (request("DELETE", query=LIST), "iam", 400, "MissingAction", "Missing Action"),
        (request(body=b"XAction=ListRoles&Version=2010-05-08"), "iam", 400, "MissingAction", "Missing Action"),
        (
            request(body=b"Action=ListRoles"),
            "iam",
            400,
            "InvalidAction",
            "Could not find operation ListRoles for version NO_VERSION_SPECIFIED",
        ),
        (
            request(body=b"Action=Nothing&Version=2010-05-08"),
            "iam",
            400,
            "InvalidAction",
            "Could not find operation Nothing for version 2010-05-08",
        ),
        (request(body=LIST), "sts", 400, "InvalidAction", "Could not find operation ListRoles for version 2010-05-08"),
        (request(body=LIST), "ecs", 404, "UnknownOperationException", ""),
        (request("DELETE", headers=(TARGET, JSON)), "ecs", 404, "UnknownOperationException", ""),
        (request(headers=(TARGET, FORM)), "ecs", 404, "UnknownOperationException", ""),
        (request(headers=(TARGET, (b"content-type", b"text/plain"))), "ecs", 404, "UnknownOperationException", ""),
        (request(headers=(TARGET, JSON)), "cloudtrail", 404, "UnknownOperationException", ""),
        (
            request(headers=(TARGET, JSON)),
            "iam",
            400,
            "InvalidAction",
            "Could not find operation ListClusters for version NO_VERSION_SPECIFIED",
        ),
        (request(body=LIST), "s3", 501, "UnknownService", "Stead does not have the service 's3'."),
    ],
)
def test_what_cannot_be_asked(asking: HttpRequest, scope: str, status: int, code: str, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        resolve(asked(asking), scope)
    assert (caught.value.status, caught.value.code, caught.value.message) == (status, code, message)
