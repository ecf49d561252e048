"""ecs: tasks. RunTask and StartTask write rows, StopTask wishes one away; what happens to them then is controllers/ecs/tasks.py.

A task that ECS must act for outside (an interface, targets) counts as use of the linked role from the transaction that makes it (design D18), so these calls
hold the role; and RunTask does not make it when it is missing (service-linked-roles.md 2.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, select

from stead.aws import page_tokens
from stead.aws.call import Target
from stead.aws.errors import AwsError
from stead.aws.operation import Effect, operation
from stead.services.ecs import linked_role, passed_roles, placement, provider_rows, provider_strategy, tags, task_requests, task_rows
from stead.services.ecs.container_instances import active_cluster
from stead.services.ecs.instance_resources import needs_of
from stead.services.ecs.names import DEFAULT_CLUSTER, client_error, cluster_arn, invalid_parameter, name_of
from stead.services.ecs.task_definition_names import definition_arn, resolve
from stead.services.ecs.task_names import task_arn
from stead.services.ecs.words import check_words, page_size
from stead.store.ecs_tables import ecs_services, ecs_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.aws.call import Parameters, Result
    from stead.services.ecs.placement import Placement
    from stead.services.ecs.task_shapes import Wish
    from stead.store.context import Context
    from stead.store.engine import Row

    Keys = dict[str, str | tuple[str, ...]]

MAX_DESCRIBED = 100
BY_USER = "Task stopped by user"
_ONE = select(ecs_tasks).where(ecs_tasks.c.id == bindparam("arn"))
_BY_TOKEN = (
    select(ecs_tasks)
    .where(ecs_tasks.c.cluster_arn == bindparam("cluster"), ecs_tasks.c.client_token == bindparam("token"))
    .order_by(ecs_tasks.c.id)
)
_SERVICE = select(ecs_services.c.id).where(
    ecs_services.c.cluster_arn == bindparam("cluster"), ecs_services.c.name == bindparam("name"), ecs_services.c.status != "INACTIVE"
)


def _definition(context: Context, request: Parameters) -> Target:
    """Policies see the task definition; the cluster is a condition key (policy-evaluation.md 2.9)."""
    row = resolve(context, request["taskDefinition"])
    arn = definition_arn(context, request["taskDefinition"]) if row is None else row.arn
    document = {} if row is None else orjson.loads(row.document)
    return Target(arn, row=row, keys=_keys(context, request, document), tags_of="" if row is None else arn)


def _keys(context: Context, request: Parameters, definition: dict[str, Any]) -> Keys:
    """policy-evaluation.md 8.6."""
    home = f"arn:aws:ecs:{context.region}:{context.account_id}:"
    overrides = request.get("overrides") or {}
    keys: Keys = {
        **tags.request_keys(request),
        "ecs:cluster": cluster_arn(context, request.get("cluster")),
        "ecs:enable-execute-command": str(bool(request.get("enableExecuteCommand"))).lower(),
        "ecs:enable-ebs-volumes": str(bool(request.get("volumeConfigurations"))).lower(),
    }
    for member in ("cpu", "memory"):
        if size := overrides.get(member) or definition.get(member):
            keys[f"ecs:task-{member}"] = str(size)
    if providers := [item["capacityProvider"] for item in request.get("capacityProviderStrategy") or []]:
        keys["ecs:capacity-provider"] = tuple(f"{home}capacity-provider/{name}" for name in providers)
    if instances := request.get("containerInstances"):
        keys["ecs:container-instances"] = tuple(_instance_arn(context, keys["ecs:cluster"], one) for one in instances)
    return keys


def _handed_over(context: Context, request: Parameters) -> Iterator[tuple[str, Target]]:
    """Tags, and the roles that the tasks get: also those of the definition (aws-behaviour.md 10.1)."""
    cluster = cluster_arn(context, request.get("cluster"))
    if request.get("tags"):
        arn = f"{cluster.partition(':cluster/')[0]}:task/{name_of(cluster)}/*"
        yield "ecs:TagResource", Target(arn, keys={**tags.request_keys(request), "ecs:createaction": context.origin.operation})
    definition = {} if context.row is None else orjson.loads(context.row.document)
    yield from passed_roles.passing(context, task_requests.roles_of(request, definition))


def _prepare(context: Context, request: Parameters) -> None:
    """Everything that must be over before the transaction begins."""
    task_requests.check(context.origin.operation, request)
    cluster = active_cluster(context, cluster_arn(context, request.get("cluster")))
    definition = orjson.loads(task_requests.definition_of(context, request["taskDefinition"]).document)
    task_requests.check_roles(context, request)
    for kind in {provider_strategy.launch_type_of(name) for name in _providers(request, cluster, 1)} or {_launch_type(context, request)}:
        task_requests.check_against(request, kind, definition)
    context.noted["zones"] = task_requests.zones_of(context, task_requests.network_of(request))


@operation("ecs", "RunTask", Effect.WRITES, target=_definition, also=_handed_over, before=_prepare)
def run_task(context: Context, request: Parameters) -> Result:
    """Up to ten tasks; what cannot be placed is a failure, not an error."""
    cluster = active_cluster(context, cluster_arn(context, request.get("cluster")), held=True)
    if (again := _repeated(context, cluster.arn, request)) is not None:
        return again
    count = 1 if request.get("count") is None else request["count"]
    providers = _providers(request, cluster, count)
    made, failures = _Making(context, request, cluster.arn), []
    for number in range(count):
        provider = providers[number] if providers else None
        failures += made.one(provider_strategy.launch_type_of(provider) if provider else _launch_type(context, request), provider)
    return {"tasks": made.documents, "failures": failures}


@operation("ecs", "StartTask", Effect.WRITES, target=_definition, also=_handed_over, before=_prepare)
def start_task(context: Context, request: Parameters) -> Result:
    """One task on each of the instances named."""
    cluster = active_cluster(context, cluster_arn(context, request.get("cluster")), held=True)
    instances = request["containerInstances"] or []
    if not instances:
        raise client_error("Container Instances cannot be empty.")
    if len(instances) > task_requests.MAX_COUNT:  # the number is documented; our wording
        raise invalid_parameter(f"Container Instances can have at most {task_requests.MAX_COUNT} items.")
    made, failures = _Making(context, request, cluster.arn), []
    for reference in instances:
        failures += made.one("EC2", None, only=_instance_arn(context, cluster.arn, reference))
    return {"tasks": made.documents, "failures": failures}


class _Making:
    """The tasks of one request, as they are made."""

    def __init__(self, context: Context, request: Parameters, cluster: str) -> None:
        self._context = context
        self._request = request
        self._cluster = cluster
        self._definition: dict[str, Any] = orjson.loads(task_requests.definition_of(context, request["taskDefinition"]).document)
        self._role = linked_role.held(context) if task_requests.network_of(request) else None
        self._tags = _tags(context, request, self._definition["taskDefinitionArn"])
        self.documents: list[dict[str, Any]] = []

    def one(self, launch_type: str, provider: str | None, *, only: str | None = None) -> list[dict[str, str]]:
        """One task more, or why not."""
        instance = None
        if launch_type != "FARGATE":
            placed = self._placed(provider, only)
            if (instance := placed.instance) is None and not self._waits(provider):
                return [failure.answer() for failure in placed.failures] or self._nowhere(only)
        self._make(self._wish(launch_type, provider, instance))
        return []

    def _wish(self, launch_type: str, provider: str | None, instance: Row | None) -> Wish:
        return task_requests.wish(
            self._context,
            self._request,
            self._cluster,
            self._definition,
            launch_type=launch_type,
            capacity_provider=provider,
            container_instance=instance.id if instance else None,
            ec2_instance_id=instance.ec2_instance_id if instance else None,
            tags=self._tags,
            zones=self._context.noted["zones"],
        )

    def _make(self, wish: Wish) -> None:
        document = task_rows.make(self._context.writer, wish, self._role, self._context.now)
        self.documents.append({**document, "tags": tags.read(self._context, document["taskArn"])})

    def _placed(self, provider: str | None, only: str | None) -> Placement:
        request = self._request
        group = request.get("group") or f"family:{self._definition['family']}"
        rules = placement.Rules(request.get("placementConstraints") or (), request.get("placementStrategy") or (), group)
        needs = needs_of(self._definition, request.get("overrides"))
        return placement.choose(self._context.writer, self._cluster, needs, rules, provider=provider, only=None if only is None else {only})

    def _waits(self, provider: str | None) -> bool:
        """A task for a group that ECS scales is made, and waits for its instance (ecs-on-your-behalf.md 5.3)."""
        context = self._context
        return provider is not None and provider_rows.waits(context.db, context.account_id, context.region, provider)

    def _nowhere(self, only: str | None) -> list[dict[str, str]]:
        if only is None:
            raise invalid_parameter(placement.NO_INSTANCES)
        return [{"arn": only, "reason": "MISSING"}]


def _task(context: Context, request: Parameters) -> Target:
    return _task_target(context, cluster_arn(context, request.get("cluster")), request["task"])


def _task_target(context: Context, cluster: str, reference: str) -> Target:
    arn = task_arn(context, cluster, reference)
    row = context.db.first(_ONE, arn=arn)
    if row is not None and (row.account_id != context.account_id or row.cluster_arn != cluster):
        row = None
    return Target(arn, row=row, keys={"ecs:cluster": cluster}, tags_of=arn if row is not None else "")


@operation("ecs", "StopTask", Effect.WRITES, target=_task)
def stop_task(context: Context, request: Parameters) -> Result:
    """Wished away; its lastStatus stays for now [recorded]. The answer leaves out the tags (recorded-aws.md 11.4)."""
    active_cluster(context, cluster_arn(context, request.get("cluster")))
    row = None if context.row is None else task_rows.hold(context.writer, context.row.id)
    if row is None:
        raise invalid_parameter("The referenced task was not found.")  # reported
    document = task_rows.stop(context.writer, row, task_rows.USER_INITIATED, request.get("reason") or BY_USER, context.now)
    return {"task": {name: value for name, value in document.items() if name != "tags"}}


def _asked_for(context: Context, request: Parameters) -> Target:
    """The first task; the others are authorized in :func:`_the_others`."""
    if not request["tasks"]:
        raise invalid_parameter("Tasks cannot be empty.")
    if len(request["tasks"]) > MAX_DESCRIBED:  # documented; our wording
        raise invalid_parameter(f"Tasks can have at most {MAX_DESCRIBED} items.")
    cluster = cluster_arn(context, request.get("cluster"))
    context.noted["tasks"] = [_task_target(context, cluster, one) for one in dict.fromkeys(request["tasks"])]
    first: Target = context.noted["tasks"][0]
    return first


def _the_others(context: Context, _request: Parameters) -> Iterator[tuple[str, Target]]:
    for target in context.noted["tasks"][1:]:
        yield "ecs:DescribeTasks", target


@operation("ecs", "DescribeTasks", target=_asked_for, also=_the_others)
def describe_tasks(context: Context, request: Parameters) -> Result:
    """Tasks of any status; one that never was, or stopped long ago, is a failure, not an error."""
    check_words("DescribeTasks", request)
    active_cluster(context, cluster_arn(context, request.get("cluster")))
    with_tags = "TAGS" in (request.get("include") or [])
    found, missing = [], []
    for target in context.noted["tasks"]:
        if target.row is None:
            missing.append({"arn": target.arn, "reason": "MISSING"})
        else:
            shown = tags.read(context, target.arn) if with_tags else []
            found.append({**orjson.loads(target.row.document), "tags": shown})
    return {"tasks": found, "failures": missing}


def _listed(context: Context, request: Parameters) -> Target:
    """ListTasks has the container instance as its resource (policy-evaluation.md 8.6)."""
    cluster = cluster_arn(context, request.get("cluster"))
    instance = request.get("containerInstance")
    return Target(_instance_arn(context, cluster, instance) if instance else "*", keys={"ecs:cluster": cluster})


@operation("ecs", "ListTasks", target=_listed)
def list_tasks(context: Context, request: Parameters) -> Result:
    """By their ARNs. A desired status of PENDING is nobody's (documented)."""
    check_words("ListTasks", request)
    cluster = active_cluster(context, cluster_arn(context, request.get("cluster"))).arn
    count, after = page_size(request), _after(request.get("nextToken"))
    filters = [getattr(ecs_tasks.c, column) == value for column, value in _filters(context, request, cluster).items() if value is not None]
    page = select(ecs_tasks.c.id).where(ecs_tasks.c.cluster_arn == cluster, ecs_tasks.c.id > after, *filters)
    rows = context.db.all_now(page.order_by(ecs_tasks.c.id).limit(count + 1))
    shown = [row.id for row in rows[:count]]
    return {"taskArns": shown, "nextToken": page_tokens.token(shown[-1]) if len(rows) > count else None}


def _filters(context: Context, request: Parameters, cluster: str) -> dict[str, str | None]:
    instance, service = request.get("containerInstance"), request.get("serviceName")
    return {
        "desired_status": request.get("desiredStatus") or task_rows.RUNNING,
        "family": request.get("family"),
        "started_by": request.get("startedBy"),
        "launch_type": request.get("launchType"),
        "container_instance": _instance_arn(context, cluster, instance) if instance else None,
        "service_arn": _service(context, cluster, service) if service else None,
    }


def _service(context: Context, cluster: str, reference: str) -> str:
    row = context.db.first(_SERVICE, cluster=cluster, name=name_of(reference))
    if row is None:
        raise AwsError("ServiceNotFoundException", "Service not found.")
    arn: str = row.id
    return arn


def _instance_arn(context: Context, cluster: Any, reference: str) -> str:
    if reference.startswith("arn:"):
        return reference
    return f"arn:aws:ecs:{context.region}:{context.account_id}:container-instance/{name_of(cluster) or DEFAULT_CLUSTER}/{reference}"


def _launch_type(context: Context, request: Parameters) -> str:
    """StartTask names instances; RunTask's default is EC2 (recorded for services)."""
    return "EC2" if context.origin.operation == "StartTask" else request.get("launchType") or "EC2"


def _providers(request: Parameters, cluster: Row, count: int) -> list[str]:
    """The capacity provider of each task; none when a launch type was named, or instances."""
    if request.get("launchType") or "containerInstances" in request:
        return []
    if given := request.get("capacityProviderStrategy"):
        provider_strategy.check(given, orjson.loads(cluster.capacity_providers))
    strategy = given or orjson.loads(cluster.default_strategy)
    return provider_strategy.spread(strategy, count) if strategy else []


def _tags(context: Context, request: Parameters, definition: str) -> list[dict[str, str]]:
    propagated = tags.read(context, definition) if request.get("propagateTags") == "TASK_DEFINITION" else []
    own = {tag["key"]: tag["value"] for tag in (*propagated, *(request.get("tags") or []))}
    return [{"key": key, "value": value} for key, value in own.items()]


def _repeated(context: Context, cluster: str, request: Parameters) -> Result | None:
    """What the same token was answered before, as it is now; a request that differs in any way is a conflict (recorded-aws.md 11.4)."""
    if not request.get("clientToken"):
        return None
    rows = context.db.all(_BY_TOKEN, cluster=cluster, token=request["clientToken"])
    if not rows:
        return None
    if orjson.loads(rows[0].work)["request"] != task_requests.literal(request):  # our wording
        raise AwsError("ConflictException", "The clientToken is already in use with a different RunTask request.")
    return {"tasks": [{**orjson.loads(row.document), "tags": tags.read(context, row.id)} for row in rows], "failures": []}


def _after(token: str | None) -> str:
    try:
        return page_tokens.key_of(token or "")
    except ValueError as error:
        raise invalid_parameter("Invalid token.") from error  # our wording, as for clusters
