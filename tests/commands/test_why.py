"""`stead why` tells a person who was refused what, by which statement on which lines, and what would allow it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from support.documents import allow

from stead.cli import main
from stead.commands import client as subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.stead import Stead

ALICE = "arn:aws:iam::123456789012:user/alice"
TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}}'
POLICY = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}},
    {"Effect": "Allow", "Action": "iam:List*", "Resource": "*"},
    {
      "Sid": "NoKeys",
      "Effect": "Deny",
      "Action": "iam:ListAccessKeys",
      "Resource": "*"
    }
  ]
}"""


@pytest.fixture(autouse=True)
def in_process(stead: Stead, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's client speaks to the Stead in this process."""
    monkeypatch.setattr(subject, "client", lambda _options, service: stead.client(service))


def message(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value)


def why(capsys: pytest.CaptureFixture[str], text: str) -> str:
    assert main(["why", text]) == 0
    return capsys.readouterr().out


def test_a_condition_that_missed(stead: Stead, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole message is as good as the id in it."""
    refused = message(stead.client("iam", stead.user("alice", POLICY)).get_user, UserName="bob")
    told = why(capsys, refused)
    assert told == why(capsys, refused.rpartition(" ")[2])
    place = f"{ALICE}#inline/policy-0 Statement[0]"
    for line in (
        "Refused: iam:GetUser on arn:aws:iam::123456789012:user/bob",
        f"  for {ALICE}, at ",
        "  identity-based policy: says nothing",
        f"    nearly: {place} needs StringEquals aws:RequestedRegion eu-west-1, and it was us-east-1",
        f"  - a request whose aws:RequestedRegion meets StringEquals eu-west-1: {place} would allow it",
        '  - in an identity-based policy: {"Effect": "Allow", "Action": "iam:GetUser", ',
    ):
        assert line in told, told


def test_an_explicit_deny_is_shown_with_its_lines(stead: Stead, capsys: pytest.CaptureFixture[str]) -> None:
    told = why(capsys, message(stead.client("iam", stead.user("alice", POLICY)).list_access_keys, UserName="bob"))
    assert f"Decided by {ALICE}#inline/policy-0 NoKeys, lines 6 to 11:\n  {{\n    " + '"Sid": "NoKeys",\n' in told
    assert f"  - take away or narrow {ALICE}#inline/policy-0 NoKeys: no allow outweighs a deny" in told


def test_a_session_and_a_boundary(stead: Stead, capsys: pytest.CaptureFixture[str]) -> None:
    iam = stead.client("iam")
    limit = iam.create_policy(PolicyName="limit", PolicyDocument=allow("iam:List*"))["Policy"]["Arn"]
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=limit)["Role"]["Arn"]
    iam.put_role_policy(RoleName="reader", PolicyName="all", PolicyDocument=allow("*"))
    sts = stead.client("sts", stead.user("alice", allow("sts:*")))
    session = sts.assume_role(RoleArn=role, RoleSessionName="session", Policy=allow("iam:Get*"))["Credentials"]
    told = why(capsys, message(stead.client("iam", session).get_user, UserName="bob"))
    assert "  for arn:aws:sts::123456789012:assumed-role/reader/session, " in told
    assert "  permissions boundary: says nothing" in told
    assert "  session policy: allows it" in told
    assert "  - in a permissions boundary: " in told
    told = why(capsys, message(stead.client("iam", session).list_users))
    assert "  permissions boundary: allows it\n    Allow by arn:aws:iam::123456789012:policy/limit Statement[0]" in told
    assert "or a session without session policies" in told


def test_an_id_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "nonsense"]) == 2
    assert "there is no authorization id in 'nonsense'" in capsys.readouterr().err
    assert main(["why", "0" * 25]) == 2
    assert "ResourceNotFoundException" in capsys.readouterr().err
