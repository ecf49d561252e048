"""Last use of roles and access keys, against the test's own account of what it did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import allow, statement
from support.linked_roles import ECS, ROLE, ROLE_ARN, make
from support.refusals import refusal
from support.stead import ACCOUNT, ROOT
from support.usage import Account

from stead.aws.call import Call
from stead.linked_roles.session import service_caller
from stead.store.tables import LAST_USED_KEPT, last_used

if TYPE_CHECKING:
    from support.stead import Stead

NEVER = {"Region": "N/A", "ServiceName": "N/A"}
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"},
    }
)


@pytest.fixture
def account(stead: Stead) -> Account:
    return Account(stead)


def key_use(stead: Stead, key: Any) -> Any:
    """AccessKeyLastUsed, once what waits is written."""
    stead.settle()
    return stead.client("iam").get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]


def role_use(stead: Stead, name: str) -> Any:
    """RoleLastUsed as GetRole shows it, which is as GetAccountAuthorizationDetails shows it; ListRoles leaves it out."""
    stead.settle()
    iam = stead.client("iam")
    shown = iam.get_role(RoleName=name)["Role"]["RoleLastUsed"]
    (detailed,) = [one for one in iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"] if one["RoleName"] == name]
    assert detailed["RoleLastUsed"] == shown
    assert all("RoleLastUsed" not in role for role in iam.list_roles()["Roles"])
    return shown


def session(stead: Stead, role: str, key: Any = None, name: str = "some") -> Any:
    arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    return stead.client("sts", key).assume_role(RoleArn=arn, RoleSessionName=name)["Credentials"]


@pytest.mark.both_stores
def test_an_access_key(account: Account) -> None:
    """The last of several calls, allowed or not, whatever was called in between by others."""
    stead = account.stead
    key = stead.user("alice", allow("ecs:ListClusters"))
    other = stead.client("iam").create_access_key(UserName="alice")["AccessKey"]
    assert key_use(stead, key) == NEVER
    account.client("alice", "sts", key, "eu-west-1").get_caller_identity()
    account.step()
    account.client("alice", "ecs", key, "eu-west-2").list_clusters()
    account.step()
    account.client("root", "iam").list_users()
    for service, region in (("ecs", "eu-west-2"), ("iam", "us-east-1")):
        if service == "iam":
            account.step()
            assert refusal(account.client("alice", "iam", key, "eu-west-2").list_users).code == "AccessDenied"
        shown, did = key_use(stead, key), account.last(who="alice")
        assert did is not None
        assert (shown["ServiceName"], shown["Region"]) == (did.service, did.region) == (service, region)
        assert did.was_at(shown["LastUsedDate"])
    assert key_use(stead, other) == NEVER


@pytest.mark.both_stores
def test_a_role(account: Account) -> None:
    """By its sessions' calls, denied ones too; assuming it is a use of who assumes it, not of the role."""
    stead = account.stead
    stead.client("iam").create_role(RoleName="app", AssumeRolePolicyDocument=TRUST)
    credentials = session(stead, "app", stead.user("alice", allow("sts:AssumeRole")))
    assert role_use(stead, "app") == {}
    account.step()
    account.client("app", "sts", credentials, "eu-central-1").get_caller_identity()
    account.step()
    first = account.last()
    assert refusal(account.client("app", "ecs", credentials, "eu-west-1").list_clusters).code == "AccessDeniedException"
    second = account.last()
    assert first is not None
    assert second is not None
    shown = role_use(stead, "app")
    assert shown["Region"] == second.region == "eu-west-1"
    assert second.was_at(shown["LastUsedDate"])
    assert not first.was_at(shown["LastUsedDate"])


@pytest.mark.both_stores
def test_a_linked_role_by_its_service(account: Account) -> None:
    """What a service does goes through the same door."""
    stead, pipeline = account.stead, account.stead.app.pipeline
    make(stead.client("iam"))
    service, now = service_caller(ECS, ACCOUNT), stead.app.now(stead.app.store.read())
    origin = Call("ecs", "CreateService", {}, service, "ap-northeast-1", now, "id")
    made = pipeline.call(service, origin, "sts", "AssumeRole", {"RoleArn": ROLE_ARN, "RoleSessionName": "ecs-service-scheduler"})
    assert role_use(stead, ROLE) == {}
    caller = stead.app.credentials.caller_of_token(stead.app.store.read(), made["Credentials"]["SessionToken"], now)
    pipeline.call(caller, origin, "sts", "GetCallerIdentity", {})
    shown = role_use(stead, ROLE)
    assert (shown["Region"], int(shown["LastUsedDate"].timestamp())) == ("ap-northeast-1", now // 1000)


def test_a_service_with_the_callers_rights_uses_the_caller_not_the_key(account: Account) -> None:
    """ECS makes its role in alice's name: she used IAM, but her key signed a call to ECS alone."""
    stead = account.stead
    key = stead.user("alice", allow(["ecs:CreateCluster", "iam:CreateServiceLinkedRole"]))
    account.client("alice", "ecs", key, "eu-west-1").create_cluster()
    shown = key_use(stead, key)
    assert (shown["ServiceName"], shown["Region"]) == ("ecs", "eu-west-1")
    rows = stead.app.store.read().all_now(last_used.select())
    alice = stead.client("iam").get_user(UserName="alice")["User"]["UserId"]
    assert {(row.service, row.action) for row in rows if row.subject_id == alice} == {
        ("ecs", "CreateCluster"),
        ("iam", "CreateServiceLinkedRole"),
    }


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (lambda key: (key["AccessKeyId"], "x" * 40), "SignatureDoesNotMatch"),
        (lambda key: ("AKIAIOSFODNN7EXAMPLE", key["SecretAccessKey"]), "InvalidClientTokenId"),
        (lambda key: (key["AccessKeyId"], key["SecretAccessKey"], "token"), "InvalidClientTokenId"),
    ],
)
def test_a_signature_that_fails_is_no_use(stead: Stead, key: Any, code: str) -> None:
    made = stead.user("alice")
    assert refusal(stead.client("iam", key(made)).get_user).code == code
    assert key_use(stead, made) == NEVER


def test_a_call_that_is_malformed_is_a_use(account: Account) -> None:
    """The key signed it."""
    key = account.stead.user("alice")
    client = account.client("alice", "iam", key)
    client.meta.events.register("before-parameter-build.iam.GetUser", lambda params, **_: params.update(UserName="x" * 200))
    assert refusal(client.get_user).code == "ValidationError"
    assert key_use(account.stead, key)["ServiceName"] == "iam"


def test_an_inactive_key_keeps_its_last_use(stead: Stead) -> None:
    key = stead.user("alice")
    stead.client("sts", key).get_caller_identity()
    before = key_use(stead, key)
    stead.client("iam").update_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    stead.advance(60)
    assert refusal(stead.client("sts", key).get_caller_identity).code == "InvalidClientTokenId"
    assert key_use(stead, key) == before


@pytest.mark.both_stores
def test_the_root_users_key(account: Account) -> None:
    account.client("root", "sts", region="eu-north-1").get_caller_identity()
    account.stead.settle()
    answer = account.stead.client("iam").get_access_key_last_used(AccessKeyId=ROOT.access_key_id)
    did = account.last()
    assert did is not None
    assert (answer["AccessKeyLastUsed"]["ServiceName"], answer["AccessKeyLastUsed"]["Region"]) == ("sts", "eu-north-1")
    assert did.was_at(answer["AccessKeyLastUsed"]["LastUsedDate"])
    assert "UserName" not in answer


@pytest.mark.both_stores
def test_after_four_hundred_days_a_role_counts_as_unused_and_a_key_does_not(stead: Stead) -> None:
    stead.client("iam").create_role(RoleName="app", AssumeRolePolicyDocument=TRUST)
    key = stead.user("alice", allow("sts:AssumeRole"))
    stead.client("sts", session(stead, "app", key)).get_caller_identity()
    assert role_use(stead, "app") != {}
    before = key_use(stead, key)
    stead.advance(LAST_USED_KEPT / 1000 - 60)
    assert role_use(stead, "app") != {}
    stead.advance(120)
    assert role_use(stead, "app") == {}
    assert key_use(stead, key) == before


@pytest.mark.both_stores
def test_nothing_is_kept_of_who_is_gone(stead: Stead) -> None:
    """And a role made again under the name starts unused."""
    iam = stead.client("iam")
    key = stead.user("alice", statement("Allow", "sts:AssumeRole"))
    iam.create_role(RoleName="app", AssumeRolePolicyDocument=TRUST)
    stead.client("sts", session(stead, "app", key)).get_caller_identity()
    assert role_use(stead, "app") != {}
    iam.delete_role(RoleName="app")
    iam.create_role(RoleName="app", AssumeRolePolicyDocument=TRUST)
    assert role_use(stead, "app") == {}
    iam.delete_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="alice", PolicyName="policy-0")
    iam.delete_user(UserName="alice")
    stead.settle()
    stead.app.runner.settle()
    assert {row.subject_id for row in stead.app.store.read().all_now(last_used.select())} == {ROOT.access_key_id}


def test_reset_forgets_uses(stead: Stead) -> None:
    stead.client("sts").get_caller_identity()
    stead.app.recorder.clear()
    stead.app.recorder.flush(stead.app.store)
    assert stead.app.store.read().all_now(last_used.select()) == []
