"""Managed scaling as figures: how many instances a provider's tasks need, the metric of that, and the group's next size (ecs-on-your-behalf.md 5.3).

AWS leaves the group's size to the target-tracking policy and its alarms, which nothing evaluates here; so ECS itself says the new size, for which
its role has autoscaling:UpdateAutoScalingGroup [inferred].
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from stead.services.ecs import instance_resources, placement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stead.services.ecs.instance_resources import Needs
    from stead.store.engine import Row

NOTHING, FROM_NOTHING = 100.0, 200.0


class Demand(NamedTuple):
    """``there`` are the instances (N of the documents), ``needed`` those that all tasks need (M); ``is_known`` is false of a size without an example."""

    there: int
    needed: int
    is_known: bool = True

    @property
    def reservation(self) -> float:
        """CapacityProviderReservation."""
        if not self.there:
            return FROM_NOTHING if self.needed else NOTHING
        return self.needed / self.there * 100


def demand(instances: Sequence[Row], waiting: Sequence[Needs]) -> Demand:
    """Of tasks that run on ``instances``, and of those that wait for a place: first into what is left, then onto instances of the same size."""
    bins = [_Bin.of(row) for row in instances]
    if not bins:
        return Demand(0, min(len(waiting), 1), is_known=not waiting)
    empty = _Bin(bins[0].resources, {}, bins[0].kind)
    there = len(bins)
    for number, needs in enumerate(waiting):
        fitting = next((one for one in bins if not one.lacks(needs)), None)
        if fitting is None and not empty.lacks(needs):
            fitting = _Bin(empty.resources, {}, empty.kind)
            bins.append(fitting)
        if fitting is not None:
            fitting.tasks[f"waiting {number}"] = needs.kept()
    return Demand(there, sum(bool(one.tasks) for one in bins))


def next_size(group: Mapping[str, Any], wish: Demand, scaling: Mapping[str, Any], protected: int, *, may_shrink: bool) -> int:
    """The desired capacity that the group should have now."""
    current = int(group["DesiredCapacity"])
    needed = math.ceil(wish.needed * 100 / scaling["targetCapacity"])
    if not wish.is_known:  # one first, whose size tells how many
        needed = max(current, 1)
    if needed > current:
        step = min(max(needed - current, scaling["minimumScalingStepSize"]), scaling["maximumScalingStepSize"])
        return int(min(current + step, max(int(group["MaxSize"]), current)))
    if needed < current and may_shrink:
        return int(max(needed, int(group["MinSize"]), protected))
    return current


class _Bin(NamedTuple):
    """An instance as it is packed."""

    resources: list[dict[str, Any]]
    tasks: dict[str, Any]
    kind: str | None

    @classmethod
    def of(cls, row: Row) -> _Bin:
        document = orjson.loads(row.document)
        tasks = orjson.loads(row.work)["tasks"]
        return cls(document["registeredResources"], tasks, placement.instance_type(document))

    def lacks(self, needs: Needs) -> bool:
        left = instance_resources.remaining(self.resources, self.tasks)
        return bool(instance_resources.lacking(needs, left, self.tasks, self.kind))
