"""What became of a container instance's EC2 instance, and which capacity provider it belongs to (ecs-on-your-behalf.md 8.4).

Terminating the EC2 instance deregisters it; stopping it only disconnects its agent. An id that EC2 never knew is left alone: its agent says it is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, delete, select, update

from stead.aws.clock import HOUR
from stead.controllers.ecs import retry
from stead.controllers.ecs.behalf import Away, Refused
from stead.controllers.ecs.retry import Step
from stead.controllers.runner import LEASE_MS, Again, Done
from stead.services.ecs import associations, provider_rows
from stead.services.ecs.container_instances import TERMINATED, deregister
from stead.services.ecs.placement import HOLD, INACTIVE
from stead.store.ecs_tables import container_instances
from stead.store.tables import clusters, tags

if TYPE_CHECKING:
    from stead.controllers.ecs.behalf import Behalf
    from stead.controllers.ecs.pace import Pace
    from stead.store.engine import Reader, Row, Writer

SESSION = "ecs-container-instances"  # AWS's name for it is not established
KEPT_MS = HOUR  # how long one that is deregistered can be described; AWS says "some time"
_ENDED = frozenset({"shutting-down", "terminated"})
_CLUSTER = select(clusters).where(clusters.c.arn == bindparam("arn"))
_SAVE = (
    update(container_instances)
    .where(container_instances.c.id == bindparam("key"))
    .values(capacity_provider=bindparam("provider"), document=bindparam("new_document"), work=bindparam("new_work"))
)
_OLD = select(container_instances.c.id).where(
    container_instances.c.status == INACTIVE, container_instances.c.registered < bindparam("before")
)
_FORGET_TAGS = delete(tags).where(tags.c.owner.in_(_OLD))
_FORGET = delete(container_instances).where(
    container_instances.c.status == INACTIVE, container_instances.c.registered < bindparam("before")
)


class ContainerInstances:
    """Steps rows of ``container_instances``."""

    table = container_instances

    def __init__(self, behalf: Behalf, pace: Pace) -> None:
        self._behalf = behalf
        self._pace = pace

    def asks(self, row: Row) -> bool:
        """Not of one that is gone, nor of one that is no EC2 instance."""
        return row.status != INACTIVE and bool(row.ec2_instance_id)

    def ask(self, _db: Reader, row: Row) -> Step:
        """Its state, and the Auto Scaling group that it is in."""
        found: dict[str, Any] = {"state": self._was(row)}
        try:
            found["state"] = self._state(row) or found["state"]
            found["group"] = self._group(row)
        except (Refused, Away) as error:
            return Step(found, str(error))
        return Step(found)

    def reconcile(self, db: Writer, row: Row, learned: Step | None, now: int) -> Done | Again:
        """Deregister it, or note what was found."""
        current = db.first(HOLD, arn=row.id)
        if learned is None or current is None or current.status == INACTIVE:
            return Done()
        found, kept = learned.work, retry.work_of(current)
        if found["state"] in _ENDED:
            deregister(db, current, TERMINATED.format(row.ec2_instance_id), now)
            return Done()
        outcome = retry.later(kept, self._pace) if learned.refused else Again(self._pace.capacity_look)
        if not learned.refused:
            retry.over(kept)
            kept["group"] = found["group"]
        self._note(db, current, kept, found["state"], now)
        return outcome

    def sweep(self, db: Writer, now: int) -> None:
        """Forget what was deregistered an hour ago."""
        db.run(_FORGET_TAGS, before=now - KEPT_MS)
        db.run(_FORGET, before=now - KEPT_MS)

    def _was(self, row: Row) -> str:
        state: str = retry.work_of(row).get("state", "")
        return state

    def _state(self, row: Row) -> str:
        try:
            found = self._call(row, "ec2", "DescribeInstances", {"InstanceIds": [row.ec2_instance_id]})
        except Refused as refused:
            if not refused.code.startswith("InvalidInstanceID"):
                raise
            return "terminated" if self._was(row) else ""  # EC2 forgets an instance an hour after its end
        states = [one["State"]["Name"] for reservation in found.get("Reservations") or () for one in reservation["Instances"]]
        return states[0] if states else ""

    def _group(self, row: Row) -> str:
        found = self._call(row, "autoscaling", "DescribeAutoScalingInstances", {"InstanceIds": [row.ec2_instance_id]})
        return next((one["AutoScalingGroupName"] for one in found.get("AutoScalingInstances") or ()), "")

    def _call(self, row: Row, service: str, operation: str, parameters: dict[str, Any]) -> Any:
        return self._behalf.call(retry.where(row), SESSION, service, operation, parameters)

    def _note(self, db: Writer, row: Row, kept: dict[str, Any], state: str, now: int) -> None:
        document = orjson.loads(row.document)
        document["agentConnected"] = state in {"", "pending", "running"}
        provider = _provider(db, row, kept.get("group", ""))
        kept["state"] = state
        db.run(_SAVE, key=row.id, provider=provider, new_document=orjson.dumps(document).decode(), new_work=orjson.dumps(kept).decode())
        if provider != row.capacity_provider:
            associations.wake(db, row.cluster_arn, now, now + LEASE_MS)


def _provider(db: Reader, row: Row, group: str) -> str | None:
    """Of those of its cluster, the one whose group it is in."""
    if not group:
        return None
    cluster = db.first(_CLUSTER, arn=row.cluster_arn)
    associated = orjson.loads(cluster.capacity_providers) if cluster is not None else []
    return next(
        (
            str(one.name)
            for one in provider_rows.active(db, row.account_id, row.region)
            if one.name in associated and provider_rows.group_name(orjson.loads(one.document)) == group
        ),
        None,
    )
