"""A call sent on to a neighbour at a URL: what goes there, and what comes back for each thing that may be there."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from stead.aws.call import Call, Caller, CallerKind, RawRequest
from stead.aws.errors import AwsError
from stead.gateway import forwarding, upstream
from stead.gateway.upstream import NeighboursAtUrl, NoNeighbours
from stead.neighbours.speech import RefusedByNeighbourError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOUND = "<DescribeVpcsResponse><vpcSet><item><vpcId>vpc-1</vpcId></item></vpcSet></DescribeVpcsResponse>"
REFUSED = "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>no</Message></Error></Errors></Response>"
FORM = "application/x-www-form-urlencoded"
RAW = RawRequest("POST", "/", "", (("content-type", FORM),), b"Action=DescribeVpcs&Version=2016-11-15")
# What answers, and what the caller gets: the code and status of an error.
ANSWERS: dict[str, tuple[tuple[int, str, dict[str, str]], tuple[str, int]]] = {
    "refused": ((400, REFUSED, {}), ("InvalidVpcID.NotFound", 400)),
    "redirected": ((307, "", {"Location": "/elsewhere"}), ("ServiceUnavailable", 503)),
    "not AWS": ((200, "hello", {}), ("ServiceUnavailable", 503)),
    "not implemented": ((501, "", {}), ("NotImplemented", 501)),
    "broken off": ((500, "", {}), ("NotImplemented", 501)),
}


class Neighbour(ThreadingHTTPServer):
    """Answers everything with ``answer``; keeps headers and body of what it was asked. Status 0 is silence."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: tuple[int, str, dict[str, str]] = (200, FOUND, {})
        self.asked: list[tuple[dict[str, str], bytes]] = []
        self.release = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: Neighbour

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(({name.lower(): value for name, value in self.headers.items()}, body))
        status, text, headers = self.server.answer
        if status == 0:
            self.server.release.wait(20)
            return
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_words: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def neighbour() -> Iterator[Neighbour]:
    server = Neighbour()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def there(neighbour: Neighbour, tmp_path: Path) -> Iterator[NeighboursAtUrl]:
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = OURS\naws_secret_access_key = secret\n")
    found = NeighboursAtUrl(f"http://127.0.0.1:{neighbour.server_address[1]}", str(file))
    yield found
    found.close()


def send(neighbours: Any, **more: Any) -> Any:
    caller = Caller(CallerKind.USER, "123456789012", "arn:aws:iam::123456789012:user/alice", "AIDAEXAMPLE")
    call = Call("ec2", "DescribeVpcs", {}, caller, "eu-west-1", 0, "request", raw=RAW, protocol="ec2")
    return forwarding.send(neighbours, call, **{"read_only": True, **more})


def test_what_came_goes_on_signed_anew(neighbour: Neighbour, there: NeighboursAtUrl) -> None:
    answer = send(there)
    assert answer["Vpcs"] == [{"VpcId": "vpc-1"}]
    assert answer.reply.body == FOUND.encode()
    ((headers, body),) = neighbour.asked
    assert body == RAW.body
    assert headers["content-type"] == FORM
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=OURS/")
    assert "/eu-west-1/ec2/aws4_request" in headers["authorization"]
    assert "x-amz-security-token" not in headers


@pytest.mark.parametrize(("answer", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_what_is_no_answer(neighbour: Neighbour, there: NeighboursAtUrl, answer: Any, expected: tuple[str, int]) -> None:
    neighbour.answer = answer
    with pytest.raises(AwsError) as error:
        send(there)
    assert (error.value.code, error.value.status) == expected
    assert isinstance(error.value, RefusedByNeighbourError) == (expected[1] == 400)
    assert len(neighbour.asked) == 1, "no retry, no redirect"


def test_one_that_does_not_answer(neighbour: Neighbour, there: NeighboursAtUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "FORWARD_SECONDS", 0.05)
    neighbour.answer = (0, "", {})
    with pytest.raises(AwsError, match="unavailable") as error:
        send(there)
    assert error.value.status == 503
    assert len(neighbour.asked) == 1


def test_none() -> None:
    with pytest.raises(AwsError, match="Stead was started with --neighbours none") as error:
        send(NoNeighbours())
    assert (error.value.code, error.value.status) == ("ServiceUnavailable", 503)
