"""Stead's own paths: health for everybody, reset and clock for throw-away Steads, nothing for a web page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select
from support.stead import ROOT

from stead import __version__
from stead.store.tables import accounts, documents, metadata, policy_sets
from stead.wire.internal import MAX_ADVANCE_SECONDS, Internal
from stead.wire.messages import HttpRequest

if TYPE_CHECKING:
    from support.stead import Stead

CLOCK = select(accounts.c.clock_offset)


def ask(
    stead: Stead, method: str, path: str, body: bytes = b"", host: str = "localhost:4566", *, ephemeral: bool = True, **headers: str
) -> tuple[int, Any]:
    """A request to Stead's own paths; header names with underscores for hyphens."""
    internal = Internal(stead.app.store, "stead.internal", stead.app.recorder.clear, stead.app.now, ephemeral=ephemeral)
    given = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    reply = internal.answer(HttpRequest(method, path.encode(), b"", ((b"host", host.encode()), *given), body, "127.0.0.1"))
    return reply.status, json.loads(reply.body)


def counts(stead: Stead) -> dict[str, int]:
    db = stead.app.store.read()
    return {name: db.scalar(select(func.count()).select_from(table)) for name, table in metadata.tables.items()}


def test_health(stead: Stead) -> None:
    assert ask(stead, "GET", "/_stead/health", ephemeral=False) == (200, {"status": "ok", "version": __version__})


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("localhost:4566", True),
        ("127.0.0.1:4566", True),
        ("127.9.9.9", True),
        ("[::1]:4566", True),
        ("[::1]", True),
        ("stead.internal:4566", True),
        ("evil.example.com", False),
        ("localhost.evil.example.com:4566", False),
        ("127.0.0.1.evil.example.com", False),
        ("10.0.0.1:4566", False),
        ("0.0.0.0", False),
        ("", False),
        ("localhost@evil.example.com", False),
    ],
)
def test_a_host_that_is_neither_loopback_nor_configured_is_refused(host: str, allowed: bool, stead: Stead) -> None:
    """A page of another site reaches loopback through a name of its own (DNS rebinding)."""
    for method, path in (("GET", "/_stead/health"), ("POST", "/_stead/clock")):
        status, _ = ask(stead, method, path, b'{"advance": 0}', host)
        assert status == (200 if allowed else 403)


@pytest.mark.parametrize("path", ["/_stead/reset", "/_stead/clock"])
@pytest.mark.parametrize("header", ["origin", "sec_fetch_site"])
def test_a_page_can_neither_reset_nor_step(path: str, header: str, stead: Stead) -> None:
    stead.client("iam").create_user(UserName="kept")
    assert ask(stead, "POST", path, b'{"advance": 1}', **{header: "null"})[0] == 403
    assert stead.client("iam").list_users()["Users"]
    assert stead.app.store.read().scalar(CLOCK) == 0


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/_stead/reset"), ("POST", "/_stead/clock"), ("GET", "/_stead/"), ("GET", "/_stead/health/x")]
)
def test_what_is_not_served(method: str, path: str, stead: Stead) -> None:
    stead.client("iam").create_user(UserName="kept")
    assert ask(stead, method, path, b'{"advance": 1}', ephemeral=False)[0] == 404
    assert stead.client("iam").list_users()["Users"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_reset_and_clock_are_posts(method: str, stead: Stead) -> None:
    assert ask(stead, method, "/_stead/reset")[0] == 405


@pytest.mark.both_stores
def test_reset_is_a_fresh_account(stead: Stead) -> None:
    """All of it, whatever was made, but for shared texts; and the generation only grows, so that no cache lives on."""
    before = counts(stead)
    generation = stead.app.store.read().scalar(select(accounts.c.generation))
    iam, ecs = stead.client("iam"), stead.client("ecs", region="eu-west-1")
    key = stead.user("alice", '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}')
    trust = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}}'
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=trust, Tags=[{"Key": "k", "Value": "v"}])
    iam.create_instance_profile(InstanceProfileName="profile")
    iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="role")
    arn = iam.create_policy(PolicyName="policy", PolicyDocument=trust.replace('"Principal":{"AWS":"123456789012"},', '"Resource":"*",'))[
        "Policy"
    ]["Arn"]
    iam.attach_role_policy(RoleName="role", PolicyArn=arn)
    ecs.create_cluster(clusterName="cluster")
    iam.delete_service_linked_role(RoleName="AWSServiceRoleForECS")
    stead.advance(60)
    stead.settle()
    assert stead.client("iam", key).list_users()["Users"]
    assert ask(stead, "POST", "/_stead/reset") == (200, {"status": "reset"})
    after = counts(stead)
    texts = {documents.name, policy_sets.name}  # shared by hash, they stay
    assert {name: count for name, count in after.items() if name not in texts} == {n: c for n, c in before.items() if n not in texts}
    assert stead.app.store.read().scalar(select(accounts.c.generation)) > generation
    assert stead.app.store.read().scalar(CLOCK) == 0
    with pytest.raises(Exception, match="InvalidClientTokenId"):
        stead.client("iam", key).list_users()


def test_the_clock_is_stepped_and_steps_add_up(stead: Stead) -> None:
    assert ask(stead, "POST", "/_stead/clock", b'{"advance": 1.5}') == (200, {"status": "advanced", "seconds": 1.5})
    ask(stead, "POST", "/_stead/clock", b'{"advance": 60}')
    assert stead.app.store.read().scalar(CLOCK) == 61_500


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"{}",
        b'{"advance": "1"}',
        b'{"advance": true}',
        b'{"advance": null}',
        b'{"advance": -1}',
        b'{"advance": 1e999}',
        b'{"advance": NaN}',
        b'{"advance": %d}' % (MAX_ADVANCE_SECONDS + 1),
        b"\xff",
    ],
)
def test_what_is_no_step(body: bytes, stead: Stead) -> None:
    assert ask(stead, "POST", "/_stead/clock", body)[0] == 400
    assert stead.app.store.read().scalar(CLOCK) == 0


def test_steps_cannot_add_up_beyond_what_a_date_can_say(stead: Stead) -> None:
    answers = [ask(stead, "POST", "/_stead/clock", b'{"advance": %d}' % MAX_ADVANCE_SECONDS)[0] for _ in range(12)]
    assert answers == [200] * 10 + [400] * 2
    assert stead.client("iam").create_user(UserName="later")["User"]["CreateDate"].year < 9999


def test_reset_gives_the_first_root_key_back(stead: Stead) -> None:
    """Whatever the root user did to it, and to the events that wait."""
    iam = stead.client("iam")
    second = iam.create_access_key()["AccessKey"]
    stead.client("iam", second).update_access_key(AccessKeyId=ROOT.access_key_id, Status="Inactive")
    assert ask(stead, "POST", "/_stead/reset")[0] == 200
    assert [key["AccessKeyId"] for key in iam.list_access_keys()["AccessKeyMetadata"]] == [ROOT.access_key_id]
    stead.settle()
    names = {seen["EventName"] for seen in stead.client("cloudtrail").lookup_events()["Events"]}
    assert names <= {"ListAccessKeys"}
