"""AWS's recorded events, field by field: each file of ``recorded_events`` is what AWS wrote when somebody did what the story does here.

A field that AWS's event lacks must be missing here too. In a file ``*`` stands for any text and ``AROA*`` for any that begins so; an object with the member ``*`` may have more members.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import allow
from support.history import recorded
from support.linked_roles import make
from support.refusals import refusal
from support.stead import ACCOUNT

from stead.aws.call import Call
from stead.gateway import event
from stead.linked_roles.session import assume_linked_role, service_caller
from stead.store.context import Context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.stead import Stead

FOLDER = Path(__file__).parent / "recorded_events"
EXAMPLES = sorted(path.stem for path in FOLDER.glob("*.json"))
TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}}'
ECS, ROLE_ARN = "ecs.amazonaws.com", f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"


def example(name: str) -> dict[str, Any]:
    """A file, for the account of the tests."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text().replace("111122223333", ACCOUNT))
    return found


def differences(expected: Any, actual: Any, where: str = "") -> Iterator[str]:
    """Every field in which ``actual`` is not as ``expected``."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name in expected.keys() | actual.keys():
            if name not in expected and "*" in expected:
                continue
            if name != "*":
                yield from differences(expected.get(name, "no such field"), actual.get(name, "no such field"), f"{where}.{name}")
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for number, pair in enumerate(zip(expected, actual, strict=True)):
            yield from differences(*pair, f"{where}[{number}]")
    elif not (isinstance(expected, str) and isinstance(actual, str) and fnmatchcase(actual, expected)) and expected != actual:
        yield f"{where}: {actual!r} and not {expected!r}"


@pytest.fixture
def records(stead: Stead) -> list[dict[str, Any]]:
    """The records of the whole story."""
    role_session_makes_and_deletes_a_cluster(stead)
    stead.client("iam").delete_service_linked_role(RoleName="AWSServiceRoleForECS")
    stead.settle()
    iam = stead.client("iam", stead.user("alice", allow("iam:CreateServiceLinkedRole")))
    make(iam)
    refusal(iam.create_service_linked_role, AWSServiceName=ECS)
    refusal(stead.client("iam", stead.user("nobody")).create_service_linked_role, AWSServiceName=ECS)
    ecs_calls_with_its_role(stead)
    stead.client("sts").get_session_token()
    stead.settle()
    return [found.record for found in recorded(stead.app.store.read())]


def role_session_makes_and_deletes_a_cluster(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_role(RoleName="Caller", AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName="Caller", PolicyName="p", PolicyDocument=allow(["ecs:*", "iam:CreateServiceLinkedRole"]))
    key = stead.user("assumer", allow("sts:AssumeRole"))
    sts = stead.client("sts", key)
    session = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/Caller", RoleSessionName="caller-session")["Credentials"]
    ecs = stead.client("ecs", session, "eu-west-1")
    ecs.create_cluster(clusterName="c")
    ecs.describe_clusters(clusters=["c"])
    ecs.delete_cluster(cluster="c")


def ecs_calls_with_its_role(stead: Stead) -> None:
    app, db = stead.app, stead.app.store.read()
    call = Call("sts", "GetCallerIdentity", {}, service_caller(ECS, ACCOUNT), "us-east-1", app.now(db), "id", "", "")
    answer = assume_linked_role(Context(call, db, app.pipeline, app.ring), ECS, ROLE_ARN, "ecs-eni-provisioning")
    caller = app.credentials.caller_of_token(db, answer["Credentials"]["SessionToken"], call.now)
    app.pipeline.call(caller, call, "sts", "GetCallerIdentity", {})


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_event_is_as_aws_recorded_it(records: list[dict[str, Any]], name: str) -> None:
    """The event of the story that is most like it is like it in every field."""
    wanted = example(name)
    alike = [record for record in records if record["eventName"] == wanted["record"]["eventName"]]
    best = min((sorted(differences(wanted["record"], record)) for record in alike), key=len)
    assert best == []


def test_a_difference_is_seen() -> None:
    """Each kind of it: a test that compares must be able to fail."""
    expected = {"a": "x*", "b": {"c": None}, "d": [1], "e": {"*": "*"}}
    assert list(differences(expected, {"a": "xyz", "b": {"c": None}, "d": [1], "e": {"anything": 1}})) == []
    wrong = {"a": "yz", "b": {"c": 1, "f": 2}, "d": [1, 2], "g": 0}
    assert {text.partition(":")[0] for text in differences(expected, wrong)} == {".a", ".b.c", ".b.f", ".d", ".e", ".g"}


def test_environment_values_are_redacted() -> None:
    """Of task definitions and of overrides (recorded-aws.md 13); their names are not."""
    shown = event.requested(
        "ecs", "RunTask", {"overrides": {"containerOverrides": [{"name": "c", "environment": [{"name": "N", "value": "V"}]}]}}
    )
    assert shown["overrides"]["containerOverrides"][0] == {"name": "c", "environment": [{"name": "N", "value": event.HIDDEN}]}
