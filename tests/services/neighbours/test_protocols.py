"""Every protocol that an SDK may choose for a service reaches the same neighbour, in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session
from support import clients
from support.stead import ROOT

from stead.app import App

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.config import Settings

ALARM = {"AlarmName": "high", "MetricName": "m", "Namespace": "n", "Period": 60, "EvaluationPeriods": 1, "Statistic": "Average"}
ALARM |= {"Threshold": 1.5, "ComparisonOperator": "GreaterThanThreshold"}


@pytest.fixture
def app(settings: Settings) -> Iterator[App]:
    made = App(settings)
    yield made
    made.close()


def client(app: App, service: str, protocol: str) -> Any:
    """A client that knows no other protocol."""

    class Loader(type(Session().get_component("data_loader"))):  # type: ignore[misc]  # the loader's own class
        def load_service_model(self, *args: Any, **options: Any) -> Any:
            model = super().load_service_model(*args, **options)
            if "protocols" in model.get("metadata", {}):
                model["metadata"] |= {"protocol": protocol, "protocols": [protocol]}
            return model

    found = clients.boto3_session((ROOT.access_key_id, ROOT.secret), "eu-west-1")
    found._session.register_component("data_loader", Loader())
    made = found.client(service, endpoint_url=clients.ENDPOINT)
    assert made.meta.service_model.resolved_protocol == protocol
    made.meta.events.register("before-send", lambda request, **_: clients._answer(app.door, request))
    return made


@pytest.mark.parametrize("protocol", ["smithy-rpc-v2-cbor", "json", "query"])
def test_cloudwatch(app: App, protocol: str) -> None:
    cloudwatch = client(app, "cloudwatch", protocol)
    cloudwatch.put_metric_alarm(**ALARM)
    (shown,) = cloudwatch.describe_alarms()["MetricAlarms"]
    assert (shown["StateValue"], shown["Threshold"], shown["Period"]) == ("INSUFFICIENT_DATA", 1.5, 60)
    assert shown["StateUpdatedTimestamp"].year >= 2026
    with pytest.raises(ClientError) as error:
        cloudwatch.set_alarm_state(AlarmName="none", StateValue="OK", StateReason="r")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 404)
