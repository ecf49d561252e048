"""ecs: services, per cluster. The calls write what is wished; ``controllers/ecs/services.py`` makes it so.

CreateService and UpdateService make the missing linked role in the caller's name (design D14). Then, before their transaction, they show that ECS can
act with the role, if the service needs it, and ask the neighbours about what is given. In the transaction the cluster's row is held, so that it is not
deleted meanwhile, and the service's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, delete, select

from stead.aws import page_tokens
from stead.aws.call import Target
from stead.aws.errors import AwsError
from stead.aws.operation import Effect, operation
from stead.services.ecs import (
    linked_role,
    passed_roles,
    provider_strategy,
    service_keys,
    service_names,
    service_neighbours,
    service_rows,
    service_rules,
    service_shapes,
    tags,
    task_definition_names,
    task_requests,
)
from stead.services.ecs.names import client_error, cluster_arn, cluster_not_found, invalid_parameter
from stead.services.ecs.service_rows import ACTIVE, DRAINING, INACTIVE, Service
from stead.services.ecs.words import check_words, page_size, without_nulls
from stead.store.ecs_tables import ecs_services
from stead.store.tables import clusters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row

MAX_DESCRIBED = 10
_CLUSTER = select(clusters).where(clusters.c.arn == bindparam("key"), clusters.c.account_id == bindparam("account"))
_HOLD_CLUSTER = _CLUSTER.with_for_update(read=True)
_REMOVE = delete(ecs_services).where(ecs_services.c.id == bindparam("arn"))
_PAGE = (
    select(ecs_services.c.id, ecs_services.c.name)
    .where(
        ecs_services.c.cluster_arn == bindparam("cluster"),
        ecs_services.c.status == ACTIVE,
        ecs_services.c.name > bindparam("after"),
        (ecs_services.c.launch_type == bindparam("launch_type")) | (bindparam("launch_type") == ""),
        (ecs_services.c.scheduling_strategy == bindparam("strategy")) | (bindparam("strategy") == ""),
    )
    .order_by(ecs_services.c.name)
    .limit(bindparam("count"))
)


def _to_be(context: Context, request: Parameters) -> Target:
    home = cluster_arn(context, request.get("cluster"))
    return _target(context, request, service_names.of_cluster(home, service_names.checked_name(request["serviceName"])))


def _named(context: Context, request: Parameters) -> Target:
    return _target(context, request, service_names.service_arn(context, request.get("cluster"), request["service"]))


def _target(context: Context, request: Parameters, arn: str) -> Target:
    row = context.db.first(service_rows.FIND, arn=arn, account=context.account_id)
    return Target(arn, row=row, keys=service_keys.of(context, request, arn), tags_of=arn if row is not None else "")


def _creating(context: Context, request: Parameters) -> Iterator[tuple[str, Target]]:
    yield from tags.on_create(context, request)
    yield from passed_roles.passing(context, [request.get("role")], passed_roles.ECS)


def _prepare_creation(context: Context, request: Parameters) -> None:
    """Everything of CreateService that must be over before its transaction begins."""
    request = without_nulls(request)
    cluster = _living_cluster(context.db.first(_CLUSTER, key=_home(context), account=context.account_id))
    service_rules.check("CreateService", request)
    tags.check(request.get("tags") or [])
    definition = _definition(context, request.get("taskDefinition"))
    wish = _launched(cluster, request)
    service_rules.check_definition(wish, definition)
    service_rules.check_role(request, definition)
    linked_role.make_if_missing(context)
    context.noted.update(wish=wish, definition=definition)
    _ask_neighbours(context, wish, definition)


@operation("ecs", "CreateService", Effect.WRITES, target=_to_be, also=_creating, before=_prepare_creation)
def create_service(context: Context, request: Parameters) -> Result:
    """A new service, or the one that the same call with the same token made."""
    role = linked_role.hold(context)
    _hold_cluster(context)
    arn, wish = _arn(context), context.noted["wish"]
    there = service_rows.hold(context.writer, arn)
    if there is not None and there.document["status"] != INACTIVE:
        return _repeated(context, there, wish)
    if there is not None:
        context.writer.run(_REMOVE, arn=arn)
        tags.remove_all(context, arn)
    definition = context.noted["definition"]
    serving = _serving_role(context, wish, definition, None if role is None else linked_role.role_arn(role))
    document = service_shapes.document(wish, arn, definition, role_arn=serving, creator=context.caller.arn, now=context.now)
    deployment = service_shapes.deployment(document, definition, context.noted["zones"], context.now)
    made = Service(None, document, [deployment], [], {})
    _insert(context, made, wish)
    tags.write(context, arn, request.get("tags") or [])
    return {"service": service_shapes.answer(made, {}, tags.read(context, arn))}


def _prepare_update(context: Context, request: Parameters) -> None:
    """The same of UpdateService."""
    request = without_nulls(request)
    cluster = _living_cluster(context.db.first(_CLUSTER, key=_home(context), account=context.account_id))
    service_rules.check("UpdateService", request)
    if request.get("capacityProviderStrategy"):
        request = _launched(cluster, request)
    current = _active(Service.of(context.row) if context.row is not None else None)
    definition = _definition(
        context, request.get("taskDefinition") or current.document["taskDefinition"], is_new="taskDefinition" in request
    )
    wish = {**current.document, **service_shapes.wished(request)}
    service_rules.check_definition(wish, definition)
    linked_role.make_if_missing(context)
    context.noted.update(changes=request, definition=definition)
    if request.keys() & service_shapes.DEPLOYED or request.get("forceNewDeployment"):
        _ask_neighbours(context, wish, definition)


@operation("ecs", "UpdateService", Effect.WRITES, target=_named, before=_prepare_update)
def update_service(context: Context, _request: Parameters) -> Result:
    """What is given changes; a new deployment begins if its tasks would be others (the service model's words), or if it is forced."""
    linked_role.hold(context)
    _hold_cluster(context)
    service = _active(service_rows.hold(context.writer, _arn(context)))
    counts = service_rows.counts(context.db, service.arn)
    service_shapes.change(service, context.noted["changes"], context.noted["definition"], context.noted.get("zones", {}), context.now)
    service_rows.save(context.writer, service)
    service_rows.wake(context.writer, service.arn, context.now)
    return {"service": service_shapes.answer(service, counts, tags.read(context, service.arn))}


@operation("ecs", "DeleteService", Effect.WRITES, target=_named)
def delete_service(context: Context, request: Parameters) -> Result:
    """DRAINING until its tasks are gone; a second call finds it so [recorded]."""
    _existing_cluster(context)
    service = service_rows.hold(context.writer, _arn(context))
    if service is None or service.document["status"] == INACTIVE:
        raise AwsError("ServiceNotFoundException", "")  # recorded, with this message
    counts = service_rows.counts(context.db, service.arn)
    if service.document["status"] == ACTIVE:
        _check_scaled_down(service, force=bool(request.get("force")))
        service_shapes.drain(service, context.now)
        service_rows.save(context.writer, service)
        service_rows.wake(context.writer, service.arn, context.now)
    return {"service": service_shapes.answer(service, counts, tags.read(context, service.arn))}


def _asked_for(context: Context, request: Parameters) -> Target:
    """The first service; all are looked up here, once, and the others are authorized in :func:`_the_others`."""
    names = request.get("services") or []
    if not names:
        raise invalid_parameter("Services cannot be empty.")  # as reported of tasks
    if len(names) > MAX_DESCRIBED:  # documented; our wording
        raise invalid_parameter(f"Services can have at most {MAX_DESCRIBED} items.")
    arns = dict.fromkeys(service_names.service_arn(context, request.get("cluster"), name) for name in names)
    context.noted["services"] = [_target(context, request, arn) for arn in arns]
    first: Target = context.noted["services"][0]
    return first


def _the_others(context: Context, _request: Parameters) -> Iterator[tuple[str, Target]]:
    """One check for each service named (policy-evaluation.md 2.9)."""
    for target in context.noted["services"][1:]:
        yield "ecs:DescribeServices", target


@operation("ecs", "DescribeServices", target=_asked_for, also=_the_others)
def describe_services(context: Context, request: Parameters) -> Result:
    """Services of any status; one that never was is a failure, not an error."""
    check_words("DescribeServices", without_nulls(request))
    _existing_cluster(context)
    with_tags = "TAGS" in (request.get("include") or [])
    found, missing = [], []
    for target in context.noted["services"]:
        if target.row is None:
            missing.append({"arn": target.arn, "reason": "MISSING"})
        else:
            shown = tags.read(context, target.arn) if with_tags else None
            found.append(service_shapes.answer(Service.of(target.row), service_rows.counts(context.db, target.arn), shown))
    return {"services": found, "failures": missing}


def _of_cluster(context: Context, request: Parameters) -> Target:
    home = cluster_arn(context, request.get("cluster"))
    return Target("*", keys={"ecs:cluster": home})


@operation("ecs", "ListServices", target=_of_cluster)
def list_services(context: Context, request: Parameters) -> Result:
    """The ACTIVE ones of a cluster, by name: AWS's order is not that of creation [recorded]."""
    request = without_nulls(request)
    check_words("ListServices", request)
    home = cluster_arn(context, request.get("cluster"))
    if context.db.first(_CLUSTER, key=home, account=context.account_id) is None:
        raise cluster_not_found()
    count = page_size(request)
    if request.get("resourceManagementType") == "ECS":  # Stead's are all the customer's
        return {"serviceArns": []}
    wanted = {"launch_type": request.get("launchType") or "", "strategy": request.get("schedulingStrategy") or ""}
    rows = context.db.all(_PAGE, cluster=home, after=_after(request.get("nextToken")), count=count + 1, **wanted)
    token = page_tokens.token(rows[count - 1].name) if len(rows) > count else None
    return {"serviceArns": [row.id for row in rows[:count]], "nextToken": token}


def _after(token: str | None) -> str:
    try:
        return page_tokens.key_of(token or "")
    except ValueError as error:
        raise invalid_parameter("Invalid token.") from error  # our wording


def _arn(context: Context) -> str:
    assert context.target is not None
    return context.target.arn


def _home(context: Context) -> str:
    return service_names.home_of(_arn(context))


def _existing_cluster(context: Context) -> None:
    """A cluster that never was is told before anything about the service [recorded]."""
    if context.db.first(_CLUSTER, key=_home(context), account=context.account_id) is None:
        raise cluster_not_found()


def _living_cluster(row: Row | None) -> Row:
    if row is None:
        raise cluster_not_found()
    if row.status != "ACTIVE":
        raise client_error("The referenced cluster was inactive.")  # reported, aws-behaviour.md 10.1
    return row


def _hold_cluster(context: Context) -> None:
    _living_cluster(context.writer.first(_HOLD_CLUSTER, key=_home(context), account=context.account_id))


def _definition(context: Context, text: str | None, *, is_new: bool = True) -> dict[str, Any]:
    if not text:
        raise invalid_parameter("TaskDefinition can not be blank.")  # our wording
    row = task_definition_names.resolve(context, text)
    if row is None or row.status == task_definition_names.DELETE_IN_PROGRESS:
        raise client_error("TaskDefinition not found.")
    if is_new and row.status != task_definition_names.ACTIVE:
        raise client_error("TaskDefinition is inactive")  # reported
    document: dict[str, Any] = orjson.loads(row.document)
    return document


def _launched(cluster: Row, request: Parameters) -> Parameters:
    """With its launch type or strategy decided: what is said, the cluster's default strategy, or EC2 [recorded]."""
    strategy = request.get("capacityProviderStrategy") or (None if request.get("launchType") else orjson.loads(cluster.default_strategy))
    if not strategy:
        return {**request, "launchType": request.get("launchType") or "EC2"}
    provider_strategy.check(strategy, orjson.loads(cluster.capacity_providers))
    items = [
        {"capacityProvider": item["capacityProvider"], "weight": item.get("weight", 0), "base": item.get("base", 0)} for item in strategy
    ]
    return {**request, "capacityProviderStrategy": items}


def _ask_neighbours(context: Context, wish: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
    context.noted["zones"] = task_requests.zones_of(context, task_requests.network_of(wish))
    if wish.get("role"):
        caller = service_neighbours.with_role(context, passed_roles.checked(context, wish["role"]), wish)
    elif service_rules.is_awsvpc(definition) or wish.get("loadBalancers") or wish.get("serviceRegistries"):
        caller = linked_role.assume(context, service_neighbours.SESSION)
    else:
        return
    service_neighbours.check(context, caller, wish, definition)


def _serving_role(context: Context, wish: Mapping[str, Any], definition: Mapping[str, Any], linked: str | None) -> str | None:
    """The role that answers show: none if nothing is done on the customer's behalf (service-linked-roles.md 2.3)."""
    if wish.get("role"):
        return passed_roles.named(context, wish["role"])[0]
    needs = service_rules.is_awsvpc(definition) or wish.get("loadBalancers") or wish.get("serviceRegistries")
    return linked if needs else None


def _repeated(context: Context, there: Service, wish: Parameters) -> Result:
    if there.document["status"] == DRAINING:
        raise invalid_parameter("Unable to Start a service that is still Draining.")
    first = orjson.loads(there.row.request)
    if not wish.get("clientToken") or first != {"token": wish["clientToken"], "asked": service_shapes.asked(wish)}:
        raise invalid_parameter("Creation of service was not idempotent.")
    return {"service": service_shapes.answer(there, service_rows.counts(context.db, there.arn), tags.read(context, there.arn))}


def _insert(context: Context, made: Service, wish: Parameters) -> None:
    arn = made.document["serviceArn"]
    context.writer.insert(
        ecs_services,
        id=arn,
        account_id=context.account_id,
        region=context.region,
        cluster_arn=made.document["clusterArn"],
        name=made.document["serviceName"],
        scheduling_strategy=made.document["schedulingStrategy"],
        request=orjson.dumps({"token": wish.get("clientToken"), "asked": service_shapes.asked(wish)}).decode(),
        created=context.now,
        due=context.now,
        lease=0,
        **service_rows.columns(made),
    )
    context.writer.wake_runner()


def _active(service: Service | None) -> Service:
    if service is None:
        raise AwsError("ServiceNotFoundException", "Service not found.")
    if service.document["status"] != ACTIVE:
        raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
    return service


def _check_scaled_down(service: Service, *, force: bool) -> None:
    """The first is recorded, the others reported."""
    if force:
        return
    if service.document["desiredCount"] > 0:
        raise invalid_parameter("The service cannot be stopped while it is scaled above 0.")
    if service.primary is not None and service.primary["desiredCount"] > 0:
        raise invalid_parameter("The service cannot be stopped while the primary deployment is scaled above 0.")
    if any(one["desiredCount"] > 0 for one in service.deployments):
        raise invalid_parameter("The service cannot be stopped while deployments are active.")
