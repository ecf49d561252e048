"""`stead policy explain`: every layer, the deciding statement with its lines, near misses, and the running Stead's own answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support import process
from support.documents import allow
from support.stead import ACCOUNT

from stead.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

ALICE, ROLE = f"arn:aws:iam::{ACCOUNT}:user/staff/alice", f"arn:aws:iam::{ACCOUNT}:role/worker"
OTHER = f"arn:aws:iam::{ACCOUNT}:user/staff/bob"
# Line numbers below are those of this text.
READS = f"""{{
  "Version": "2012-10-17",
  "Statement": [
    {{
      "Sid": "Nearby",
      "Effect": "Allow",
      "Action": "iam:Get*",
      "Resource": "{OTHER}",
      "Condition": {{"StringEquals": {{"aws:RequestedRegion": ["us-east-1", "eu-west-1"]}}}}
    }},
    {{"Effect": "Deny", "Action": "iam:Delete*", "Resource": "*"}}
  ]
}}"""
TRUST = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}}})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Running]:
    """A Stead with a user in a group, with a boundary, and a role."""
    folder = tmp_path_factory.mktemp("explain")
    root = folder / "root"
    root.write_text(f"{process.KEY_ID}:{process.SECRET}")
    found = process.start(folder, ["--port", "0", "--ephemeral", "--root-credentials", f"@{root}", "--account-id", ACCOUNT])
    try:
        found.wait_ready()
        furnish(found.client("iam"))
        yield found
    finally:
        found.kill()


def furnish(iam: Any) -> None:
    """What the tests ask about."""
    limit = iam.create_policy(PolicyName="limit", PolicyDocument=allow(["iam:Get*", "iam:List*", "sts:*"]))["Policy"]["Arn"]
    for name in ("alice", "bob"):
        iam.create_user(UserName=name, Path="/staff/", Tags=[{"Key": "Team", "Value": "blue"}])
    iam.put_user_policy(UserName="alice", PolicyName="reads", PolicyDocument=READS)
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=limit)
    iam.create_group(GroupName="staff")
    iam.add_user_to_group(GroupName="staff", UserName="alice")
    mine = allow("iam:List*", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})
    iam.put_group_policy(GroupName="staff", PolicyName="lists", PolicyDocument=mine)
    shared = iam.create_policy(PolicyName="shared", PolicyDocument=allow(["iam:CreateUser", "sts:AssumeRole"]))["Policy"]["Arn"]
    iam.attach_group_policy(GroupName="staff", PolicyArn=shared)
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)


@pytest.fixture
def explain(running: process.Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """A function that runs the command: its exit code, its lines, and what it complained of."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", running.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", process.KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", process.SECRET)

    def ask(action: str, resource: str, *more: str, principal: str = ALICE) -> tuple[int, list[str], str]:
        code = main(["policy", "explain", "--principal", principal, "--action", action, "--resource", resource, *more])
        said = capsys.readouterr()
        return code, said.out.splitlines(), said.err

    return ask


def test_an_allow_names_its_statement_and_lines(explain: Any) -> None:
    assert explain("iam:GetUser", OTHER, "--context", "aws:RequestedRegion=eu-west-1") == (
        0,
        [
            f"Allowed: iam:GetUser on {OTHER} by {ALICE}",
            "  decided by reads of user alice, statement 1 Nearby, lines 4 to 10",
            "  - identity-based policy: allows",
            "      Allow: reads of user alice, statement 1 Nearby, lines 4 to 10",
            "  - permissions boundary: allows",
            f"      Allow: arn:aws:iam::{ACCOUNT}:policy/limit, statement 1, line 1",
        ],
        "",
    )


@pytest.mark.parametrize(("given", "actual"), [([], "absent"), (["--context", "aws:requestedregion=eu-north-1"], "eu-north-1")])
def test_a_near_miss(explain: Any, given: list[str], actual: str) -> None:
    code, lines, _ = explain("iam:GetUser", OTHER, *given)
    assert code == 1
    assert lines == [
        f"Denied implicitly: iam:GetUser on {OTHER} by {ALICE}",
        "  no identity-based policy allows it",
        "  - identity-based policy: does not allow",
        "      almost: reads of user alice, statement 1 Nearby, lines 4 to 10",
        f"        StringEquals aws:RequestedRegion: wanted us-east-1 or eu-west-1, was {actual}",
        "  - permissions boundary: allows",
        f"      Allow: arn:aws:iam::{ACCOUNT}:policy/limit, statement 1, line 1",
    ]


def test_an_explicit_deny_and_a_boundary_that_lacks_an_allow(explain: Any) -> None:
    code, lines, _ = explain("iam:DeleteUser", OTHER)
    assert (code, lines[:2]) == (
        1,
        [f"Denied explicitly: iam:DeleteUser on {OTHER} by {ALICE}", "  decided by reads of user alice, statement 2, line 11"],
    )
    code, lines, _ = explain("iam:CreateUser", OTHER)
    assert (code, lines[:2]) == (1, [f"Denied implicitly: iam:CreateUser on {OTHER} by {ALICE}", "  no permissions boundary allows it"])


def test_what_a_group_gives_and_the_principals_own_tags(explain: Any) -> None:
    code, lines, _ = explain("iam:ListUsers", "*")
    assert (code, lines[1]) == (0, "  decided by lists of group staff, statement 1, line 1")


def test_trust_policies_are_asked_too(explain: Any) -> None:
    assert explain("sts:AssumeRole", ROLE)[0] == 0
    code, lines, _ = explain("sts:AssumeRole", ROLE, principal=OTHER)
    assert (code, lines[1]) == (1, "  no identity-based policy allows it")
    assert "  - role trust policy: allows" in lines


def test_json(explain: Any) -> None:
    code, lines, _ = explain("iam:GetUser", OTHER, "--json", "--context", "aws:TagKeys=a", "--context", "aws:TagKeys=b")
    found = json.loads("\n".join(lines))
    assert code == 1
    assert (found["decision"], found["simulatePrincipalPolicy"], found["layer"], found["decidedBy"]) == (
        "implicitDeny",
        "implicitDeny",
        "identity-based policy",
        None,
    )
    assert found["context"]["aws:tagkeys"] == ["a", "b"]
    assert found["context"]["aws:principaltag/team"] == "blue"
    identity, boundary = found["layers"]
    assert identity["nearMisses"] == [
        {
            "policy": "reads of user alice",
            "statement": 0,
            "sid": "Nearby",
            "lines": [4, 10],
            "operator": "StringEquals",
            "key": "aws:requestedregion",
            "wanted": ["us-east-1", "eu-west-1"],
            "actual": None,
        }
    ]
    assert identity["missingKeys"] == ["aws:RequestedRegion"]
    assert (boundary["decision"], boundary["counts"]) == ("allowed", True)


def test_a_session_is_its_role(explain: Any) -> None:
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/session"
    code, lines, _ = explain("iam:GetUser", OTHER, principal=session)
    assert (code, lines[:2]) == (1, [f"Denied implicitly: iam:GetUser on {OTHER} by {session}", "  no identity-based policy allows it"])


@pytest.mark.parametrize(
    ("more", "principal", "complaint"),
    [
        (["--context", "nothing"], ALICE, "'nothing' is not KEY=VALUE"),
        ([], "alice", "alice is not the ARN of a user, group, role or role session"),
        ([], f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:root is not the ARN of a user, group, role or role session"),
        ([], f"arn:aws:iam::{ACCOUNT}:user/nobody", "GetUser operation: The user with name nobody cannot be found."),
    ],
)
def test_what_cannot_be_asked(explain: Any, more: list[str], principal: str, complaint: str) -> None:
    code, lines, complained = explain("iam:GetUser", OTHER, *more, principal=principal)
    assert (code, lines) == (2, [])
    assert complaint in complained
    assert complained.count("\n") == 1
