"""What PostgreSQL cannot store is refused alike on both databases, as an error of AWS's and never a 500."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from support.refusals import Refusal, refusal

NUL_TOKEN = base64.b64encode(b"a\0").decode()
UNREADABLE = Refusal("SerializationException", 400, "A text cannot hold the character U+0000")
CALLS: list[tuple[str, str, dict[str, Any], Refusal]] = [
    ("ecs", "describe_clusters", {"clusters": ["arn:aws:ecs:us-east-1:123456789012:cluster/a\0"]}, UNREADABLE),
    ("ecs", "list_clusters", {"nextToken": NUL_TOKEN}, Refusal("InvalidParameterException", 400, "Invalid token.")),
    (
        "cloudtrail",
        "lookup_events",
        {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "a\0"}]},
        UNREADABLE,
    ),
    ("iam", "get_policy", {"PolicyArn": "arn:aws:iam::123456789012:policy/\0"}, Refusal("MalformedInput", 400, UNREADABLE.message)),
    ("iam", "list_users", {"Marker": NUL_TOKEN}, Refusal("ValidationError", 400, "Invalid Marker.")),
]


@pytest.mark.both_stores
@pytest.mark.parametrize(("service", "call", "parameters", "expected"), CALLS, ids=lambda value: value if isinstance(value, str) else "")
def test_the_null_character(stead: Any, service: str, call: str, parameters: dict[str, Any], expected: Refusal) -> None:
    assert refusal(getattr(stead.client(service), call), **parameters) == expected


@pytest.mark.both_stores
def test_the_event_of_an_impossible_name(stead: Any) -> None:
    """Such a name fits no index of PostgreSQL's; its event is written all the same, within CloudTrail's limits, and holds up no other."""
    sts = stead.client("sts", stead.user("anybody"))
    arn = "arn:aws:iam::123456789012:role/" + "".join(map(chr, range(0x4E00, 0x4E00 + 2000)))
    assert refusal(sts.assume_role, RoleArn=arn, RoleSessionName="session").code == "AccessDenied"
    stead.settle()
    asked = [{"AttributeKey": "EventName", "AttributeValue": "AssumeRole"}]
    (event,) = stead.client("cloudtrail").lookup_events(LookupAttributes=asked)["Events"]
    assert event["Resources"] == []
    assert len(json.loads(event["CloudTrailEvent"])["errorMessage"]) == 1024


def test_a_user_agent_is_cut_off(stead: Any) -> None:
    client = stead.client("sts")
    client.meta.events.register_first("before-send", lambda request, **_: request.headers.update({"User-Agent": "x" * 5000}))
    client.get_caller_identity()
    stead.settle()
    (event,) = stead.client("cloudtrail").lookup_events()["Events"]
    assert json.loads(event["CloudTrailEvent"])["userAgent"] == "x" * 1024
