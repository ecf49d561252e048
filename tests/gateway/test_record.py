from __future__ import annotations

import json
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import text
from support.history import names

from stead.aws.ids import new_uuid
from stead.gateway.record import service_event
from stead.store.events import BLOCK_EVENTS


def counted(stead: Any) -> int:
    return names(stead.app.store.read()).count("GetCallerIdentity")


@pytest.mark.both_stores
def test_what_cannot_be_written_waits_on(stead: Any) -> None:
    stead.client("sts").get_caller_identity()
    connection = stead.app.store.read().connection
    connection.execute(text("ALTER TABLE event_tail RENAME TO elsewhere"))
    with pytest.raises(Exception, match="event_tail"):
        stead.app.recorder.flush(stead.app.store)
    connection.execute(text("ALTER TABLE elsewhere RENAME TO event_tail"))
    stead.app.recorder.flush(stead.app.store)
    stead.app.recorder.flush(stead.app.store)
    assert counted(stead) == 1


def test_no_event_is_lost_between_threads(stead: Any) -> None:
    client = stead.client("sts")

    def call() -> None:
        for _ in range(100):
            client.get_caller_identity()
        stead.app.store.close()

    threads = [Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        stead.app.recorder.flush(stead.app.store)
    stead.app.recorder.flush(stead.app.store)
    assert counted(stead) == 300


def test_a_service_event(stead: Any) -> None:
    """What the operator does to AWS's own things is found like everything else (design D12)."""
    arn, event_id = "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy", new_uuid()
    with stead.app.store.write() as db:
        service_event(db, "123456789012", "SetDefaultPolicyVersion", {"policyArn": arn, "versionId": "v24"}, event_id)
    asked = [{"AttributeKey": "ResourceName", "AttributeValue": arn}]
    (event,) = stead.client("cloudtrail").lookup_events(LookupAttributes=asked)["Events"]
    record = json.loads(event["CloudTrailEvent"])
    assert (event["EventId"], event["ReadOnly"], "Username" in event) == (event_id, "false", False)
    assert (record["eventType"], record["userIdentity"]["invokedBy"]) == ("AwsServiceEvent", "iam.amazonaws.com")
    assert record["serviceEventDetails"] == {"policyArn": arn, "versionId": "v24"}


@pytest.mark.both_stores
def test_events_are_forgotten_after_90_days(stead: Any) -> None:
    """What is written last is kept, also when it stands behind more than one batch of what goes."""
    client = stead.client("sts")
    for _ in range(BLOCK_EVENTS + 2):
        client.get_caller_identity()
    stead.advance(90 * 86400 + 1)
    client.get_caller_identity()
    stead.app.recorder.flush(stead.app.store)
    assert counted(stead) == BLOCK_EVENTS + 3
    stead.settle()
    assert counted(stead) == 1
