"""Neighbours at a URL: only a whole answer is an answer, and nothing of the surroundings takes part."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from stead.aws.models import regions
from stead.gateway import upstream
from stead.gateway.upstream import NeighboursAtUrl, NoNeighbours, UpstreamError
from stead.linked_roles.usage import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

XML = (
    '<R xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><DescribeLoadBalancersResult>{}</DescribeLoadBalancersResult></R>'
)
ONE = "<member><LoadBalancerArn>arn:{}</LoadBalancerArn></member>"
FIRST = XML.format(f"<LoadBalancers>{ONE.format(1)}</LoadBalancers><NextMarker>2</NextMarker>")
SECOND = XML.format(f"<LoadBalancers>{ONE.format(2)}</LoadBalancers>")
EMPTY = XML.format("<LoadBalancers/>")


class Neighbour(ThreadingHTTPServer):
    """Answers with what the test put into ``answers``, in order, the last one for ever; keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[tuple[int, str, dict[str, str]]] = [(200, EMPTY, {})]
        self.asked: list[tuple[str, str]] = []
        self.release = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Neighbour

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append((self.headers.get("Authorization", ""), body))
        status, text, headers = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
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
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A credentials file, and surroundings full of traps."""
    trap = tmp_path / "trap"
    trap.write_text("[default]\naws_access_key_id = TRAP\naws_secret_access_key = trap\nregion = mars-1\n[profile p]\nregion = mars-1\n")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(trap))
    traps = {"AWS_PROFILE": "none-such", "AWS_ACCESS_KEY_ID": "TRAP", "AWS_SECRET_ACCESS_KEY": "trap", "AWS_SESSION_TOKEN": "trap"}
    traps |= {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1", "AWS_CA_BUNDLE": "/nowhere"}
    traps |= {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "5", "AWS_USE_FIPS_ENDPOINT": "true"}
    for name, value in traps.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = OURS\naws_secret_access_key = 50%secret\n")
    return str(file)


def ask(neighbour: Neighbour, credentials: str) -> Any:
    return NeighboursAtUrl(neighbour.url, credentials).ask("elbv2", "eu-west-1", "DescribeLoadBalancers", {})


def test_all_pages_are_one_answer(neighbour: Neighbour, credentials: str) -> None:
    neighbour.answers = [(200, FIRST, {}), (200, SECOND, {})]
    assert ask(neighbour, credentials)["LoadBalancers"] == [{"LoadBalancerArn": "arn:1"}, {"LoadBalancerArn": "arn:2"}]
    assert "Marker=2" in neighbour.asked[1][1]


def test_it_is_signed_with_the_file_and_for_the_region(neighbour: Neighbour, credentials: str) -> None:
    assert ask(neighbour, credentials)["LoadBalancers"] == []
    ((authorization, _),) = neighbour.asked
    assert "Credential=OURS/" in authorization
    assert "/eu-west-1/elasticloadbalancing/aws4_request" in authorization
    assert "security-token" not in authorization


NO_ANSWER: dict[str, tuple[int, str, dict[str, str]]] = {
    "5xx": (500, "", {}),
    "503 with words": (503, "<ErrorResponse><Error><Code>Busy</Code></Error></ErrorResponse>", {}),
    "denied": (403, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>", {}),
    "redirect": (302, "", {"Location": "http://127.0.0.1:1/"}),
    "temporary redirect": (307, "", {"Location": "/"}),
    "not XML": (200, "hello", {}),
    "cut off": (200, EMPTY[:60], {}),
}


@pytest.mark.parametrize("answer", NO_ANSWER.values(), ids=NO_ANSWER)
def test_what_is_no_answer(neighbour: Neighbour, credentials: str, answer: tuple[int, str, dict[str, str]]) -> None:
    neighbour.answers = [answer]
    with pytest.raises(Unknown):
        ask(neighbour, credentials)
    assert len(neighbour.asked) == 1, "no retry, no redirect"


def test_another_page_is_not_taken_for_nothing(neighbour: Neighbour, credentials: str) -> None:
    """Well-formed, and of something else: either no answer, or one without the member that the probe reads (tests of usage)."""
    neighbour.answers = [(200, "<html><body>It works!</body></html>", {})]
    try:
        answer = ask(neighbour, credentials)
    except Unknown:
        return
    assert "LoadBalancers" not in answer


def test_nobody_listens(credentials: str) -> None:
    neighbours = NeighboursAtUrl("http://127.0.0.1:1", credentials)
    with pytest.raises(Unknown, match=r"127\.0\.0\.1:1"):
        neighbours.ask("elbv2", "eu-west-1", "DescribeLoadBalancers", {})


def test_an_answer_that_does_not_come(neighbour: Neighbour, credentials: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "READ_SECONDS", 0.05)
    neighbour.answers = [(0, "", {})]
    with pytest.raises(Unknown):
        ask(neighbour, credentials)
    assert len(neighbour.asked) == 1


def test_at_a_url_every_region_may_be_used(credentials: str) -> None:
    assert NeighboursAtUrl("http://127.0.0.1:1", credentials).used_regions("elbv2") == regions()


def test_neighbours_that_are_switched_off() -> None:
    found = upstream.elsewhere("none", "")
    assert isinstance(found, NoNeighbours)
    assert list(found.used_regions("elbv2")) == []
    with pytest.raises(Unknown):
        found.ask("elbv2", "us-east-1", "DescribeLoadBalancers", {})


@pytest.mark.parametrize(
    "url",
    [
        "https://ec2.us-east-1.amazonaws.com",
        "https://AMAZONAWS.com.",
        "https://ecs.cn-north-1.amazonaws.com.cn",
        "https://x.api.aws",
        "https://a:b@iam.amazonaws.com:443/x",
    ],
)
def test_aws_itself_is_refused(url: str, credentials: str) -> None:
    with pytest.raises(UpstreamError, match="AWS itself"):
        upstream.elsewhere(url, credentials)
    assert isinstance(upstream.elsewhere(url, credentials, allow_real_aws=True), NeighboursAtUrl)


@pytest.mark.parametrize("url", ["somewhere", "ftp://x", "http://", "//x"])
def test_what_is_no_url(url: str, credentials: str) -> None:
    with pytest.raises(UpstreamError, match="neither"):
        upstream.elsewhere(url, credentials)


def test_a_host_that_only_looks_like_aws(credentials: str) -> None:
    assert isinstance(upstream.elsewhere("http://notamazonaws.com", credentials), NeighboursAtUrl)


@pytest.mark.parametrize(
    "text", ["", "[default]\n", "[default]\naws_access_key_id = A\n", "[other]\naws_access_key_id = A\naws_secret_access_key = B\n", "x\n"]
)
def test_credentials_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    file = tmp_path / "c"
    file.write_text(text)
    for path in (str(file), str(tmp_path / "missing"), ""):
        with pytest.raises(UpstreamError, match="neighbours-credentials"):
            upstream.elsewhere("http://127.0.0.1:1", path)
