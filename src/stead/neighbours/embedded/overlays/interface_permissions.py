"""Permissions on network interfaces, and the attachment that one leads to (ecs-on-your-behalf.md 1.1, 2.3, 2.4).

Fargate's hosts are instances in an account of AWS's own. Once an interface is permitted to that account, its host attaches it, which the
customer sees as an attachment without an instance. When the permission is taken back by who gave it, the host lets go first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.ec2.utils import random_eni_attach_id
from moto.moto_api._internal import mock_random

from stead.neighbours.embedded.overlay import Asked, Refused, kept, overlay
from stead.neighbours.embedded.overlays.network_interfaces import REQUESTER_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from stead.neighbours.messages import NeighbourReply

HOST_ACCOUNT = REQUESTER_ID  # whose hosts run Fargate's tasks
_PERMISSIONS = ("INSTANCE-ATTACH", "EIP-ASSOCIATE")
_FILTERS: dict[str, Callable[[dict[str, Any]], str]] = {
    "network-interface-permission.network-interface-permission-id": lambda one: str(one["NetworkInterfacePermissionId"]),
    "network-interface-permission.network-interface-id": lambda one: str(one["NetworkInterfaceId"]),
    "network-interface-permission.aws-account-id": lambda one: str(one.get("AwsAccountId", "")),
    "network-interface-permission.aws-service": lambda one: str(one.get("AwsService", "")),
    "network-interface-permission.permission": lambda one: str(one["Permission"]),
}


class Host:
    """A host in AWS's account, as far as moto looks at an instance."""

    id = None
    owner_id = HOST_ACCOUNT
    security_groups: tuple[Any, ...] = ()

    def __init__(self) -> None:
        self.nics: dict[int, Any] = {}

    def attach_eni(self, interface: Any) -> None:
        """As the second interface, with the times of the call."""
        interface.instance, interface.device_index, interface.status = self, 1, "in-use"
        interface.attachment_id, interface.attach_time = random_eni_attach_id(), utcnow()
        interface.delete_on_termination = False

    def detach_eni(self, interface: Any) -> None:
        """Free again."""
        interface.instance = interface.attachment_id = interface.attach_time = interface.device_index = None
        interface.status = "available"


@overlay("ec2", "CreateNetworkInterfacePermission")
def create(asked: Asked) -> NeighbourReply:
    """Granted at once."""
    parameters = asked.parameters
    interface = _interface(asked)
    permission = str(parameters.get("Permission"))
    if permission not in _PERMISSIONS:
        raise Refused("InvalidParameterValue", f"Invalid value '{permission}' for Permission. Allowed values are {', '.join(_PERMISSIONS)}")
    if not (parameters.get("AwsAccountId") or parameters.get("AwsService")):
        raise Refused("MissingParameter", "The request must contain the parameter AwsAccountId")
    given = {
        "NetworkInterfacePermissionId": f"eni-perm-{mock_random.get_random_hex(17)}",
        **{name: parameters[name] for name in ("NetworkInterfaceId", "AwsAccountId", "AwsService", "Permission") if parameters.get(name)},
        "PermissionState": {"State": "granted"},
    }
    _permissions(asked)[given["NetworkInterfacePermissionId"]] = given
    if asked.request.requester and given.get("AwsAccountId") == HOST_ACCOUNT and not interface.attachment_id:
        Host().attach_eni(interface)
    return asked.answer({"InterfacePermission": given})


@overlay("ec2", "DeleteNetworkInterfacePermission")
def delete(asked: Asked) -> NeighbourReply:
    """The host lets go when the service says so; anybody else must force it."""
    name = str(asked.parameters.get("NetworkInterfacePermissionId"))
    given = _permissions(asked).get(name)
    if given is None:
        raise Refused("InvalidPermissionID.NotFound", f"The network interface permission ID '{name}' does not exist")
    interface = asked.backend(ec2_backends).enis.get(given["NetworkInterfaceId"])
    asked.concerns = given["NetworkInterfaceId"]
    if interface is not None and isinstance(interface.instance, Host):
        if not (asked.request.requester or asked.parameters.get("Force")):
            raise Refused("InvalidParameterValue", f"Network interface '{interface.id}' is currently in use.")
        interface.instance.detach_eni(interface)
    del _permissions(asked)[name]
    return asked.answer({"Return": True})


@overlay("ec2", "DescribeNetworkInterfacePermissions")
def describe(asked: Asked) -> NeighbourReply:
    """Those that are asked for, or all."""
    wanted = asked.parameters.get("NetworkInterfacePermissionIds") or ()
    filters = asked.parameters.get("Filters") or ()
    found = [
        one for name, one in _permissions(asked).items() if (not wanted or name in wanted) and all(_passes(one, each) for each in filters)
    ]
    return asked.answer({"NetworkInterfacePermissions": found})


def _permissions(asked: Asked) -> dict[str, dict[str, Any]]:
    """By id; those of interfaces that are gone went with them."""
    backend = asked.backend(ec2_backends)
    held: dict[str, dict[str, Any]] = kept(backend, "permissions")
    for name in [name for name, one in held.items() if one["NetworkInterfaceId"] not in backend.enis]:
        del held[name]
    return held


def _interface(asked: Asked) -> Any:
    name = asked.parameters.get("NetworkInterfaceId")
    found = asked.backend(ec2_backends).enis.get(name)
    if found is None:
        raise Refused("InvalidNetworkInterfaceID.NotFound", f"The network interface ID '{name}' does not exist")
    owner = getattr(found, "stead_requester", "")
    if owner and owner != asked.request.requester:
        raise Refused("AuthFailure", "You do not have permission to access the specified resource.")
    return found


def _passes(one: dict[str, Any], each: dict[str, Any]) -> bool:
    value = _FILTERS.get(str(each.get("Name")))
    if value is None:
        raise Refused("InvalidParameterValue", f"The filter '{each.get('Name')}' is invalid")
    return value(one) in (each.get("Values") or ())
