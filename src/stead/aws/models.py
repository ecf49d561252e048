"""botocore's service models: Stead's wire contract (design D2), loaded once, on first use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

GLOBAL_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Service:
    """One AWS service that Stead serves.

    ``name`` is botocore's name and the signing name; ``event_source`` is CloudTrail's; ``is_global`` services accept any Region in the
    credential scope and always record :data:`GLOBAL_REGION`.
    """

    name: str
    is_global: bool
    event_source: str


SERVICES: dict[str, Service] = {
    service.name: service
    for service in (
        Service("iam", is_global=True, event_source="iam.amazonaws.com"),
        Service("sts", is_global=False, event_source="sts.amazonaws.com"),
        Service("ecs", is_global=False, event_source="ecs.amazonaws.com"),
        Service("cloudtrail", is_global=False, event_source="cloudtrail.amazonaws.com"),
    )
}


@cache
def _loader() -> Loader:
    return Loader()


@cache
def service_model(name: str) -> ServiceModel:
    """The model of service ``name`` in its newest version, e.g. ``service_model("iam")``."""
    raw: dict[str, Any] = _loader().load_service_model(name, "service-2")
    return ServiceModel(raw, name)


@cache
def operation_names(service: str) -> frozenset[str]:
    """Every operation that AWS declares for ``service``, implemented by Stead or not."""
    return frozenset(service_model(service).operation_names)


@cache
def operation_model(service: str, operation: str) -> OperationModel:
    """The model of one operation; ``KeyError``-like errors are the caller's bug, so names are checked before."""
    return service_model(service).operation_model(operation)


@cache
def regions() -> frozenset[str]:
    """The Regions of the ``aws`` partition that botocore knows; a Region outside is an invented one and is refused."""
    endpoints: dict[str, Any] = _loader().load_data("endpoints")
    (partition,) = (p for p in endpoints["partitions"] if p["partition"] == "aws")
    return frozenset(partition["regions"])
