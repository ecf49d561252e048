"""Container Insights: the log group, its streams, and the performance events, all written with the linked role (ecs-on-your-behalf.md 6).

A cluster's row is stepped about once a minute while it has the setting. The group is looked for each time, since a customer may delete it; a new one
keeps its events for a day. Stead measures nothing: the utilizations are those of tasks that do nothing, the counts are true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, delete, select, update

from stead.controllers.ecs import retry
from stead.controllers.ecs.behalf import Away, Refused
from stead.controllers.ecs.retry import Step
from stead.controllers.runner import Again, Done
from stead.linked_roles import holding, work
from stead.services.ecs import cluster_counts, linked_role
from stead.services.ecs import insights as setting
from stead.services.ecs.names import name_of
from stead.store.ecs_tables import container_instances, ecs_services, ecs_tasks, insights
from stead.store.tables import clusters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stead.controllers.ecs.behalf import Behalf
    from stead.controllers.ecs.pace import Pace
    from stead.store.engine import Reader, Row, Writer

RETENTION_DAYS = 1
NAMESPACE = "ECS/ContainerInsights"
_MOST_TASKS = 500  # of one round: what CloudWatch Logs takes at once is bounded
_CLUSTER = select(clusters).where(clusters.c.arn == bindparam("arn"))
_SAVE = update(insights).where(insights.c.id == bindparam("key")).values(work=bindparam("new_work"))
_FINISHED = delete(insights).where(insights.c.due.is_(None))
_SERVICES = select(ecs_services).where(ecs_services.c.cluster_arn == bindparam("cluster"), ecs_services.c.status == "ACTIVE")
_TASKS = (
    select(ecs_tasks)
    .where(ecs_tasks.c.cluster_arn == bindparam("cluster"), ecs_tasks.c.last_status == "RUNNING")
    .order_by(ecs_tasks.c.id)
    .limit(_MOST_TASKS)
)
_INSTANCES = select(container_instances).where(
    container_instances.c.cluster_arn == bindparam("cluster"), container_instances.c.status != "INACTIVE"
)


class ContainerInsights:
    """Steps rows of ``insights``."""

    table = insights

    def __init__(self, behalf: Behalf, pace: Pace) -> None:
        self._behalf = behalf
        self._pace = pace

    def asks(self, row: Row) -> bool:
        """Always: whether the cluster still has it is looked up with the rest."""
        return row is not None

    def ask(self, db: Reader, row: Row) -> Step:
        """One round of events."""
        kept, cluster = retry.work_of(row), db.first(_CLUSTER, arn=row.id)
        if not setting.is_on(cluster):
            return Step(kept)
        try:
            at_once = not self._group(row, kept)
            if not at_once:
                self._write(db, row)
        except (Refused, Away) as error:
            return Step(kept, str(error))
        retry.over(kept)
        return Step(kept, at_once=at_once)

    def reconcile(self, db: Writer, row: Row, learned: Step, now: int) -> Done | Again:
        """On with it, or no more."""
        role = holding.hold(db, row.account_id, linked_role.service())
        if not setting.is_on(db.first(_CLUSTER, arn=row.id)):
            work.end(db, setting.usage(row.id, row.region), now)
            return Done()
        if role is not None:
            work.begin(db, role, setting.usage(row.id, row.region), now)
        kept = learned.work
        outcome = retry.later(kept, self._pace) if learned.refused else Again(0 if learned.at_once else self._pace.performance_events)
        db.run(_SAVE, key=row.id, new_work=orjson.dumps(kept).decode())
        return outcome

    def sweep(self, db: Writer, now: int) -> None:
        """Rows of clusters that have it no more are no longer due."""
        del now
        db.run(_FINISHED)

    def _write(self, db: Reader, row: Row) -> None:
        group, streams = _group_name(row), dict[str, list[dict[str, Any]]]()
        for stream, event in _events(db, row.id):
            streams.setdefault(stream, []).append(event)
        for stream, events in streams.items():
            self._stream(row, group, stream)
            self._put(row, group, stream, events)

    def _group(self, row: Row, kept: dict[str, Any]) -> bool:
        """Whether the group is there. That it will be made is noted first, so that only a group of ECS's own gets its retention, and surely."""
        group = _group_name(row)
        found = self._call(row, "DescribeLogGroups", {"logGroupNamePrefix": group})
        is_there = any(one["logGroupName"] == group for one in found.get("logGroups") or ())
        if not is_there and not kept.get("making"):
            kept["making"] = True
            return False
        if not is_there:
            self._call(row, "CreateLogGroup", {"logGroupName": group})
        if kept.get("making"):
            self._call(row, "PutRetentionPolicy", {"logGroupName": group, "retentionInDays": RETENTION_DAYS})
            del kept["making"]
        return True

    def _stream(self, row: Row, group: str, stream: str) -> None:
        found = self._call(row, "DescribeLogStreams", {"logGroupName": group, "logStreamNamePrefix": stream})
        if not any(one["logStreamName"] == stream for one in found.get("logStreams") or ()):
            self._call(row, "CreateLogStream", {"logGroupName": group, "logStreamName": stream})

    def _put(self, row: Row, group: str, stream: str, events: list[dict[str, Any]]) -> None:
        now = self._behalf.now()
        lines = [{"timestamp": now, "message": orjson.dumps({**event, "Timestamp": now}).decode()} for event in events]
        self._call(row, "PutLogEvents", {"logGroupName": group, "logStreamName": stream, "logEvents": lines})

    def _call(self, row: Row, operation: str, parameters: dict[str, Any]) -> Any:
        return self._behalf.call(retry.where(row), setting.SESSION, "logs", operation, parameters)


def _group_name(row: Row) -> str:
    return f"/aws/ecs/containerinsights/{name_of(row.id)}/performance"


def _events(db: Reader, cluster: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each event with its stream."""
    name = name_of(cluster)
    yield f"ClusterTelemetry-{name}", _of_cluster(db, cluster)
    for service in db.all(_SERVICES, cluster=cluster):
        yield f"ServiceTelemetry-{service.name}", _of_service(name, service)
    for task in db.all(_TASKS, cluster=cluster):
        document = orjson.loads(task.document)
        stream = _task_stream(task)
        yield stream, _of_task(name, document)
        for container in document["containers"]:
            yield stream, _of_container(name, document, container)
    for instance in db.all(_INSTANCES, cluster=cluster):
        yield f"AgentTelemetry-{name_of(instance.id)}", _of_instance(name, instance)


def _task_stream(task: Row) -> str:
    """One of Fargate's numbered streams, or that of the instance's agent."""
    if task.container_instance:
        return f"AgentTelemetry-{name_of(task.container_instance)}"
    return f"FargateTelemetry-{int(name_of(task.id)[-4:], 16) % 10}"


def _event(kind: str, dimensions: list[str], metrics: Mapping[str, tuple[float, str]], **members: Any) -> dict[str, Any]:
    """In CloudWatch's embedded metric format."""
    named = [{"Name": name, "Unit": unit} for name, (_, unit) in metrics.items()]
    return {
        "Version": "0",
        "Type": kind,
        **members,
        **{name: value for name, (value, _) in metrics.items()},
        "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": named}],
    }


def _of_cluster(db: Reader, cluster: str) -> dict[str, Any]:
    counts = cluster_counts.counts(db, cluster)
    metrics = {
        "ContainerInstanceCount": (counts["registeredContainerInstancesCount"], "Count"),
        "ServiceCount": (counts["activeServicesCount"], "Count"),
        "TaskCount": (counts["runningTasksCount"], "Count"),
    }
    return _event("Cluster", ["ClusterName"], metrics, ClusterName=name_of(cluster))


def _of_service(cluster: str, service: Row) -> dict[str, Any]:
    document, deployments = orjson.loads(service.document), orjson.loads(service.deployments)
    metrics = {
        "DeploymentCount": (len(deployments), "Count"),
        "DesiredTaskCount": (service.desired_count, "Count"),
        "PendingTaskCount": (document.get("pendingCount", 0), "Count"),
        "RunningTaskCount": (document.get("runningCount", 0), "Count"),
        "TaskSetCount": (0, "Count"),
    }
    return _event("Service", ["ClusterName", "ServiceName"], metrics, ClusterName=cluster, ServiceName=service.name)


def _of_task(cluster: str, task: dict[str, Any]) -> dict[str, Any]:
    metrics = {**_sizes(task), **_usage()}
    family = task["taskDefinitionArn"].rpartition("/")[2].partition(":")[0]
    return _event("Task", ["ClusterName", "TaskDefinitionFamily"], metrics, **_names(cluster, task), TaskDefinitionFamily=family)


def _of_container(cluster: str, task: dict[str, Any], container: dict[str, Any]) -> dict[str, Any]:
    metrics = {**_sizes(container), **_usage()}
    return _event("Container", ["ClusterName"], metrics, **_names(cluster, task), ContainerName=container["name"])


def _of_instance(cluster: str, instance: Row) -> dict[str, Any]:
    tasks = orjson.loads(instance.work)["tasks"]
    metrics = {"number_of_running_tasks": (len(tasks), "Count")}
    names = {"ClusterName": cluster, "ContainerInstanceId": name_of(instance.id), "EC2InstanceId": instance.ec2_instance_id}
    return _event("Instance", ["ClusterName", "InstanceId", "ContainerInstanceId"], metrics, **names)


def _names(cluster: str, task: dict[str, Any]) -> dict[str, Any]:
    group = task.get("group", "")
    service = {"ServiceName": group.removeprefix("service:")} if group.startswith("service:") else {}
    return {"ClusterName": cluster, "TaskId": name_of(task["taskArn"]), "KnownStatus": task["lastStatus"], **service}


def _sizes(of: dict[str, Any]) -> dict[str, tuple[float, str]]:
    return {"CpuReserved": (float(of.get("cpu") or 0), "None"), "MemoryReserved": (float(of.get("memory") or 0), "Megabytes")}


def _usage() -> dict[str, tuple[float, str]]:
    """Of containers that do nothing."""
    return {
        "CpuUtilized": (0.0, "None"),
        "MemoryUtilized": (0.0, "Megabytes"),
        "NetworkRxBytes": (0.0, "Bytes/Second"),
        "NetworkTxBytes": (0.0, "Bytes/Second"),
        "StorageReadBytes": (0.0, "Bytes"),
        "StorageWriteBytes": (0.0, "Bytes"),
    }
