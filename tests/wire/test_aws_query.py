"""The envelopes of the query protocol, byte for byte."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stead.aws.errors import AwsError, no_such_entity
from stead.aws.models import operation_model, service_model
from stead.wire.aws_query import refuse, refuse_json, reply, reply_json

IAM = 'xmlns="https://iam.amazonaws.com/doc/2010-05-08/"'
METADATA = "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata>"


def body(operation: str, result: dict[str, Any], service: str = "iam") -> str:
    answer = reply(operation_model(service, operation), result, "id-1")
    assert answer.status == 200
    assert dict(answer.headers) == {b"content-type": b"text/xml", b"x-amzn-requestid": b"id-1"}
    return answer.body.decode()


@pytest.mark.parametrize(
    ("operation", "result", "inside"),
    [
        ("DeleteRole", {}, ""),
        ("UpdateRole", {}, "<UpdateRoleResult/>"),
        ("ListRoles", {"Roles": [], "IsTruncated": False}, "<ListRolesResult><Roles/><IsTruncated>false</IsTruncated></ListRolesResult>"),
        (
            "ListRolePolicies",
            {"PolicyNames": ["a", "b<&>"], "IsTruncated": True, "Marker": None},
            "<ListRolePoliciesResult><PolicyNames><member>a</member><member>b&lt;&amp;&gt;</member></PolicyNames><IsTruncated>true</IsTruncated></ListRolePoliciesResult>",
        ),
        (
            "GetRole",
            {"Role": {"MaxSessionDuration": 3600, "Path": "/", "CreateDate": 1795466820999, "RoleLastUsed": {}, "Description": ""}},
            "<GetRoleResult><Role><Path>/</Path><CreateDate>2026-11-23T20:47:00Z</CreateDate><Description/><MaxSessionDuration>3600</MaxSessionDuration><RoleLastUsed/></Role></GetRoleResult>",
        ),
        (
            "GetUser",
            {"User": {"CreateDate": datetime(2026, 11, 23, 20, 47, tzinfo=UTC), "PasswordLastUsed": "2026-11-23T20:47:00.123Z"}},
            "<GetUserResult><User><CreateDate>2026-11-23T20:47:00Z</CreateDate><PasswordLastUsed>2026-11-23T20:47:00.123Z</PasswordLastUsed></User></GetUserResult>",
        ),
        (
            "GetAccountSummary",
            {"SummaryMap": {"Users": 1}},
            "<GetAccountSummaryResult><SummaryMap><entry><key>Users</key><value>1</value></entry></SummaryMap></GetAccountSummaryResult>",
        ),
    ],
)
def test_answers(operation: str, result: dict[str, Any], inside: str) -> None:
    assert body(operation, result) == f"<{operation}Response {IAM}>{inside}{METADATA}</{operation}Response>"


def test_the_namespace_of_sts() -> None:
    assert body("GetCallerIdentity", {}, "sts").startswith('<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">')


def test_errors() -> None:
    answer = refuse(service_model("iam"), no_such_entity("The role with name <x> cannot be found."), "id-1")
    assert answer.status == 404
    assert dict(answer.headers) == {b"content-type": b"text/xml", b"x-amzn-requestid": b"id-1"}
    message = "The role with name &lt;x&gt; cannot be found."
    inside = f"<Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>{message}</Message></Error><RequestId>id-1</RequestId>"
    assert answer.body.decode() == f"<ErrorResponse {IAM}>{inside}</ErrorResponse>"


def test_a_failure_of_the_service_is_the_receivers() -> None:
    assert b"<Type>Receiver</Type>" in refuse(service_model("sts"), AwsError("InternalFailure", "m", 500), "id-1").body


@settings(deadline=None)
@given(st.text(st.characters(codec=None), max_size=20))
def test_any_text_is_carried_by_well_formed_xml(text: str) -> None:
    """What XML cannot carry becomes U+FFFD, everything else survives."""
    root = ET.fromstring(reply(operation_model("iam", "GetRole"), {"Role": {"Description": text}}, "id-1").body)
    found = root.findtext(".//{*}Description") or ""
    assert found == "".join(character if carried(character) else "\ufffd" for character in text)


def carried(character: str) -> bool:
    code = ord(character)
    return character in "\t\n\r" or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code > 0xFFFF


def test_json_for_those_who_accept_it() -> None:
    result = {"Credentials": {"AccessKeyId": "ASIA", "Expiration": 1764000000000}}
    answer = reply_json(operation_model("sts", "AssumeRole"), result, "id-1")
    expected = {
        "AssumeRoleResult": {"Credentials": {"AccessKeyId": "ASIA", "Expiration": 1764000000}},
        "ResponseMetadata": {"RequestId": "id-1"},
    }
    assert json.loads(answer.body) == {"AssumeRoleResponse": expected}
    assert dict(answer.headers)[b"content-type"] == b"application/json"
    empty = reply_json(operation_model("iam", "DeleteRole"), {}, "id-1")
    assert json.loads(empty.body) == {"DeleteRoleResponse": {"ResponseMetadata": {"RequestId": "id-1"}}}


def test_json_errors_for_those_who_accept_them() -> None:
    answer = refuse_json(service_model("iam"), AwsError("AccessDenied", "no", 403), "id-1")
    assert answer.status == 403
    assert json.loads(answer.body) == {"Error": {"Code": "AccessDenied", "Message": "no", "Type": "Sender"}, "RequestId": "id-1"}
