from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select
from support.refusals import Refusal, refusal

from stead.store.tables import documents, roles

ACCOUNT = "123456789012"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/team/alice"


def trusting(*principals: str, **condition: Any) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": "sts:AssumeRole", **condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def stored(stead: Any, name: str) -> str:
    texts = select(documents.c.text).join(roles, roles.c.trust_hash == documents.c.hash)
    text: str = stead.app.store.read().scalar(texts.where(roles.c.name == name))
    return text


def shown(iam: Any, name: str) -> Any:
    return iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]


def test_a_principal_is_stored_as_its_unique_id_and_shown_as_its_arn(stead: Any) -> None:
    """policy-evaluation.md 3.4; an ARN in a condition is a text and stays one."""
    iam = stead.client("iam")
    alice = iam.create_user(UserName="alice", Path="/team/")["User"]["UserId"]
    text = trusting(ALICE, ACCOUNT, Condition={"ArnEquals": {"aws:PrincipalArn": ALICE}})
    created = iam.create_role(RoleName="r", AssumeRolePolicyDocument=text)["Role"]
    assert created["AssumeRolePolicyDocument"] == json.loads(text)
    assert stored(stead, "r") == text.replace(f'["{ALICE}"', f'["{alice}"')
    assert stored(stead, "r").count(ALICE) == 1
    assert shown(iam, "r") == json.loads(text)
    assert iam.list_roles()["Roles"][0]["AssumeRolePolicyDocument"] == json.loads(text)


@pytest.mark.both_stores
@pytest.mark.parametrize("spelling", [ALICE, ALICE.replace("/", "\\/")])
def test_a_user_made_again_does_not_regain_trust(stead: Any, spelling: str) -> None:
    """However the ARN was written: JSON knows escapes."""
    iam = stead.client("iam")
    first = iam.create_user(UserName="alice", Path="/team/")["User"]["UserId"]
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting(ALICE).replace(ALICE, spelling))
    assert shown(iam, "r")["Statement"][0]["Principal"] == {"AWS": [ALICE]}
    iam.delete_user(UserName="alice")
    assert shown(iam, "r")["Statement"][0]["Principal"] == {"AWS": [first]}
    iam.create_user(UserName="alice", Path="/team/")
    assert shown(iam, "r")["Statement"][0]["Principal"] == {"AWS": [first]}
    assert ALICE not in json.loads(stored(stead, "r"))["Statement"][0]["Principal"]["AWS"]


@pytest.mark.both_stores
def test_only_the_user_that_was_trusted_may_assume_the_role(stead: Any) -> None:
    """The same name, path and ARN are not the same user."""
    iam = stead.client("iam")
    alice = stead.user("alice")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting(f"arn:aws:iam::{ACCOUNT}:user/alice"))
    asked = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r", "RoleSessionName": "session"}
    assert stead.client("sts", alice).assume_role(**asked)["AssumedRoleUser"]["Arn"].endswith(":assumed-role/r/session")
    iam.delete_access_key(UserName="alice", AccessKeyId=alice["AccessKeyId"])
    iam.delete_user(UserName="alice")
    again = stead.client("sts", stead.user("alice"))
    assert refusal(again.assume_role, **asked).code == "AccessDenied"
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=trusting(f"arn:aws:iam::{ACCOUNT}:user/alice"))
    assert again.assume_role(**asked)["Credentials"]["AccessKeyId"].startswith("ASIA")


def test_roles_are_principals_too_and_a_renamed_user_keeps_trust(stead: Any) -> None:
    iam = stead.client("iam")
    iam.create_user(UserName="alice", Path="/team/")
    trusted = iam.create_role(RoleName="trusted", AssumeRolePolicyDocument=trusting(ACCOUNT))["Role"]
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting(ALICE, trusted["Arn"]))
    iam.update_user(UserName="alice", NewUserName="alicia", NewPath="/")
    assert shown(iam, "r")["Statement"][0]["Principal"]["AWS"] == [f"arn:aws:iam::{ACCOUNT}:user/alicia", trusted["Arn"]]
    assert trusted["RoleId"] in stored(stead, "r")


def test_a_unique_id_may_be_given_while_its_entity_exists(stead: Any) -> None:
    iam = stead.client("iam")
    alice = iam.create_user(UserName="alice", Path="/team/")["User"]["UserId"]
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting(alice))
    assert shown(iam, "r")["Statement"][0]["Principal"] == {"AWS": [ALICE]}
    iam.delete_user(UserName="alice")
    refused = refusal(iam.update_assume_role_policy, RoleName="r", PolicyDocument=trusting(alice))
    assert refused == Refusal("MalformedPolicyDocument", 400, f'Invalid principal in policy: "AWS":"{alice}"')


@pytest.mark.parametrize(
    "principal",
    [
        f"arn:aws:iam::{ACCOUNT}:user/nobody",
        f"arn:aws:iam::{ACCOUNT}:user/alice",  # without her path
        f"arn:aws:iam::{ACCOUNT}:user/team/Alice",  # principals regard case
        f"arn:aws:iam::{ACCOUNT}:role/team/alice",
        f"arn:aws-cn:iam::{ACCOUNT}:user/team/alice",
        "AIDAAAAAAAAAAAAAAAAAA",
    ],
)
@pytest.mark.both_stores
def test_a_principal_must_exist(stead: Any, principal: str) -> None:
    iam = stead.client("iam")
    iam.create_user(UserName="alice", Path="/team/")
    expected = Refusal("MalformedPolicyDocument", 400, f'Invalid principal in policy: "AWS":"{principal}"')
    assert refusal(iam.create_role, RoleName="r", AssumeRolePolicyDocument=trusting(principal)) == expected


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        ACCOUNT,
        f"arn:aws:iam::{ACCOUNT}:root",
        "arn:aws:iam::210987654321:role/elsewhere",  # another account's entities are not known here
        f"arn:aws:sts::{ACCOUNT}:assumed-role/some/session",
    ],
)
def test_other_principals_are_kept_as_given(stead: Any, principal: str) -> None:
    iam = stead.client("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting(principal))
    assert stored(stead, "r") == trusting(principal)


def test_the_text_keeps_its_form(stead: Any) -> None:
    """aws-behaviour.md 2.4: one value or a list, one statement or a list, percent signs, white space."""
    iam = stead.client("iam")
    iam.create_user(UserName="alice", Path="/team/")
    text = """{ "Version":"2012-10-17",
     "Statement":{"Effect":"Allow","Action":["sts:AssumeRole"], "Principal":{"AWS":"ALICE"},
     "Condition":{"StringEquals":{"sts:ExternalId":"a%3Ab"}}} }""".replace("ALICE", ALICE)
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=text)["Role"]
    assert role["AssumeRolePolicyDocument"] == json.loads(text) == shown(iam, "r")
    assert stored(stead, "r").startswith('{ "Version":"2012-10-17",\n     "Statement"')


@pytest.mark.parametrize(("size", "fits"), [(2048, True), (2049, False)])
def test_the_quota_counts_characters_without_white_space(stead: Any, size: int, fits: bool) -> None:
    iam = stead.client("iam")
    empty = len("".join(trusting(ACCOUNT, Sid="").split()))
    text = trusting(ACCOUNT, Sid="a" * (size - empty))
    text = json.dumps(json.loads(text), indent=8)
    if fits:
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=text)
    else:
        refused = refusal(iam.create_role, RoleName="r", AssumeRolePolicyDocument=text)
        assert refused == Refusal("LimitExceeded", 409, "Cannot exceed quota for ACLSizePerRole: 2048")
