from __future__ import annotations

import json
from typing import Any

import pytest
from support.stead import ACCOUNT

from stead.aws.call import Call
from stead.linked_roles.session import service_caller
from stead.services.ecs.passed_roles import unassumable
from stead.store.context import Context

SOURCE = f"arn:aws:ecs:us-east-1:{ACCOUNT}:"
REFUSAL = (
    f"ECS was unable to assume the role 'arn:aws:iam::{ACCOUNT}:role/%s' that was provided for this task. Please verify that the role being"
    " passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role."
)


def trust(service: str = "ecs-tasks.amazonaws.com", effect: str = "Allow", **condition: Any) -> str:
    statement = {"Effect": effect, "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    return json.dumps({"Version": "2012-10-17", "Statement": {**statement, **({"Condition": condition} if condition else {})}})


@pytest.mark.parametrize(
    ("document", "admitted"),
    [
        (trust(), True),
        (trust("ecs.amazonaws.com"), False),
        (trust(effect="Deny"), False),
        (trust(ArnLike={"aws:SourceArn": f"{SOURCE}*"}, StringEquals={"aws:SourceAccount": ACCOUNT}), True),
        (trust(StringEquals={"aws:SourceAccount": "999999999999"}), False),
        (trust(ArnLike={"aws:SourceArn": f"{SOURCE}task/mine/*"}), False),  # there is no task yet: its ARN is a pattern (recorded)
    ],
)
def test_a_task_gets_the_roles_that_trust_it(stead: Any, document: str, *, admitted: bool) -> None:
    """recorded-aws.md 11.4."""
    stead.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument=document)
    app, db = stead.app, stead.app.store.read()
    call = Call("ecs", "RunTask", {}, service_caller("ecs.amazonaws.com", ACCOUNT), "us-east-1", app.now(db), "id")
    found = list(unassumable(Context(call, db, app.pipeline, app.ring), ["role", None, "", "role", "missing"]))
    assert found == [REFUSAL % name for name in (["missing"] if admitted else ["role", "missing"])]
