"""Network interfaces that a service requested (ecs-on-your-behalf.md 2.3): the customer sees and tags them, and can do nothing else to them."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from moto.ec2.models import ec2_backends
from moto.ec2.utils import generate_dns_from_ip
from moto.moto_api._internal import mock_random

from stead.neighbours.embedded.overlay import Asked, Refused, overlay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.neighbours.messages import NeighbourReply

REQUESTER_ID = "578734482556"  # recorded in us-east-1; that of other Regions is not known
_RESERVED_FIRST, _RESERVED_LAST = 4, 1  # the addresses of a subnet that EC2 keeps
_NOT_YOURS = "You do not have permission to access the specified resource."


@overlay("ec2", "CreateNetworkInterface")
def create(asked: Asked) -> NeighbourReply:
    """With a free address (moto draws any), and marked when a service asks for it."""
    backend = asked.backend(ec2_backends)
    parameters = asked.parameters
    for group in parameters.get("Groups") or ():
        if backend.get_security_group_from_id(group) is None:  # moto would make it
            raise Refused("InvalidGroup.NotFound", f"The security group '{group}' does not exist")
    reply = asked.play()
    if reply.status >= 400:
        return reply
    made = next(reversed(backend.enis.values()))
    if not (parameters.get("PrivateIpAddress") or parameters.get("PrivateIpAddresses")):
        _move(backend, made, _free_address(backend, made))
    if asked.request.requester:
        made.requester_managed, made.requester_id = True, REQUESTER_ID
        made.stead_requester = asked.request.requester
    return asked.answer({"NetworkInterface": made})


@overlay("ec2", "DeleteNetworkInterface")
def delete(asked: Asked) -> NeighbourReply:
    """Not while it is attached; that is looked at first, whoever asks (recorded)."""
    found = asked.backend(ec2_backends).enis.get(asked.parameters.get("NetworkInterfaceId"))
    if found is not None and found.attachment_id:
        raise Refused("InvalidParameterValue", f"Network interface '{found.id}' is currently in use.")
    _check(asked, found)
    return asked.play()


@overlay(
    "ec2",
    "AssignIpv6Addresses",
    "AssignPrivateIpAddresses",
    "AttachNetworkInterface",
    "ModifyNetworkInterfaceAttribute",
    "ResetNetworkInterfaceAttribute",
    "UnassignIpv6Addresses",
    "UnassignPrivateIpAddresses",
)
def change(asked: Asked) -> NeighbourReply:
    """Only by who requested it."""
    _check(asked, asked.backend(ec2_backends).enis.get(asked.parameters.get("NetworkInterfaceId")))
    return asked.play()


@overlay("ec2", "DetachNetworkInterface")
def detach(asked: Asked) -> NeighbourReply:
    """Likewise; the call names the attachment."""
    attachment = asked.parameters.get("AttachmentId")
    found = next((eni for eni in asked.backend(ec2_backends).enis.values() if attachment and eni.attachment_id == attachment), None)
    _check(asked, found)
    asked.concerns = found.id if found is not None else ""
    return asked.play()


def _check(asked: Asked, interface: Any) -> None:
    owner = getattr(interface, "stead_requester", "")
    if owner and owner != asked.request.requester:
        raise Refused("AuthFailure", _NOT_YOURS)


def _free_address(backend: Any, made: Any) -> str:
    """The next free one from a place that chance chooses."""
    network = ipaddress.ip_network(made.subnet.cidr_block)
    taken = {address for eni in backend.enis.values() if eni is not made and eni.subnet is made.subnet for address in _addresses(eni)}
    taken.update(getattr(made.subnet, "_subnet_ips", ()))
    room = network.num_addresses - _RESERVED_FIRST - _RESERVED_LAST
    start = mock_random.randrange(room)
    for step in range(room):
        address = str(network[_RESERVED_FIRST + (start + step) % room])
        if address not in taken:
            return address
    backend.enis.pop(made.id)
    text = f"There are not enough free addresses in subnet '{made.subnet.id}' to satisfy the requested number of addresses."
    raise Refused("InsufficientFreeAddressesInSubnet", text)


def _addresses(interface: Any) -> Iterator[str]:
    for item in interface.private_ip_addresses:
        yield item["PrivateIpAddress"]


def _move(backend: Any, made: Any, address: str) -> None:
    made.private_ip_address = address
    primary = made.private_ip_addresses[0]
    primary["PrivateIpAddress"] = address
    if backend.get_vpc(made.subnet.vpc_id).enable_dns_hostnames:
        made.private_dns_name = primary["PrivateDnsName"] = generate_dns_from_ip(address)
