"""cloudtrail: LookupEvents, the event history of one Region, newest first.

The cost of a page does not grow with the history, whatever it is filtered by (store/events/). Like AWS's own, a page may hold fewer events
than asked for, or none, and still have a NextToken that goes on.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Any

import orjson

from stead.aws.clock import SECOND
from stead.aws.errors import AwsError
from stead.aws.operation import operation
from stead.store.events import LATEST, Place, Range, Search, newest
from stead.store.tables import EVENTS_KEPT

if TYPE_CHECKING:
    from datetime import datetime

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.events import Found

MAX_RESULTS = 50
MAX_ID_LENGTH = 36


def _write_events(context: Context, _request: Parameters) -> None:
    """AWS's history lags by minutes; what this process did before the call is found here at once."""
    context.gateway.write_events()


@operation("cloudtrail", "LookupEvents", before=_write_events)
def lookup_events(context: Context, request: Parameters) -> Result:
    """One page of the caller's Region; Insights events do not exist here."""
    if request.get("EventCategory") == "insight":
        return {"Events": []}
    search = _search(context, request)
    start, end = _range(context, request)
    page = newest(context.db, search, Range(start, end, _ceiling(request)), request.get("MaxResults", MAX_RESULTS))
    return {"Events": [_shown(found) for found in page.found], "NextToken": _token(request, page.rest)}


def _search(context: Context, request: Parameters) -> Search:
    attributes = request.get("LookupAttributes") or []
    if len(attributes) > 1:  # documented; our wording
        raise AwsError("InvalidLookupAttributesException", "Lookup attributes can contain only one item.")
    if not attributes:
        return Search(context.account_id, context.region)
    name, value = attributes[0]["AttributeKey"], attributes[0]["AttributeValue"]
    return Search(context.account_id, context.region, name, value.lower() if name == "ReadOnly" else value)


def _range(context: Context, request: Parameters) -> tuple[int, int]:
    """Both ends belong to it. Events show whole seconds, so an end means the whole second; 90 days are kept."""
    start, end = request.get("StartTime"), request.get("EndTime")
    if start is not None and end is not None and start > end:  # documented; our wording
        raise AwsError("InvalidTimeRangeException", "The start time occurs after the end time.")
    oldest = context.now - EVENTS_KEPT
    first = oldest if start is None else max(oldest, _whole_second(start))
    return first, LATEST if end is None else _whole_second(end) + SECOND - 1


def _whole_second(moment: datetime) -> int:
    return int(moment.timestamp()) * SECOND


def _ceiling(request: Parameters) -> Place:
    """Where the last page ended; a token belongs to the filter that it came with."""
    token = request.get("NextToken")
    if token is None:
        return Place(LATEST, "")
    try:
        time, id_, filter_ = orjson.loads(base64.b64decode(token, validate=True))
        if filter_ == _filter_digest(request) and 0 <= time < LATEST and len(id_) <= MAX_ID_LENGTH:
            return Place(int(time), str(id_))
    except (binascii.Error, ValueError, TypeError):
        pass  # the same refusal as for a token that reads well and belongs to another filter
    raise AwsError("InvalidNextTokenException", "The NextToken is not valid, or it was used with other parameters before.")  # our wording


def _token(request: Parameters, last: Place | None) -> str | None:
    if last is None:
        return None
    return base64.b64encode(orjson.dumps([last.time, last.id, _filter_digest(request)])).decode()


def _filter_digest(request: Parameters) -> str:
    parts = (request.get("LookupAttributes") or [], str(request.get("StartTime")), str(request.get("EndTime")))
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()[:16]


def _shown(found: Found) -> dict[str, Any]:
    shape = found.shape
    return {
        "EventId": found.id,
        "EventName": shape.name,
        "ReadOnly": "true" if shape.read_only else "false",
        "AccessKeyId": shape.access_key_id or None,
        "EventTime": found.time // SECOND * SECOND,
        "EventSource": shape.source,
        "Username": shape.username or None,
        "Resources": [{"ResourceType": kind, "ResourceName": name} for kind, name in orjson.loads(shape.resources)],
        "CloudTrailEvent": orjson.dumps(found.record).decode(),
    }
