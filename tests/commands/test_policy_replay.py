"""`stead policy replay`: agrees with the gate under the policies in force, says what others would refuse, trusts nothing that was altered."""

from __future__ import annotations

import contextlib
import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import text
from support.documents import allow, statement

from stead.cli import main
from stead.replay import Replayer
from stead.store.entity_policies import own_policies, user_policies

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.stead import Stead

ACCOUNT = "123456789012"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}}'


def attempt(call: Callable[..., Any], **parameters: Any) -> None:
    with contextlib.suppress(ClientError):
        call(**parameters)


def busy(stead: Stead) -> dict[str, Counter[str]]:
    """Users, a group, a boundary, tags, sessions with and without policies, at work; by principal, how often which operation was asked."""
    iam = stead.client("iam")
    alice = stead.user(
        "alice",
        allow("iam:Get*", f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"),
        allow(["sts:AssumeRole", "iam:CreateUser", "ecs:*"]),
        statement("Deny", "iam:*", Condition={"StringEquals": {"aws:ResourceTag/team": "other"}}),
        statement("Deny", "ecs:DeleteCluster", Sid="KeepThem"),
    )
    bob = stead.user("bob", allow("*"))
    limit = iam.create_policy(PolicyName="limit", PolicyDocument=allow(["iam:List*", "iam:Get*"]))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=limit)
    iam.create_group(GroupName="readers")
    iam.put_group_policy(GroupName="readers", PolicyName="list", PolicyDocument=allow("iam:ListUsers"))
    iam.add_user_to_group(GroupName="readers", UserName="alice")
    iam.tag_user(UserName="bob", Tags=[{"Key": "team", "Value": "other"}])
    role = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    iam.put_role_policy(RoleName="worker", PolicyName="read", PolicyDocument=allow("iam:Get*"))
    sts = stead.client("sts", alice)
    plain = sts.assume_role(RoleArn=role, RoleSessionName="plain")["Credentials"]
    limited = sts.assume_role(RoleArn=role, RoleSessionName="limited", Policy=allow("iam:GetUser"))["Credentials"]
    counts = {ALICE: Counter({"AssumeRole": 2}), f"arn:aws:iam::{ACCOUNT}:user/bob": Counter[str](), role: Counter[str]()}
    callers = [(alice, ALICE), (bob, f"arn:aws:iam::{ACCOUNT}:user/bob"), (plain, role), (limited, role)]
    calls: list[tuple[str, str, str, dict[str, Any]]] = [
        ("iam", "GetUser", "get_user", {"UserName": "alice"}),
        ("iam", "GetUser", "get_user", {"UserName": "bob"}),
        ("iam", "GetRole", "get_role", {"RoleName": "worker"}),
        ("iam", "ListUsers", "list_users", {}),
        ("iam", "CreateUser", "create_user", {"UserName": "new", "Tags": [{"Key": "k", "Value": "v"}]}),
        ("ecs", "ListClusters", "list_clusters", {}),
        ("ecs", "DeleteCluster", "delete_cluster", {"cluster": "none"}),
    ]
    dice = random.Random(7)
    for _ in range(150):
        key, principal = dice.choice(callers)
        service, name, method, parameters = dice.choice(calls)
        attempt(getattr(stead.client(service, key), method), **parameters)
        counts[principal][name] += 1
    stead.settle()
    return counts


def test_replay_agrees_with_the_gate_under_the_policies_in_force(stead: Stead) -> None:
    """And it sees every call, counted independently by the test."""
    counts = busy(stead)
    iam, db = stead.client("iam"), stead.app.store.read()
    for principal, asked in counts.items():
        name = principal.rpartition("/")[2]
        is_user = ":user/" in principal
        owner = iam.get_user(UserName=name)["User"]["UserId"] if is_user else iam.get_role(RoleName=name)["Role"]["RoleId"]
        policies = user_policies(db, owner) if is_user else own_policies(db, owner)
        found = Replayer(db, stead.app.ring, principal, policies).run(ACCOUNT, 0)
        assert [outcome for outcome in found.outcomes if outcome.now != outcome.then] == []
        assert found.altered == []
        assert {outcome.then for outcome in found.outcomes} == {"allowed", "refused"}
        seen: Counter[str] = Counter()
        for outcome, uses in found.outcomes.items():
            seen[outcome.action.partition(":")[2]] += uses.count
        assert {action: count for action, count in seen.items() if action != "TagUser"} == dict(asked)  # TagUser: beside CreateUser


def replayed(stead: Stead, capsys: pytest.CaptureFixture[str], file: Path, *documents: str, principal: str = ALICE) -> tuple[int, Any]:
    """Exit status and JSON of the command."""
    options = []
    for number, document in enumerate(documents):
        path = file / f"{number}.json"
        path.write_text(document)
        options += ["--policy", str(path)]
    data_dir = str(stead.app.settings.data_dir)
    status = main(["policy", "replay", *options, "--principal", principal, "--data-dir", data_dir, "--json"])
    return status, json.loads(capsys.readouterr().out)


def changed(report: Any) -> set[tuple[str, str, str, int]]:
    return {(call["action"], call["then"], call["now"], call["count"]) for call in report["calls"] if call["then"] != call["now"]}


def test_what_would_be_refused_is_told(stead: Stead, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    key = stead.user("alice", allow(["iam:ListUsers", "iam:ListRoles"]))
    iam = stead.client("iam", key)
    for call in (iam.list_users, iam.list_users, iam.list_roles, iam.list_groups):
        attempt(call)
    stead.settle()
    status, report = replayed(stead, capsys, tmp_path, allow(["iam:ListRoles", "iam:ListGroups"]))
    assert status == 1
    assert changed(report) == {("iam:ListUsers", "allowed", "refused", 2), ("iam:ListGroups", "refused", "allowed", 1)}
    assert replayed(stead, capsys, tmp_path, allow("iam:ListUsers"), allow("iam:List*"))[0] == 0
    denied = statement("Deny", "iam:ListRoles", Sid="Never")
    status, report = replayed(stead, capsys, tmp_path, allow("*"), denied)
    (call,) = [call for call in report["calls"] if call["now"] == "refused"]
    assert (status, call["reason"]) == (1, f"with an explicit deny in an identity-based policy: {tmp_path / '1.json'} Never")


def test_what_was_not_recorded_is_said(stead: Stead, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Nobody's policy asked for the user's tags then, so a policy that asks for them now cannot be judged."""
    key = stead.user("alice", allow("iam:GetUser"))
    stead.client("iam").tag_user(UserName="alice", Tags=[{"Key": "team", "Value": "a"}])
    attempt(stead.client("iam", key).get_user)
    stead.settle()
    by_tag = allow("iam:GetUser", Condition={"StringEquals": {"aws:ResourceTag/team": "a"}})
    status, report = replayed(stead, capsys, tmp_path, by_tag)
    (call,) = report["calls"]
    assert (status, call["now"], call["reason"]) == (0, "not known", "not recorded: aws:resourcetag/team")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE documents SET text = replace(text, 'iam:ListUsers', 'iam:ListRoles')",
        "UPDATE policy_sets SET content = replace(content, 'inline', 'other')",
        "UPDATE event_tail SET decided = CAST(substr(decided, 1, length(decided) - 1) || x'00' AS BLOB)",
    ],
)
def test_what_was_altered_is_reported(stead: Stead, capsys: pytest.CaptureFixture[str], tmp_path: Path, change: str) -> None:
    key = stead.user("alice", allow("iam:ListUsers"))
    stead.client("iam", key).list_users()
    stead.settle()
    assert replayed(stead, capsys, tmp_path, allow("*"))[0] == 0
    with stead.app.store.write() as db:
        db.connection.execute(text(change))
    status, report = replayed(stead, capsys, tmp_path, allow("*"))
    assert status == 1
    assert report["calls"] == []
    assert report["tampered"]


@pytest.mark.parametrize(
    ("principal", "document", "said"),
    [
        (f"arn:aws:iam::{ACCOUNT}:root", allow("*"), "is not the ARN of a user or role"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s", allow("*"), "is not the ARN of a user or role"),
        (ALICE, "{", "p.json:1:2: Syntax errors in policy."),
    ],
)
def test_what_cannot_be_replayed(  # noqa: PLR0917  # fixtures are arguments
    stead: Stead, capsys: pytest.CaptureFixture[str], tmp_path: Path, principal: str, document: str, said: str
) -> None:
    (tmp_path / "p.json").write_text(document)
    given = ["--policy", str(tmp_path / "p.json"), "--principal", principal, "--data-dir", str(stead.app.settings.data_dir)]
    assert main(["policy", "replay", *given]) == 2
    assert said in capsys.readouterr().err


def test_a_principal_without_calls_is_said(stead: Stead, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(allow("*"))
    given = ["--policy", str(tmp_path / "p.json"), "--principal", ALICE, "--data-dir", str(stead.app.settings.data_dir)]
    assert main(["policy", "replay", *given]) == 0
    said = capsys.readouterr()
    assert said.out == "0 recorded checks: 0 would end as they did, 0 would not or cannot be known\n"
    assert "no recorded call of this principal" in said.err
