"""ecs: what a container agent reports. The simulated runtime reports nothing; whoever registers an instance by hand can speak for its agent.

A report is written into the task's document as the agent says it, and the task's controller goes on from there: a stopped essential container stops
its task. What becomes of a network interface ECS learns from EC2 (controllers/ecs/network_interfaces.py), so such a report is only acknowledged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, select

from stead.aws.arn import parse_arn
from stead.aws.call import Target
from stead.aws.errors import AwsError
from stead.aws.operation import Effect, operation
from stead.services.ecs import task_rows
from stead.services.ecs.container_instances import active_cluster
from stead.services.ecs.instance_shapes import instance_arn
from stead.services.ecs.names import check_arn, client_error, cluster_arn, invalid_parameter
from stead.services.ecs.words import check_words
from stead.store.ecs_tables import container_instances
from stead.store.tables import clusters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row

ACKNOWLEDGED = "ACCEPT"  # the text AWS answers is not published; agents do not read it
_STATES = ("PENDING", "RUNNING", "STOPPED")  # those that change something; the agent's others are on the way
_OF_A_CONTAINER = ("exitCode", "reason", "runtimeId", "imageDigest", "networkBindings")
_OF_A_TASK = ("pullStartedAt", "pullStoppedAt", "executionStoppedAt")
_CLUSTER = select(clusters).where(clusters.c.arn == bindparam("arn"), clusters.c.account_id == bindparam("account"))
_INSTANCE = select(container_instances).where(
    container_instances.c.id == bindparam("arn"),
    container_instances.c.account_id == bindparam("account"),
    container_instances.c.status != "INACTIVE",
)


def _of_cluster(context: Context, request: Parameters) -> Target:
    arn = cluster_arn(context, request.get("cluster"))
    row = context.db.first(_CLUSTER, arn=arn, account=context.account_id)
    return Target(arn, row=row, tags_of=arn if row is not None else "")


def _instance(context: Context, request: Parameters) -> Target:
    cluster = cluster_arn(context, request.get("cluster"))
    arn = instance_arn(context, cluster, request["containerInstance"])
    row = context.db.first(_INSTANCE, arn=arn, account=context.account_id)
    return Target(arn, row=row, keys={"ecs:cluster": cluster}, tags_of=arn if row is not None else "")


@operation("ecs", "SubmitContainerStateChange", Effect.WRITES, target=_of_cluster)
def submit_container_state_change(context: Context, request: Parameters) -> Result:
    """One container changed."""
    row, document, kept = _task(context, request)
    _report_container(document, request.get("containerName"), request)
    return _written(context, row, document, kept)


@operation("ecs", "SubmitTaskStateChange", Effect.WRITES, target=_of_cluster)
def submit_task_state_change(context: Context, request: Parameters) -> Result:
    """A task changed, and its containers with it; one that is said to be STOPPED is wished away if nobody did that yet."""
    check_words("SubmitTaskStateChange", request)
    row, document, kept = _task(context, request)
    for one in request.get("containers") or ():
        _report_container(document, one.get("containerName"), one)
    for one in request.get("managedAgents") or ():
        _report_agent(document, one)
    document.update({name: request[name] for name in _OF_A_TASK if request.get(name) is not None})
    if request.get("status") == "STOPPED":
        for container in document["containers"]:
            container["lastStatus"] = "STOPPED"
        if document["desiredStatus"] != task_rows.STOPPED:
            reason = request.get("reason") or "Essential container in task exited"
            task_rows.wish_away(document, task_rows.ESSENTIAL_EXITED, reason, context.now)
    return _written(context, row, document, kept)


@operation("ecs", "SubmitAttachmentStateChanges", Effect.WRITES, target=_of_cluster)
def submit_attachment_state_changes(context: Context, _request: Parameters) -> Result:
    """Acknowledged."""
    assert context.target is not None
    active_cluster(context, context.target.arn)
    return {"acknowledgment": ACKNOWLEDGED}


@operation("ecs", "UpdateContainerAgent", Effect.WRITES, target=_instance)
def update_container_agent(context: Context, request: Parameters) -> Result:
    """There is never a newer agent than none."""
    active_cluster(context, cluster_arn(context, request.get("cluster")))
    if context.row is None:
        raise client_error("Referenced container instance not found.")  # our wording
    raise AwsError("NoUpdateAvailableException", "There is no update available for your container agent.")


def _task(context: Context, request: Parameters) -> tuple[Row, dict[str, Any], dict[str, Any]]:
    assert context.target is not None
    cluster = active_cluster(context, context.target.arn).arn
    row = task_rows.hold(context.writer, _task_arn(context, cluster, request.get("task") or ""))
    if row is None or row.cluster_arn != cluster:
        raise invalid_parameter("The referenced task was not found.")  # reported for StopTask
    return row, orjson.loads(row.document), orjson.loads(row.work)


def _task_arn(context: Context, cluster: str, reference: str) -> str:
    arn = parse_arn(reference)
    if arn is None:
        return f"{cluster.replace(':cluster/', ':task/')}/{reference}"
    check_arn(context, arn)
    return reference


def _report_container(document: dict[str, Any], name: str | None, report: Mapping[str, Any]) -> None:
    container = next((one for one in document["containers"] if one["name"] == name), None)
    if container is None:
        raise invalid_parameter(f"The container {name} is not in the task.")  # our wording
    container.update({member: report[member] for member in _OF_A_CONTAINER if report.get(member) is not None})
    if report.get("status") in _STATES:
        container["lastStatus"] = report["status"]


def _report_agent(document: dict[str, Any], report: Mapping[str, Any]) -> None:
    for container in document["containers"]:
        for agent in container.get("managedAgents") or ():
            if container["name"] == report["containerName"] and agent["name"] == report["managedAgentName"]:
                agent.update({"lastStatus": report["status"], "reason": report.get("reason")})


def _written(context: Context, row: Row, document: dict[str, Any], kept: dict[str, Any]) -> Result:
    if document != orjson.loads(row.document):
        document["version"] += 1
        task_rows.save(context.writer, row.id, document, kept)
        task_rows.wake(context.writer, row.id, context.now)
    return {"acknowledgment": ACKNOWLEDGED}
