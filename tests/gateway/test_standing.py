"""What this process remembers of an account is never older than the request, and never a mixture of two moments (design D7)."""

from __future__ import annotations

from typing import Any

import pytest
from support.documents import allow
from support.refusals import refusal
from support.stead import Stead

from stead.app import App
from stead.gateway.standing import Standing

BOUNDARY = allow("iam:ListUsers")


@pytest.mark.both_stores
def test_policies_gathered_while_they_change(stead: Stead, monkeypatch: pytest.MonkeyPatch) -> None:
    """First the boundary, then the power that it bounds: no request may see the second without the first."""
    other = Stead(App(stead.app.settings))  # another process, which shares nothing but the store
    iam = other.client("iam")
    key = stead.user("bob")
    arn = iam.create_policy(PolicyName="boundary", PolicyDocument=BOUNDARY)["Policy"]["Arn"]
    read_user = Standing.user
    changes = iter([True])

    def user_then_changes(standing: Standing, db: Any, user_id: str) -> Any:
        """The administrator's two calls fall between two reads of one request."""
        found = read_user(standing, db, user_id)
        if next(changes, False):
            with monkeypatch.context() as patch:
                patch.setattr(Standing, "user", read_user)
                iam.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=arn)
                iam.put_user_policy(UserName="bob", PolicyName="power", PolicyDocument=allow("iam:*"))
        return found

    monkeypatch.setattr(Standing, "user", user_then_changes)
    text = refusal(stead.client("iam", key).list_roles).message
    assert text.endswith("because no permissions boundary allows the iam:ListRoles action"), text
    other.app.store.close()


@pytest.mark.both_stores
def test_another_process_is_believed_at_once(stead: Stead) -> None:
    """A key switched off or deleted there is refused here on the very next request, whatever is remembered (design, section 6)."""
    other = Stead(App(stead.app.settings))
    key = stead.user("bob")
    caller, iam, named = stead.client("sts", key), other.client("iam"), {"UserName": "bob", "AccessKeyId": key["AccessKeyId"]}
    for change in (lambda: iam.update_access_key(**named, Status="Inactive"), lambda: iam.delete_access_key(**named)):
        iam.update_access_key(**named, Status="Active")
        assert caller.get_caller_identity()["Arn"].endswith(":user/bob")
        change()
        assert refusal(caller.get_caller_identity).code == "InvalidClientTokenId"
    other.app.store.close()
