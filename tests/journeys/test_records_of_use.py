"""What Stead tells of the past agrees with what the clients counted themselves: events, last use, the access advisor.

Three callers ask at random for what they may, for what is not there, and for what they may not; the test keeps its own books.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from support import process
from support.documents import allow
from support.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.process import Running

ACCOUNT = "arn:aws:iam::123456789012"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"AWS": f"{ACCOUNT}:user/alice"}, "Action": "sts:AssumeRole"},
    }
)
GRANTED = ["iam:ListUsers", "iam:GetRole", "iam:ListGroups", "ecs:ListClusters"]
CALLS = 60


class Call(NamedTuple):
    """A line of the books."""

    caller: str
    service: str
    name: str
    region: str
    error: str


# service, event name, method, parameters, Region, errorCode of the event
CHOICES: list[tuple[str, str, str, dict[str, str], str, str]] = [
    ("iam", "ListUsers", "list_users", {}, "us-east-1", ""),
    ("iam", "ListGroups", "list_groups", {}, "us-east-1", ""),
    ("iam", "GetRole", "get_role", {"RoleName": "none"}, "us-east-1", "NoSuchEntityException"),
    ("iam", "ListPolicies", "list_policies", {}, "us-east-1", "AccessDenied"),
    ("ecs", "ListClusters", "list_clusters", {}, "eu-west-1", ""),
    ("ecs", "ListClusters", "list_clusters", {}, "ap-northeast-1", ""),
]

Key = tuple[str, str, str | None]


def callers(served: Running, policy: str) -> dict[str, Key]:
    """The keys by the entity's ARN: a user with the policy, a user of a group with it, and a session of a role with it."""
    iam = served.client("iam")
    iam.create_group(GroupName="readers")
    iam.attach_group_policy(GroupName="readers", PolicyArn=policy)
    keys: dict[str, Key] = {}
    for name in ("alice", "bob"):
        iam.create_user(UserName=name)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        keys[f"{ACCOUNT}:user/{name}"] = made["AccessKeyId"], made["SecretAccessKey"], None
    iam.attach_user_policy(UserName="alice", PolicyArn=policy)
    iam.add_user_to_group(GroupName="readers", UserName="bob")
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName="reader", PolicyArn=policy)
    alice = served.client("sts", keys[f"{ACCOUNT}:user/alice"])
    session = alice.assume_role(RoleArn=f"{ACCOUNT}:role/reader", RoleSessionName="session")["Credentials"]
    return {**keys, f"{ACCOUNT}:role/reader": (session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])}


def make_calls(served: Running, keys: dict[str, Key]) -> Iterator[Call]:
    """Random calls, and what the clients know of each."""
    chance = random.Random(4)
    for _ in range(CALLS):
        caller = chance.choice(list(keys))
        service, name, method, parameters, region, error = chance.choice(CHOICES)
        call = getattr(served.client(service, keys[caller], region), method)
        if error:
            assert refusal(call, **parameters).code == error.removesuffix("Exception")
        else:
            call(**parameters)
        yield Call(caller, service, name, region, error)


def events(served: Running, region: str, key_id: str) -> Counter[tuple[str, str]]:
    """(EventName, errorCode) of what this key did in a Region."""
    attribute = {"AttributeKey": "AccessKeyId", "AttributeValue": key_id}
    pages = served.client("cloudtrail", region=region).get_paginator("lookup_events").paginate(LookupAttributes=[attribute])
    found = (json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"])
    return Counter((event["eventName"], event.get("errorCode", "")) for event in found if event["eventName"] != "AssumeRole")


def report(iam: Any, arn: str) -> dict[str, Any]:
    """The rows of an access report by namespace."""
    job = iam.generate_service_last_accessed_details(Arn=arn, Granularity="ACTION_LEVEL")["JobId"]
    done = process.until(lambda: (answer := iam.get_service_last_accessed_details(JobId=job))["JobStatus"] == "COMPLETED" and answer)
    return {row["ServiceNamespace"]: row for row in done["ServicesLastAccessed"]}


def last(books: list[Call], of: Callable[[Call], bool]) -> Call | None:
    return next((call for call in reversed(books) if of(call)), None)


@pytest.mark.both_stores
def test_what_is_told_is_what_was_done(served: Running) -> None:
    iam = served.client("iam")
    policy = iam.create_policy(PolicyName="read", PolicyDocument=allow(GRANTED))["Policy"]["Arn"]
    keys = callers(served, policy)
    books = list(make_calls(served, keys))
    regions = {call.region for call in books}
    expected = {
        (caller, region): Counter((call.name, call.error) for call in books if (call.caller, call.region) == (caller, region))
        for caller in keys
        for region in regions
    }
    told = process.until(
        lambda: (found := {(caller, region): events(served, region, keys[caller][0]) for caller, region in expected}) == expected and found
    )
    assert sum(count.total() for count in told.values()) == CALLS

    # Use is written in the same second as the events; the last call's may come after them.
    process.until(lambda: report(iam, policy)["iam"].get("LastAuthenticatedEntity") == _caller(books, "iam"))
    for arn in (policy, f"{ACCOUNT}:group/readers", *keys):
        check_report(report(iam, arn), [call for call in books if arn in {policy, call.caller} or _bobs(arn, call)])
    for caller, (key_id, *_) in keys.items():
        check_last_use(iam, caller, key_id, last(books, lambda call, caller=caller: call.caller == caller))  # type: ignore[misc]


def _bobs(arn: str, call: Call) -> bool:
    return arn.endswith("group/readers") and call.caller.endswith("user/bob")


def _caller(books: list[Call], service: str) -> str | None:
    found = last(books, lambda call: call.service == service)
    return found and found.caller


def check_report(rows: dict[str, Any], books: list[Call]) -> None:
    """A report on the callers whose calls ``books`` has."""
    assert set(rows) == {"iam", "ecs"}
    for service, row in rows.items():
        own = [call for call in books if call.service == service]
        assert row["TotalAuthenticatedEntities"] == len({call.caller for call in own})
        assert row["LastAuthenticatedEntity"] == own[-1].caller
        assert row["LastAuthenticatedRegion"] == own[-1].region
    for action in rows["iam"]["TrackedActionsLastAccessed"]:
        found = last(books, lambda call, name=action["ActionName"]: call.name == name)  # type: ignore[misc]
        assert action.get("LastAccessedEntity") == (found and found.caller)


def check_last_use(iam: Any, caller: str, key_id: str, call: Call | None) -> None:
    """Where a key or a role was used last."""
    assert call
    if ":role/" in caller:
        assert iam.get_role(RoleName="reader")["Role"]["RoleLastUsed"]["Region"] == call.region
    else:
        told = iam.get_access_key_last_used(AccessKeyId=key_id)["AccessKeyLastUsed"]
        assert (told["ServiceName"], told["Region"]) == (call.service, call.region)
