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
    """One AWS service that Stead serves, or forwards to a neighbour (designs/neighbours.md).

    ``name`` is botocore's name; ``event_source`` is CloudTrail's; an ``is_global`` service accepts any Region in the credential scope and
    always records :data:`GLOBAL_REGION`. ``protocol``, ``api_version``, ``target_prefix`` and ``signing_name`` (when it is not the name)
    repeat the model's metadata (a test compares them) so that a request can be routed before any model is loaded. ``namespace`` is what
    its actions begin with, when that is not the name.
    """

    name: str
    event_source: str
    protocol: str
    api_version: str
    target_prefix: str = ""
    is_global: bool = False
    is_forwarded: bool = False
    signing_name: str = ""
    namespace: str = ""

    @property
    def prefix(self) -> str:
        """What its actions begin with, and its namespace in reports."""
        return self.namespace or self.name

    @property
    def signs_as(self) -> str:
        """The service in the credential scope of its requests."""
        return self.signing_name or self.name


def _forwarded(name: str, protocol: str, api_version: str, **more: Any) -> Service:
    source = more.pop("event_source", f"{more.get('signing_name', name)}.amazonaws.com")
    return Service(name, source, protocol, api_version, is_forwarded=True, **more)


SERVICES: dict[str, Service] = {
    service.name: service
    for service in (
        # Of several that sign alike the last one answers what names none of them (wire/route.py).
        Service("iam-toolbox", "iam.amazonaws.com", "rest-json", "2018-05-10", is_global=True, signing_name="iam", namespace="iam"),
        Service("iam", "iam.amazonaws.com", "query", "2010-05-08", is_global=True),
        Service("sts", "sts.amazonaws.com", "query", "2011-06-15"),
        Service("ecs", "ecs.amazonaws.com", "json", "2014-11-13", "AmazonEC2ContainerServiceV20141113"),
        Service("cloudtrail", "cloudtrail.amazonaws.com", "json", "2013-11-01", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"),
        _forwarded("autoscaling", "query", "2011-01-01"),
        _forwarded("autoscaling-plans", "json", "2018-01-06", target_prefix="AnyScaleScalingPlannerFrontendService"),
        _forwarded("cloudwatch", "query", "2010-08-01", target_prefix="GraniteServiceVersion20100801", signing_name="monitoring"),
        _forwarded("ec2", "ec2", "2016-11-15"),
        _forwarded("elb", "query", "2012-06-01", signing_name="elasticloadbalancing", namespace="elasticloadbalancing"),
        _forwarded("elbv2", "query", "2015-12-01", signing_name="elasticloadbalancing", namespace="elasticloadbalancing"),
        _forwarded("events", "json", "2015-10-07", target_prefix="AWSEvents"),
        _forwarded("logs", "json", "2014-03-28", target_prefix="Logs_20140328"),
        _forwarded("route53", "rest-xml", "2013-04-01", is_global=True),
        _forwarded("servicediscovery", "json", "2017-03-14", target_prefix="Route53AutoNaming_v20170314"),
        _forwarded("ssm", "json", "2014-11-06", target_prefix="AmazonSSM"),
    )
}
OWN_SERVICES = {name: service for name, service in SERVICES.items() if not service.is_forwarded}
"""Those whose operations are Stead's own."""


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
