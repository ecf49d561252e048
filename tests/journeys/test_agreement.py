"""The simulator answers what the gate decides: asked about every operation, with the request context that the real call's event recorded.

A user without permissions makes the call over HTTP. Each refusal names, in its event, the action, the resource and the condition keys of the
check that failed; the user is given exactly that, under conditions on all of these keys, until the call is allowed. On the way the simulator is
asked about every recorded check over HTTP and must agree. In the end each key is left out, and given another value: both must be refused. Last, a
Deny under the same conditions must be an explicit one in both.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from support import process
from support.every_operation import CALLS, TRUST, World
from support.stead import ACCOUNT

from stead.app import declare_operations
from stead.aws.operation import all_operations
from stead.store.decided import unpack
from stead.store.engine import Store
from stead.store.events import LATEST, all_between
from stead.store.keyring import load_or_create

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from support.process import Running

    from stead.aws.operation import Operation
    from stead.policy import ContextValue
    from stead.store.decided import Check, Decided
    from stead.store.keyring import KeyRing

    Keys = Mapping[str, ContextValue]

declare_operations()
OPERATIONS = all_operations()
MAX_CHECKS = 8  # more than any call needs
# Keys of every call that the simulator has no default for: conditions on them stand in every permission here.
OF_EVERY_CALL = ("aws:requestedregion", "aws:sourceip")
NEVER = "tag of nobody"
# Reads the tags of resource and caller at every check, so that they are among the recorded keys, and allows nothing.
READS_TAGS = [
    {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {key: NEVER}}}
    for key in ("aws:ResourceTag/team", "aws:PrincipalTag/team")
]


class Served:
    """One Stead for the whole module, and its records."""

    def __init__(self, running: Running, folder: Path) -> None:
        self.world = World(running)
        self.running = running
        self._store = Store(f"sqlite:///{folder / 'stead.db'}")
        self._ring: KeyRing = load_or_create(folder / "keys", may_create=False)
        self._trail = running.client("cloudtrail")

    def decided(self, request_id: str) -> Decided | None:
        """What the gate asked about this call, from its event."""
        self._trail.lookup_events(MaxResults=1)  # what waits in memory is written before it answers
        for event in all_between(self._store.read(), ACCOUNT, 0, LATEST):
            if event.record["requestID"] == request_id:
                return unpack(self._ring, event.id, event.decided) if event.decided else None
        raise AssertionError(f"no event of {request_id}")

    def simulated(self, user: str, check: Check, keys: Keys) -> str:
        """The simulator's decision on the same question."""
        trust = {"ResourcePolicy": TRUST} if check.action.startswith("sts:") and ":role/" in check.resource else {}
        answer = self.world.iam.simulate_principal_policy(
            PolicySourceArn=user, ActionNames=[check.action], ResourceArns=[check.resource], ContextEntries=entries(keys), **trust
        )
        decision: str = answer["EvaluationResults"][0]["EvalDecision"]
        return decision

    def close(self) -> None:
        """Let go of the database."""
        self._store.close()


class Caller:
    """A user who starts with nothing."""

    def __init__(self, served: Served) -> None:
        self._world = served.world
        self._running = served.running
        self.name = self._world.user()
        self.arn = self._world.arn(self.name)
        made = self._world.iam.create_access_key(UserName=self.name)["AccessKey"]
        self._key = (made["AccessKeyId"], made["SecretAccessKey"])
        self.give(READS_TAGS)

    def give(self, statements: list[dict[str, Any]]) -> None:
        """Attach a policy."""
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        made = self._world.iam.create_policy(PolicyName=self._world.name(), PolicyDocument=document)
        self._world.iam.attach_user_policy(UserName=self.name, PolicyArn=made["Policy"]["Arn"])

    def call(self, operation: Operation, parameters: dict[str, Any]) -> tuple[str, str]:
        """Make the call over HTTP: its request id, and its error's code, empty for none."""
        client = self._running.client(operation.service, self._key)
        try:
            answer = getattr(client, xform_name(operation.name))(**parameters)
        except ClientError as error:
            return error.response["ResponseMetadata"]["RequestId"], error.response["Error"]["Code"]
        return answer["ResponseMetadata"]["RequestId"], ""


def entries(keys: Keys) -> list[dict[str, Any]]:
    """Condition keys as the simulator takes them."""
    return [
        {
            "ContextKeyName": key,
            "ContextKeyType": "string" if isinstance(value, str) else "stringList",
            "ContextKeyValues": [value] if isinstance(value, str) else list(value),
        }
        for key, value in keys.items()
        if value != ()
    ]


def read_keys(decided: Decided, check: Check) -> Keys:
    """The keys that permissions here stand under: the check's own, and some of every call."""
    common = {key: decided.keys[key] for key in OF_EVERY_CALL}
    return {**common, **{key: value for key, value in check.keys.items() if value != ()}}


def statement(effect: str, check: Check, keys: Keys) -> dict[str, Any]:
    """Exactly this action on this resource, under conditions on all of ``keys``."""
    single = {key: value for key, value in keys.items() if isinstance(value, str)}
    lists = {key: list(value) for key, value in keys.items() if not isinstance(value, str)}
    condition: dict[str, Any] = {"StringEquals": single}
    if lists:
        condition |= {"ForAllValues:StringEquals": lists, "Null": dict.fromkeys(lists, "false")}
    return {"Effect": effect, "Action": check.action, "Resource": check.resource, "Condition": condition}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A Stead with a data directory, and the records in it."""
    folder = tmp_path_factory.mktemp("agreement")
    root = folder / "root"
    root.write_text(f"{process.KEY_ID}:{process.SECRET}")
    data = folder / "data"
    running = process.start(
        folder / "served", ["--port", "0", "--root-credentials", f"@{root}", "--data-dir", str(data), "--account-id", ACCOUNT]
    )
    try:
        running.wait_ready()
        found = Served(running, data)
        yield found
        found.close()
    finally:
        running.kill()


def test_every_operation_has_a_call() -> None:
    assert set(CALLS) == {operation.action for operation in OPERATIONS}


def each(*, is_open: bool) -> pytest.MarkDecorator:
    """Every operation that needs a permission, or none."""
    rows = [operation for operation in OPERATIONS if operation.open is is_open]
    return pytest.mark.parametrize("operation", rows, ids=lambda operation: operation.action)


@each(is_open=True)
def test_open_operations_ask_no_policy(served: Served, operation: Operation) -> None:
    request_id, code = Caller(served).call(operation, CALLS[operation.action](served.world))
    assert (code, served.decided(request_id)) == ("", None)


@each(is_open=False)
def test_the_simulator_agrees_with_the_gate(served: Served, operation: Operation) -> None:
    caller, parameters = Caller(served), CALLS[operation.action](served.world)
    granted: list[tuple[Check, Keys]] = []
    while not (decided := asked(served, caller, operation, parameters)).checks[-1].verdict.allowed:
        check = decided.checks[-1]
        assert check.verdict.effect == "implicitDeny", check
        assert len(granted) < MAX_CHECKS, granted
        granted.append((check, read_keys(decided, check)))
        caller.give([statement("Allow", *granted[-1])])
    assert operation.action in {check.action for check, _ in granted}
    for check, keys in granted:
        every_key_matters(served, caller, check, {**decided.keys, **keys}, keys)
    first, common = granted[0][0], {key: decided.keys[key] for key in OF_EVERY_CALL}
    caller.give([statement("Deny", first, common)])
    assert asked(served, caller, operation, parameters).checks[-1].verdict.effect == "explicitDeny"


def asked(served: Served, caller: Caller, operation: Operation, parameters: dict[str, Any]) -> Decided:
    """Make the call; what the gate asked and decided, which is what the simulator says to the same questions."""
    request_id, code = caller.call(operation, parameters)
    decided = served.decided(request_id)
    assert decided is not None
    for check in decided.checks:
        keys = {**decided.keys, **check.keys}
        assert served.simulated(caller.arn, check, keys) == check.verdict.effect, (check, keys)
    assert decided.checks[-1].verdict.allowed == (code not in {"AccessDenied", "AccessDeniedException"}), code
    return decided


def every_key_matters(served: Served, caller: Caller, check: Check, context: Keys, keys: Keys) -> None:
    """Without any one of ``keys``, or with another value of it, the simulator refuses what it allows with all of them."""
    assert served.simulated(caller.arn, check, context) == "allowed"
    for key, value in keys.items():
        wrong = f"{value}-else" if isinstance(value, str) else ("else",)
        without = {name: known for name, known in context.items() if name != key}
        assert served.simulated(caller.arn, check, without) == "implicitDeny", key
        assert served.simulated(caller.arn, check, {**without, key: wrong}) == "implicitDeny", key
