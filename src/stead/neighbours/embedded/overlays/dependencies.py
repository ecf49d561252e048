"""What something depends on cannot be deleted (ecs-on-your-behalf.md 2.3, recorded; of VPCs, documented)."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from moto.ec2.models import ec2_backends

from stead.neighbours.embedded.overlay import Asked, Refused, overlay

if TYPE_CHECKING:
    from stead.neighbours.messages import NeighbourReply


@overlay("ec2", "DeleteSubnet")
def delete_subnet(asked: Asked) -> NeighbourReply:
    """Not while an interface is in it."""
    name = asked.parameters.get("SubnetId")
    if any(eni.subnet.id == name for eni in _interfaces(asked.backend(ec2_backends))):
        raise Refused("DependencyViolation", f"The subnet '{name}' has dependencies and cannot be deleted.")
    return asked.play()


@overlay("ec2", "DeleteSecurityGroup")
def delete_security_group(asked: Asked) -> NeighbourReply:
    """Not while an interface has it, or a rule of another group names it."""
    name = asked.parameters.get("GroupId")
    backend = asked.backend(ec2_backends)
    used = any(group.id == name for eni in _interfaces(backend) for group in eni.group_set)
    if name and (used or _named_by_another(backend, name)):
        raise Refused("DependencyViolation", f"resource {name} has a dependent object")
    return asked.play()


@overlay("ec2", "DeleteVpc")
def delete_vpc(asked: Asked) -> NeighbourReply:
    """Not while it has an internet gateway, an interface, or a group beside the default one; moto looks at the rest."""
    name = asked.parameters.get("VpcId")
    backend = asked.backend(ec2_backends)
    gateways = any(gateway.vpc is not None and gateway.vpc.id == name for gateway in backend.internet_gateways.values())
    groups = any(group.name != "default" for group in backend.groups.get(name, {}).values())
    if gateways or groups or any(eni.vpc_id == name for eni in _interfaces(backend)):
        raise Refused("DependencyViolation", f"The vpc '{name}' has dependencies and cannot be deleted.")
    return asked.play()


def _interfaces(backend: Any) -> list[Any]:
    """All but those of instances that ended, which moto keeps."""
    return [eni for eni in backend.enis.values() if getattr(eni.instance, "state", "") != "terminated"]


def _named_by_another(backend: Any, name: str) -> bool:
    others = [group for groups in backend.groups.values() for group in groups.values() if group.id != name]
    return any(rule.source_group.get("GroupId") == name for group in others for rule in chain(group.ingress_rules, group.egress_rules))
