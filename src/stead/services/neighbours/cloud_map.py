"""Cloud Map makes Route 53 records and health checks with its caller's rights (ecs-on-your-behalf.md 1.1, 4).

Which calls those are is AWS's permission reference; their order and the health checks' parameters are inferred.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from stead.aws.errors import AwsError
from stead.services.neighbours.side_effects import causes, known, made, required

if TYPE_CHECKING:
    from stead.aws.call import Result
    from stead.services.neighbours.side_effects import Forward
    from stead.store.context import Context

PRINCIPAL = "servicediscovery.amazonaws.com"
_SERVICE = "servicediscovery"
# The attribute that a record of a type holds.
_ATTRIBUTES = {"A": "AWS_INSTANCE_IPV4", "AAAA": "AWS_INSTANCE_IPV6", "CNAME": "AWS_INSTANCE_CNAME", "SRV": "AWS_INSTANCE_PORT"}
_CHECK_SECONDS = 30
_ZONE = "arn:aws:route53:::hostedzone/"


class Place(NamedTuple):
    """Where an instance of a Cloud Map service stands in DNS."""

    service: dict[str, Any]
    zone: str
    name: str  # of its records, with the last dot
    instance: str


@causes(_SERVICE, "CreatePrivateDnsNamespace", "CreatePublicDnsNamespace")
def create_namespace(context: Context, forward: Forward) -> Result:
    """The neighbour makes the hosted zone itself, if the caller might."""
    required(context, PRINCIPAL, "route53:CreateHostedZone", "*")
    return forward()


@causes(_SERVICE, "DeleteNamespace")
def delete_namespace(context: Context, forward: Forward) -> Result:
    """Its hosted zone goes with it."""
    zone = _zone(context, str(context.origin.parameters.get("Id")))
    if zone:
        required(context, PRINCIPAL, "route53:DeleteHostedZone", f"{_ZONE}{zone[0]}")
    answer = forward()
    if zone and known(context, "route53", "GetHostedZone", {"Id": zone[0]}) is not None:
        made(context, PRINCIPAL, "route53", "DeleteHostedZone", {"Id": zone[0]})
    return answer


@causes(_SERVICE, "RegisterInstance")
def register(context: Context, forward: Forward) -> Result:
    """Its records first, so that a caller who may not make them registers nothing."""
    place = _place(context)
    if place is None:
        return forward()
    attributes = dict(context.origin.parameters.get("Attributes") or {})
    wanted = _records(place, attributes)
    made(context, PRINCIPAL, "route53", "GetHostedZone", {"Id": place.zone})
    check = _check(context, place, attributes)
    for record in wanted:
        record.update({"HealthCheckId": check} if check and record["Type"] != "CNAME" else {})
    _change(context, place, "UPSERT", wanted)
    return forward()


@causes(_SERVICE, "DeregisterInstance")
def deregister(context: Context, forward: Forward) -> Result:
    """Its records, then its health check, then itself: each step may be repeated."""
    place = _place(context)
    records = [] if place is None else _present(context, place)
    if place is not None and records:
        _change(context, place, "DELETE", records)
        for check in dict.fromkeys(record["HealthCheckId"] for record in records if record.get("HealthCheckId")):
            made(context, PRINCIPAL, "route53", "GetHealthCheck", {"HealthCheckId": check})
            made(context, PRINCIPAL, "route53", "DeleteHealthCheck", {"HealthCheckId": check})
    return forward()


def _place(context: Context) -> Place | None:
    """None for a service without DNS, and for one that the neighbour will refuse."""
    asked = context.origin.parameters
    found = (known(context, _SERVICE, "GetService", {"Id": str(asked.get("ServiceId"))}) or {}).get("Service")
    if not found or not (found.get("DnsConfig") or {}).get("DnsRecords"):
        return None
    namespace = found.get("NamespaceId") or found["DnsConfig"].get("NamespaceId")
    zone = _zone(context, str(namespace))
    return Place(found, zone[0], f"{found['Name']}.{zone[1]}.", str(asked.get("InstanceId"))) if zone else None


def _zone(context: Context, namespace: str) -> tuple[str, str] | None:
    """The hosted zone's id and the namespace's name; None when it has no zone."""
    found = (known(context, _SERVICE, "GetNamespace", {"Id": namespace}) or {}).get("Namespace") or {}
    zone = ((found.get("Properties") or {}).get("DnsProperties") or {}).get("HostedZoneId")
    return (str(zone).rpartition("/")[2], str(found["Name"])) if zone else None


def _records(place: Place, attributes: dict[str, str]) -> list[dict[str, Any]]:
    config = place.service["DnsConfig"]
    weighted = config.get("RoutingPolicy") == "WEIGHTED"
    policy: dict[str, Any] = {"Weight": 1} if weighted else {"MultiValueAnswer": True}
    found = []
    for record in config["DnsRecords"]:
        kind, ttl = record["Type"], int(record["TTL"])
        value = _value(place, kind, attributes)
        if kind == "SRV":  # names a host of its own, which needs an address
            found.append(_record(place.instance + "." + place.name, "A", ttl, _value(place, "A", attributes), {}))
        found.append(
            _record(place.name, kind, ttl, value, {"SetIdentifier": place.instance, **({"Weight": 1} if kind == "CNAME" else policy)})
        )
    return found


def _record(name: str, kind: str, ttl: int, value: str, more: dict[str, Any]) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": [{"Value": value}], **more}


def _value(place: Place, kind: str, attributes: dict[str, str]) -> str:
    value = attributes.get(_ATTRIBUTES[kind])
    if not value:
        raise AwsError("InvalidInput", f"The attribute {_ATTRIBUTES[kind]} is required for a service with a record of type {kind}.")
    return f"1 1 {value} {place.instance}.{place.name}" if kind == "SRV" else value


def _present(context: Context, place: Place) -> list[dict[str, Any]]:
    """The instance's records as they are."""
    listed = known(context, "route53", "ListResourceRecordSets", {"HostedZoneId": place.zone}) or {}
    host = f"{place.instance}.{place.name}"
    return [
        record
        for record in listed.get("ResourceRecordSets") or ()
        if record["Name"] == host or (record["Name"] == place.name and record.get("SetIdentifier") == place.instance)
    ]


def _change(context: Context, place: Place, action: str, records: list[dict[str, Any]]) -> None:
    changes = [{"Action": action, "ResourceRecordSet": record} for record in records]
    made(context, PRINCIPAL, "route53", "ChangeResourceRecordSets", {"HostedZoneId": place.zone, "ChangeBatch": {"Changes": changes}})


def _check(context: Context, place: Place, attributes: dict[str, str]) -> str:
    """The id of the instance's health check, made or brought up to date; nothing where the service has none."""
    config = place.service.get("HealthCheckConfig")
    if not config:
        return ""
    wanted: dict[str, Any] = {
        "IPAddress": _value(place, "A", attributes),
        "Port": int(attributes.get("AWS_INSTANCE_PORT") or 80),
        "FailureThreshold": int(config.get("FailureThreshold") or 1),
        **({"ResourcePath": config["ResourcePath"]} if config.get("ResourcePath") else {}),
    }
    before = next((str(record["HealthCheckId"]) for record in _present(context, place) if record.get("HealthCheckId")), "")
    if before:
        made(context, PRINCIPAL, "route53", "GetHealthCheck", {"HealthCheckId": before})
        made(context, PRINCIPAL, "route53", "UpdateHealthCheck", {"HealthCheckId": before, **wanted})
        return before
    wanted |= {"Type": config["Type"], "RequestInterval": _CHECK_SECONDS}
    reference = f"{place.service['Id']}/{place.instance}/{context.origin.request_id}"[:64]
    answer = made(context, PRINCIPAL, "route53", "CreateHealthCheck", {"CallerReference": reference, "HealthCheckConfig": wanted})
    return str(answer["HealthCheck"]["Id"])
