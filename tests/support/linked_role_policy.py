"""The linked role's policy as the operator changes it: a permission taken away, and given back (design D12)."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from stead.service_policy import set_default

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.stead import Stead

ECS = "AmazonECSServiceRolePolicy"


@contextlib.contextmanager
def without(stead: Stead, *actions: str) -> Iterator[None]:
    """`stead service-policy set`, with these actions taken out of the text; one that is there by a wildcard is denied."""
    version, document = _default(stead)
    _set(stead, json.dumps(_less(document, actions)))
    try:
        yield
    finally:
        _set(stead, version)


def _default(stead: Stead) -> tuple[str, dict[str, Any]]:
    iam = stead.client("iam")
    arn = f"arn:aws:iam::aws:policy/aws-service-role/{ECS}"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return version, iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def _set(stead: Stead, source: str) -> None:
    settings = stead.app.settings
    if source.startswith("{"):
        path = settings.data_dir / "policy.json"
        path.write_text(source)
        source = str(path)
    set_default(ECS, source, settings.data_dir, settings.database_url)


def _less(document: dict[str, Any], actions: tuple[str, ...]) -> dict[str, Any]:
    denied, statements = set(actions), []
    for statement in document["Statement"]:
        there = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        kept = [action for action in there if action not in actions]
        denied -= set(there)
        statements += [{**statement, "Action": kept}] if kept else []
    return {**document, "Statement": statements + [{"Effect": "Deny", "Action": sorted(denied), "Resource": "*"}] * bool(denied)}
