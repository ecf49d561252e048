"""The AWS managed policies that a new store is filled with: whose text they are, in what form, and that the catalogue finds its own."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from stead.linked_roles import catalog
from stead.store import managed_policies

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stead.store.managed_policies import ManagedPolicy

ECS = "AmazonECSServiceRolePolicy"
ARN = f"arn:aws:iam::aws:policy/aws-service-role/{ECS}"
DOCUMENT_KEYS = ["Version", "Statement"]
STATEMENT_KEYS = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"]

# Policies that catalogue rows name and the data lacks, each with the reason why the row keeps the name.
KNOWN_MISSING = {
    "lex.amazonaws.com: no managed policy AmazonLexBotPolicy": "recorded on the role (aws-behaviour.md 3.8); AWS's list has LexBotPolicy only",
}

MOTO = managed_policies.neighbours()
NEIGHBOURS = {policy.name: policy for policy in MOTO or ()}
with_moto = pytest.mark.skipif(MOTO is None, reason="moto is not installed: its policies cannot be compared")


@pytest.fixture(name="ecs")
def _ecs() -> ManagedPolicy:
    (policy,) = (policy for policy in managed_policies.own() if policy.name == ECS)
    return policy


def document(policy: ManagedPolicy, version_id: str) -> dict[str, Any]:
    (text,) = (version.document_json for version in policy.versions if version.version_id == version_id)
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def by_sid(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each statement under its Sid, its actions as a set."""
    return {one["Sid"]: {**one, "Action": set(listed(one["Action"])), "Resource": listed(one["Resource"])} for one in document["Statement"]}


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def is_in_order(table: dict[str, Any], keys: list[str]) -> bool:
    return list(table) == [key for key in keys if key in table]


def test_the_ecs_policy_is_the_seed_s_version_by_default(ecs: ManagedPolicy) -> None:
    assert (ecs.arn, ecs.path, ecs.default_version) == (ARN, "/aws-service-role/", "v8")
    assert [version.version_id for version in ecs.versions] == ["v8", "v24"]
    assert ecs.created_ms <= ecs.versions[0].created_ms < ecs.versions[1].created_ms == ecs.updated_ms


def test_v8_is_the_text_of_the_specification(ecs: ManagedPolicy) -> None:
    """The digest is that of the document in service-linked-roles.md 1.4, written compactly."""
    text = ecs.versions[0].document_json
    assert text.startswith('{"Version":"2012-10-17","Statement":[{"Sid":"ECSTaskManagement","Effect":"Allow","Action":["ec2:Attach')
    assert hashlib.sha256(text.encode()).hexdigest() == "5a4d94a2951434c132e72d51b5940441ff62c32f795e2a171625a4e236c66f20"


def test_v8_has_the_statements_of_its_time(ecs: ManagedPolicy) -> None:
    """service-linked-roles.md 1.4: capacity providers and ECS Exec are in, Service Connect and EventBridge are not."""
    statements = by_sid(document(ecs, "v8"))
    assert {sid: len(statement["Action"]) for sid, statement in statements.items()} == {
        "ECSTaskManagement": 23,
        "AutoScaling": 1,
        "AutoScalingManagement": 4,
        "AutoScalingPlanManagement": 3,
        "CWAlarmManagement": 3,
        "ECSTagging": 1,
        "CWLogGroupManagement": 3,
        "CWLogStreamManagement": 3,
        "ExecuteCommandSessionManagement": 1,
        "ExecuteCommand": 1,
    }


def test_v24_only_adds_to_v8(ecs: ManagedPolicy) -> None:
    before, after = by_sid(document(ecs, "v8")), by_sid(document(ecs, "v24"))
    for sid, statement in before.items():
        assert statement["Action"] <= after[sid]["Action"]
        assert {**statement, "Action": None} == {**after[sid], "Action": None}
    assert after.keys() - before.keys() == {
        "EventBridge",
        "EventBridgeRuleManagement",
        "OpenDataChannel",
        "CloudMapResourceCreation",
        "CloudMapResourceTagging",
        "CloudMapResourceDeletion",
        "CloudMapResourceDiscovery",
        "CloudMapResourceAttributeManagement",
        "ReadOnlyPermissionsForInstanceEventWindows",
    }
    added = {sid: after[sid]["Action"] - before[sid]["Action"] for sid in before}
    assert {sid: len(actions) for sid, actions in added.items() if actions} == {
        "ECSTaskManagement": 2,
        "AutoScalingManagement": 5,
        "AutoScalingPlanManagement": 1,
    }


@with_moto
def test_v24_is_the_text_that_moto_has(ecs: ManagedPolicy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(managed_policies, "_OWN", tmp_path)  # nothing of our own, so moto's is given
    (theirs,) = (policy for policy in managed_policies.neighbours() or () if policy.name == ECS)
    newest = theirs.versions[0].version_id
    assert by_sid(document(ecs, "v24")) == by_sid(document(theirs, newest)), f"moto has {newest}"


@with_moto
def test_our_own_policies_are_not_given_twice() -> None:
    assert not {policy.name for policy in managed_policies.own()} & NEIGHBOURS.keys()


@with_moto
def test_the_neighbours_policies() -> None:
    assert len(NEIGHBOURS) > 1400
    for name, policy in NEIGHBOURS.items():
        assert policy.arn == f"arn:aws:iam::aws:policy{policy.path}{name}"
        assert policy.created_ms <= policy.updated_ms
        ((version_id, text, created_ms),) = policy.versions
        assert (version_id, created_ms) == (policy.default_version, policy.updated_ms)
        parsed = json.loads(text)
        assert is_in_order(parsed, DOCUMENT_KEYS), name
        assert all(is_in_order(statement, STATEMENT_KEYS) for statement in listed(parsed["Statement"]) if isinstance(statement, dict)), name


@with_moto
def test_one_of_the_neighbours_policies_in_full() -> None:
    policy = NEIGHBOURS["AWSApplicationAutoscalingECSServicePolicy"]
    assert (policy.path, policy.default_version, policy.created_ms) == ("/aws-service-role/", "v3", 1508975588000)
    (statement,) = document(policy, "v3")["Statement"]
    assert set(statement.pop("Action")) == {
        "ecs:DescribeServices",
        "ecs:DescribeServiceRevisions",
        "ecs:UpdateService",
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:GetMetricData",
        "cloudwatch:DeleteAlarms",
    }
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] in ("*", ["*"])


@with_moto
def test_a_document_stays_what_it_was_apart_from_the_order_of_its_keys() -> None:
    policy = NEIGHBOURS["AWSCertificateManagerReadOnly"]  # its Statement is an object, not a list
    assert list(document(policy, policy.default_version)["Statement"]) == ["Effect", "Action", "Resource"]


@with_moto
def test_the_catalogue_agrees_with_the_policies() -> None:
    names = {policy.name for policy in managed_policies.own()} | NEIGHBOURS.keys()
    assert catalog.check(names) == list(KNOWN_MISSING)


@with_moto
def test_every_policy_of_a_linked_role_is_a_service_role_policy() -> None:
    paths = {policy.name: policy.path for policy in managed_policies.own()} | {name: policy.path for name, policy in NEIGHBOURS.items()}
    named = {service.policy_name for service in catalog.services().values() if service.policy_name in paths}
    assert {paths[name] for name in named if name} == {"/aws-service-role/"}


@with_moto
def test_moto_itself_is_not_imported() -> None:
    code = """if True:
        import sys
        from stead.store import managed_policies
        assert sum(1 for _ in managed_policies.neighbours()) > 1400
        assert not [name for name in sys.modules if "moto" in name or name == "aws_managed_policies"]
    """
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@with_moto
def test_nothing_stays_in_memory() -> None:
    tracemalloc.start()
    try:
        assert sum(1 for _ in managed_policies.neighbours() or ()) > 1400
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000 < peak


@pytest.mark.parametrize(
    "found", [lambda _name: None, lambda name: sys.modules[name.replace("moto", "json")].__spec__], ids=["moto", "its data"]
)
def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch, found: Callable[[str], Any]) -> None:
    monkeypatch.setattr(managed_policies, "find_spec", found)
    assert managed_policies.neighbours() is None
