"""Events in bulk, through the code that stores every other event: busy minutes spread over the ninety days that are kept."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

import orjson

from stead.aws.clock import DAY, MINUTE
from stead.aws.ids import new_uuid, ordered_uuid
from stead.store.events import Event, Shape, insert_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.store.engine import Store

ACCOUNT, REGION = "123456789012", "us-east-1"
OLDEST = 89 * DAY
PER_MINUTE = 100
MINUTES_AT_ONCE = 20  # in one transaction
USERS, ROLES = 50, 500
RARE = "DeleteRole"  # one event in a thousand
# Name, service, whether it reads, how often.
CALLS = (
    ("GetRole", "iam", True, 500),
    ("GetCallerIdentity", "sts", True, 300),
    ("AssumeRole", "sts", True, 100),
    ("CreateRole", "iam", False, 99),
    (RARE, "iam", False, 1),
)


class Seen(NamedTuple):
    """An event in the middle of the history."""

    time: int
    id: str


def seed(store: Store, count: int, now: int, number: int) -> Seen:
    """Add ``count`` events that end at ``now``; ``number`` makes this round's unlike another's."""
    chance = random.Random(number)
    step = (OLDEST - DAY) * PER_MINUTE // count
    begins = [now - OLDEST + i * step for i in range(count // PER_MINUTE)]
    middle: Event | None = None
    for at in range(0, len(begins), MINUTES_AT_ONCE):
        events = [event for begin in begins[at : at + MINUTES_AT_ONCE] for event in _minute(chance, begin)]
        if middle is None and at >= len(begins) // 2:
            middle = events[0]
        with store.write() as db:
            insert_blocks(db, events)
    assert middle is not None
    return Seen(middle.time, middle.id)


def _minute(chance: random.Random, begin: int) -> Iterator[Event]:
    for place in range(PER_MINUTE):
        time = begin + place * (MINUTE // PER_MINUTE)
        (call,) = chance.choices(CALLS, [weight for *_, weight in CALLS])
        shape = _shape(call[0], call[1], chance.randrange(USERS), chance.randrange(ROLES), reads=call[2])
        yield Event(ACCOUNT, REGION, time, ordered_uuid(time), new_uuid(), shape)


def _shape(name: str, service: str, user: int, role: int, *, reads: bool) -> Shape:
    arn = f"arn:aws:iam::{ACCOUNT}:role/role-{role}"
    resources = [] if name == "GetCallerIdentity" else [("AWS::IAM::Role", f"role-{role}"), ("AWS::IAM::Role", arn)]
    key = f"AKIAQAAAAAAAEVENTS{user:02}"
    identity = {
        "type": "IAMUser",
        "principalId": f"AIDAQAAAAAAAEVENTS{user:02}X",
        "arn": f"arn:aws:iam::{ACCOUNT}:user/user-{user}",
        "accountId": ACCOUNT,
        "accessKeyId": key,
        "userName": f"user-{user}",
    }
    record = {
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": None,
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "127.0.0.1",
        "userAgent": "Boto3/1.44.0 md/Botocore#1.44.0 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11 md/pyimpl#CPython cfg/retry-mode#legacy",
        "requestParameters": {"roleName": f"role-{role}"} if resources else None,
        "responseElements": None if reads else {"role": {"path": "/", "roleName": f"role-{role}", "arn": arn}},
        "requestID": None,
        "eventID": None,
        "readOnly": reads,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }
    texts = (name, f"{service}.amazonaws.com", f"user-{user}", key, int(reads), orjson.dumps(resources).decode())
    return Shape(*texts, orjson.dumps(record))
