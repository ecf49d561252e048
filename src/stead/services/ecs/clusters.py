"""ecs: clusters, per Region, and the service-linked role that a cluster's creator makes without noticing.

CreateCluster first makes the role, in the caller's name, every time (service-linked-roles.md 2.2). Then, in its own transaction, it holds the
role's row while the cluster is written, so a deletion of the role either sees the cluster or is over before (design D18). A creator who may
not make the role gets a cluster all the same (design D14).

A deleted cluster stays, INACTIVE, and its row is used again when the name is (recorded-aws.md 11.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, select, update

from stead.aws import page_tokens
from stead.aws.call import Target
from stead.aws.operation import Effect, operation
from stead.services.ecs import associations, cluster_counts, insights, linked_role, provider_rows, settings, tags
from stead.services.ecs.cluster_shapes import ACTIVE, BUILT_IN_PROVIDERS, INACTIVE, INCLUDES, answer, asked, checked, stored
from stead.services.ecs.names import (
    DEFAULT_CLUSTER,
    checked_name,
    client_error,
    cluster_arn,
    cluster_not_found,
    invalid_parameter,
    name_of,
)
from stead.store.tables import clusters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import BindParameter

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row

    Value = str | tuple[str, ...]

MAX_RESULTS = 100
PROVIDERS_SESSION = "ecs-capacity-providers"  # AWS's name for it is not established
_CHANGEABLE = (
    "status",
    "settings",
    "configuration",
    "capacity_providers",
    "default_strategy",
    "service_connect_defaults",
    "request",
    "created",
)
_CLEAN = {
    "status": ACTIVE,
    "configuration": None,
    "capacity_providers": "[]",
    "default_strategy": "[]",
    "service_connect_defaults": None,
}
_ARN: BindParameter[str] = bindparam("key")
_CLUSTER = select(clusters).where(clusters.c.arn == _ARN, clusters.c.account_id == bindparam("account"))
_HOLD = _CLUSTER.with_for_update()
_CHANGE = update(clusters).where(clusters.c.arn == _ARN).values({name: bindparam(f"new_{name}") for name in _CHANGEABLE})
_PAGE = (
    select(clusters.c.name, clusters.c.arn)
    .where(
        clusters.c.account_id == bindparam("account"),
        clusters.c.status == ACTIVE,
        clusters.c.region == bindparam("region"),
        clusters.c.name > bindparam("after"),
    )
    .order_by(clusters.c.name)
    .limit(bindparam("count"))
)


def _target(context: Context, arn: str, keys: Mapping[str, Value] | None = None) -> Target:
    row = context.db.first(_CLUSTER, key=arn, account=context.account_id)
    return Target(arn, row=row, keys=keys or {}, tags_of=arn if row is not None else "")


def _named(context: Context, request: Parameters) -> Target:
    return _target(context, cluster_arn(context, request.get("cluster")), _keys(context, request))


def _to_be(context: Context, request: Parameters) -> Target:
    name = checked_name(request.get("clusterName") or DEFAULT_CLUSTER)
    return _target(context, cluster_arn(context, name), _keys(context, request))


def _keys(context: Context, request: Parameters) -> dict[str, Value]:
    """policy-evaluation.md 8.6."""
    keys = dict(tags.request_keys(request))
    if request.get("capacityProviders"):
        home = f"arn:aws:ecs:{context.region}:{context.account_id}:capacity-provider/"
        keys["ecs:capacity-provider"] = tuple(home + name for name in request["capacityProviders"])
    storage = (request.get("configuration") or {}).get("managedStorageConfiguration") or {}
    if storage.get("fargateEphemeralStorageKmsKeyId"):
        keys["ecs:fargate-ephemeral-storage-kms-key"] = storage["fargateEphemeralStorageKmsKeyId"]
    return keys


def _prepare(context: Context, request: Parameters) -> None:
    """Everything of CreateCluster that must be over before its transaction begins."""
    tags.check(request.get("tags") or [])
    context.noted["cluster"] = checked(request, _own_providers(context))
    linked_role.make(context)
    if request.get("capacityProviders"):
        linked_role.assume(context, PROVIDERS_SESSION)


@operation("ecs", "CreateCluster", Effect.WRITES, target=_to_be, also=tags.on_create, before=_prepare)
def create_cluster(context: Context, request: Parameters) -> Result:
    """The cluster, made or found: a repetition must say the same, or nothing but the name (recorded)."""
    linked_role.hold(context)
    there = _held(context)
    if there is None or there.status != ACTIVE:
        _make(context, there, request)
    elif asked(request) not in ("", there.request):
        raise invalid_parameter("Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
    row = _reread(context)
    shown = _answer(context, row, include=("CONFIGURATIONS", "SETTINGS"), tags=tags.read(context, row.arn))
    return {"cluster": shown, "clusterCount": 1}  # the count is on the wire and in no document (recorded)


@operation("ecs", "DeleteCluster", Effect.WRITES, target=_named)
def delete_cluster(context: Context, _request: Parameters) -> Result:
    """INACTIVE, also when it already was (reported)."""
    row = _found(context)
    cluster_counts.check_empty(context.db, row.arn)
    associations.leave(context, row.arn)
    _change(context, row, {"status": INACTIVE})
    return {"cluster": _answer(context, _reread(context), include=("CONFIGURATIONS", "SETTINGS")), "clusterCount": 0}


@operation("ecs", "UpdateCluster", Effect.WRITES, target=_named)
def update_cluster(context: Context, request: Parameters) -> Result:
    """Settings are replaced one by one, the others as a whole."""
    return _updated(context, checked(request))


@operation("ecs", "UpdateClusterSettings", Effect.WRITES, target=_named)
def update_cluster_settings(context: Context, request: Parameters) -> Result:
    """The older call for the same."""
    return _updated(context, checked(request))


def _prepare_providers(context: Context, request: Parameters) -> None:
    """What ECS makes for a provider of the account's own needs the role."""
    context.noted["cluster"] = checked(request, _own_providers(context))
    if not BUILT_IN_PROVIDERS.issuperset(request["capacityProviders"]):
        linked_role.assume(context, PROVIDERS_SESSION)


@operation("ecs", "PutClusterCapacityProviders", Effect.WRITES, target=_named, before=_prepare_providers)
def put_cluster_capacity_providers(context: Context, _request: Parameters) -> Result:
    """Replaces both lists; what the associations need is made, or unmade, later."""
    return _updated(context, context.noted["cluster"])


def _asked_for(context: Context, request: Parameters) -> Target:
    """The first cluster; all of them are looked up here, once, and the others are authorized in :func:`_the_others`."""
    names = request.get("clusters") or [DEFAULT_CLUSTER]
    if len(names) > MAX_RESULTS:  # documented; our wording
        raise invalid_parameter(f"Clusters can have at most {MAX_RESULTS} items.")
    if not all(names):
        raise invalid_parameter("Clusters can not be blank.")  # reported, blox/blox#170
    arns = dict.fromkeys(cluster_arn(context, name) for name in names)
    context.noted["clusters"] = [_target(context, arn) for arn in arns]
    first: Target = context.noted["clusters"][0]
    return first


def _the_others(context: Context, _request: Parameters) -> Iterator[tuple[str, Target]]:
    """One check for each cluster named (policy-evaluation.md 2.9)."""
    for target in context.noted["clusters"][1:]:
        yield "ecs:DescribeClusters", target


@operation("ecs", "DescribeClusters", target=_asked_for, also=_the_others)
def describe_clusters(context: Context, request: Parameters) -> Result:
    """Clusters of any status; one that never was is a failure, not an error."""
    include = request.get("include") or []
    if not set(include) <= set(INCLUDES):
        raise invalid_parameter(f"include should be one of [{','.join(INCLUDES)}]")  # recorded
    with_tags = "TAGS" in include
    found, missing = [], []
    for target in context.noted["clusters"]:
        if target.row is None:
            missing.append({"arn": target.arn, "reason": "MISSING"})
        else:
            found.append(_answer(context, target.row, include=include, tags=tags.read(context, target.arn) if with_tags else []))
    return {"clusters": found, "failures": missing}


@operation("ecs", "ListClusters")
def list_clusters(context: Context, request: Parameters) -> Result:
    """The ACTIVE ones of the Region, by name."""
    count = request.get("maxResults", MAX_RESULTS)
    if not 1 <= count <= MAX_RESULTS:  # documented; our wording
        raise invalid_parameter(f"maxResults must be between 1 and {MAX_RESULTS}.")
    after = _after(request.get("nextToken"))
    rows = context.db.all(_PAGE, account=context.account_id, region=context.region, after=after, count=count + 1)
    shown = rows[:count]
    token = page_tokens.token(shown[-1].name) if len(rows) > count else None
    return {"clusterArns": [row.arn for row in shown], "nextToken": token}


def _after(token: str | None) -> str:
    """A token is the last name of its page."""
    try:
        return page_tokens.key_of(token or "")
    except ValueError as error:
        raise invalid_parameter("Invalid token.") from error  # our wording


def _answer(context: Context, row: Row, *, include: Sequence[str], tags: list[dict[str, str]] | None = None) -> Result:
    known = cluster_counts.counts(context.db, row.arn, statistics="STATISTICS" in include)
    if "ATTACHMENTS" in include:
        known |= associations.shown(context.db, row.arn)
    return answer(row, known, include=include, tags=tags)


def _held(context: Context) -> Row | None:
    """The cluster as it stands until the commit. Calls on clusters share the account's row, so this row is what keeps them apart."""
    assert context.target is not None
    return context.writer.first(_HOLD, key=context.target.arn, account=context.account_id)


def _found(context: Context) -> Row:
    row = _held(context)
    if row is None:
        raise cluster_not_found()
    return row


def _reread(context: Context) -> Row:
    assert context.target is not None
    return context.db.first(_CLUSTER, key=context.target.arn, account=context.account_id)


def _make(context: Context, there: Row | None, request: Parameters) -> None:
    """A new row, or an INACTIVE one with nothing left of what it was."""
    assert context.target is not None
    arn = context.target.arn
    values = {**_CLEAN, **_by_account(context), **stored(context.noted["cluster"]), "request": asked(request), "created": context.now}
    if there is None:
        context.writer.insert(clusters, arn=arn, account_id=context.account_id, region=context.region, name=name_of(arn), **values)
    else:
        tags.remove_all(context, arn)
        _change(context, there, values)
    tags.write(context, arn, request.get("tags") or [])
    associations.change(context, arn, (), context.noted["cluster"].get("capacityProviders") or ())
    insights.follow(context.writer, _reread(context), context.now)


def _own_providers(context: Context) -> list[str]:
    return [row.name for row in provider_rows.active(context.db, context.account_id, context.region)]


def _by_account(context: Context) -> dict[str, str | None]:
    """What a cluster without settings has is an account setting."""
    name = settings.CONTAINER_INSIGHTS
    return stored({"settings": [{"name": name, "value": settings.value(context, name)}]})


def _change(context: Context, row: Row, values: Mapping[str, Any]) -> None:
    new = {f"new_{name}": values.get(name, getattr(row, name)) for name in _CHANGEABLE}
    context.writer.run(_CHANGE, key=row.arn, **new)
    insights.follow(context.writer, _reread(context), context.now)


def _updated(context: Context, members: dict[str, Any]) -> Result:
    row = _found(context)
    if row.status != ACTIVE:
        raise client_error("Cluster was not ACTIVE.")  # recorded
    if "capacityProviders" in members:
        associations.change(context, row.arn, orjson.loads(row.capacity_providers), members["capacityProviders"])
    _change(context, row, stored(members))
    return {"cluster": _answer(context, _reread(context), include=("ATTACHMENTS", "CONFIGURATIONS", "SETTINGS"))}
