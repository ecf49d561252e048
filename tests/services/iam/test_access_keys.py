from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from support.documents import allow
from support.refusals import refusal

from stead.store.tables import access_keys

if TYPE_CHECKING:
    from support.stead import Stead

ACCOUNT = "123456789012"
ROOT_KEY = "AKIAROOTFORTESTS0001"
UNKNOWN = "AKIAUNKNOWNUNKNOWN00"
MISSING = ("NoSuchEntity", 404, f"The Access Key with id {UNKNOWN} cannot be found.")


@pytest.mark.both_stores
def test_the_life_of_a_key(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_user(UserName="Alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    assert set(key) == {"UserName", "AccessKeyId", "Status", "SecretAccessKey", "CreateDate"}
    assert (key["UserName"], key["Status"], len(key["AccessKeyId"]), len(key["SecretAccessKey"])) == ("Alice", "Active", 20, 40)
    metadata = {member: key[member] for member in ("UserName", "AccessKeyId", "Status", "CreateDate")}
    assert iam.list_access_keys(UserName="alice")["AccessKeyMetadata"] == [metadata]
    mine = stead.client("sts", key)
    assert mine.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/Alice"
    iam.update_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert iam.list_access_keys(UserName="alice")["AccessKeyMetadata"] == [{**metadata, "Status": "Inactive"}]
    assert refusal(mine.get_caller_identity)[:2] == ("InvalidClientTokenId", 403)
    iam.update_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"], Status="Active")
    mine.get_caller_identity()
    iam.delete_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"])
    assert refusal(mine.get_caller_identity)[:2] == ("InvalidClientTokenId", 403)
    assert iam.list_access_keys(UserName="alice")["AccessKeyMetadata"] == []


@pytest.mark.both_stores
def test_a_user_changes_its_own_keys(stead: Stead) -> None:
    old = stead.user("alice", allow("iam:*AccessKey*", f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"))
    stead.user("bob")
    mine = stead.client("iam", old)
    new = mine.create_access_key()["AccessKey"]
    assert new["UserName"] == "alice"
    assert [key["AccessKeyId"] for key in mine.list_access_keys()["AccessKeyMetadata"]] == [old["AccessKeyId"], new["AccessKeyId"]]
    mine = stead.client("iam", new)
    mine.update_access_key(AccessKeyId=old["AccessKeyId"], Status="Inactive")
    mine.delete_access_key(AccessKeyId=old["AccessKeyId"])
    assert refusal(mine.list_access_keys, UserName="bob")[0] == "AccessDenied"


def test_root_changes_its_own_keys(stead: Stead) -> None:
    iam = stead.client("iam")
    made = iam.create_access_key()["AccessKey"]
    assert "UserName" not in made
    assert stead.client("sts", made).get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    listed = iam.list_access_keys()["AccessKeyMetadata"]
    assert [key["AccessKeyId"] for key in listed] == [ROOT_KEY, made["AccessKeyId"]]
    assert refusal(iam.create_access_key) == ("LimitExceeded", 409, "Cannot exceed quota for AccessKeysPerUser: 2")
    iam.delete_access_key(AccessKeyId=made["AccessKeyId"])
    assert len(iam.list_access_keys()["AccessKeyMetadata"]) == 1


@pytest.mark.both_stores
def test_a_user_has_two_keys_at_most_and_their_secrets_are_sealed(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_user(UserName="alice")
    made = [iam.create_access_key(UserName="alice")["AccessKey"] for _ in range(2)]
    assert refusal(iam.create_access_key, UserName="alice") == ("LimitExceeded", 409, "Cannot exceed quota for AccessKeysPerUser: 2")
    pages = list(iam.get_paginator("list_access_keys").paginate(UserName="alice", PaginationConfig={"PageSize": 1}))
    listed = [[key["AccessKeyId"] for key in page["AccessKeyMetadata"]] for page in pages]
    assert sorted(listed) == sorted([key["AccessKeyId"]] for key in made)
    stored = b"".join(row.secret for row in stead.app.store.read().all(select(access_keys.c.secret)))
    assert not any(key["SecretAccessKey"].encode() in stored for key in made)


def test_a_key_never_used(stead: Stead) -> None:
    iam = stead.client("iam")
    key = stead.user("Alice", allow("iam:GetAccessKeyLastUsed", f"arn:aws:iam::{ACCOUNT}:user/Alice"))
    mine = stead.client("iam", key)
    answer = mine.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert answer["UserName"] == "Alice"
    assert answer["AccessKeyLastUsed"] == {"Region": "N/A", "ServiceName": "N/A"}
    assert "UserName" not in iam.get_access_key_last_used(AccessKeyId=ROOT_KEY)
    bobs = stead.user("bob")["AccessKeyId"]
    text = f"User: arn:aws:iam::{ACCOUNT}:user/Alice is not authorized to perform: iam:GetAccessKeyLastUsed on resource: user bob"
    clause = " because no identity-based policy allows the iam:GetAccessKeyLastUsed action"
    assert refusal(mine.get_access_key_last_used, AccessKeyId=bobs) == ("AccessDenied", 403, text + clause)
    assert refusal(iam.get_access_key_last_used, AccessKeyId=UNKNOWN) == MISSING


NO_BOB = ("NoSuchEntity", 404, "The user with name bob cannot be found.")
REFUSED: list[tuple[str, dict[str, Any], tuple[str, int, str]]] = [
    ("create_access_key", {"UserName": "bob"}, NO_BOB),
    ("list_access_keys", {"UserName": "bob"}, NO_BOB),
    ("delete_access_key", {"UserName": "bob", "AccessKeyId": UNKNOWN}, NO_BOB),
    ("delete_access_key", {"UserName": "alice", "AccessKeyId": UNKNOWN}, MISSING),
    ("update_access_key", {"UserName": "alice", "AccessKeyId": UNKNOWN, "Status": "Active"}, MISSING),
    (
        "update_access_key",
        {"UserName": "alice", "AccessKeyId": UNKNOWN, "Status": "Expired"},
        ("InvalidInput", 400, "The status of an access key can only be Active or Inactive."),
    ),
]


@pytest.mark.parametrize(("call", "parameters", "expected"), REFUSED)
def test_refusals(stead: Stead, call: str, parameters: dict[str, Any], expected: tuple[str, int, str]) -> None:
    iam = stead.client("iam")
    iam.create_user(UserName="alice")
    assert refusal(getattr(iam, call), **parameters) == expected


def test_somebody_elses_key_is_not_found(stead: Stead) -> None:
    alices = stead.user("alice")["AccessKeyId"]
    stead.user("bob")
    refused = refusal(stead.client("iam").delete_access_key, UserName="bob", AccessKeyId=alices)
    assert refused == ("NoSuchEntity", 404, f"The Access Key with id {alices} cannot be found.")
