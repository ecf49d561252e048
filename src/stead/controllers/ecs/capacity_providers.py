"""What ECS makes for a capacity provider in a cluster, and how it scales the group (ecs-on-your-behalf.md 5).

An association (a row of ``cluster_attachments``) is made: a scaling plan or a scaling policy, by which era the role's policy is of; then it is
followed for as long as it is wished: instances with tasks are protected, the metric is published, the group's size is changed, waiting tasks get
their places. When it is wished no more, or its provider has other figures, what was made is unmade. The provider's own row says how a change of
it, or its deletion, came out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, delete, select, update

from stead.aws.clock import MINUTE
from stead.controllers.ecs import managed_scaling, retry, waiting_tasks
from stead.controllers.ecs.behalf import Away, Refused
from stead.controllers.ecs.retry import Step
from stead.controllers.runner import Again, Done
from stead.linked_roles import holding, work
from stead.services.ecs import associations, linked_role, provider_rows
from stead.services.ecs.associations import CREATED, DELETED, FAILED, PLAN, SESSION
from stead.services.ecs.names import name_of
from stead.services.ecs.provider_rows import ACTIVE, ENABLED, INACTIVE
from stead.store.ecs_tables import capacity_providers, cluster_attachments, container_instances

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stead.controllers.ecs.behalf import Behalf
    from stead.controllers.ecs.pace import Pace
    from stead.store.engine import Reader, Row, Writer

METRIC, NAMESPACE = "CapacityProviderReservation", "AWS/ECS/ManagedScaling"
MOST_PROTECTED = 50  # instance ids of one call [model]
PUBLISH_EVERY_MS = MINUTE
_IN_PROGRESS = "IN_PROGRESS"
_SAVE = (
    update(cluster_attachments)
    .where(cluster_attachments.c.id == bindparam("key"))
    .values(status=bindparam("new_status"), work=bindparam("new_work"))
)
_INSTANCES = (
    select(container_instances)
    .where(container_instances.c.cluster_arn == bindparam("cluster"), container_instances.c.capacity_provider == bindparam("provider"))
    .where(container_instances.c.status != INACTIVE)
    .order_by(container_instances.c.registered)
)
_OVER = delete(cluster_attachments).where(cluster_attachments.c.status == DELETED, cluster_attachments.c.due.is_(None))


class CapacityProviders:
    """Steps rows of ``capacity_providers``: changes and deletions that were accepted."""

    table = capacity_providers

    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    def asks(self, _row: Row) -> bool:
        """Nothing: what is outside are the associations'."""
        return False

    def ask(self, _db: Reader, _row: Row) -> None:
        """Nothing."""

    def reconcile(self, db: Writer, row: Row, _learned: None, now: int) -> Done | Again:
        """How it came out, once it has."""
        document = orjson.loads(row.document)
        if row.update_status == f"DELETE_{_IN_PROGRESS}":
            return self._delete(db, row, document)
        if row.update_status != f"UPDATE_{_IN_PROGRESS}":
            return Done()
        rows = _wished(db, row)
        _attach_or_not(db, row, rows, now)
        states = [_is_applied(one, row) for one in _wished(db, row)]
        if None in states:
            return Again(self._pace.first_retry)
        outcome = "UPDATE_COMPLETE" if all(states) else "UPDATE_FAILED"
        provider_rows.change(db, row, status=ACTIVE, update_status=outcome, document=document, due=None)
        return Done()

    def sweep(self, _db: Writer, _now: int) -> None:
        """An INACTIVE provider stays, until its name is used again."""

    def _delete(self, db: Writer, row: Row, document: dict[str, Any]) -> Done:
        """Not while a cluster has it; what its last association made may still be being unmade, and that is the association's."""
        associated = associations.clusters_of(db, row)
        if not associated:
            provider_rows.change(db, row, status=INACTIVE, update_status="DELETE_COMPLETE", document=document, due=None)
            return Done()
        document["updateStatusReason"] = (
            f"The capacity provider cannot be deleted because it is associated with cluster: {name_of(associated[0])}."
            " Remove the capacity provider from the cluster and try again."
        )
        provider_rows.change(db, row, status=ACTIVE, update_status="DELETE_FAILED", document=document, due=None)
        return Done()


class Associations:
    """Steps rows of ``cluster_attachments``."""

    table = cluster_attachments

    def __init__(self, behalf: Behalf, pace: Pace) -> None:
        self._behalf = behalf
        self._pace = pace

    def asks(self, row: Row) -> bool:
        """Until it is over."""
        return str(row.status) != DELETED

    def ask(self, db: Reader, row: Row) -> Step:
        """Make and follow, or unmake."""
        kept = retry.work_of(row)
        try:
            if row.wanted:
                self._make(db, row, kept)
                self._follow(db, row, kept)
            else:
                self._unmake(row, kept)
        except (Refused, Away) as error:
            return Step(kept, str(error))
        retry.over(kept)
        return Step(kept)

    def reconcile(self, db: Writer, row: Row, learned: Step | None, now: int) -> Done | Again:
        """Write what became of it, and give waiting tasks their places."""
        current = db.first(associations.HOLD, key=row.id)
        if learned is None or current is None:
            return Done()
        if current.wanted != row.wanted:  # wished otherwise meanwhile: what was made is noted, and looked at again
            _save(db, row, current.status, learned.work)
            return Again()
        if learned.refused:
            outcome = retry.later(learned.work, self._pace)
            # What was made stays CREATED while it is followed: only its making and unmaking can fail.
            is_made = bool(row.wanted) and "applied" in learned.work
            _save(db, row, CREATED if is_made else FAILED, learned.work)
            if is_made:
                waiting_tasks.place(db, row.cluster_arn, row.capacity_provider, now)
            return outcome
        if not row.wanted:
            return self._over(db, row, learned.work, now)
        _count(db, row, now)
        _save(db, row, CREATED, learned.work)
        placed = waiting_tasks.place(db, row.cluster_arn, row.capacity_provider, now)
        return Again(0 if placed == waiting_tasks.AT_ONCE else self._pace.capacity_look)

    def sweep(self, db: Writer, _now: int) -> None:
        """Forget what is over."""
        db.run(_OVER)

    def _over(self, db: Writer, row: Row, kept: dict[str, Any], now: int) -> Done:
        _save(db, row, DELETED, kept)
        work.end(db, _usage(row), now)
        return Done()

    def _make(self, db: Reader, row: Row, kept: dict[str, Any]) -> None:
        wish = _figures(db, row)
        if kept.get("applied") == wish:
            return
        if row.type == PLAN:
            self._make_plan(row, kept, wish)
        else:
            self._call(row, "autoscaling", "PutScalingPolicy", {"AutoScalingGroupName": kept["group"], **_policy(row, wish)})
        kept["applied"] = wish

    def _make_plan(self, row: Row, kept: dict[str, Any], wish: dict[str, Any]) -> None:
        """A plan is made anew for other figures: ECS may not update one."""
        name = _made_as(row)
        if self._plan(row):
            if "applied" not in kept:
                return
            self._delete_plan(row)
        group = self._group(row, kept)
        instruction = {
            "ServiceNamespace": "autoscaling",
            "ResourceId": f"autoScalingGroup/{kept['group']}",
            "ScalableDimension": "autoscaling:autoScalingGroup:DesiredCapacity",
            "MinCapacity": group.get("MinSize", 0),
            "MaxCapacity": group.get("MaxSize", 0),
            "TargetTrackingConfigurations": [
                {
                    "CustomizedScalingMetricSpecification": _metric(row),
                    "TargetValue": float(wish["targetCapacity"]),
                    "DisableScaleIn": False,
                    "EstimatedInstanceWarmup": wish["instanceWarmupPeriod"],
                }
            ],
        }
        source = {"TagFilters": [{"Key": "AmazonECSManaged"}]}  # inferred
        asked = {"ScalingPlanName": name, "ApplicationSource": source, "ScalingInstructions": [instruction]}
        self._call(row, "autoscaling-plans", "CreateScalingPlan", asked)

    def _unmake(self, row: Row, kept: dict[str, Any]) -> None:
        """What may have been made is asked for, whatever is remembered."""
        if row.type == PLAN:
            if self._plan(row):
                self._delete_plan(row)
        elif self._group(row, kept):
            which = {"AutoScalingGroupName": kept["group"], "PolicyNames": [_made_as(row)]}
            if self._call(row, "autoscaling", "DescribePolicies", which).get("ScalingPolicies"):
                self._call(row, "autoscaling", "DeletePolicy", {"AutoScalingGroupName": kept["group"], "PolicyName": _made_as(row)})
        kept.pop("applied", None)

    def _plan(self, row: Row) -> bool:
        found = self._call(row, "autoscaling-plans", "DescribeScalingPlans", {"ScalingPlanNames": [_made_as(row)]})
        return bool(found.get("ScalingPlans"))

    def _delete_plan(self, row: Row) -> None:
        self._call(row, "autoscaling-plans", "DeleteScalingPlan", {"ScalingPlanName": _made_as(row), "ScalingPlanVersion": 1})

    def _follow(self, db: Reader, row: Row, kept: dict[str, Any]) -> None:
        provider, group = _provider(db, row), self._group(row, kept)
        if provider is None or not group:
            return
        instances = db.all(_INSTANCES, cluster=row.cluster_arn, provider=row.capacity_provider)
        busy = {one.ec2_instance_id for one in instances if orjson.loads(one.work)["tasks"]}
        if provider["managedTerminationProtection"] == ENABLED:
            self._protect(row, kept, group, busy)
        tasks = [waiting_tasks.needs(db, one) for one in waiting_tasks.waiting(db, row.cluster_arn, row.capacity_provider)]
        wish = managed_scaling.demand(instances, tasks)
        self._publish(row, kept, wish.reservation)
        protected = sum(one["InstanceId"] in busy for one in group.get("Instances") or ())
        self._resize(row, kept, group, wish, provider["managedScaling"], protected)

    def _protect(self, row: Row, kept: dict[str, Any], group: dict[str, Any], busy: set[str]) -> None:
        """Those with tasks are protected, those without are not (ecs-on-your-behalf.md 5.3)."""
        for wanted in (True, False):
            names = [
                one["InstanceId"]
                for one in group.get("Instances") or ()
                if (one["InstanceId"] in busy) is wanted and bool(one.get("ProtectedFromScaleIn")) is not wanted
            ]
            for start in range(0, len(names), MOST_PROTECTED):
                some = names[start : start + MOST_PROTECTED]
                asked = {"AutoScalingGroupName": kept["group"], "InstanceIds": some, "ProtectedFromScaleIn": wanted}
                self._call(row, "autoscaling", "SetInstanceProtection", asked)

    def _publish(self, row: Row, kept: dict[str, Any], value: float) -> None:
        now, (last, at) = self._behalf.now(), kept.get("published") or (None, 0)
        if value == last and now < at + PUBLISH_EVERY_MS:
            return
        metric = _metric(row)
        datum = {"MetricName": METRIC, "Dimensions": metric["Dimensions"], "Value": value, "Unit": "None"}
        self._behalf.as_service(retry.where(row), "cloudwatch", "PutMetricData", {"Namespace": NAMESPACE, "MetricData": [datum]})
        kept["published"] = [value, now]

    def _resize(  # noqa: PLR0913, PLR0917  # what a new size is made of
        self,
        row: Row,
        kept: dict[str, Any],
        group: dict[str, Any],
        wish: managed_scaling.Demand,
        scaling: dict[str, Any],
        protected: int,
    ) -> None:
        """Grown at once; made smaller only after a while below the target."""
        now = self._behalf.now()
        if wish.reservation < scaling["targetCapacity"]:
            kept.setdefault("below_since", now)
        else:
            kept.pop("below_since", None)
        may_shrink = now >= kept.get("below_since", now) + self._pace.scale_in_after
        size = managed_scaling.next_size(group, wish, scaling, protected, may_shrink=may_shrink)
        if size != int(group["DesiredCapacity"]):
            self._call(row, "autoscaling", "UpdateAutoScalingGroup", {"AutoScalingGroupName": kept["group"], "DesiredCapacity": size})
            kept.pop("below_since", None)

    def _group(self, row: Row, kept: dict[str, Any]) -> dict[str, Any]:
        """The group; empty when it is no more."""
        found = self._call(row, "autoscaling", "DescribeAutoScalingGroups", {"AutoScalingGroupNames": [kept["group"]]})
        groups: list[dict[str, Any]] = found.get("AutoScalingGroups") or []
        return groups[0] if groups else {}

    def _call(self, row: Row, service: str, operation: str, parameters: dict[str, Any]) -> Any:
        return self._behalf.call(retry.where(row), SESSION, service, operation, parameters)


def _policy(row: Row, wish: dict[str, Any]) -> dict[str, Any]:
    return {
        "PolicyName": _made_as(row),
        "PolicyType": "TargetTrackingScaling",
        "EstimatedInstanceWarmup": wish["instanceWarmupPeriod"],
        "TargetTrackingConfiguration": {
            "CustomizedMetricSpecification": _metric(row),
            "TargetValue": float(wish["targetCapacity"]),
            "DisableScaleIn": False,
        },
    }


def _metric(row: Row) -> dict[str, Any]:
    dimensions = [
        {"Name": "CapacityProviderName", "Value": row.capacity_provider},
        {"Name": "ClusterName", "Value": name_of(row.cluster_arn)},
    ]
    return {"MetricName": METRIC, "Namespace": NAMESPACE, "Dimensions": dimensions, "Statistic": "Average"}


def _made_as(row: Row) -> str:
    """The plan's or policy's name, which the attachment shows."""
    member, _ = associations.MADE_AS[row.type]
    return str(next(one["value"] for one in orjson.loads(row.document)["details"] if one["name"] == member))


def _provider(db: Reader, row: Row) -> dict[str, Any] | None:
    found = provider_rows.find(db, row.account_id, row.region, row.capacity_provider)
    if found is None:
        return None
    provider: dict[str, Any] = orjson.loads(found.document)["autoScalingGroupProvider"]
    return provider


def _figures(db: Reader, row: Row) -> dict[str, Any]:
    """What of the provider's figures is in the plan or policy."""
    scaling = (_provider(db, row) or {}).get("managedScaling", {})
    return {name: scaling.get(name) for name in ("targetCapacity", "instanceWarmupPeriod")}


def _wished(db: Reader, provider: Row) -> list[Row]:
    rows = associations.of_provider(db, provider.account_id, provider.region, provider.name)
    return [row for row in rows if row.wanted]


def _attach_or_not(db: Writer, provider: Row, rows: Iterable[Row], now: int) -> None:
    """Managed scaling was switched on or off."""
    there = {row.cluster_arn for row in rows}
    if not provider_rows.scales(provider):
        for row in rows:
            associations.unwant(db, row, now)
        return
    for cluster in associations.clusters_of(db, provider):
        if cluster not in there:
            associations.attach(db, cluster, provider, now)
    for arn in there:
        associations.wake(db, arn, now, now)


def _is_applied(row: Row, provider: Row) -> bool | None:
    """Whether the association has the provider's figures; None while that is not over."""
    scaling = orjson.loads(provider.document)["autoScalingGroupProvider"]["managedScaling"]
    applied = orjson.loads(row.work).get("applied")
    if applied == {name: scaling[name] for name in ("targetCapacity", "instanceWarmupPeriod")}:
        return True
    return False if row.status == FAILED else None


def _count(db: Writer, row: Row, now: int) -> None:
    """As use of the role, also of one that was missing when the association was wished."""
    role = holding.hold(db, row.account_id, linked_role.service())
    if role is not None and row.status != CREATED:
        work.begin(db, role, _usage(row), now)


def _usage(row: Row) -> work.Work:
    arn = f"arn:aws:ecs:{row.region}:{row.account_id}:capacity-provider/{row.capacity_provider}"
    return associations.usage(row.id, arn, row.region)


def _save(db: Writer, row: Row, status: str, kept: dict[str, Any]) -> None:
    db.run(_SAVE, key=row.id, new_status=status, new_work=orjson.dumps(kept).decode())
