from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.documents import allow
from support.refusals import Refusal, refusal

from stead.aws.ids import new_uuid, ordered_uuid
from stead.store.events import BLOCK_EVENTS, Event, Shape, insert_blocks, insert_tail

ACCOUNT = "123456789012"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/deployer"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}],
    }
)


def lookup(stead: Any, region: str = "us-east-1", **attribute: str) -> list[Any]:
    """All events that LookupEvents finds by this one attribute, newest first."""
    stead.settle()
    asked = [{"AttributeKey": key, "AttributeValue": value} for key, value in attribute.items()]
    pages = stead.client("cloudtrail", region=region).get_paginator("lookup_events").paginate(LookupAttributes=asked)
    return [event for page in pages for event in page["Events"]]


def names(found: list[Any]) -> list[str]:
    return [event["EventName"] for event in found]


@pytest.fixture
def story(stead: Any) -> Any:
    """Alice makes a role and is refused another; a cluster stands in another Region."""
    key = stead.user("alice", allow(["iam:CreateRole", "iam:GetRole", "sts:AssumeRole"], ROLE_ARN))
    iam = stead.client("iam", key)
    iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=TRUST)
    iam.get_role(RoleName="deployer")
    refusal(iam.create_role, RoleName="other", AssumeRolePolicyDocument=TRUST)
    stead.client("sts", key, "eu-west-1").assume_role(RoleArn=ROLE_ARN, RoleSessionName="first")
    stead.client("ecs", region="eu-west-1").create_cluster(clusterName="c")
    return key


@pytest.mark.both_stores
def test_every_attribute_finds_its_events(stead: Any, story: Any) -> None:
    made, read, refused = "CreateRole", "GetRole", "CreateRole"
    assert names(lookup(stead, Username="alice")) == [refused, read, made]
    assert names(lookup(stead, EventName="CreateRole")) == [refused, made]
    assert names(lookup(stead, ResourceName="deployer")) == [read, made]
    assert names(lookup(stead, ResourceName=ROLE_ARN)) == [read, made]
    assert names(lookup(stead, AccessKeyId=story["AccessKeyId"])) == [refused, read, made]
    assert set(names(lookup(stead, EventSource="iam.amazonaws.com"))) > {"CreateUser", "CreateRole"}
    assert names(lookup(stead, ReadOnly="true"))[-1:] == ["GetRole"]
    assert "GetRole" not in names(lookup(stead, ReadOnly="false"))
    assert names(lookup(stead, ResourceType="AWS::IAM::Role")) == ["CreateServiceLinkedRole", refused, read, made]
    (event,) = lookup(stead, EventId=lookup(stead, Username="alice")[0]["EventId"])
    assert event["EventName"] == refused


@pytest.mark.both_stores
@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("EventName", "createrole"),
        ("Username", "Alice"),
        ("ResourceType", "aws::iam::role"),
        ("ResourceType", "%"),
        ("ReadOnly", "perhaps"),
    ],
)
@pytest.mark.usefixtures("story")
def test_values_are_compared_to_the_letter(stead: Any, attribute: str, value: str) -> None:
    assert lookup(stead, **{attribute: value}) == []


@pytest.mark.both_stores
def test_what_was_refused_or_read_is_found_by_the_next_call(stead: Any) -> None:
    refusal(stead.client("iam", stead.user("nobody")).get_user)
    stead.client("sts").get_caller_identity()
    found = stead.client("cloudtrail").lookup_events(MaxResults=2)["Events"]
    assert names(found) == ["GetCallerIdentity", "GetUser"]


@pytest.mark.usefixtures("story")
def test_events_stand_in_the_region_of_their_call(stead: Any) -> None:
    """Those of IAM in us-east-1 (service-linked-roles.md 4.1)."""
    assert set(names(lookup(stead, "eu-west-1"))) == {"AssumeRole", "CreateCluster"}
    (inner,) = lookup(stead, EventName="CreateServiceLinkedRole")
    assert json.loads(inner["CloudTrailEvent"])["awsRegion"] == "us-east-1"


def test_an_event_as_it_is_answered(stead: Any, story: Any) -> None:
    refused, _, made = lookup(stead, Username="alice")
    assert set(made) == {
        "EventId",
        "EventName",
        "ReadOnly",
        "AccessKeyId",
        "EventTime",
        "EventSource",
        "Username",
        "Resources",
        "CloudTrailEvent",
    }
    assert (made["ReadOnly"], made["EventSource"], made["AccessKeyId"]) == ("false", "iam.amazonaws.com", story["AccessKeyId"])
    assert made["Resources"] == [
        {"ResourceType": "AWS::IAM::Role", "ResourceName": "deployer"},
        {"ResourceType": "AWS::IAM::Role", "ResourceName": ROLE_ARN},
    ]
    record = json.loads(made["CloudTrailEvent"])
    assert datetime.fromisoformat(record["eventTime"]) == made["EventTime"]
    assert record["requestParameters"] == {"roleName": "deployer", "assumeRolePolicyDocument": TRUST}
    assert record["responseElements"]["role"]["arn"] == ROLE_ARN
    assert record["userIdentity"] == {
        "type": "IAMUser",
        "principalId": record["userIdentity"]["principalId"],
        "arn": f"arn:aws:iam::{ACCOUNT}:user/alice",
        "accountId": ACCOUNT,
        "accessKeyId": story["AccessKeyId"],
        "userName": "alice",
    }
    denied = json.loads(refused["CloudTrailEvent"])
    assert (denied["errorCode"], denied["requestParameters"], denied["responseElements"]) == ("AccessDenied", None, None)
    assert denied["errorMessage"].startswith(f"User: arn:aws:iam::{ACCOUNT}:user/alice is not authorized to perform: iam:CreateRole")


def test_no_secret_is_in_any_event(stead: Any, story: Any) -> None:
    token = stead.client("sts", story).get_session_token()["Credentials"]
    everything = "".join(event["CloudTrailEvent"] for event in [*lookup(stead), *lookup(stead, "eu-west-1")])
    assert story["AccessKeyId"] in everything
    for secret in (story["SecretAccessKey"], token["SecretAccessKey"], token["SessionToken"]):
        assert secret not in everything
    (issued,) = lookup(stead, EventName="GetSessionToken")
    assert (issued["ReadOnly"], json.loads(issued["CloudTrailEvent"])["responseElements"]["credentials"]["accessKeyId"]) == (
        "false",
        token["AccessKeyId"],
    )


SAME: dict[str, Any] = {"source": "s", "username": "u", "access_key_id": "k", "read_only": 1, "resources": "[]", "record": b"{}"}


def history(stead: Any, count: int, *, ago: int = 0, in_blocks: bool = True, **more: Any) -> None:
    """``count`` events, ten to a millisecond, ending ``ago`` milliseconds before now."""
    store = stead.app.store
    now = stead.app.now(store.read()) - ago
    with store.write() as db:
        made = []
        for number in range(count):
            time = now - (count - number) // 10
            shape = Shape(**{"name": f"E{number}", **SAME, **more})
            made.append(Event(ACCOUNT, "us-east-1", time, ordered_uuid(time), new_uuid(), shape))
        (insert_blocks if in_blocks else insert_tail)(db, made)


@pytest.mark.both_stores
@pytest.mark.parametrize("in_blocks", [True, False])
def test_pages_neither_repeat_nor_miss(stead: Any, in_blocks: bool) -> None:
    history(stead, 105, in_blocks=in_blocks)
    client = stead.client("cloudtrail")
    seen, token = [], {}
    for size in (50, 7, 50):
        page = client.lookup_events(LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": "u"}], MaxResults=size, **token)
        seen += names(page["Events"])
        token = {"NextToken": page["NextToken"]} if "NextToken" in page else {}
        history(stead, 3, in_blocks=in_blocks, username="later")
    assert seen == [f"E{number}" for number in range(104, -1, -1)]
    assert token == {}


@pytest.mark.both_stores
def test_a_search_opens_so_many_blocks_and_goes_on(stead: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a name that other things have too, asked for by its ARN, is in blocks without an event of it. A page may be empty, as AWS's may."""
    monkeypatch.setattr("stead.store.events.search.MOST_BLOCKS", 2)
    history(stead, 1, ago=60_000, resources=f'[["AWS::IAM::Role","same"],["AWS::IAM::Role","{ROLE_ARN[:-8]}same"]]')
    history(stead, 3 * BLOCK_EVENTS, resources=f'[["AWS::IAM::User","same"],["AWS::IAM::User","arn:aws:iam::{ACCOUNT}:user/same"]]')
    asked: Any = [{"AttributeKey": "ResourceName", "AttributeValue": f"{ROLE_ARN[:-8]}same"}]
    pages = [*stead.client("cloudtrail").get_paginator("lookup_events").paginate(LookupAttributes=asked)]
    assert [len(page["Events"]) for page in pages] == [0] * (len(pages) - 1) + [1]
    assert len(pages) in {2, 3}


def test_times(stead: Any) -> None:
    history(stead, 1)
    client, now = stead.client("cloudtrail"), datetime.now(UTC)
    by_name: Any = [{"AttributeKey": "EventName", "AttributeValue": "E0"}]
    (event,) = client.lookup_events(LookupAttributes=by_name)["Events"]
    shown = event["EventTime"]
    at = {"StartTime": shown, "EndTime": shown}
    assert len(client.lookup_events(LookupAttributes=by_name, **at)["Events"]) == 1  # both ends belong to it
    for missed in ({"EndTime": shown - timedelta(seconds=1)}, {"StartTime": shown + timedelta(seconds=1)}):
        assert client.lookup_events(LookupAttributes=by_name, **missed)["Events"] == []
    expected = Refusal("InvalidTimeRangeException", 400, "The start time occurs after the end time.")
    assert refusal(client.lookup_events, StartTime=now, EndTime=now - timedelta(seconds=1)) == expected


def test_ninety_days_are_kept(stead: Any) -> None:
    history(stead, 1)
    stead.advance(90 * 24 * 3600 - 60)
    assert names(lookup(stead, EventName="E0")) == ["E0"]
    stead.advance(120)
    assert lookup(stead, EventName="E0") == []


def token(*values: Any) -> str:
    return base64.b64encode(json.dumps(values).encode()).decode()


BAD_TOKENS = [
    "%",
    "AAAA",
    token(),
    token(1, 2, "x"),
    token("1", "2", "x"),
    token(1, 2, 3),
    token(1),
    base64.b64encode(b"\xff\xfe").decode(),
]


@pytest.mark.parametrize("bad", BAD_TOKENS)
def test_a_token_of_ours_or_none(stead: Any, bad: str) -> None:
    assert refusal(stead.client("cloudtrail").lookup_events, NextToken=bad).code == "InvalidNextTokenException"


@pytest.mark.parametrize("place", [(2**70, ""), (1, "x" * 37), (-1, ""), ("1", "2"), (None, None), ([], {}), (1e300, ""), (1, 2)])
def test_a_forged_place_is_no_token(stead: Any, place: tuple[Any, Any]) -> None:
    history(stead, 2)
    client = stead.client("cloudtrail")
    good = client.lookup_events(MaxResults=1)["NextToken"]
    forged = token(*place, json.loads(base64.b64decode(good))[2])
    assert refusal(client.lookup_events, NextToken=forged).code == "InvalidNextTokenException"


def test_a_token_belongs_to_its_filter(stead: Any) -> None:
    history(stead, 2)
    client = stead.client("cloudtrail")
    good = client.lookup_events(MaxResults=1)["NextToken"]
    other: Any = [{"AttributeKey": "Username", "AttributeValue": "u"}]
    assert refusal(client.lookup_events, NextToken=good, LookupAttributes=other).code == "InvalidNextTokenException"


def test_one_attribute_at_most(stead: Any) -> None:
    two: Any = [{"AttributeKey": "Username", "AttributeValue": "u"}, {"AttributeKey": "EventName", "AttributeValue": "n"}]
    assert refusal(stead.client("cloudtrail").lookup_events, LookupAttributes=two).code == "InvalidLookupAttributesException"


def test_there_are_no_insights(stead: Any) -> None:
    history(stead, 1)
    assert stead.client("cloudtrail").lookup_events(EventCategory="insight")["Events"] == []


def test_the_lookup_is_authorized(stead: Any) -> None:
    call = stead.client("cloudtrail", stead.user("alice")).lookup_events
    found = refusal(call)
    assert (found.code, found.status) == ("AccessDeniedException", 400)
    assert found.message.endswith("on resource: * because no identity-based policy allows the cloudtrail:LookupEvents action")
