"""What is in a cluster: the counts of DescribeClusters, and what keeps one from being deleted (ecs-on-your-behalf.md 8.1)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, or_, select

from stead.aws.errors import AwsError
from stead.services.ecs.cluster_shapes import COUNTERS
from stead.store.ecs_tables import container_instances, ecs_services, ecs_tasks

if TYPE_CHECKING:
    from typing import Any

    from stead.store.engine import Reader

RUNNING, PENDING = frozenset({"RUNNING", "DEACTIVATING"}), frozenset({"PROVISIONING", "PENDING", "ACTIVATING"})
_TASKS = (
    select(ecs_tasks.c.launch_type, ecs_tasks.c.last_status, func.count().label("number"))
    .where(ecs_tasks.c.cluster_arn == bindparam("cluster"), ecs_tasks.c.desired_status == "RUNNING")
    .group_by(ecs_tasks.c.launch_type, ecs_tasks.c.last_status)
)
_SERVICES = (
    select(ecs_services.c.launch_type, ecs_services.c.status, func.count().label("number"))
    .where(ecs_services.c.cluster_arn == bindparam("cluster"), ecs_services.c.status != "INACTIVE")
    .group_by(ecs_services.c.launch_type, ecs_services.c.status)
)
_LIVE_INSTANCES = (
    container_instances.c.cluster_arn == bindparam("cluster"),
    or_(container_instances.c.status == "ACTIVE", container_instances.c.status == "DRAINING"),
)
_INSTANCES = select(func.count()).select_from(container_instances).where(*_LIVE_INSTANCES)
# The order in which ECS looks is not recorded; each row is what it looks for, the code, and what is then said.
_IN_THE_WAY = (
    (
        select(container_instances.c.id).where(*_LIVE_INSTANCES).limit(1),
        "ClusterContainsContainerInstancesException",
        "Container Instances are active or draining",
    ),
    (
        select(ecs_services.c.id).where(ecs_services.c.cluster_arn == bindparam("cluster"), ecs_services.c.status == "ACTIVE").limit(1),
        "ClusterContainsServicesException",
        "Services are active",
    ),
    (
        select(ecs_tasks.c.id).where(ecs_tasks.c.cluster_arn == bindparam("cluster"), ecs_tasks.c.last_status != "STOPPED").limit(1),
        "ClusterContainsTasksException",
        "Tasks are active",
    ),
)
_KINDS = {"EC2": "EC2", "FARGATE": "Fargate", "EXTERNAL": "External", "MANAGED_INSTANCES": "ManagedInstances"}


def counts(db: Reader, cluster: str, *, statistics: bool = False) -> dict[str, Any]:
    """The members of the Cluster shape that count; the sixteen statistics only if they are asked for."""
    tasks: Counter[tuple[str, str]] = Counter()
    for row in db.all(_TASKS, cluster=cluster):
        tasks[row.launch_type or "EC2", _state(row.last_status)] += row.number
    services = Counter({(row.launch_type or "EC2", row.status): row.number for row in db.all(_SERVICES, cluster=cluster)})
    return {
        "registeredContainerInstancesCount": db.scalar(_INSTANCES, cluster=cluster),
        "runningTasksCount": sum(number for (_, state), number in tasks.items() if state == "running"),
        "pendingTasksCount": sum(number for (_, state), number in tasks.items() if state == "pending"),
        "activeServicesCount": sum(number for (_, status), number in services.items() if status == "ACTIVE"),
        "statistics": _statistics(tasks, services) if statistics else [],
    }


def check_empty(db: Reader, cluster: str) -> None:
    """Refuse the deletion of a cluster that something is in."""
    for statement, code, what in _IN_THE_WAY:
        if db.first(statement, cluster=cluster) is not None:
            raise AwsError(code, f"The Cluster cannot be deleted while {what}.")


def _state(status: str) -> str:
    return "running" if status in RUNNING else "pending" if status in PENDING else ""


def _statistics(tasks: Counter[tuple[str, str]], services: Counter[tuple[str, str]]) -> list[dict[str, str]]:
    found = {f"{state}{_KINDS[kind]}TasksCount": number for (kind, state), number in tasks.items()}
    found |= {f"{status.lower()}{_KINDS[kind]}ServiceCount": number for (kind, status), number in services.items()}
    return [{"name": name, "value": str(found.get(name, 0))} for name in COUNTERS]
