"""EventBridge rules that a service made: its customers see them, and change them by force only (ecs-on-your-behalf.md 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moto.events.models import events_backends

from stead.neighbours.embedded.overlay import Asked, Refused, overlay

if TYPE_CHECKING:
    from stead.neighbours.messages import NeighbourReply


@overlay("events", "PutRule", "PutTargets", "RemoveTargets", "DeleteRule", "DisableRule", "EnableRule")
def change(asked: Asked) -> NeighbourReply:
    """A rule that a service puts is managed by it."""
    parameters, requester = asked.parameters, asked.request.requester
    name = str(parameters.get("Name") or parameters.get("Rule"))
    bus = asked.backend(events_backends).event_buses.get(str(parameters.get("EventBusName") or "default").rpartition("/")[2])
    before = bus.rules.get(name) if bus is not None else None
    if before is not None and before.managed_by not in (None, requester) and not parameters.get("Force"):
        raise Refused("ManagedRuleException", f"Rule {name} is a managed rule. Use Force to change it.")
    reply = asked.play()
    if reply.status < 400 and requester and bus is not None and name in bus.rules:
        bus.rules[name].managed_by = requester
    return reply
