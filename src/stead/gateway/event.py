"""One event in CloudTrail's shape (service-linked-roles.md section 4, recorded-aws.md 13): values in, a record out.

Members of requests and answers are spelt with a small first letter, times as Java writes them, secrets left out. A read shows no answer and
a failure neither; one that was denied shows not even what was asked (all recorded). Of the reads, AssumeRole shows its answer, as AWS
documents it: without the new access key's id nobody could follow a session back to whoever began it.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from stead.aws.arn import parse_arn
from stead.aws.call import CallerKind
from stead.aws.clock import iso_seconds
from stead.aws.models import GLOBAL_REGION, SERVICES, operation_model, service_model
from stead.store.events import Shape as EventShape

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.model import Shape, StructureShape

    from stead.aws.call import Call, Caller, Result, Target
    from stead.aws.errors import AwsError
    from stead.aws.operation import Operation
    from stead.gateway.decisions import Decisions

EVENT_VERSION = "1.11"
MAX_MEMBER_BYTES = 100 * 1024  # CloudTrail's own limit for requestParameters and responseElements
MAX_TEXT = 1024  # its limit for userAgent and errorMessage, which it cuts off
MAX_ARN = 2048  # IAM's own limit; PostgreSQL's index holds no name much longer
SECRET_MEMBERS = frozenset({"SecretAccessKey", "SessionToken", "Password", "NewPassword", "OldPassword", "ServicePassword"})
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
# Environment values of ECS's containers, whoever wrote a secret there (recorded-aws.md 13).
_REDACTED_LISTS = {"EnvironmentVariables": "value"}
RESOURCE_TYPES = {
    ("iam", "role"): "AWS::IAM::Role",
    ("iam", "user"): "AWS::IAM::User",
    ("iam", "group"): "AWS::IAM::Group",
    ("iam", "policy"): "AWS::IAM::Policy",
    ("iam", "instance-profile"): "AWS::IAM::InstanceProfile",
    ("ecs", "cluster"): "AWS::ECS::Cluster",
}
_READS_THAT_SHOW_THEIR_ANSWER = frozenset({("sts", "AssumeRole")})
Resources = list[tuple[str, str]]  # type and name


class Outcome(NamedTuple):
    """What became of a call."""

    call: Call
    operation: Operation
    target: Target | None
    result: Result | None
    error: AwsError | None
    event_id: str  # time-ordered (aws/ids.py)
    decided: Decisions | None = None  # what the gate decided and why, kept beside the record and never in it


def shows_answer(operation: Operation) -> bool:
    """Whether the event of a success has ``responseElements``."""
    return not operation.read_only or (operation.service, operation.name) in _READS_THAT_SHOW_THEIR_ANSWER


def shape(outcome: Outcome) -> EventShape:
    """What the event shares with others like it: all but time and ids."""
    call = outcome.call
    return EventShape(
        call.operation,
        SERVICES[call.service].event_source,
        username(call.caller),
        call.caller.access_key_id,
        int(outcome.operation.read_only),
        orjson.dumps(resources(outcome.target)).decode(),
        orjson.dumps(_record(outcome)),
    )


def service_shape(account_id: str, name: str, details: dict[str, Any], event_id: str, now: int) -> EventShape:
    """The event of something that AWS itself does to an account: here, the operator."""
    found = orjson.dumps(resources_of(str(details.get("policyArn", "")))).decode()
    record = orjson.dumps(_service_record(account_id, name, details, event_id, now))
    return EventShape(name, SERVICES["iam"].event_source, "", "", 0, found, record)


def _record(outcome: Outcome) -> dict[str, Any]:
    """The record of a call; what is None in each is filled in when it is shown (store/events/search.py)."""
    call, operation, error = outcome.call, outcome.operation, outcome.error
    denied = error is not None and error.code == "AccessDenied"
    answered = error is None and shows_answer(operation)
    origin = _origin(call.caller)
    return {
        "eventVersion": EVENT_VERSION,
        "userIdentity": _identity(call.caller),
        "eventTime": None,
        "eventSource": SERVICES[call.service].event_source,
        "eventName": call.operation,
        "awsRegion": region(call),
        "sourceIPAddress": origin or call.source_ip,
        "userAgent": origin or call.user_agent[:MAX_TEXT],
        **({} if error is None else {"errorCode": _error_code(call.service, error), "errorMessage": error.message[:MAX_TEXT]}),
        "requestParameters": None if denied else requested(call.service, call.operation, call.parameters),
        "responseElements": _members(operation_model(call.service, call.operation).output_shape, outcome.result) if answered else None,
        "requestID": None,
        "eventID": None,
        "readOnly": operation.read_only,
        **_touched(call, outcome.target),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": call.caller.account_id,
        "eventCategory": "Management",
    }


def _service_record(account_id: str, name: str, details: dict[str, Any], event_id: str, now: int) -> dict[str, Any]:
    return {
        "eventVersion": EVENT_VERSION,
        "userIdentity": {"accountId": account_id, "invokedBy": SERVICES["iam"].event_source},
        "eventTime": iso_seconds(now),
        "eventSource": SERVICES["iam"].event_source,
        "eventName": name,
        "awsRegion": GLOBAL_REGION,
        "sourceIPAddress": SERVICES["iam"].event_source,
        "userAgent": SERVICES["iam"].event_source,
        "requestParameters": None,
        "responseElements": None,
        "eventID": event_id,
        "readOnly": False,
        "eventType": "AwsServiceEvent",
        "managementEvent": True,
        "recipientAccountId": account_id,
        "serviceEventDetails": details,
        "eventCategory": "Management",
    }


def requested(service: str, operation: str, parameters: dict[str, Any]) -> Any:
    """What was asked, as a record shows it."""
    return _members(operation_model(service, operation).input_shape, parameters)


def region(call: Call) -> str:
    """Events of IAM are in us-east-1, whichever Region the call came for."""
    return GLOBAL_REGION if SERVICES[call.service].is_global else call.region


def username(caller: Caller) -> str:
    """What LookupEvents finds by Username."""
    if caller.kind is CallerKind.ROLE and caller.session is not None:
        return caller.session.name
    return "root" if caller.kind is CallerKind.ROOT else caller.name


def resources(target: Target | None) -> Resources:
    """What LookupEvents finds by ResourceName: the last name and the whole ARN."""
    return [] if target is None else resources_of(target.arn)


def resources_of(arn_text: str) -> Resources:
    """The same of an ARN. A caller may name what cannot exist, in any length and alphabet: that is no resource."""
    arn = parse_arn(arn_text) if arn_text.isascii() and len(arn_text) <= MAX_ARN else None
    if arn is None:
        return []
    kind, _, rest = arn.resource.partition("/")
    known = RESOURCE_TYPES.get((arn.service, kind))
    return [(known, rest.rsplit("/", 1)[-1]), (known, arn_text)] if known and rest and "*" not in rest else []


def _touched(call: Call, target: Target | None) -> dict[str, Any]:
    """STS lists the role in the record itself; IAM and ECS do not (recorded)."""
    if call.service != "sts" or not (found := resources(target)):
        return {}
    return {"resources": [{"accountId": call.caller.account_id, "type": kind, "ARN": arn} for kind, arn in found[1:]]}


def _origin(caller: Caller) -> str | None:
    """The service that stands where an address would: it called with its own session, or with the caller's rights (recorded 2026)."""
    return f"aws-called-via-override.{caller.via[-1]}" if caller.via else caller.invoked_by


def _identity(caller: Caller) -> dict[str, Any]:
    invoked_by = _origin(caller)
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


def _members(shape: Shape | None, value: Any) -> Any:
    """Input or output members as CloudTrail spells them; None for none at all; a stand-in for more than CloudTrail keeps."""
    if shape is None or not value:
        return None
    shown = _as_recorded(shape, value)
    size = len(orjson.dumps(shown))
    return shown if size <= MAX_MEMBER_BYTES else {"omitted": True, "originalSize": size, "reason": "too large"}


def _as_recorded(shape: Shape, value: Any) -> Any:
    form = _FORMS.get(shape.type_name)
    if form is not None:
        return form(shape, value)
    if shape.metadata.get("sensitive"):
        return HIDDEN
    return value if isinstance(value, str | int | float | bool) else str(value)


def _structure(shape: Any, value: dict[str, Any]) -> dict[str, Any]:
    shown = {name: item for name, item in value.items() if item is not None and name not in SECRET_MEMBERS}
    return {_lower_first(name): _member(shape, name, item) for name, item in shown.items()}


def _list(shape: Any, value: list[Any]) -> list[Any]:
    shown = [_as_recorded(shape.member, item) for item in value]
    redacted = _REDACTED_LISTS.get(shape.name)
    return shown if redacted is None else [{name: HIDDEN if name == redacted else text for name, text in item.items()} for item in shown]


def _map(shape: Any, value: dict[str, Any]) -> dict[str, Any]:
    return {key: _as_recorded(shape.value, item) for key, item in value.items()}


def _java_date(_shape: Any, value: datetime | int) -> str:
    """The form of Java's DateFormat, as IAM's and ECS's records have it; a request's time is a datetime, an answer's milliseconds."""
    seconds = value.timestamp() if isinstance(value, datetime) else value // 1000
    return time.strftime("%b %-d, %Y, %-I:%M:%S %p", time.gmtime(seconds))


def _member(shape: StructureShape, name: str, value: Any) -> Any:
    member = shape.members.get(name)
    if member is None:  # sent by AWS, absent from the model (clusterCount)
        return value
    return _as_recorded(member, value)


_FORMS: dict[str, Callable[[Any, Any], Any]] = {"structure": _structure, "list": _list, "map": _map, "timestamp": _java_date}


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]
