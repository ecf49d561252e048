"""What a container instance has, what a task takes of it, and what is left: CPU units, MiB, host ports, network interfaces.

A port that is listed in a resource is one that cannot be had (API reference, RegisterContainerInstance); all others are free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from stead.services.ecs.names import invalid_parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NUMBERS = ("CPU", "MEMORY")
PORTS = ("PORTS", "PORTS_UDP")
# Network interfaces by the size of an instance type (EC2 user guide); of each the first is the instance's own.
_INTERFACES = {
    "nano": 2,
    "micro": 2,
    "small": 3,
    "medium": 3,
    "large": 3,
    "xlarge": 4,
    "2xlarge": 4,
    "4xlarge": 8,
    "8xlarge": 8,
    "9xlarge": 8,
    "12xlarge": 8,
}
_MOST_INTERFACES = 15
_FEWEST_INTERFACES = 3  # of a type that is not said


class Needs(NamedTuple):
    """What one task takes of its instance, and the attributes that it asks for as (name, value or None)."""

    cpu: int = 0
    memory: int = 0
    tcp: tuple[int, ...] = ()
    udp: tuple[int, ...] = ()
    interface: bool = False
    attributes: tuple[tuple[str, str | None], ...] = ()

    def kept(self) -> dict[str, Any]:
        """As the instance's row remembers it."""
        return {"CPU": self.cpu, "MEMORY": self.memory, "PORTS": self.tcp, "PORTS_UDP": self.udp, "ENI": int(self.interface)}


def needs_of(definition: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> Needs:
    """The task's own size where it has one, else what its containers reserve."""
    overrides = overrides or {}
    containers = [_overridden(one, overrides) for one in definition["containerDefinitions"]]
    cpu = overrides.get("cpu") or definition.get("cpu")
    memory = overrides.get("memory") or definition.get("memory")
    own_interface = definition.get("networkMode") == "awsvpc"
    ports = [] if own_interface else [one for container in containers for one in container.get("portMappings") or ()]
    return Needs(
        int(cpu) if cpu else sum(int(one.get("cpu") or 0) for one in containers),
        int(memory) if memory else sum(int(one.get("memoryReservation") or one.get("memory") or 0) for one in containers),
        _host_ports(ports, "tcp"),
        _host_ports(ports, "udp"),
        own_interface,
        tuple((one["name"], one.get("value")) for one in definition.get("requiresAttributes") or ()),
    )


def registered(given: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The resources of RegisterContainerInstance; those that are not given are none."""
    by_name = {one.get("name"): one for one in given}
    for name, one in by_name.items():
        if (name in NUMBERS and not isinstance(one.get("integerValue"), int)) or (
            name in PORTS and not all(_is_port(port) for port in one.get("stringSetValue") or ())
        ):
            raise invalid_parameter(f"Invalid resource: {name}")  # our wording
    numbers = [_number(name, by_name.get(name, {}).get("integerValue", 0)) for name in NUMBERS]
    ports = [_ports(name, by_name.get(name, {}).get("stringSetValue") or ()) for name in PORTS]
    return numbers + ports


def remaining(resources: Iterable[Mapping[str, Any]], tasks: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """``resources`` less what ``tasks`` took."""
    left = []
    for one in resources:
        taken = [task.get(one["name"], 0) for task in tasks.values()]
        if one["type"] == "INTEGER":
            left.append(_number(one["name"], one["integerValue"] - sum(taken)))
        else:
            left.append(_ports(one["name"], [*one["stringSetValue"], *(str(port) for ports in taken for port in ports or ())]))
    return left


def lacking(needs: Needs, left: Iterable[Mapping[str, Any]], tasks: Mapping[str, Mapping[str, Any]], instance_type: str | None) -> str:
    """The reason why a task of these needs cannot be here (ecs-on-your-behalf.md 8.2); empty when it can."""
    has = {one["name"]: one["stringSetValue"] if one["type"] == "STRINGSET" else one["integerValue"] for one in left}
    if needs.cpu > has["CPU"]:
        return "RESOURCE:CPU"
    if needs.memory > has["MEMORY"]:
        return "RESOURCE:MEMORY"
    if not {str(port) for port in needs.tcp}.isdisjoint(has["PORTS"]) or not {str(port) for port in needs.udp}.isdisjoint(has["PORTS_UDP"]):
        return "RESOURCE:PORTS"
    if needs.interface and sum(task.get("ENI", 0) for task in tasks.values()) >= interfaces(instance_type):
        return "RESOURCE:ENI"
    return ""


def interfaces(instance_type: str | None) -> int:
    """How many tasks can have an interface of their own on an instance of that type."""
    if instance_type is None:
        return _FEWEST_INTERFACES - 1
    return _INTERFACES.get(instance_type.rpartition(".")[2], _MOST_INTERFACES) - 1


def value(resources: Iterable[Mapping[str, Any]], name: str) -> int:
    """The number of a resource."""
    return next((int(one["integerValue"]) for one in resources if one["name"] == name), 0)


def _overridden(container: Mapping[str, Any], overrides: Mapping[str, Any]) -> Mapping[str, Any]:
    given: Mapping[str, Any] = next((one for one in overrides.get("containerOverrides") or () if one.get("name") == container["name"]), {})
    return {**container, **{name: given[name] for name in ("cpu", "memory", "memoryReservation") if given.get(name) is not None}}


def _host_ports(mappings: Iterable[Mapping[str, Any]], protocol: str) -> tuple[int, ...]:
    """A host port that is 0 or not said is chosen when the container starts, from those that are free."""
    return tuple(one["hostPort"] for one in mappings if one.get("hostPort") and (one.get("protocol") or "tcp") == protocol)


def _is_port(text: str) -> bool:
    return text.isdecimal() and int(text) < 2**16


def _number(name: str, amount: int) -> dict[str, Any]:
    return {"name": name, "type": "INTEGER", "doubleValue": 0.0, "longValue": 0, "integerValue": amount}


def _ports(name: str, ports: Iterable[str]) -> dict[str, Any]:
    listed = sorted(dict.fromkeys(ports), key=int)
    return {"name": name, "type": "STRINGSET", "doubleValue": 0.0, "longValue": 0, "integerValue": 0, "stringSetValue": listed}
