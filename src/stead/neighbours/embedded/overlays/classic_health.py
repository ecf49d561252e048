"""The health of a classic load balancer's instances: out of service until the health check's interval is over (ecs-on-your-behalf.md 1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.ec2.models import ec2_backends
from moto.elb.models import elb_backends

from stead.neighbours.embedded.overlay import Asked, Refused, kept, overlay

if TYPE_CHECKING:
    from stead.neighbours.messages import NeighbourReply

_IN_SERVICE = ("InService", "N/A", "N/A")
_REGISTERING = ("OutOfService", "ELB", "Instance registration is still in progress.")
_STOPPED = ("OutOfService", "Instance", "Instance is in stopped state.")
_INTERVAL_SECONDS = 30  # the default health check's


@overlay("elb", "RegisterInstancesWithLoadBalancer")
def register(asked: Asked) -> NeighbourReply:
    """Instances that exist, each once."""
    balancer = _balancer(asked)
    for name in _names(asked):
        if asked.backend(ec2_backends).get_instance_by_id(name) is None:
            raise Refused("InvalidInstance", f"Could not find EC2 instance {name}.")
        if name not in balancer.instance_sparse_ids:
            balancer.instance_sparse_ids.append(name)
            _since(balancer)[name] = asked.now
    return _answer(asked, balancer)


@overlay("elb", "DeregisterInstancesFromLoadBalancer")
def deregister(asked: Asked) -> NeighbourReply:
    """One that is not registered is no error."""
    balancer = _balancer(asked)
    gone = set(_names(asked))
    balancer.instance_sparse_ids = [name for name in balancer.instance_sparse_ids if name not in gone]
    balancer.instance_autoscaling_ids = [name for name in balancer.instance_autoscaling_ids if name not in gone]
    return _answer(asked, balancer)


@overlay("elb", "DescribeInstanceHealth")
def describe(asked: Asked) -> NeighbourReply:
    """Of the instances that are named, or of all."""
    balancer = _balancer(asked)
    states = []
    for name in _names(asked) or balancer.instance_ids:
        if name not in balancer.instance_ids:
            raise Refused("InvalidInstance", f"Could not find EC2 instance {name}.")
        state, reason, description = _health(asked, balancer, name)
        states.append({"InstanceId": name, "State": state, "ReasonCode": reason, "Description": description})
    return asked.answer({"InstanceStates": states})


def _health(asked: Asked, balancer: Any, name: str) -> tuple[str, str, str]:
    instance = asked.backend(ec2_backends).get_instance_by_id(name)
    if instance is None or instance.state != "running":
        return _STOPPED
    check = balancer.health_check
    interval = int(check.interval) if check else _INTERVAL_SECONDS
    return _IN_SERVICE if asked.now - _since(balancer).get(name, 0) >= interval * 1000 else _REGISTERING


def _balancer(asked: Asked) -> Any:
    name = asked.parameters.get("LoadBalancerName")
    found = asked.backend(elb_backends).load_balancers.get(name)
    if found is None:
        raise Refused("LoadBalancerNotFound", f"There is no ACTIVE Load Balancer named '{name}'")
    return found


def _since(balancer: Any) -> dict[str, int]:
    held: dict[str, int] = kept(balancer, "since")
    return held


def _names(asked: Asked) -> list[str]:
    return [str(one.get("InstanceId")) for one in asked.parameters.get("Instances") or ()]


def _answer(asked: Asked, balancer: Any) -> NeighbourReply:
    return asked.answer({"Instances": [{"InstanceId": name} for name in balancer.instance_ids]})
