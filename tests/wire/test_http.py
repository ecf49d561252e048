"""The door, given anything: never an exception, never a 500, always a well-formed error of AWS's."""

from __future__ import annotations

import json
import logging
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.stead import ROOT

from stead.wire.messages import HttpReply, HttpRequest
from tests.sigv4.signers import received

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.stead import Stead

    from stead.wire.http import Door

TARGETS = ["AmazonEC2ContainerServiceV20141113.", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101."]
OPERATIONS = {
    "iam": ["ListRoles", "GetRole", "CreateRole", "TagRole", "PutRolePolicy", "CreateServiceLinkedRole", "GetUser", "Nothing", ""],
    "sts": ["GetCallerIdentity", "AssumeRole", "GetSessionToken", "DecodeAuthorizationMessage"],
}
VERSIONS = {"iam": "2010-05-08", "sts": "2011-06-15"}
MEMBERS = [
    "RoleName",
    "UserName",
    "MaxItems",
    "Tags.member.1.Key",
    "Tags.member.99999.Value",
    "Tags.member.x",
    "PolicyDocument",
    "DurationSeconds",
]
JSON_OPERATIONS = ["ListClusters", "CreateCluster", "DeleteCluster", "LookupEvents", "RunTask", ""]

values = st.text(max_size=30) | st.binary(max_size=30).map(lambda raw: raw.decode("latin-1")) | st.integers().map(str)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["clusterName", "tags", "key", "cluster", "settings"]), inner, max_size=3)
    ),
    max_leaves=8,
)


FORM = {"content-type": "application/x-www-form-urlencoded"}


def signed(service: str, body: bytes, headers: Mapping[str, str]) -> HttpRequest:
    """A request of the root user, signed by botocore."""
    request = AWSRequest("POST", "http://stead.test/", headers=dict(headers), data=body)
    SigV4Auth(Credentials(ROOT.access_key_id, ROOT.secret), service, "us-east-1").add_auth(request)
    return HttpRequest(*received(request), "127.0.0.1")


def well_formed(reply: HttpReply) -> bool:
    """Whether a refusal can be read by a client of its protocol."""
    if dict(reply.headers)[b"content-type"].startswith(b"text/xml"):
        return any(element.tag.endswith("Code") and element.text for element in ET.fromstring(reply.body).iter())
    return bool(json.loads(reply.body)["__type"])


def assert_answered(door: Door, request: HttpRequest, caplog: pytest.LogCaptureFixture) -> None:
    reply = door.answer(request)
    assert reply.status in {200, 501} or 400 <= reply.status < 500, reply
    assert reply.status == 200 or well_formed(reply)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


any_header = st.tuples(
    st.sampled_from([b"host", b"authorization", b"x-amz-date", b"x-amz-target", b"content-type", b"x-amz-security-token", b"date"]),
    st.binary(max_size=60)
    | st.just(b"AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=00"),
)
any_request = st.builds(
    HttpRequest,
    st.sampled_from(["GET", "POST", "PUT", "HEAD", "X"]),
    st.binary(max_size=40).map(lambda rest: b"/" + rest),
    st.binary(max_size=80),
    st.lists(any_header, max_size=6).map(tuple),
    st.binary(max_size=200),
    st.just("127.0.0.1"),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(request_=any_request)
def test_any_bytes(stead: Stead, caplog: pytest.LogCaptureFixture, request_: HttpRequest) -> None:
    assert_answered(stead.app.door, request_, caplog)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_form_that_is_signed(stead: Stead, caplog: pytest.LogCaptureFixture, data: st.DataObject) -> None:
    """Behind the signature: parsers, constraints and operations get what they cannot expect."""
    service = data.draw(st.sampled_from(sorted(OPERATIONS)))
    action = data.draw(st.sampled_from(OPERATIONS[service]))
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(MEMBERS), values), max_size=5))
    body = b"&".join(
        [f"Action={action}&Version={VERSIONS[service]}".encode(), *(f"{k}={v}".encode("utf-8", "surrogatepass") for k, v in pairs)]
    )
    assert_answered(stead.app.door, signed(service, body, FORM), caplog)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(TARGETS), st.sampled_from(JSON_OPERATIONS), json_values.map(lambda v: json.dumps(v).encode()) | st.binary(max_size=60)
)
def test_any_json_that_is_signed(stead: Stead, caplog: pytest.LogCaptureFixture, target: str, operation: str, body: bytes) -> None:
    service = "ecs" if "Container" in target else "cloudtrail"
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": target + operation}
    assert_answered(stead.app.door, signed(service, body, headers), caplog)


WHO = b"Action=GetCallerIdentity&Version=2011-06-15"
JSON_ANSWERS = [
    ("sts", WHO, "application/json", "GetCallerIdentityResponse"),
    ("sts", WHO, "Application/JSON; q=1, text/xml", "GetCallerIdentityResponse"),
    ("iam", b"Action=GetRole&Version=2010-05-08&RoleName=x", "application/json", "Error"),
    ("sts", WHO, "*/*", None),
    ("sts", WHO, "text/xml, application/json", None),
]


@pytest.mark.parametrize(("service", "body", "accept", "envelope"), JSON_ANSWERS)
def test_json_from_the_query_services_for_those_who_accept_it(
    stead: Stead, service: str, body: bytes, accept: str, envelope: str | None
) -> None:
    """aws-behaviour.md 1.1."""
    reply = stead.app.door.answer(signed(service, body, {**FORM, "accept": accept}))
    is_json = dict(reply.headers)[b"content-type"] == b"application/json"
    assert is_json == (envelope is not None)
    assert envelope is None or envelope in json.loads(reply.body)


def test_what_goes_wrong_inside_stays_inside(stead: Stead, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last line of defence: the cause is logged under the request's id, and the caller learns nothing of it."""

    def fail(*_: object) -> None:
        raise RuntimeError("a secret cause")

    monkeypatch.setattr(stead.app.pipeline, "run", fail)
    reply = stead.app.door.answer(signed("sts", b"Action=GetCallerIdentity&Version=2011-06-15", FORM))
    assert reply.status == 500
    assert b"InternalFailure" in reply.body
    assert b"secret" not in reply.body
    assert "a secret cause" in caplog.text
