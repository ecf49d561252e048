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


ENI, INSTANCE, GROUP = ("NetworkInterfaceId",), ("ServiceId", "InstanceId"), ("logGroupName",)
TARGET = ("TargetGroupArn", "Targets.member.1.Id", "Targets.member.1.Port")
SECOND = re.compile(r"(Targets\.member|ResourceId)\.2")  # a call about two things may not be forgotten with one of them
RULES: dict[tuple[str, str], Rule] = {
    ("ec2", "CreateNetworkInterface"): Rule(element="networkInterfaceId"),
    ("ec2", "CreateNetworkInterfacePermission"): Rule(ENI),
    ("ec2", "DeleteNetworkInterfacePermission"): Rule(),  # the overlay says which
    ("ec2", "AttachNetworkInterface"): Rule(ENI),
    ("ec2", "DetachNetworkInterface"): Rule(),  # likewise
    ("ec2", "ModifyNetworkInterfaceAttribute"): Rule(ENI),
    ("ec2", "CreateTags"): Rule(("ResourceId.1",)),
    ("ec2", "DeleteTags"): Rule(("ResourceId.1",)),
    ("ec2", "DeleteNetworkInterface"): Rule(ENI, ends=True),
    ("elbv2", "RegisterTargets"): Rule(TARGET),
    ("elbv2", "DeregisterTargets"): Rule(TARGET, ends=True),  # that it drains is forgotten too, if the child ends meanwhile
    ("servicediscovery", "RegisterInstance"): Rule(INSTANCE),
    ("servicediscovery", "UpdateInstanceCustomHealthStatus"): Rule(INSTANCE),
    ("servicediscovery", "DeregisterInstance"): Rule(INSTANCE, ends=True),
    ("logs", "CreateLogGroup"): Rule(GROUP),
    ("logs", "PutRetentionPolicy"): Rule(GROUP),
    ("logs", "CreateLogStream"): Rule(GROUP),
    ("logs", "PutLogEvents"): Rule(GROUP),
    ("logs", "DeleteLogGroup"): Rule(GROUP, ends=True),
    ("ssm", "StartSession"): Rule(element="SessionId"),
    ("ssm", "TerminateSession"): Rule(("SessionId",)),
}


def about(request: NeighbourRequest, reply: NeighbourReply, concerns: str) -> str | None:
    """The one resource that this call concerns; None when it may not be forgotten. ``concerns`` is what its overlay knows."""
    rule = RULES.get((request.service, request.operation))
    if rule is None:
        return None
    if concerns:
        return _name(request, (concerns,))
    if rule.element:
        found = re.search(rf"[<\"]{rule.element}(?:>|\": ?\")([^<\"]+)".encode(), reply.body)
        return _name(request, (found[1].decode(),)) if found else None
    return _named(request, rule)


def gone(request: NeighbourRequest, concerns: str) -> Iterator[str]:
    """The resource that this call, which succeeded, has removed."""
    rule = RULES.get((request.service, request.operation))
    if rule is not None and rule.ends and (name := _name(request, (concerns,)) if concerns else _named(request, rule)):
        yield name


def _named(request: NeighbourRequest, rule: Rule) -> str | None:
    values = _members(request)
    found = tuple(values.get(member, "") for member in rule.members)
    if not found or not found[0] or any(SECOND.match(name) for name in values):
        return None
    return _name(request, found)


def _members(request: NeighbourRequest) -> dict[str, str]:
    if request.body.startswith(b"{"):
        return {name: value for name, value in orjson.loads(request.body).items() if isinstance(value, str)}
    return {name: values[0] for name, values in parse_qs(request.body.decode("latin-1") or request.query).items()}


def _name(request: NeighbourRequest, values: tuple[str, ...]) -> str:
    return "/".join((request.account_id, request.region, request.service, *values))
