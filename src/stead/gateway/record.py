"""The record of a call, in CloudTrail's shape (service-linked-roles.md section 4), and the buffer for those that may lag.

A write's event is inserted in the write's own transaction. Events of reads and of refusals are kept in memory and written together at most
a second later, so a read costs no commit; a kill loses at most that second of them, never a write's.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from botocore.model import ListShape, MapShape, StructureShape

from stead.aws.arn import parse_arn
from stead.aws.call import CallerKind
from stead.aws.clock import iso_seconds
from stead.aws.ids import new_uuid
from stead.aws.models import GLOBAL_REGION, SERVICES, operation_model, service_model
from stead.store.tables import event_resources, events

if TYPE_CHECKING:
    from botocore.model import Shape

    from stead.aws.call import Call, Caller, Result, Target
    from stead.aws.errors import AwsError
    from stead.aws.operation import Operation
    from stead.store.engine import Store, Writer

EVENT_VERSION = "1.11"
MAX_MEMBER_BYTES = 100 * 1024  # CloudTrail's own limit for requestParameters and responseElements
MAX_WAITING = 10_000  # a burst of reads beyond this is written at once instead of waiting for its second
SECRET_MEMBERS = frozenset({"SecretAccessKey", "SessionToken", "Password", "NewPassword", "OldPassword", "ServicePassword"})
RESOURCE_TYPES = {
    ("iam", "role"): "AWS::IAM::Role",
    ("iam", "user"): "AWS::IAM::User",
    ("iam", "policy"): "AWS::IAM::Policy",
    ("iam", "instance-profile"): "AWS::IAM::InstanceProfile",
    ("ecs", "cluster"): "AWS::ECS::Cluster",
}


class Outcome(NamedTuple):
    """What became of a call."""

    call: Call
    operation: Operation
    target: Target | None
    result: Result | None
    error: AwsError | None


class Recorder:
    """Writes events, at once or within a second."""

    def __init__(self) -> None:
        self._waiting: list[Outcome] = []

    def now(self, db: Writer, outcome: Outcome) -> None:
        """In the transaction of the call itself."""
        _insert(db, [outcome])

    def later(self, outcome: Outcome) -> None:
        """With the next flush."""
        self._waiting.append(outcome)

    @property
    def is_full(self) -> bool:
        """Whether a flush should not wait for its second."""
        return len(self._waiting) >= MAX_WAITING

    def flush(self, store: Store) -> None:
        """Write what waits, in one transaction."""
        if not self._waiting:
            return
        taken, self._waiting = self._waiting, []
        with store.write() as db:
            _insert(db, taken)


def _insert(db: Writer, outcomes: list[Outcome]) -> None:
    rows = [_row(outcome) for outcome in outcomes]
    db.insert_many(events, [row for row, _ in rows])
    db.insert_many(event_resources, [named for row, names in rows for named in _named(row, names)])


def _named(row: dict[str, Any], names: list[tuple[str, str]]) -> list[dict[str, Any]]:
    same = {"event_id": row["id"], "account_id": row["account_id"], "region": row["region"], "time": row["time"]}
    return [{**same, "name": name} for name in dict.fromkeys(name for _, name in names)]


def _row(outcome: Outcome) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    call, resources = outcome.call, _resources(outcome.target)
    event_id = new_uuid()
    return {
        "id": event_id,
        "account_id": call.caller.account_id,
        "region": _region(call),
        "time": call.now,
        "name": call.operation,
        "source": SERVICES[call.service].event_source,
        "username": _username(call.caller),
        "access_key_id": call.caller.access_key_id,
        "read_only": int(outcome.operation.read_only),
        "resources": orjson.dumps(resources).decode(),
        "record": orjson.dumps(_record(outcome, event_id, resources)).decode(),
    }, resources


def _record(outcome: Outcome, event_id: str, resources: list[tuple[str, str]]) -> dict[str, Any]:
    call, error = outcome.call, outcome.error
    model = operation_model(call.service, call.operation)
    denied = error is not None and error.code == "AccessDenied"
    origin = _origin(call)
    shown = None if outcome.operation.read_only or error is not None else _members(model.output_shape, outcome.result)
    return {
        "eventVersion": EVENT_VERSION,
        "userIdentity": _identity(call.caller),
        "eventTime": iso_seconds(call.now),
        "eventSource": SERVICES[call.service].event_source,
        "eventName": call.operation,
        "awsRegion": _region(call),
        "sourceIPAddress": origin or call.source_ip,
        "userAgent": origin or call.user_agent,
        **({} if error is None else {"errorCode": _error_code(call.service, error), "errorMessage": error.message}),
        "requestParameters": None if denied else _members(model.input_shape, call.parameters),
        "responseElements": shown,
        "requestID": call.request_id,
        "eventID": event_id,
        "readOnly": outcome.operation.read_only,
        **({"resources": [_resource(call, *named) for named in resources if named[1].startswith("arn:")]} if resources else {}),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": call.caller.account_id,
        "eventCategory": "Management",
    }


def _region(call: Call) -> str:
    return GLOBAL_REGION if SERVICES[call.service].is_global else call.region


def _origin(call: Call) -> str | None:
    """The service that stands where an address would: it called with its own session, or with the caller's (recorded 2026)."""
    if call.caller.via:
        return f"aws-called-via-override.{call.caller.via[-1]}"
    return call.caller.invoked_by


def _username(caller: Caller) -> str:
    if caller.kind is CallerKind.ROLE and caller.session is not None:
        return caller.session.name
    return "root" if caller.kind is CallerKind.ROOT else caller.name


def _identity(caller: Caller) -> dict[str, Any]:
    invoked_by = f"aws-called-via-override.{caller.via[-1]}" if caller.via else caller.invoked_by
    if caller.kind is CallerKind.SERVICE:
        return {"type": caller.kind.value, "invokedBy": invoked_by}
    identity: dict[str, Any] = {
        "type": caller.kind.value,
        "principalId": caller.unique_id,
        "arn": caller.arn,
        "accountId": caller.account_id,
        "accessKeyId": caller.access_key_id,
    }
    if caller.kind is CallerKind.USER:
        identity["userName"] = caller.name
    if caller.session is not None:
        identity["sessionContext"] = _session_context(caller)
    if invoked_by:
        identity["invokedBy"] = invoked_by
    return identity


def _session_context(caller: Caller) -> dict[str, Any]:
    assert caller.session is not None
    context: dict[str, Any] = {"attributes": {"creationDate": iso_seconds(caller.session.issued), "mfaAuthenticated": "false"}}
    if caller.kind is CallerKind.ROLE:
        issuer = {"type": "Role", "principalId": caller.entity_id, "arn": caller.entity_arn}
        context = {"sessionIssuer": {**issuer, "accountId": caller.account_id, "userName": caller.name}, **context}
    if caller.session.source_identity:
        context["sourceIdentity"] = caller.session.source_identity
    return context


def _error_code(service: str, error: AwsError) -> str:
    """CloudTrail shows the exception's shape where the wire shows a short code: ``InvalidInputException`` (recorded)."""
    for shape in service_model(service).error_shapes:
        if shape.metadata.get("error", {}).get("code") == error.code:
            return str(shape.name)
    return error.code


def _resources(target: Target | None) -> list[tuple[str, str]]:
    """What LookupEvents finds by ResourceName: the last name and the whole ARN."""
    arn = parse_arn(target.arn) if target is not None else None
    if arn is None or target is None:
        return []
    kind, _, rest = arn.resource.partition("/")
    known = RESOURCE_TYPES.get((arn.service, kind))
    return [(known, rest.rsplit("/", 1)[-1]), (known, target.arn)] if known and rest and "*" not in rest else []


def _resource(call: Call, kind: str, arn: str) -> dict[str, str]:
    return {"accountId": call.caller.account_id, "type": kind, "ARN": arn}


def _members(shape: Shape | None, value: Any) -> Any:
    """Input or output members as CloudTrail spells them; None for none at all; a stand-in for more than CloudTrail keeps."""
    if shape is None or not value:
        return None
    shown = _as_recorded(shape, value)
    size = len(orjson.dumps(shown))
    return shown if size <= MAX_MEMBER_BYTES else {"omitted": True, "originalSize": size, "reason": "too large"}


def _as_recorded(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        return {
            _lower_first(name): _member(shape, name, item)
            for name, item in value.items()
            if item is not None and name not in SECRET_MEMBERS
        }
    if isinstance(shape, ListShape):
        return [_as_recorded(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: _as_recorded(shape.value, item) for key, item in value.items()}
    if shape.type_name == "timestamp" and isinstance(value, int):
        # The form of Java's DateFormat, as IAM's and ECS's records have it.
        return time.strftime("%b %-d, %Y, %-I:%M:%S %p", time.gmtime(value // 1000))
    if shape.metadata.get("sensitive"):
        return "HIDDEN_DUE_TO_SECURITY_REASONS"
    return value if isinstance(value, str | int | float | bool) else str(value)


def _member(shape: StructureShape, name: str, value: Any) -> Any:
    member = shape.members.get(name)
    if member is None:  # sent by AWS, absent from the model (clusterCount)
        return value
    return _as_recorded(member, value)


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]
