"""ecs: ExecuteCommand, up to the session that Systems Manager opens (ecs-on-your-behalf.md 7).

The caller must be allowed both the cluster and the task. The session is opened with the linked role, so a user who may not call ssm:StartSession can
still use it. Before that ECS looks at the sessions that are open [inferred: the policy has ssm:DescribeSessions, its use is not documented].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, select

from stead.aws.call import Target
from stead.aws.errors import AwsError
from stead.aws.operation import Effect, operation
from stead.services.ecs import linked_role
from stead.services.ecs.container_instances import active_cluster
from stead.services.ecs.names import client_error, cluster_arn, invalid_parameter, name_of
from stead.services.ecs.task_names import task_arn
from stead.store.ecs_tables import ecs_tasks
from stead.store.tables import clusters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context

SESSION = "ecs-execute-command"  # AWS's name for it is not established
DOCUMENT = "AmazonECS-ExecuteInteractiveCommand"
AGENT = "ExecuteCommandAgent"
_NOT_ENABLED = (  # reported
    "The execute command failed because execute command was not enabled when the task was run or the execute command agent isn't running."
    " Wait and try again or run a new task with execute command enabled and try again."
)
_NOT_CONNECTED = "The execute command failed due to an internal error. Try again later."  # reported
_CLUSTER = select(clusters).where(clusters.c.arn == bindparam("arn"), clusters.c.account_id == bindparam("account"))
_TASK = select(ecs_tasks).where(ecs_tasks.c.id == bindparam("arn"), ecs_tasks.c.account_id == bindparam("account"))


def _keys(context: Context, request: Parameters) -> dict[str, str]:
    """policy-evaluation.md 8.6."""
    cluster = cluster_arn(context, request.get("cluster"))
    keys = {"ecs:cluster": cluster, "ecs:task": task_arn(context, cluster, request["task"])}
    return {**keys, "ecs:container-name": request["container"]} if request.get("container") else keys


def _in_cluster(context: Context, request: Parameters) -> Target:
    arn = cluster_arn(context, request.get("cluster"))
    row = context.db.first(_CLUSTER, arn=arn, account=context.account_id)
    return Target(arn, row=row, keys=_keys(context, request), tags_of=arn if row is not None else "")


def _on_task(context: Context, request: Parameters) -> Iterator[tuple[str, Target]]:
    """The second resource: both must be allowed (policy-evaluation.md 2.9)."""
    keys = _keys(context, request)
    row = context.db.first(_TASK, arn=keys["ecs:task"], account=context.account_id)
    yield "ecs:ExecuteCommand", Target(keys["ecs:task"], row=row, keys=keys, tags_of=keys["ecs:task"] if row is not None else "")


@operation("ecs", "ExecuteCommand", Effect.FORWARDS, target=_in_cluster, also=_on_task)
def execute_command(context: Context, request: Parameters) -> Result:
    """The session in which the command runs."""
    cluster = active_cluster(context, cluster_arn(context, request.get("cluster"))).arn
    task = _task(context, cluster, request)
    container = _container(task, request.get("container"))
    target = f"ecs:{name_of(cluster)}_{name_of(task['taskArn'])}_{container['runtimeId']}"
    opened = _open(context, target, request["command"])
    return {
        "clusterArn": cluster,
        "containerArn": container["containerArn"],
        "containerName": container["name"],
        "interactive": request["interactive"],
        "session": {"sessionId": opened["SessionId"], "streamUrl": opened["StreamUrl"], "tokenValue": opened["TokenValue"]},
        "taskArn": task["taskArn"],
    }


def _task(context: Context, cluster: str, request: Parameters) -> dict[str, Any]:
    if not request["interactive"]:
        raise invalid_parameter("Interactive must be set to true.")  # the model's rule, our wording
    if not request["command"]:
        raise invalid_parameter("Command cannot be empty.")  # our wording
    row = context.db.first(_TASK, arn=task_arn(context, cluster, request["task"]), account=context.account_id)
    if row is None or row.cluster_arn != cluster:
        raise invalid_parameter("The referenced task was not found.")  # reported for StopTask
    if row.last_status != "RUNNING":
        raise invalid_parameter(_NOT_ENABLED)
    task: dict[str, Any] = orjson.loads(row.document)
    return task


def _container(task: dict[str, Any], name: str | None) -> dict[str, Any]:
    """The named one, or the only one; its agent must run."""
    found = [one for one in task["containers"] if name in {None, one["name"]}]
    if name is None and len(found) > 1:  # the model's rule, our wording
        raise invalid_parameter("A container name must be specified, because the task has more than one container.")
    if not found:
        raise invalid_parameter("The specified container was not found in the task.")  # our wording
    (container,) = found
    agent = next((one for one in container.get("managedAgents") or () if one["name"] == AGENT), None)
    if not task.get("enableExecuteCommand") or agent is None:
        raise invalid_parameter(_NOT_ENABLED)
    if agent["lastStatus"] != "RUNNING" or container["lastStatus"] != "RUNNING" or "runtimeId" not in container:
        raise AwsError("TargetNotConnectedException", _NOT_CONNECTED)
    result: dict[str, Any] = container
    return result


def _open(context: Context, target: str, command: str) -> Result:
    """With the role. What it may not is told as AWS tells of a failed session [inferred]."""
    caller = linked_role.assume(context, SESSION)
    filters = [{"key": "Target", "value": target}]
    try:
        context.call("ssm", "DescribeSessions", {"State": "Active", "Filters": filters}, caller=caller)
        parameters = {"Target": target, "DocumentName": DOCUMENT, "Parameters": {"command": [command]}}
        return context.call("ssm", "StartSession", parameters, caller=caller)
    except AwsError as error:
        if error.code == "TargetNotConnected":
            raise AwsError("TargetNotConnectedException", _NOT_CONNECTED) from error
        if error.status >= 500:
            raise
        raise client_error(error.message) from error
