"""Capacity providers of a cluster: what an association has ECS make outside, as the cluster's ``attachments`` (ecs-on-your-behalf.md 5.1, 5.2).

An association is a row of ``cluster_attachments``, made and unmade by ``controllers/ecs/capacity_providers.py``. It counts as use of the linked role
until it is unmade. What ECS makes depends on the role's policy, as it did in time: a scaling plan (``asp``) with the versions before managed
draining, v8 to v10; a scaling policy (``as_policy``) since then. A document that an operator made says by its actions which of both it is like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, delete, select, update

from stead.aws.errors import AwsError
from stead.aws.ids import new_uuid
from stead.linked_roles import holding, work
from stead.linked_roles.work import Work
from stead.services.ecs import linked_role, provider_rows
from stead.store.ecs_tables import cluster_attachments, container_instances, ecs_services, ecs_tasks
from stead.store.tables import clusters, documents, policies, policy_versions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stead.store.context import Context
    from stead.store.engine import Reader, Row, Writer

SESSION = "ecs-capacity-providers"  # AWS's name for it is not established
PLAN, POLICY = "asp", "as_policy"
MADE_AS = {PLAN: ("scalingPlanName", "ECSManagedAutoScalingPlan"), POLICY: ("scalingPolicyName", "ECSManagedAutoScalingPolicy")}
PRECREATED, CREATED, DELETED, FAILED = "PRECREATED", "CREATED", "DELETED", "FAILED"
# Actions of managed draining, which came with v11 (ecs-on-your-behalf.md 9).
_SINCE_DRAINING = ("autoscaling:PutLifecycleHook", "autoscaling:CompleteLifecycleAction", "autoscaling:DeleteLifecycleHook")
_OF_CLUSTER = (
    select(cluster_attachments)
    .where(cluster_attachments.c.cluster_arn == bindparam("cluster"), cluster_attachments.c.status != DELETED)
    .order_by(cluster_attachments.c.id)
)
_ONE = select(cluster_attachments).where(cluster_attachments.c.id == bindparam("key"))
HOLD = _ONE.with_for_update()
_OF_PROVIDER = select(cluster_attachments).where(
    cluster_attachments.c.account_id == bindparam("account"),
    cluster_attachments.c.region == bindparam("region"),
    cluster_attachments.c.capacity_provider == bindparam("provider"),
    cluster_attachments.c.status != DELETED,
)
_CLUSTERS = (
    select(clusters)
    .where(clusters.c.account_id == bindparam("account"), clusters.c.region == bindparam("region"), clusters.c.status == "ACTIVE")
    .order_by(clusters.c.name)
)
_LOOK = (
    update(container_instances)
    .where(container_instances.c.cluster_arn == bindparam("cluster"), container_instances.c.due.is_not(None))
    .values(due=bindparam("now"))
)
_UNWANT = update(cluster_attachments).where(cluster_attachments.c.id == bindparam("key")).values(wanted=0, due=bindparam("now"))
# One that is being stepped is passed over: its step takes rows that the waker may hold.
_SLEEPING = (
    select(cluster_attachments.c.id)
    .where(cluster_attachments.c.cluster_arn == bindparam("cluster"), cluster_attachments.c.due > bindparam("soon"))
    .with_for_update(skip_locked=True)
)
_WAKE = update(cluster_attachments).where(cluster_attachments.c.id.in_(_SLEEPING)).values(due=bindparam("now"))
_FORGET = delete(cluster_attachments).where(
    cluster_attachments.c.cluster_arn == bindparam("cluster"), cluster_attachments.c.status == DELETED
)
_TASK = (
    select(ecs_tasks.c.id)
    .where(ecs_tasks.c.cluster_arn == bindparam("cluster"), ecs_tasks.c.capacity_provider == bindparam("provider"))
    .where(ecs_tasks.c.last_status != "STOPPED")
    .limit(1)
)
_SERVICES = select(ecs_services.c.document).where(ecs_services.c.cluster_arn == bindparam("cluster"), ecs_services.c.status == "ACTIVE")
_POLICY_TEXT = (
    select(documents.c.text)
    .join(policy_versions, policy_versions.c.document_hash == documents.c.hash)
    .join(policies, (policies.c.arn == policy_versions.c.policy_arn) & (policies.c.default_version == policy_versions.c.version_id))
    .where(policies.c.account_id == "aws", policies.c.name == bindparam("name"))
)


def of_cluster(db: Reader, cluster: str) -> list[Row]:
    """Every association of the cluster that is not over, also those that are being unmade."""
    return db.all(_OF_CLUSTER, cluster=cluster)


def of_provider(db: Reader, account: str, region: str, provider: str) -> list[Row]:
    """The same of a provider."""
    return db.all(_OF_PROVIDER, account=account, region=region, provider=provider)


def clusters_of(db: Reader, provider: Row) -> list[str]:
    """The ACTIVE clusters that have the provider."""
    rows = db.all(_CLUSTERS, account=provider.account_id, region=provider.region)
    return [str(row.arn) for row in rows if provider.name in orjson.loads(row.capacity_providers)]


def shown(db: Reader, cluster: str) -> dict[str, Any]:
    """The members of the Cluster shape that tell of them; ``attachmentsStatus`` is there when there is something to tell."""
    rows = of_cluster(db, cluster)
    listed = [orjson.loads(row.document) | {"status": row.status} for row in rows]
    return {"attachments": listed, "attachmentsStatus": _status(rows) if rows else None}


def change(context: Context, cluster: str, before: Iterable[str], wanted: Iterable[str]) -> None:
    """In the transaction that gives the held cluster the providers ``wanted`` in place of those of ``before``."""
    before, wanted = list(before), list(wanted)
    if set(before) == set(wanted):
        return
    check_settled(context.db, cluster)
    for name in before:
        if name not in wanted:
            _check_unused(context.db, cluster, name)
    _unmake(context, [row for row in of_cluster(context.db, cluster) if row.wanted and row.capacity_provider not in wanted])
    there = {row.capacity_provider for row in of_cluster(context.db, cluster) if row.wanted}
    for name in wanted:
        row = None if name in there else provider_rows.find(context.db, context.account_id, context.region, name)
        if row is not None and provider_rows.scales(row):
            attach(context.writer, cluster, row, context.now)
    context.writer.run(_LOOK, cluster=cluster, now=context.now)  # instances learn which provider is theirs now
    context.writer.wake_runner()


def attach(db: Writer, cluster: str, provider: Row, now: int) -> None:
    """Wish what a provider whose group is scaled needs in the cluster."""
    role = holding.hold(db, provider.account_id, linked_role.service())
    kind, identity = era(db), new_uuid()
    member, prefix = MADE_AS[kind]
    details = [{"name": "capacityProviderName", "value": provider.name}, {"name": member, "value": f"{prefix}-{new_uuid()}"}]
    db.run(_FORGET, cluster=cluster)
    db.insert(
        cluster_attachments,
        id=identity,
        account_id=provider.account_id,
        region=provider.region,
        cluster_arn=cluster,
        capacity_provider=provider.name,
        type=kind,
        status=PRECREATED,
        wanted=1,
        document=orjson.dumps({"id": identity, "type": kind, "details": details}).decode(),
        work=orjson.dumps({"group": provider_rows.group_name(orjson.loads(provider.document))}).decode(),
        due=now,
        lease=0,
    )
    if role is not None:
        work.begin(db, role, usage(identity, provider.id, provider.region), now)
    db.wake_runner()


def leave(context: Context, cluster: str) -> None:
    """With the cluster's deletion."""
    check_settled(context.db, cluster)
    _unmake(context, [row for row in of_cluster(context.db, cluster) if row.wanted])


def unwant(db: Writer, row: Row, now: int) -> None:
    """Have it unmade."""
    db.run(_UNWANT, key=row.id, now=now)
    db.wake_runner()


def wake(db: Writer, cluster: str, now: int, soon: int) -> None:
    """Something changed that scaling depends on: have a look before ``soon``, unless there will be one anyway."""
    db.run(_WAKE, cluster=cluster, now=now, soon=soon)
    db.wake_runner()


def usage(identity: str, provider: str, region: str) -> Work:
    """The unit of work that an association is; a refused deletion of the role names the provider."""
    return Work(provider, region, f"{SESSION} {identity}")


def check_settled(db: Reader, cluster: str) -> None:
    """One change at a time [model]; what failed may be changed."""
    if any(not _is_settled(row) for row in of_cluster(db, cluster)):
        raise AwsError("UpdateInProgressException", "The specified cluster is being updated. Wait and try again.")  # our wording


def era(db: Reader) -> str:
    """What an association makes under the policy as it is now."""
    text = db.scalar(_POLICY_TEXT, name=linked_role.service().policy_name) or ""
    return POLICY if any(action in text for action in _SINCE_DRAINING) else PLAN


def _unmake(context: Context, rows: Iterable[Row]) -> None:
    for row in rows:
        unwant(context.writer, row, context.now)


def _status(rows: Iterable[Row]) -> str:
    rows = list(rows)
    if any(row.status == FAILED for row in rows):
        return "UPDATE_FAILED"
    return "UPDATE_COMPLETE" if all(_is_settled(row) for row in rows) else "UPDATE_IN_PROGRESS"


def _is_settled(row: Row) -> bool:
    return row.status == FAILED or (row.status == CREATED and bool(row.wanted))


def _check_unused(db: Reader, cluster: str, provider: str) -> None:
    services = [orjson.loads(row.document).get("capacityProviderStrategy") or () for row in db.all(_SERVICES, cluster=cluster)]
    if db.first(_TASK, cluster=cluster, provider=provider) is not None or any(
        item["capacityProvider"] == provider for strategy in services for item in strategy
    ):
        raise AwsError("ResourceInUseException", "The specified capacity provider is in use and cannot be removed")  # reported
