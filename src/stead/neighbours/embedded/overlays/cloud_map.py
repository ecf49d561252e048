"""Cloud Map: hosted zones named as their namespaces, refusals while something is in use, whole operations (ecs-on-your-behalf.md 4).

The records and health checks of its instances are made by Stead with the caller's rights (services/neighbours/side_effects.py), and so is the
deletion of a namespace's hosted zone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.route53.models import route53_backends
from moto.servicediscovery.models import servicediscovery_backends

from stead.neighbours.embedded.overlay import Asked, Refused, overlay

if TYPE_CHECKING:
    from stead.neighbours.messages import NeighbourReply

_SERVICE = "servicediscovery"
_INSTANCE_FILTER = "HEALTHY"
_PARTITION = "aws"


@overlay(_SERVICE, "CreatePrivateDnsNamespace", "CreatePublicDnsNamespace", "CreateHttpNamespace")
def create_namespace(asked: Asked) -> NeighbourReply:
    """One of a name in a VPC. moto's zone has an odd name and no VPC, and moto knows one namespace a VPC."""
    backend, parameters = asked.backend(servicediscovery_backends), asked.parameters
    _check_name(backend, parameters)
    reply = asked.play()
    if reply.status < 400:
        made = next(reversed(backend.namespaces.values()))
        made.stead_vpc, made.vpc = made.vpc, None
        if made.type != "HTTP":
            _name_zone(asked, made)
    return reply


@overlay(_SERVICE, "DeleteNamespace")
def delete_namespace(asked: Asked) -> NeighbourReply:
    """Not with services in it (the model's ResourceInUse; its words are inferred)."""
    name = asked.parameters.get("Id")
    if any(service.namespace_id == name for service in asked.backend(servicediscovery_backends).services.values()):
        raise Refused("ResourceInUse", "Namespace contains services; delete the services before deleting the namespace")
    return asked.play()


@overlay(_SERVICE, "CreateService")
def create_service(asked: Asked) -> NeighbourReply:
    """In a namespace that exists, under a name that is free there."""
    backend, parameters = asked.backend(servicediscovery_backends), asked.parameters
    namespace = parameters.get("NamespaceId") or (parameters.get("DnsConfig") or {}).get("NamespaceId")
    if namespace is not None and namespace not in backend.namespaces:
        raise Refused("NamespaceNotFound", str(namespace))
    taken = [one for one in backend.services.values() if one.name == parameters.get("Name") and one.namespace_id == namespace]
    if taken:
        raise Refused("ServiceAlreadyExists", f"Service already exists, service id: {taken[0].id}")
    reply = asked.play()
    if reply.status < 400 and namespace is not None:
        next(reversed(backend.services.values())).namespace_id = namespace
    return reply


@overlay(_SERVICE, "DeleteService")
def delete_service(asked: Asked) -> NeighbourReply:
    """Not with instances in it; the words are AWS's (reported)."""
    service = _service(asked, "Id")
    if service.instances:
        raise Refused("ResourceInUse", "Service contains registered instances; delete the instances before deleting the service")
    return asked.play()


@overlay(_SERVICE, "RegisterInstance")
def register(asked: Asked) -> NeighbourReply:
    """The same id again replaces what was registered. Healthy until somebody says otherwise."""
    service = _service(asked, "ServiceId")
    name = asked.parameters.get("InstanceId")
    reply = asked.play()
    if reply.status < 400:
        before, service.instances[:] = (
            service.instances[:-1],
            [one for one in service.instances[:-1] if one.instance_id != name] + [service.instances[-1]],
        )
        former = next((one for one in before if one.instance_id == name), None)
        if former is not None:
            service.instances[-1].health_status = former.health_status
        _complete(asked, service)
    return reply


@overlay(_SERVICE, "DeregisterInstance")
def deregister(asked: Asked) -> NeighbourReply:
    """The operation names service and instance."""
    service = _service(asked, "ServiceId")
    reply = asked.play()
    if reply.status < 400:
        _complete(asked, service)
    return reply


@overlay(_SERVICE, "UpdateInstanceCustomHealthStatus")
def update_health(asked: Asked) -> NeighbourReply:
    """Only where the service lets its health be said."""
    if _service(asked, "ServiceId").health_check_custom_config is None:
        raise Refused("CustomHealthNotFound", "The service does not have a custom health check configured")
    return asked.play()


@overlay(_SERVICE, "DiscoverInstances")
def discover(asked: Asked) -> NeighbourReply:
    """The healthy ones, unless asked for others."""
    backend, parameters = asked.backend(servicediscovery_backends), asked.parameters
    wanted = parameters.get("HealthStatus") or _INSTANCE_FILTER
    found, revision = backend.discover_instances(
        parameters.get("NamespaceName"),
        parameters.get("ServiceName"),
        parameters.get("QueryParameters"),
        parameters.get("OptionalParameters"),
        wanted,
    )
    most = int(parameters.get("MaxResults") or 100)
    instances = [
        {
            "InstanceId": one.instance_id,
            "NamespaceName": parameters.get("NamespaceName"),
            "ServiceName": parameters.get("ServiceName"),
            "HealthStatus": one.health_status,
            "Attributes": one.attributes,
        }
        for one in found[:most]
    ]
    return asked.answer({"Instances": instances, "InstancesRevision": sum(revision.values())})


@overlay(_SERVICE, "ListOperations")
def list_operations(asked: Asked) -> NeighbourReply:
    """All of them: moto throws away those that are not about namespaces."""
    filters = asked.parameters.get("Filters") or ()
    found = [
        {"Id": one.id, "Status": one.status}
        for one in asked.backend(servicediscovery_backends).operations.values()
        if all(_passes(one, each) for each in filters)
    ]
    return asked.answer({"Operations": found})


def _passes(operation: Any, each: dict[str, Any]) -> bool:
    values = each.get("Values") or ()
    own = {
        "NAMESPACE_ID": operation.targets.get("NAMESPACE"),
        "SERVICE_ID": operation.targets.get("SERVICE"),
        "STATUS": operation.status,
        "TYPE": operation.operation_type,
    }
    return own.get(str(each.get("Name"))) in values


def _check_name(backend: Any, parameters: dict[str, Any]) -> None:
    name, vpc = parameters.get("Name"), parameters.get("Vpc")
    for namespace in backend.namespaces.values():
        if namespace.name == name and getattr(namespace, "stead_vpc", None) == vpc:
            raise Refused("NamespaceAlreadyExists", f"Namespace already exists, namespace id: {namespace.id}")


def _name_zone(asked: Asked, namespace: Any) -> None:
    zones = route53_backends[asked.request.account_id][_PARTITION].zones
    name = str(namespace.dns_properties["HostedZoneId"]).rpartition("/")[2]
    namespace.dns_properties["HostedZoneId"] = name
    zone = zones[name]
    odd, zone.name = zone.name.rstrip("."), f"{namespace.name}."
    for record in zone.rrsets:
        if record.name.rstrip(".") == odd:
            record.name = zone.name
    if namespace.stead_vpc:
        zone.vpcs = [{"vpc_id": namespace.stead_vpc, "vpc_region": asked.request.region}]


def _service(asked: Asked, member: str) -> Any:
    name = asked.parameters.get(member)
    found = asked.backend(servicediscovery_backends).services.get(name)
    if found is None:
        raise Refused("ServiceNotFound", str(name))
    return found


def _complete(asked: Asked, service: Any) -> None:
    operation = next(reversed(asked.backend(servicediscovery_backends).operations.values()))
    operation.targets |= {"SERVICE": service.id, "NAMESPACE": service.namespace_id}
