"""ecs: container instances: registered by their agent, described, drained, deregistered (ecs-on-your-behalf.md 8.4).

What tasks took of an instance stands in its row (placement.py); its attributes are rows of their own, which PutAttributes changes too. A
deregistered instance stays INACTIVE for a while. That its EC2 instance ended is found out by ``controllers/ecs/container_instances.py``.
"""

from __future__ import annotations

import secrets
from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, delete, select, update

from stead.aws import page_tokens
from stead.aws.call import Target
from stead.aws.operation import Effect, operation
from stead.services.ecs import attributes, placement, query_language, tags, task_rows
from stead.services.ecs.instance_shapes import INCLUDES, answer, attributes_of, document, failure, home, identity, instance_arn
from stead.services.ecs.names import client_error, cluster_arn, cluster_not_found, invalid_parameter
from stead.services.ecs.placement import ACTIVE, DRAINING, INACTIVE
from stead.services.ecs.words import MAX_RESULTS, page_size
from stead.store.ecs_tables import container_instances, ecs_attributes, ecs_services, ecs_tasks
from stead.store.tables import clusters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row, Writer

MAX_CHANGED = 10  # of one UpdateContainerInstancesState (API reference)
TERMINATION = "TerminationNotice"  # of the stop codes the one that fits an instance that ends [inferred]
FORCED = "Container instance deregistration forced by user"
TERMINATED = "Host EC2 (instance {}) terminated."
_STATES = (ACTIVE, DRAINING)
_LISTED = ("ACTIVE", "DRAINING", "REGISTERING", "DEREGISTERING", "REGISTRATION_FAILED")
_CLUSTER = select(clusters).where(clusters.c.arn == bindparam("arn"), clusters.c.account_id == bindparam("account"))
_HOLD_CLUSTER = _CLUSTER.with_for_update(read=True)
_ONE = select(container_instances).where(
    container_instances.c.id == bindparam("arn"), container_instances.c.account_id == bindparam("account")
)
_OF_EC2 = select(container_instances).where(
    container_instances.c.cluster_arn == bindparam("cluster"),
    container_instances.c.ec2_instance_id == bindparam("instance"),
    container_instances.c.status != INACTIVE,
)
_CHANGE = (
    update(container_instances)
    .where(container_instances.c.id == bindparam("arn"))
    .values(status=bindparam("new_status"), document=bindparam("new_document"), due=bindparam("new_due"))
)
_PAGE = (
    select(container_instances.c.id, container_instances.c.status)
    .where(container_instances.c.cluster_arn == bindparam("cluster"), container_instances.c.status != INACTIVE)
    .where(container_instances.c.id > bindparam("after"))
    .order_by(container_instances.c.id)
)
_PAGE_OF_STATUS = _PAGE.where(container_instances.c.status == bindparam("status"))
_TASKS = select(ecs_tasks).where(ecs_tasks.c.container_instance == bindparam("arn"), ecs_tasks.c.last_status != "STOPPED").with_for_update()
_REMOVE_ATTRIBUTES = delete(ecs_attributes).where(ecs_attributes.c.target_id == bindparam("arn"))
_WAKE_SERVICES = (
    update(ecs_services)
    .where(
        ecs_services.c.id.in_(
            select(ecs_tasks.c.service_arn).where(ecs_tasks.c.container_instance == bindparam("arn"), ecs_tasks.c.last_status != "STOPPED")
        )
    )
    .values(due=bindparam("now"))
)
_PENDING = frozenset({"PROVISIONING", "PENDING", "ACTIVATING"})


def _of_cluster(context: Context, request: Parameters) -> Target:
    arn = cluster_arn(context, request.get("cluster"))
    row = context.db.first(_CLUSTER, arn=arn, account=context.account_id)
    return Target(arn, row=row, tags_of=arn if row is not None else "")


def _registering(context: Context, request: Parameters) -> Target:
    target = _of_cluster(context, request)
    return Target(target.arn, row=target.row, keys=tags.request_keys(request), tags_of=target.tags_of)


def _tagging(context: Context, request: Parameters) -> Iterator[tuple[str, Target]]:
    """The tags are the instance's, which has no ARN yet."""
    target = context.target
    assert target is not None
    if request.get("tags"):
        keys = {**tags.request_keys(request), "ecs:createaction": context.origin.operation}
        yield "ecs:TagResource", Target(f"{home(target.arn)}*", keys=keys)


def _instance(context: Context, request: Parameters, reference: str) -> Target:
    cluster = cluster_arn(context, request.get("cluster"))
    arn = instance_arn(context, cluster, reference)
    row = context.db.first(_ONE, arn=arn, account=context.account_id)
    row = row if row is not None and row.cluster_arn == cluster else None
    return Target(arn, row=row, keys={"ecs:cluster": cluster}, tags_of=arn if row is not None else "")


def _one(context: Context, request: Parameters) -> Target:
    return _instance(context, request, request["containerInstance"])


def _several(context: Context, request: Parameters) -> Target:
    """The first; all of them are looked up here, once, and the others are authorized in :func:`_the_others`."""
    references = list(dict.fromkeys(request["containerInstances"]))
    if not references:
        raise invalid_parameter("Container instance cannot be empty.")  # our wording
    if len(references) > MAX_RESULTS:
        raise invalid_parameter(f"containerInstances can have at most {MAX_RESULTS} items.")  # our wording
    context.noted["instances"] = found = [_instance(context, request, reference) for reference in references]
    return found[0]


def _the_others(context: Context, _request: Parameters) -> Iterator[tuple[str, Target]]:
    for target in context.noted["instances"][1:]:
        yield f"ecs:{context.origin.operation}", target


def active_cluster(context: Context, arn: str, *, held: bool = False) -> Row:
    """The cluster, or the refusal when there is none or no more; held against its deletion while something is put into it."""
    row = context.db.first(_HOLD_CLUSTER if held else _CLUSTER, arn=arn, account=context.account_id)
    if row is None or row.status != ACTIVE:
        raise cluster_not_found()
    return row


@operation("ecs", "RegisterContainerInstance", Effect.WRITES, target=_registering, also=_tagging)
def register_container_instance(context: Context, request: Parameters) -> Result:
    """A new instance; or one that its agent registers again, with what it says now."""
    assert context.target is not None
    cluster, told = active_cluster(context, context.target.arn, held=True), identity(request)
    tags.check(request.get("tags") or [])
    there = _registered(context, cluster.arn, request, told)
    arn = there.id if there is not None else f"{home(cluster.arn)}{secrets.token_hex(16)}"
    version = orjson.loads(there.document)["version"] + 1 if there is not None else 1
    stored = document(request, arn, told, context.now, version)
    if there is None:
        _insert(context, cluster.arn, stored, told.get("instanceId"))
    else:
        _change(context.writer, there, ACTIVE, stored, context.now)
    attributes.write(context.writer, cluster.arn, arn, attributes_of(request, told))
    tags.write(context, arn, request.get("tags") or [])
    context.writer.wake_runner()
    return {"containerInstance": _shown(context, [_reread(context, arn)], with_tags=True)[0]}


@operation("ecs", "DeregisterContainerInstance", Effect.WRITES, target=_of_cluster)
def deregister_container_instance(context: Context, request: Parameters) -> Result:
    """INACTIVE; with ``force`` the tasks on it are let go."""
    assert context.target is not None
    active_cluster(context, context.target.arn)
    row = _held(context, instance_arn(context, context.target.arn, request["containerInstance"]))
    if row is None or row.cluster_arn != context.target.arn or row.status == INACTIVE:
        raise client_error("Referenced container instance not found.")  # our wording
    if context.db.all(_TASKS, arn=row.id) and not request.get("force"):
        raise invalid_parameter("Found running tasks on the instance.")  # reported, aws/aws-cli#2485
    deregister(context.writer, row, FORCED, context.now)
    return {"containerInstance": _shown(context, [_reread(context, row.id)], with_tags=False)[0]}


@operation("ecs", "DescribeContainerInstances", target=_several, also=_the_others)
def describe_container_instances(context: Context, request: Parameters) -> Result:
    """Instances of any status; one that is not there is a failure, not an error."""
    include = _included(request)
    active_cluster(context, cluster_arn(context, request.get("cluster")))
    targets: list[Target] = context.noted["instances"]
    rows = [target.row for target in targets if target.row is not None]
    shown = _shown(context, rows, with_tags="TAGS" in include, health="CONTAINER_INSTANCE_HEALTH" in include)
    return {"containerInstances": shown, "failures": [failure(target.arn, "MISSING") for target in targets if target.row is None]}


@operation("ecs", "ListContainerInstances", target=_of_cluster)
def list_container_instances(context: Context, request: Parameters) -> Result:
    """The ARNs of one page: of a status, and of those that the filter's expression holds for."""
    assert context.target is not None
    count, after, status = page_size(request), _after(request.get("nextToken")), request.get("status")
    if status not in {None, *_LISTED}:
        raise invalid_parameter(f"Container instance status should be one of [{','.join(_LISTED)}]")  # wording of a recorded kind
    cluster = active_cluster(context, context.target.arn)
    asked = {"cluster": cluster.arn, "after": after, **({"status": status} if status else {})}
    arns = [row.id for row in context.db.all(_PAGE_OF_STATUS if status else _PAGE, **asked)]
    if request.get("filter"):
        test, facts = query_language.parse(request["filter"]), placement.facts_of(context.db, cluster.arn)
        arns = [arn for arn in arns if arn in facts and test(facts[arn])]
    return {"containerInstanceArns": arns[:count], "nextToken": page_tokens.token(arns[count - 1]) if len(arns) > count else None}


@operation("ecs", "UpdateContainerInstancesState", Effect.WRITES, target=_several, also=_the_others)
def update_container_instances_state(context: Context, request: Parameters) -> Result:
    """ACTIVE or DRAINING: no new tasks, and the services take theirs away as their deployments allow."""
    if request["status"] not in _STATES:
        raise invalid_parameter(f"Container instance status should be one of [{','.join(_STATES)}]")  # wording of a recorded kind
    targets: list[Target] = context.noted["instances"]
    if len(targets) > MAX_CHANGED:
        raise invalid_parameter(f"containerInstances can have at most {MAX_CHANGED} items.")  # our wording
    active_cluster(context, cluster_arn(context, request.get("cluster")))
    failures = [failure(target.arn, reason) for target in targets if (reason := _unchangeable(target.row))]
    refused = {one["arn"] for one in failures}
    rows = [_to_state(context, target.arn, request["status"]) for target in targets if target.arn not in refused]
    return {"containerInstances": _shown(context, rows, with_tags=False), "failures": failures}


def deregister(db: Writer, row: Row, reason: str, now: int) -> None:
    """Take the held instance out of its cluster; its tasks are wished away for ``reason``."""
    for task in db.all(_TASKS, arn=row.id):
        task_rows.stop(db, task, task_rows.USER_INITIATED if reason == FORCED else TERMINATION, reason, now)
    stored = {**orjson.loads(row.document), "agentConnected": False}
    stored["version"] += 1
    _change(db, row, INACTIVE, stored, now)
    db.run(_REMOVE_ATTRIBUTES, arn=row.id)
    db.wake_runner()


def _registered(context: Context, cluster: str, request: Parameters, told: dict[str, str]) -> Row | None:
    """The instance that registers again: it says its ARN, or its EC2 instance has one in the cluster [inferred]."""
    if request.get("containerInstanceArn"):
        row = _held(context, instance_arn(context, cluster, request["containerInstanceArn"]))
        if row is None or row.cluster_arn != cluster or row.status == INACTIVE:
            raise client_error("Referenced container instance not found.")  # our wording
        return row
    found = context.db.first(_OF_EC2, cluster=cluster, instance=told["instanceId"]) if told.get("instanceId") else None
    return None if found is None else _held(context, found.id)


def _insert(context: Context, cluster: str, stored: dict[str, Any], ec2_instance: str | None) -> None:
    context.writer.insert(
        container_instances,
        id=stored["containerInstanceArn"],
        account_id=context.account_id,
        region=context.region,
        cluster_arn=cluster,
        ec2_instance_id=ec2_instance,
        status=ACTIVE,
        document=orjson.dumps(stored).decode(),
        work=orjson.dumps({"tasks": {}}).decode(),
        registered=context.now,
        due=context.now,
        lease=0,
    )


def _to_state(context: Context, arn: str, status: str) -> Row:
    row = _held(context, arn)
    assert row is not None
    if row.status != status:
        stored = orjson.loads(row.document)
        stored["version"] += 1
        _change(context.writer, row, status, stored, context.now)
        context.writer.run(_WAKE_SERVICES, arn=arn, now=context.now)
        context.writer.wake_runner()
    return _reread(context, arn)


def _unchangeable(row: Row | None) -> str:
    if row is None:
        return "MISSING"
    return "INACTIVE" if row.status == INACTIVE else ""


def _held(context: Context, arn: str) -> Row | None:
    row = context.db.first(placement.HOLD, arn=arn)
    return row if row is not None and row.account_id == context.account_id else None


def _change(db: Writer, row: Row, status: str, stored: dict[str, Any], due: int) -> None:
    db.run(_CHANGE, arn=row.id, new_status=status, new_document=orjson.dumps(stored).decode(), new_due=due)


def _reread(context: Context, arn: str) -> Row:
    return context.db.first(_ONE, arn=arn, account=context.account_id)


def _shown(context: Context, rows: list[Row], *, with_tags: bool, health: bool = False) -> list[dict[str, Any]]:
    """Attributes and counts are read once for all."""
    arns = [row.id for row in rows]
    listed: dict[str, list[dict[str, str | None]]] = {}
    counts: dict[str, Counter[bool]] = {}
    if arns:
        for one in context.db.all_now(select(ecs_attributes).where(ecs_attributes.c.target_id.in_(arns)).order_by(ecs_attributes.c.name)):
            listed.setdefault(one.target_id, []).append({"name": one.name, "value": one.value})
        there = select(ecs_tasks.c.container_instance, ecs_tasks.c.last_status).where(ecs_tasks.c.container_instance.in_(arns))
        for task in context.db.all_now(there.where(ecs_tasks.c.last_status != "STOPPED")):
            counts.setdefault(task.container_instance, Counter())[task.last_status in _PENDING] += 1
    return [
        answer(
            row,
            listed.get(row.id, []),
            counts.get(row.id, Counter()),
            tags.read(context, row.id) if with_tags else [],
            health=health,
        )
        for row in rows
    ]


def _included(request: Parameters) -> list[str]:
    include: list[str] = request.get("include") or []
    if not set(INCLUDES).issuperset(include):
        raise invalid_parameter(f"include should be one of [{','.join(sorted(INCLUDES))}]")  # recorded for clusters
    return include


def _after(token: str | None) -> str:
    try:
        return page_tokens.key_of(token or "")
    except ValueError as error:
        raise invalid_parameter("Invalid token.") from error  # our wording
