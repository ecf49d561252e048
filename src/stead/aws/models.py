"""botocore's service models: Stead's wire contract (design D2), loaded once, on first use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from botocore.model import OperationModel, ServiceModel

GLOBAL_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Service:
    """One AWS service that Stead serves.

    ``name`` is botocore's name and the signing name; ``event_source`` is CloudTrail's; an ``is_global`` service accepts any Region in the
    credential scope and always records :data:`GLOBAL_REGION`. ``protocol``, ``api_version`` and ``target_prefix`` repeat the model's
    metadata (a test compares them) so that a request can be routed before any model is loaded.
    """

    name: str
    event_source: str
    protocol: str
    api_version: str
    target_prefix: str = ""
    is_global: bool = False

    @property
    def prefix(self) -> str:
        """What its actions begin with, and its namespace in reports."""
        return self.name


SERVICES: dict[str, Service] = {
    service.name: service
    for service in (
        Service("iam", "iam.amazonaws.com", "query", "2010-05-08", is_global=True),
        Service("sts", "sts.amazonaws.com", "query", "2011-06-15"),
        Service("ecs", "ecs.amazonaws.com", "json", "2014-11-13", "AmazonEC2ContainerServiceV20141113"),
        Service("cloudtrail", "cloudtrail.amazonaws.com", "json", "2013-11-01", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"),
    )
}


@cache
def _loader() -> Loader:
    from botocore.loaders import Loader  # noqa: PLC0415  # a tenth of a second that a start need not pay

    return Loader()


@cache
def service_model(name: str) -> ServiceModel:
    """The model of service ``name`` in its newest version, e.g. ``service_model("iam")``."""
    from botocore.model import ServiceModel  # noqa: PLC0415  # see _loader

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
