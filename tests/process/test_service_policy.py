"""`stead service-policy set`: the operator moves a service role policy's default under a running Stead, and every linked role follows."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from support import process
from support.documents import allow
from support.process import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.process import Running

NAME = "AmazonECSServiceRolePolicy"
ARN = f"arn:aws:iam::aws:policy/aws-service-role/{NAME}"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def stopped(start: Callable[..., Running], data: Path) -> Path:
    """A data directory that nobody uses."""
    assert start("--data-dir", str(data)).stop() == 0
    return data


def test_it_follows_at_once(start: Callable[..., Running], data: Path, tmp_path: Path) -> None:
    running = start("--data-dir", str(data), "--workers", "2")
    until(lambda: len(running.workers()) == 2)
    iam = running.client("iam")
    assert iam.get_policy(PolicyArn=ARN)["Policy"]["DefaultVersionId"] == "v8"
    ended = process.run("service-policy", "set", NAME, "v24", "--data-dir", str(data))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{NAME}: the default version is v24\n", "")
    for _ in range(4):  # whichever worker answers
        assert running.client("iam").get_policy(PolicyArn=ARN)["Policy"]["DefaultVersionId"] == "v24"
    (tmp_path / "own.json").write_text(allow("ecs:Poll"))
    ended = process.run("service-policy", "set", NAME, str(tmp_path / "own.json"), "--data-dir", str(data))
    assert (ended.returncode, ended.stdout) == (0, f"{NAME}: the default version is v25\n")
    version = running.client("iam").get_policy_version(PolicyArn=ARN, VersionId="v25")["PolicyVersion"]
    document = version["Document"] if isinstance(version["Document"], dict) else json.loads(unquote(version["Document"]))
    assert version["IsDefaultVersion"]
    assert document == json.loads(allow("ecs:Poll"))


def test_it_is_recorded_as_the_services_own_event(start: Callable[..., Running], data: Path) -> None:
    running = start("--data-dir", str(data))
    process.run("service-policy", "set", NAME, "v24", "--data-dir", str(data))
    found = running.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "SetDefaultPolicyVersion"}]
    )
    (event,) = found["Events"]
    record = json.loads(event["CloudTrailEvent"])
    assert record["userIdentity"]["invokedBy"] == "iam.amazonaws.com"
    assert record["eventType"] == "AwsServiceEvent"
    assert record["eventSource"] == "iam.amazonaws.com"
    assert ARN in json.dumps(record)
    assert "v24" in json.dumps(record)


def test_it_works_while_nothing_runs(start: Callable[..., Running], stopped: Path) -> None:
    assert process.run("service-policy", "set", NAME, "v24", "--data-dir", str(stopped)).returncode == 0
    assert start("--data-dir", str(stopped)).client("iam").get_policy(PolicyArn=ARN)["Policy"]["DefaultVersionId"] == "v24"


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        (NAME, "v999", "v999 is neither a stored version (v24, v8) nor a file"),
        ("NoSuchPolicy", "v1", "there is no service-linked role policy NoSuchPolicy"),
        ("AdministratorAccess", "v1", "there is no service-linked role policy AdministratorAccess"),
        (NAME, "bad.json", "MalformedPolicyDocument"),
        (NAME, "bytes.json", ""),
        (NAME, ".", ""),
    ],
)
def test_what_cannot_be_set(name: str, source: str, message: str, stopped: Path) -> None:
    data, tmp_path = stopped, stopped.parent
    (tmp_path / "bad.json").write_text('{"Version": "2012-10-17"}')
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    before = (data / "stead.db").read_bytes()
    ended = process.run("service-policy", "set", name, source, "--data-dir", str(data), cwd=tmp_path)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert ended.stderr.startswith("stead: ")
    assert len(ended.stderr.splitlines()) == 1
    assert (data / "stead.db").read_bytes() == before


def test_where_nothing_was_started(tmp_path: Path) -> None:
    ended = process.run("service-policy", "set", NAME, "v24", "--data-dir", str(tmp_path))
    assert (ended.returncode, ended.stderr) == (2, f"stead: no store in {tmp_path}: start Stead there first\n")
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_not_steads(tmp_path: Path) -> None:
    (tmp_path / "stead.db").write_bytes(b"garbage" * 1000)
    ended = process.run("service-policy", "set", NAME, "v24", "--data-dir", str(tmp_path))
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    (tmp_path / "stead.db").unlink()
    sqlite3.connect(tmp_path / "stead.db").close()
    (tmp_path / "stead.db").touch()
    ended = process.run("service-policy", "set", NAME, "v24", "--data-dir", str(tmp_path))
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
