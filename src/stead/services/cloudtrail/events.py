"""cloudtrail: LookupEvents, the event history of one Region, newest first.

Every filter is one statement, composed once, whose cost does not grow with the history. Names of events, users and resources and event ids
have an index. For the rest a call looks at the newest :data:`WINDOW` events (of those not yet looked at) and no further: like AWS's own, a
page may hold fewer events than asked for, or none, and still have a NextToken that goes on. A page continues at a (time, number) pair, so it
neither repeats nor misses an event, whatever was recorded meanwhile.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import bindparam, func, literal, select, tuple_

from stead.aws.clock import SECOND
from stead.aws.errors import AwsError
from stead.aws.operation import operation
from stead.store.tables import EVENTS_KEPT, events

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import BindParameter, ColumnElement, Select

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row

MAX_RESULTS = 50
WINDOW = 2000
_LATEST = 2**62
_VALUE: BindParameter[Any] = bindparam("value")
_ENTRY = (events.c.time, events.c.number)


class Place(NamedTuple):
    """Where an event stands in the history."""

    time: int
    number: int


def _history() -> Select[Any]:
    """Events of one account and Region between two places, newest first: from ``floor`` on, and before ``ceiling``."""
    return (
        select(
            events.c.id,
            events.c.number,
            events.c.time,
            events.c.name,
            events.c.source,
            events.c.username,
            events.c.access_key_id,
            events.c.read_only,
            events.c.resources,
            events.c.record,
        )
        .where(
            events.c.account_id == bindparam("account"),
            events.c.region == bindparam("region"),
            events.c.time.between(bindparam("start"), bindparam("end")),
            tuple_(*_ENTRY) >= tuple_(bindparam("floor_time"), bindparam("floor_number")),
            tuple_(*_ENTRY) < tuple_(bindparam("ceiling_time"), bindparam("ceiling_number")),
        )
        .order_by(events.c.time.desc(), events.c.number.desc())
        .limit(bindparam("count"))
    )


@dataclass(frozen=True, slots=True)
class Search:
    """How one attribute is looked up; ``is_indexed`` says that it needs no window."""

    statement: Select[Any]
    is_indexed: bool


def _by(condition: ColumnElement[bool], *, is_indexed: bool = False) -> Search:
    return Search(_history().where(condition), is_indexed)


# `replace` and not LIKE: it compares letter by letter on both databases. The column is [["TYPE","NAME"],...].
_HAS_TYPE = func.replace(events.c.resources, literal('["') + _VALUE + literal('",'), "") != events.c.resources
_HAS_NAME = func.replace(events.c.resources, literal('","') + _VALUE + literal('"]'), "") != events.c.resources
# The index knows the name alone; asked for by ARN, the same name under another path or of another kind is not meant.
_OF_RESOURCE = events.c.resource.is_not(None) & (events.c.resource == bindparam("resource")) & _HAS_NAME
_READ_ONLY_TEXT = {"true": 1, "false": 0}

EVERYTHING = Search(_history(), is_indexed=True)
SEARCHES = {
    "EventId": _by(events.c.id == _VALUE, is_indexed=True),
    "EventName": _by(events.c.name == _VALUE, is_indexed=True),
    "Username": _by(events.c.username == _VALUE, is_indexed=True),
    "ResourceName": _by(_OF_RESOURCE, is_indexed=True),
    "EventSource": _by(events.c.source == _VALUE),
    "AccessKeyId": _by(events.c.access_key_id == _VALUE),
    "ReadOnly": _by(events.c.read_only == _VALUE),
    "ResourceType": _by(_HAS_TYPE),
}
_END_OF_WINDOW = _history().with_only_columns(*_ENTRY).offset(WINDOW - 1)


def _write_events(context: Context, _request: Parameters) -> None:
    """AWS's history lags by minutes; what this process did before the call is found here at once."""
    context.gateway.write_events()


@operation("cloudtrail", "LookupEvents", before=_write_events)
def lookup_events(context: Context, request: Parameters) -> Result:
    """One page of the caller's Region; Insights events do not exist here."""
    if request.get("EventCategory") == "insight":
        return {"Events": []}
    search, value = _search(request)
    start, end = _range(context, request)
    ceiling = _ceiling(request)
    count = request.get("MaxResults", MAX_RESULTS)
    range_ = {"account": context.account_id, "region": context.region, "start": start, "end": end}
    range_.update(ceiling_time=ceiling.time, ceiling_number=ceiling.number)
    floor = None if search.is_indexed else _window_end(context, range_)
    low = floor or Place(0, 0)
    rows = context.db.all(search.statement, **range_, **value, floor_time=low.time, floor_number=low.number, count=count + 1)
    last = Place(rows[count - 1].time, rows[count - 1].number) if len(rows) > count else floor
    return {"Events": [_shape(row) for row in rows[:count]], "NextToken": _token(request, last)}


def _search(request: Parameters) -> tuple[Search, dict[str, Any]]:
    attributes = request.get("LookupAttributes") or []
    if len(attributes) > 1:  # documented; our wording
        raise AwsError("InvalidLookupAttributesException", "Lookup attributes can contain only one item.")
    if not attributes:
        return EVERYTHING, {}
    name, value = attributes[0]["AttributeKey"], attributes[0]["AttributeValue"]
    if name == "ReadOnly":
        return SEARCHES[name], {"value": _READ_ONLY_TEXT.get(value.lower(), -1)}
    if name == "ResourceName":
        return SEARCHES[name], {"value": value, "resource": value.rpartition("/")[2]}
    return SEARCHES[name], {"value": value}


def _range(context: Context, request: Parameters) -> tuple[int, int]:
    """Both ends belong to it. Events show whole seconds, so an end means the whole second; 90 days are kept."""
    start, end = request.get("StartTime"), request.get("EndTime")
    if start is not None and end is not None and start > end:  # documented; our wording
        raise AwsError("InvalidTimeRangeException", "The start time occurs after the end time.")
    oldest = context.now - EVENTS_KEPT
    first = oldest if start is None else max(oldest, _whole_second(start))
    return first, _LATEST if end is None else _whole_second(end) + SECOND - 1


def _whole_second(moment: datetime) -> int:
    return int(moment.timestamp()) * SECOND


def _window_end(context: Context, range_: dict[str, Any]) -> Place | None:
    """The oldest event that this call may look at, None when that is all there are."""
    row = context.db.first(_END_OF_WINDOW, **range_, floor_time=0, floor_number=0, count=1)
    return None if row is None else Place(row.time, row.number)


def _ceiling(request: Parameters) -> Place:
    """Where the last page ended; a token belongs to the filter that it came with."""
    token = request.get("NextToken")
    if token is None:
        return Place(_LATEST, 0)
    try:
        time, number, filter_ = orjson.loads(base64.b64decode(token, validate=True))
        if filter_ == _filter_digest(request) and 0 <= time < _LATEST and 0 <= number < _LATEST:
            return Place(int(time), int(number))
    except (binascii.Error, ValueError, TypeError):
        pass  # the same refusal as for a token that reads well and belongs to another filter
    raise AwsError("InvalidNextTokenException", "The NextToken is not valid, or it was used with other parameters before.")  # our wording


def _token(request: Parameters, last: Place | None) -> str | None:
    if last is None:
        return None
    return base64.b64encode(orjson.dumps([last.time, last.number, _filter_digest(request)])).decode()


def _filter_digest(request: Parameters) -> str:
    parts = (request.get("LookupAttributes") or [], str(request.get("StartTime")), str(request.get("EndTime")))
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()[:16]


def _shape(row: Row) -> dict[str, Any]:
    return {
        "EventId": row.id,
        "EventName": row.name,
        "ReadOnly": "true" if row.read_only else "false",
        "AccessKeyId": row.access_key_id or None,
        "EventTime": row.time // SECOND * SECOND,
        "EventSource": row.source,
        "Username": row.username or None,
        "Resources": [{"ResourceType": kind, "ResourceName": name} for kind, name in orjson.loads(row.resources)],
        "CloudTrailEvent": row.record,
    }
