"""`stead events` against a running Stead, and what a kill leaves of the history."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from support import process
from support.documents import allow
from support.process import until
from support.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.process import Running

TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}}'
ROLE = "arn:aws:iam::123456789012:role/seen"


@pytest.fixture(scope="module")
def story(shared: Running) -> Running:
    """Root makes a user and a role; the user assumes it, reads it and is refused; a cluster's role is made on the way."""
    iam = shared.client("iam")
    iam.create_user(UserName="alice")
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=allow(["iam:GetRole", "sts:AssumeRole"], "*"))
    made = iam.create_access_key(UserName="alice")["AccessKey"]
    iam.create_role(RoleName="seen", AssumeRolePolicyDocument=TRUST)
    key = (made["AccessKeyId"], made["SecretAccessKey"])
    session = shared.client("sts", key).assume_role(RoleArn=ROLE, RoleSessionName="first")["Credentials"]
    shared.client("sts", (session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])).get_caller_identity()
    shared.client("iam", key).get_role(RoleName="seen")
    refusal(shared.client("iam", key).delete_role, RoleName="seen")
    shared.client("ecs").create_cluster(clusterName="c")
    return shared


def command(running: Running, *words: str) -> list[str]:
    return [process.COMMAND, "events", "--endpoint-url", running.url, *words]


def environment() -> dict[str, str]:
    return process.environment(AWS_ACCESS_KEY_ID=process.KEY_ID, AWS_SECRET_ACCESS_KEY=process.SECRET)


def shown(running: Running, *words: str) -> list[list[str]]:
    """The fields of each line."""
    done = subprocess.run(command(running, *words), env=environment(), capture_output=True, text=True, timeout=30, check=True)
    return [[field for field in line.split("  ") if field] for line in done.stdout.splitlines()]


def test_one_line_each_newest_last(story: Running) -> None:
    lines = [[field.strip() for field in line[1:]] for line in shown(story)]
    assert [who_what_on for who_what_on in lines if "seen" in who_what_on[2]] == [
        ["root", "iam:CreateRole", "role/seen", "ok"],
        ["alice", "sts:AssumeRole", "role/seen", "ok"],
        ["alice", "iam:GetRole", "role/seen", "ok"],
        ["alice", "iam:DeleteRole", "role/seen", "AccessDenied"],
    ]
    assert ["seen/first", "sts:GetCallerIdentity", "-", "ok"] in lines
    assert ["root", "ecs:CreateCluster", "cluster/c", "ok"] in lines
    (made,) = [line for line in lines if line[1] == "iam:CreateServiceLinkedRole"]
    assert (made[0], made[3]) == ("root via ecs.amazonaws.com", "ok")
    assert "cloudtrail:LookupEvents" not in {line[1] for line in lines}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--user", "alice"], ["sts:AssumeRole", "iam:GetRole", "iam:DeleteRole"]),
        (["--user", "alice", "--name", "GetRole", "--since", "1h"], ["iam:GetRole"]),
        (["--resource", ROLE, "--user", "root"], ["iam:CreateRole"]),
        (["--name", "CreateCluster", "--since", "2100-01-01"], []),
        (["--region", "eu-west-1"], []),
    ],
)
def test_filters(story: Running, words: list[str], expected: list[str]) -> None:
    assert [line[2].strip() for line in shown(story, *words)] == expected


def test_whole_records(story: Running) -> None:
    done = subprocess.run(
        command(story, "--json", "--name", "DeleteRole"), env=environment(), capture_output=True, text=True, timeout=30, check=True
    )
    (record,) = map(json.loads, done.stdout.splitlines())
    assert (record["eventName"], record["errorCode"]) == ("DeleteRole", "AccessDenied")


@pytest.mark.parametrize("words", [["--since", "yesterday"], ["--since", "1y"]])
def test_a_bad_time(story: Running, words: list[str]) -> None:
    done = subprocess.run(command(story, *words), env=environment(), capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, "argument --since" in done.stderr) == (2, True)


def _hears_interrupts() -> None:
    """A shell that runs the tests in its background has its children ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def following(story: Running, tmp_path: Path) -> Iterator[Any]:
    path = tmp_path / "followed"
    with path.open("w") as output:
        process_ = subprocess.Popen(
            command(story, "--follow"),
            env=environment(),
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_hears_interrupts,  # noqa: PLW1509  # one line of C in the child; no thread of ours holds a lock of it
        )
    yield process_, path
    if process_.poll() is None:
        process_.kill()
    process_.communicate()


def test_follow(story: Running, following: Any) -> None:
    """What happens later appears once each, and Ctrl-C ends it without a word."""
    followed, path = following
    until(lambda: "CreateCluster" in path.read_text(), 30)
    for number in range(3):
        story.client("sts").get_access_key_info(AccessKeyId=process.KEY_ID)
        until(lambda number=number: path.read_text().count("GetAccessKeyInfo") == number + 1, 30)
    followed.send_signal(signal.SIGINT)
    assert followed.communicate(timeout=10)[1] == ""
    assert (followed.returncode, path.read_text().count("GetAccessKeyInfo")) == (130, 3)
