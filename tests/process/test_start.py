"""The command of design section 4: how Stead starts, says so, holds its port and directory, and ends. Each sentence of it is a test."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support import process
from support.process import START_SECONDS, Running, alive, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

REMOTE = "beyond loopback Stead speaks no TLS: put a TLS proxy before it, and say --insecure-remote"

# Options, environment, and the one line that says what is wrong. Exit code 2, before anything is made.
REFUSED: dict[str, tuple[list[str], dict[str, str], str]] = {
    "a misspelt variable": ([], {"STEAD_WORKER": "2"}, "unknown environment variable STEAD_WORKER"),
    "a variable of another case": ([], {"STEAD_workers": "2"}, "unknown environment variable STEAD_workers"),
    "text for a number": (["--workers", "two"], {}, "--workers: 'two' is not a number"),
    "text for a number in a variable": ([], {"STEAD_PORT": "http"}, "STEAD_PORT: 'http' is not a number"),
    "no yes and no no": ([], {"STEAD_EPHEMERAL": "perhaps"}, "STEAD_EPHEMERAL: 'perhaps' is not a yes or no"),
    "no workers": (["--workers", "0"], {}, "--workers must be between 1 and 64"),
    "no port": (["--port", "65536"], {}, "--port must be between 0 and 65535"),
    "no account": (["--account-id", "12345"], {}, "--account-id must be 12 digits"),
    "an ephemeral directory": (["--ephemeral", "--data-dir", "data"], {}, "--ephemeral excludes --data-dir"),
    "an ephemeral database": (["--ephemeral", "--database-url", "postgresql://x/y"], {}, "--ephemeral excludes --database-url"),
    "an ephemeral Stead for others": (
        ["--ephemeral", "--host", "0.0.0.0", "--insecure-remote"],
        {},
        "--ephemeral listens on loopback only",
    ),
    "another database": (["--database-url", "mysql://x/y"], {}, "--database-url must begin with postgresql://"),
    "beyond loopback": (["--host", "0.0.0.0"], {}, REMOTE),
    "beyond loopback by name": (["--host", "example.com"], {}, REMOTE),
    "an address that is not ours": (["--host", "192.0.2.1", "--insecure-remote"], {}, "cannot listen on 192.0.2.1:"),
    "a neighbour without a key": (["--neighbours", "http://127.0.0.1:1"], {}, "--neighbours URL needs --neighbours-credentials FILE"),
    "credentials without a secret": (["--root-credentials", "AKIAX:"], {}, "--root-credentials must be KEYID:SECRET, both not empty"),
    "credentials without a file": (["--root-credentials", "@nowhere"], {}, "nowhere"),
    "an id that no header can carry": (["--root-credentials", "AKIA/X:secret"], {}, "--root-credentials must be KEYID:SECRET"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_sense_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    arguments, env, message = REFUSED[case]
    ended = process.run(
        "serve", *arguments, *([] if {"--port", "STEAD_PORT"} & {*arguments, *env} else ["--port", "0"]), env=env, cwd=tmp_path
    )
    assert ended.returncode == 2
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
    complaints = [line for line in ended.stderr.splitlines() if "warning: --root-credentials" not in line]
    assert len(complaints) == 1
    assert complaints[0].startswith("stead: ")


def test_what_kubernetes_sets_is_ignored_with_a_line(start: Callable[..., Running]) -> None:
    running = start("--ephemeral", env={"STEAD_PORT": "tcp://10.0.0.1:4566", "STEAD_SERVICE_HOST": "10.0.0.1"})
    assert running.complained().splitlines() == [
        "stead: note: STEAD_PORT looks like Kubernetes' and is ignored",
        "stead: note: STEAD_SERVICE_HOST looks like Kubernetes' and is ignored",
    ]


def test_ready_is_said_once_and_exactly_with_several_workers(start: Callable[..., Running]) -> None:
    running = start("--workers", "2")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", running.url)
    assert running.ask("GET", "/_stead/health")[0] == 200
    until(lambda: len(running.workers()) == 2)
    assert running.stop() == 0
    assert running.said().count("ready") == 1
    assert f"\nStead is ready on {running.url}\n" in running.said()
    assert running.complained() == ""


def test_variables_speak_for_options_and_options_win(start: Callable[..., Running], tmp_path: Path) -> None:
    env = {"STEAD_DATA_DIR": str(tmp_path / "named"), "STEAD_WORKERS": "2", "STEAD_ACCOUNT_ID": "210987654321", "STEAD_PORT": "1"}
    running = start("--workers", "1", env=env)  # the fixture's --port 0 wins over STEAD_PORT
    assert len(running.workers()) == 1
    assert (tmp_path / "named" / "stead.db").exists()
    assert running.client("sts").get_caller_identity()["Account"] == "210987654321"


def test_a_busy_port_is_an_error(start: Callable[..., Running], tmp_path: Path) -> None:
    holder = start()
    ended = process.run("serve", "--port", str(holder.port), "--data-dir", str(tmp_path / "other"))
    assert ended.returncode == 2
    assert ended.stderr == f"stead: cannot listen on 127.0.0.1:{holder.port}: Address already in use. Choose another --port\n"
    assert "ready" not in ended.stdout


def test_a_port_that_somebody_shares_is_busy_too(tmp_path: Path) -> None:
    """A listener with SO_REUSEPORT, as a Stead's own workers have: the kernel would let a second one in silently."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        ended = process.run("serve", "--port", str(other.getsockname()[1]), "--data-dir", str(tmp_path / "data"))
    assert ended.returncode == 2
    assert "Address already in use" in ended.stderr


def test_one_directory_has_one_stead_and_the_second_names_it(start: Callable[..., Running], tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    holder = start("--data-dir", data)
    ended = process.run("serve", "--port", "0", "--data-dir", data)
    assert ended.returncode == 2
    assert ended.stderr == f"stead: the data directory {data} is in use by the process {holder.process.pid}\n"
    assert holder.ask("GET", "/_stead/health")[0] == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("whom", ["the main process", "the whole group"])
def test_a_signal_ends_it_in_order(number: int, whom: str, start: Callable[..., Running], tmp_path: Path) -> None:
    """To the group: what a terminal's Ctrl-C is. Five seconds are the promise."""
    running = start("--workers", "2", "--data-dir", str(tmp_path / "data"))
    until(lambda: len(running.workers()) == 2)
    workers = running.workers()
    running.client("iam").create_user(UserName="kept")
    if whom == "the main process":
        running.process.send_signal(number)
    else:
        for pid in (running.process.pid, *workers):
            os.kill(pid, number)
    assert running.process.wait(5) == 0
    assert not any(alive(worker) for worker in workers)
    assert running.complained() == ""
    assert start("--data-dir", str(tmp_path / "data")).client("iam").get_user(UserName="kept")["User"]["UserName"] == "kept"


def test_a_signal_during_the_start_ends_it_too(start: Callable[..., Running]) -> None:
    running = start("--ephemeral", "--workers", "2", ready=False)
    until(running.workers, START_SECONDS)
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(5) in {0, -signal.SIGTERM}  # before the server has its handlers, the kernel's own end
    assert "Traceback" not in running.complained()
    assert not list((running.output.parent).glob("stead-*"))


def test_a_request_that_is_never_finished_does_not_hold_up_the_end(start: Callable[..., Running]) -> None:
    running = start()
    with socket.create_connection(("127.0.0.1", running.port)) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nAction=")
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(5) == 0


def test_an_ephemeral_stead_leaves_nothing(start: Callable[..., Running], tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    running = start("--ephemeral", env={"TMPDIR": str(folder)})
    (data,) = folder.glob("stead-*")
    assert (data / "stead.db").exists()
    assert data.stat().st_mode & 0o777 == 0o700
    assert running.stop() == 0
    assert list(folder.iterdir()) == []
    assert not (running.output.parent / ".stead").exists()


def test_the_literal_form_of_credentials_warns(start: Callable[..., Running]) -> None:
    running = start("--ephemeral", "--root-credentials", "AKIALITERAL:sec:ret")
    assert running.client("sts", ("AKIALITERAL", "sec:ret")).get_caller_identity()["Arn"].endswith(":root")
    assert running.complained() == (
        "stead: warning: --root-credentials KEYID:SECRET shows in process lists; use @FILE for anything that is not throw-away\n"
    )


def test_beyond_loopback_when_it_is_said(start: Callable[..., Running]) -> None:
    running = start("--host", "0.0.0.0", "--insecure-remote")
    assert running.url.startswith("http://0.0.0.0:")
    assert running.ask("GET", "/_stead/health")[0] == 200


def test_ipv6(start: Callable[..., Running]) -> None:
    running = start("--host", "::1")
    assert running.url.startswith("http://[::1]:")
    assert running.client("sts").get_caller_identity()["Arn"].endswith(":root")


def test_localhost_by_name(start: Callable[..., Running]) -> None:
    running = start("--host", "localhost")
    assert running.url.startswith("http://localhost:")
    assert running.client("sts").get_caller_identity()["Arn"].endswith(":root")


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_both_ways_to_start_a_process(method: str, tmp_path: Path, root_file: str) -> None:
    """Python's default differs by platform and version; Stead must not care."""
    script = tmp_path / "start.py"
    script.write_text(
        "import multiprocessing, sys\nfrom stead.cli import main\n"
        f"if __name__ == '__main__':\n    multiprocessing.set_start_method('{method}')\n    sys.exit(main(sys.argv[1:]))\n"
    )
    words = ["serve", "--port", "0", "--ephemeral", "--workers", "2", "--root-credentials", root_file]
    running = process.start(tmp_path / "run", words, command=[sys.executable, str(script)])
    try:
        running.wait_ready()
        assert running.client("sts").get_caller_identity()["Arn"].endswith(":root")
        assert running.stop() == 0
        assert running.complained() == ""
    finally:
        running.process.kill()


def test_the_environment_for_a_shell(start: Callable[..., Running], tmp_path: Path) -> None:
    """`eval "$(stead env)"` in a real bash, with a secret that a careless quoting would run or break."""
    secret = "a 'b' \"c\" $(exit 3) %d \\e"
    (tmp_path / "root").write_text(f"AKIAQUOTED:{secret}")
    running = start("--data-dir", str(tmp_path / "data"), "--root-credentials", f"@{tmp_path / 'root'}")
    script = f'eval "$({process.COMMAND} env --data-dir {tmp_path / "data"})" && printf "%s\\n" "$AWS_ENDPOINT_URL" "$AWS_ACCESS_KEY_ID" '
    script += '"$AWS_SECRET_ACCESS_KEY" "$AWS_DEFAULT_REGION" "$AWS_REGION" "${AWS_PROFILE-none}" "${AWS_SESSION_TOKEN-none}"'
    env = process.environment(AWS_PROFILE="mine", AWS_SESSION_TOKEN="mine")
    shell = subprocess.run(["bash", "-euc", script], env=env, capture_output=True, text=True, check=True)
    assert shell.stdout.splitlines() == [running.url, "AKIAQUOTED", secret, "us-east-1", "us-east-1", "none", "none"]
    assert "AWS CLI v2 before 2.13 ignores AWS_ENDPOINT_URL" in shell.stderr
    assert "--endpoint-url" in shell.stderr


def test_no_environment_where_nothing_was_started(tmp_path: Path) -> None:
    ended = process.run("env", "--data-dir", str(tmp_path))
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert f"no credentials in {tmp_path}: start Stead there first" in ended.stderr


def test_a_worker_that_is_killed_is_replaced_however_often(start: Callable[..., Running]) -> None:
    running = start("--workers", "1")
    for _ in range(3):
        (worker,) = until(running.workers)
        os.kill(worker, signal.SIGKILL)
        until(lambda worker=worker: [w for w in running.workers() if w != worker], START_SECONDS)
    until(lambda: _answers(running), START_SECONDS)
    assert running.process.poll() is None


def test_two_workers_killed_at_once_are_both_replaced(start: Callable[..., Running]) -> None:
    running = start("--workers", "2")
    workers = until(lambda: len(running.workers()) == 2 and running.workers())
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    until(lambda: len(set(running.workers()) - set(workers)) == 2, START_SECONDS)
    until(lambda: _answers(running), START_SECONDS)


def test_workers_that_never_start_end_it(start: Callable[..., Running], tmp_path: Path) -> None:
    """Restarting for ever would hide the cause. Here the key ring goes away under a running Stead and then its worker dies."""
    running = start("--data-dir", str(tmp_path / "data"))
    (tmp_path / "data" / "keys").unlink()
    (worker,) = running.workers()
    os.kill(worker, signal.SIGKILL)
    assert running.process.wait(START_SECONDS) == 2
    assert "the workers end as soon as they start; see the messages above" in running.complained()
    assert "the key ring" in running.complained()
    assert "Traceback" not in running.complained()


def _answers(running: Running) -> bool:
    try:
        return running.ask("GET", "/_stead/health")[0] == 200
    except OSError:
        return False
