from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.documents import allow

from stead.aws.models import service_model

if TYPE_CHECKING:
    from support.stead import Stead

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.mark.both_stores
def test_the_summary_counts_what_is_there(stead: Stead) -> None:
    iam = stead.client("iam")
    before = iam.get_account_summary()["SummaryMap"]
    arn = iam.create_policy(PolicyName="Own", PolicyDocument=allow("*"))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("s3:*"))
    for name in ("alice", "bob"):
        iam.create_user(UserName=name, PermissionsBoundary=arn)
        iam.attach_user_policy(UserName=name, PolicyArn=READ_ONLY)
    iam.create_instance_profile(InstanceProfileName="profile")
    after = iam.get_account_summary()["SummaryMap"]
    changed = {"Users": 2, "Policies": 1, "PolicyVersionsInUse": 3, "InstanceProfiles": 1}
    assert {key: after[key] - before[key] for key in after if after[key] != before[key]} == changed
    assert after["AccountAccessKeysPresent"] == 1


def test_the_summary_has_every_key_of_awss(stead: Stead) -> None:
    summary = stead.client("iam").get_account_summary()["SummaryMap"]
    assert set(summary) == set(service_model("iam").shape_for("summaryKeyType").enum)
