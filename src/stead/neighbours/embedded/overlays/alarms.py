"""A new alarm knows nothing yet; one that is changed keeps its state (the model; ecs-on-your-behalf.md 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moto.cloudwatch.models import cloudwatch_backends

from stead.neighbours.embedded.overlay import Asked, overlay

if TYPE_CHECKING:
    from stead.neighbours.messages import NeighbourReply

_STATE = ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp")


@overlay("cloudwatch", "PutMetricAlarm")
def put(asked: Asked) -> NeighbourReply:
    """Moto says OK at once."""
    alarms, name = asked.backend(cloudwatch_backends).alarms, str(asked.parameters.get("AlarmName"))
    before = alarms.get(name)
    state = {} if before is None else {member: getattr(before, member) for member in _STATE}
    reply = asked.play()
    if reply.status < 400:
        vars(alarms[name]).update(state or {"state_value": "INSUFFICIENT_DATA"})
    return reply
