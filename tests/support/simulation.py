"""The policy simulator as tests ask it."""

from __future__ import annotations

import json
from typing import Any

from support.stead import ACCOUNT

A, B = "arn:aws:s3:::stackd-simulation/a", "arn:aws:s3:::stackd-simulation/b"
USER = f"arn:aws:iam::{ACCOUNT}:user/simulation/somebody"
OTHER_ACCOUNT = "arn:aws:iam::999999999999:root"


def policy(effect: str = "Allow", action: str = "s3:GetObject", resource: str = "*", **more: Any) -> str:
    """A document of one statement, compact as the recorded ones."""
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


READ, EVERYTHING, DENY_READ = policy(), policy(action="*"), policy("Deny")
BUCKET_POLICY = policy(resource="arn:aws:s3:::stackd-simulation/*", Principal={"AWS": "*"})


def simulate(stead: Any, *policies: str, actions: Any = "s3:GetObject", **more: Any) -> list[Any]:
    """The results of a custom simulation by root."""
    names = [actions] if isinstance(actions, str) else actions
    answer = stead.client("iam").simulate_custom_policy(PolicyInputList=list(policies), ActionNames=names, **more)
    results: list[Any] = answer["EvaluationResults"]
    return results


def one(stead: Any, *policies: str, **more: Any) -> Any:
    """The result of a single action."""
    (result,) = simulate(stead, *policies, **more)
    return result
