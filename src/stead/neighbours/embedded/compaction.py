"""Which journal entries may be forgotten: those about a resource that is gone (design D9).

An entry is *about* one resource when it made it, or changed it and nothing else that outlives it. When the resource's deletion was played,
all entries about it can go, the deletion too: played or not, moto ends in the same state. Entries that no row names stay for ever.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.neighbours.messages import NeighbourReply, NeighbourRequest


class Rule(NamedTuple):
    """Where a call names its resource: request members, or for one that makes it, an element of the answer. ``ends``: it is gone after this."""

    members: tuple[str, ...] = ()
    element: str = ""
    ends: bool = False


ENI = ("NetworkInterfaceId",)
INSTANCE = ("ServiceId", "InstanceId")
RULES: dict[tuple[str, str], Rule] = {
    ("ec2", "CreateNetworkInterface"): Rule(element="networkInterfaceId"),
    ("ec2", "CreateNetworkInterfacePermission"): Rule(ENI),
    ("ec2", "AttachNetworkInterface"): Rule(ENI),
    ("ec2", "ModifyNetworkInterfaceAttribute"): Rule(ENI),
    ("ec2", "DeleteNetworkInterface"): Rule(ENI, ends=True),
    ("servicediscovery", "RegisterInstance"): Rule(INSTANCE),
    ("servicediscovery", "UpdateInstanceCustomHealthStatus"): Rule(INSTANCE),
    ("servicediscovery", "DeregisterInstance"): Rule(INSTANCE, ends=True),
    ("logs", "CreateLogGroup"): Rule(("logGroupName",)),
    ("logs", "PutRetentionPolicy"): Rule(("logGroupName",)),
    ("logs", "CreateLogStream"): Rule(("logGroupName",)),
    ("logs", "PutLogEvents"): Rule(("logGroupName",)),
    ("logs", "DeleteLogGroup"): Rule(("logGroupName",), ends=True),
}


def about(request: NeighbourRequest, reply: NeighbourReply) -> str | None:
    """The one resource that this call concerns; None when it may not be forgotten."""
    rule = RULES.get((request.service, request.operation))
    if rule is None:
        return None
    if rule.element:
        found = re.search(rf"<{rule.element}>([^<]+)<".encode(), reply.body)
        return _name(request, (found[1].decode(),)) if found else None
    return _named(request, rule)


def gone(request: NeighbourRequest) -> Iterator[str]:
    """The resource that this call, which succeeded, has removed."""
    rule = RULES.get((request.service, request.operation))
    if rule is not None and rule.ends and (name := _named(request, rule)):
        yield name


def _named(request: NeighbourRequest, rule: Rule) -> str | None:
    values = _members(request)
    found = tuple(values.get(member, "") for member in rule.members)
    return _name(request, found) if all(found) else None


def _members(request: NeighbourRequest) -> dict[str, str]:
    if request.body.startswith(b"{"):
        return {name: value for name, value in orjson.loads(request.body).items() if isinstance(value, str)}
    return {name: values[0] for name, values in parse_qs(request.body.decode("latin-1")).items()}


def _name(request: NeighbourRequest, values: tuple[str, ...]) -> str:
    return "/".join((request.account_id, request.region, request.service, *values))
