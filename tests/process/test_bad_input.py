"""Bad input over a real socket: any byte sequence gets a well-formed AWS error or HTTP 4xx, and a call that nobody signed writes nothing."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from support import process
from support.process import until

from stead.wire.asgi import MAX_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.process import Running

FORM = "application/x-www-form-urlencoded; charset=utf-8"
JSON = "application/x-amz-json-1.1"
ECS = "AmazonEC2ContainerServiceV20141113"


class Refusal(NamedTuple):
    """An error as it stands on the wire."""

    status: int
    code: str
    message: str


def read_refusal(status: int, body: bytes) -> Refusal:
    """The error of either protocol; fails when it is neither."""
    if body.startswith(b"{"):
        said = json.loads(body)
        return Refusal(status, said["__type"].rpartition("#")[2], said.get("message", said.get("Message", "")))
    root = ET.fromstring(body)
    texts = {element.tag.rpartition("}")[2]: element.text or "" for element in root.iter()}
    assert texts["RequestId"]
    return Refusal(status, texts["Code"], texts["Message"])


def signed(
    running: Running, service: str, body: bytes, method: str = "POST", region: str = "us-east-1", **headers: str
) -> tuple[int, bytes]:
    """A request of the root user, signed by botocore; header names with underscores for hyphens."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    request = AWSRequest(method, running.url + "/", headers=given, data=body)
    SigV4Auth(Credentials(process.KEY_ID, process.SECRET), service, region).add_auth(request)
    return running.ask(method, "/", body, dict(request.headers.items()))


def query(running: Running, body: bytes | str, **more: Any) -> Refusal:
    """A signed IAM request that is refused."""
    content = body if isinstance(body, bytes) else body.encode()
    return read_refusal(*signed(running, more.pop("service", "iam"), content, **{"Content_Type": FORM, **more}))


def ecs(running: Running, body: bytes | str, target: str = f"{ECS}.ListClusters", **more: Any) -> Refusal:
    """A signed ECS request that is refused."""
    content = body if isinstance(body, bytes) else body.encode()
    return read_refusal(*signed(running, "ecs", content, **{"Content_Type": JSON, "X_Amz_Target": target, **more}))


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 400, "MissingAction"),
        ("Version=2010-05-08", 400, "MissingAction"),
        ("Action=GetRole", 400, "InvalidAction"),
        ("Action=GetRole&Version=1999-01-01", 400, "InvalidAction"),
        ("Action=NoSuchThing&Version=2010-05-08", 400, "InvalidAction"),
        ("Action=ListClusters&Version=2010-05-08", 400, "InvalidAction"),
        ("Action=CreateVirtualMFADevice&Version=2010-05-08&VirtualMFADeviceName=x", 501, "NotImplemented"),
        ("Action=GetRole&Version=2010-05-08", 400, "ValidationError"),
        ("Action=ListRoles&Version=2010-05-08&MaxItems=many", 400, "MalformedInput"),
        ("Action=ListRoles&Version=2010-05-08&MaxItems=0", 400, "ValidationError"),
        (b"Action=GetRole&Version=2010-05-08&RoleName=%FF%FE", 400, ""),
        (b"\x00\xff\xfe&&&===%%%", 400, "MissingAction"),
        ("Action=GetRole&Version=2010-05-08&RoleName=" + "x" * 100_000, 400, "ValidationError"),
        ("Action=GetRole&Version=2010-05-08&RoleName=nobody", 404, "NoSuchEntity"),
    ],
)
def test_what_is_wrong_with_a_form(body: bytes | str, status: int, code: str, shared: Running) -> None:
    refusal = query(shared, body)
    assert refusal.status == status
    assert refusal.code == code or not code
    assert refusal.message


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 200, None),
        ("{", 400, "SerializationException"),
        ("[]", 400, "SerializationException"),
        ('"text"', 400, "SerializationException"),
        ("{" * 5000, 400, "SerializationException"),
        ("[" * 100_000, 400, "SerializationException"),
        (b'{"maxResults": "\xff"}', 400, "SerializationException"),
        ('{"maxResults": "many"}', 400, "SerializationException"),
        ('{"maxResults": {"a": 1}}', 400, "SerializationException"),
        ('{"nextToken": 7}', 400, None),
        ('{"maxResults": 1e400}', 400, "SerializationException"),
        ('{"unknown": true}', 200, None),
    ],
)
def test_what_is_wrong_with_json(body: bytes | str, status: int, code: str | None, shared: Running) -> None:
    content = body if isinstance(body, bytes) else body.encode()
    got, said = signed(shared, "ecs", content, Content_Type=JSON, X_Amz_Target=f"{ECS}.ListClusters")
    assert got == status
    if status != 200:
        assert code in {None, read_refusal(got, said).code}


def test_operations_and_services_that_are_not_there(shared: Running) -> None:
    assert ecs(shared, "{}", f"{ECS}.NoSuchThing")[:2] == (400, "UnknownOperationException")
    assert ecs(shared, "{}", "Nothing.ListClusters").code == "UnknownOperationException"
    assert ecs(shared, "{}", "").code == "UnknownOperationException"
    implemented_later = ecs(shared, '{"service": "x", "cluster": "x", "taskDefinition": "x"}', f"{ECS}.CreateTaskSet")
    assert implemented_later == (501, "NotImplemented", "Stead does not implement ecs:CreateTaskSet yet.")
    assert query(shared, "Action=ListBuckets&Version=1", service="s3")[:2] == (501, "UnknownService")
    assert query(shared, "Action=ListTopics&Version=2010-03-31", service="sns").message == "Stead does not have the service 'sns'."


def test_a_body_that_does_not_call_itself_a_form_is_none(shared: Running) -> None:
    assert query(shared, "Action=ListRoles&Version=2010-05-08", Content_Type="text/plain").code == "MissingAction"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "PROPFIND"])
def test_methods_that_no_service_here_has(method: str, shared: Running) -> None:
    """Never a success: a form in the body of a PUT is none of AWS's requests."""
    status, body = signed(shared, "iam", b"Action=CreateUser&Version=2010-05-08&UserName=nobody", method, Content_Type=FORM)
    assert 400 <= status < 500
    assert method == "HEAD" or read_refusal(status, body).code


def test_cors_is_not_open(shared: Running) -> None:
    reply = shared.send(
        b"OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil\r\nAccess-Control-Request-Method: POST\r\nConnection: close\r\n\r\n"
    )
    assert b"HTTP/1.1 4" in reply
    assert b"access-control" not in reply.lower()


def test_without_a_signature(shared: Running) -> None:
    form = b"Action=ListRoles&Version=2010-05-08"
    refusal = read_refusal(*shared.ask("POST", "/", form, {"Content-Type": FORM}))
    assert refusal[:2] == (403, "MissingAuthenticationToken")
    refusal = read_refusal(*shared.ask("POST", "/", b"{}", {"Content-Type": JSON, "X-Amz-Target": f"{ECS}.ListClusters"}))
    assert refusal.code in {"MissingAuthenticationTokenException", "MissingAuthenticationToken"}
    assert read_refusal(*shared.ask("GET", "/"))[:2] == (403, "MissingAuthenticationToken")


@pytest.mark.parametrize("region", ["eu-west-1", "ap-northeast-1", "us-east-1", "eu-central-2"])
def test_iam_takes_every_valid_region(region: str, shared: Running) -> None:
    assert shared.client("iam", region=region).list_users()["Users"] == []


@pytest.mark.parametrize("region", ["mars-north-1", "us-east-11", "", "cn-north-1"])
def test_an_invented_region_is_refused(region: str, shared: Running) -> None:
    status, body = signed(shared, "iam", b"Action=ListUsers&Version=2010-05-08", region=region, Content_Type=FORM)
    assert status in {400, 403}
    assert read_refusal(status, body).code in {"SignatureDoesNotMatch", "IncompleteSignature"}


@pytest.mark.parametrize("declared", [True, False])
def test_a_request_that_is_too_large(declared: bool, shared: Running) -> None:
    body = b"Action=ListRoles&Version=2010-05-08&Padding=" + b"x" * MAX_BODY_BYTES
    if declared:
        status, said = shared.ask("POST", "/", body, {"Content-Type": FORM})
    else:
        chunk = b"%x\r\n%b\r\n" % (len(body), body)
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n"
        head_back, _, said = shared.send(head + b"Connection: close\r\n\r\n" + chunk + b"0\r\n\r\n").partition(b"\r\n\r\n")
        status = int(head_back.split()[1])
    assert read_refusal(status, said) == (413, "RequestEntityTooLarge", f"The request is larger than {MAX_BODY_BYTES} bytes.")


GARBAGE = {
    "nothing": b"",
    "zeros": bytes(5000),
    "no HTTP": b"EHLO mail.example.com\r\n\r\n",
    "a TLS greeting": bytes.fromhex("16030100a5010000a10303") + bytes(160),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "another version": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
    "bytes in a header": b"GET / HTTP/1.1\r\nHost: x\r\nX: \xff\xfe\r\nConnection: close\r\n\r\n",
    "bytes in the path": b"GET /\xff\xfe?\xff=%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\nConnection: close\r\n\r\nabcd",
    "a negative length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\nConnection: close\r\n\r\n",
    "length and chunks": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
    "a bad chunk": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\nabc\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(5000)) + b"\r\n",
    "a long header": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 10_000_000 + b"\r\n\r\n",
    "a long path": b"GET /" + b"y" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "an absolute path": b"GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a star": b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a tunnel": b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a websocket": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n",
    "two authorizations": b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: a\r\nAuthorization: b\r\nConnection: close\r\n\r\n",
    "not quite a signature": b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: AWS4-HMAC-SHA256 Credential=////, SignedHeaders=;;, Signature=\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_to_the_port(name: str, shared: Running) -> None:
    """An error of HTTP or AWS, or the connection closed; and the next client is served as ever."""
    before = shared.complained()
    reply = shared.send(GARBAGE[name], patience=1)
    assert reply == b"" or re.match(rb"HTTP/1\.[01] 4\d\d ", reply), reply[:200]
    assert shared.client("sts").get_caller_identity()["Account"]
    assert shared.complained() == before


def test_pipelined_requests_are_answered_in_order(shared: Running) -> None:
    """Two requests in one packet: the answers are theirs and in their order."""
    health = b"GET /_stead/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    nothing = b"GET /_stead/nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert re.findall(rb"HTTP/1.1 (\d+)", shared.send(health + health + nothing)) == [b"200", b"200", b"404"]


def test_a_slow_body_holds_up_nobody(shared: Running) -> None:
    with socket.create_connection(("127.0.0.1", shared.port), timeout=20) as slow:
        slow.sendall(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 35\r\n\r\nAction"
        )
        assert shared.client("sts").get_caller_identity()["Account"]
        slow.sendall(b"=ListRoles&Version=2010-05-08")
        assert slow.recv(12) == b"HTTP/1.1 403"


def test_a_client_that_goes_away_in_its_body(shared: Running) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", shared.port)) as gone:
            gone.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nAction=")
    assert shared.client("sts").get_caller_identity()["Account"]
    assert "Traceback" not in shared.complained()


def test_a_call_without_a_verified_signature_writes_nothing(start: Callable[..., Running], tmp_path: Path) -> None:
    """Not even an event; nor does an access key learn that somebody used its id."""
    running = start("--data-dir", str(tmp_path / "data"))
    form = b"Action=CreateUser&Version=2010-05-08&UserName=eve"
    database = tmp_path / "data" / "stead.db"
    dump_before = _dump(database)
    scope = f"{datetime.now(UTC):%Y%m%d}/us-east-1/iam/aws4_request"
    wrong = f"AWS4-HMAC-SHA256 Credential={process.KEY_ID}/{scope}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
    for headers in ({}, {"Authorization": wrong, "X-Amz-Date": f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"}, {"Authorization": "Bearer x"}):
        for _ in range(20):
            assert running.ask("POST", "/", form, {"Content-Type": FORM, **headers})[0] in {400, 403}
    running.client("sts").get_caller_identity()  # its traces, of another service, are written later than any of theirs would have been
    own = (f"\"last_used\" VALUES('{process.KEY_ID}','sts',", '"policy_sets"', '"event_blocks"', '"event_keys"', '"event_tail"')
    until(lambda: any(own[0] in line for line in _dump(database) - dump_before))
    assert {line for line in _dump(database) - dump_before if not any(part in line for part in own)} == set()
    assert {event["EventName"] for event in running.client("cloudtrail").lookup_events()["Events"]} == {"GetCallerIdentity"}


def _dump(database: Path) -> set[str]:
    connection = sqlite3.connect(database)
    try:
        return set(connection.iterdump())
    finally:
        connection.close()
