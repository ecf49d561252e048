"""ecs: attributes of container instances. Those of the agent begin with ``ecs.`` or ``com.amazonaws.``; the others are the customer's own.

RegisterContainerInstance writes through :func:`write` too, so that every attribute is a row and placement has one place to look.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, or_, select

from stead.aws import page_tokens
from stead.aws.arn import parse_arn
from stead.aws.call import Target
from stead.aws.errors import AwsError
from stead.aws.operation import Effect, operation
from stead.services.ecs.names import check_arn, cluster_arn, cluster_not_found, invalid_parameter, name_of
from stead.services.ecs.words import check_words, page_size
from stead.store.ecs_tables import container_instances, ecs_attributes
from stead.store.tables import clusters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Reader, Writer

MAX_ATTRIBUTES = 10  # of the customer's own on an instance, and in one call
KIND = "container-instance"
_AGENTS_OWN = ("ecs.", "com.amazonaws.")
_FORMS = {"name": re.compile(r"[a-zA-Z0-9\-_/\\.]{1,128}"), "value": re.compile(r"(?! )[a-zA-Z0-9\-_.@/\\: ]{0,128}(?<! )")}
_CLUSTER = select(clusters.c.arn).where(clusters.c.arn == bindparam("arn"), clusters.c.account_id == bindparam("account"))
_INSTANCE = select(container_instances).where(container_instances.c.id == bindparam("arn"), container_instances.c.status != "INACTIVE")
_HOLD = _INSTANCE.with_for_update()
_OF_INSTANCE = (
    select(ecs_attributes.c.name, ecs_attributes.c.value)
    .where(ecs_attributes.c.cluster_arn == bindparam("cluster"), ecs_attributes.c.target_id == bindparam("target"))
    .order_by(ecs_attributes.c.name)
)
_REMOVE_ALL = delete(ecs_attributes).where(
    ecs_attributes.c.cluster_arn == bindparam("cluster"), ecs_attributes.c.target_id == bindparam("target")
)
_REMOVE = _REMOVE_ALL.where(ecs_attributes.c.name == bindparam("named"))
_PAGE = (
    select(ecs_attributes)
    .where(ecs_attributes.c.cluster_arn == bindparam("cluster"))
    .where(or_(bindparam("only") == "", ecs_attributes.c.name == bindparam("only")))
    .where(or_(bindparam("with_value") == "", ecs_attributes.c.value == bindparam("with_value")))
    .where(
        or_(
            ecs_attributes.c.target_id > bindparam("target"),
            (ecs_attributes.c.target_id == bindparam("target")) & (ecs_attributes.c.name > bindparam("after")),
        )
    )
    .order_by(ecs_attributes.c.target_id, ecs_attributes.c.name)
    .limit(bindparam("count"))
)


def read(db: Reader, cluster: str, instance: str) -> list[dict[str, str]]:
    """Every attribute of an instance, by name."""
    return [_shown(row) for row in db.all(_OF_INSTANCE, cluster=cluster, target=instance)]


def write(db: Writer, cluster: str, instance: str, given: Sequence[dict[str, Any]]) -> None:
    """Add or replace; refused as a whole beyond the limit."""
    own = {row.name for row in db.all(_OF_INSTANCE, cluster=cluster, target=instance)} | {item["name"] for item in given}
    if sum(not name.startswith(_AGENTS_OWN) for name in own) > MAX_ATTRIBUTES:  # documented; our wording
        raise AwsError(
            "AttributeLimitExceededException",
            f"The number of attributes has reached the maximum limit. Attributes per resource: {MAX_ATTRIBUTES}",
        )
    for item in given:
        db.run(_REMOVE, cluster=cluster, target=instance, named=item["name"])
        db.insert(ecs_attributes, cluster_arn=cluster, target_id=instance, name=item["name"], value=item.get("value"))


def remove_all(db: Writer, cluster: str, instance: str) -> None:
    """With the instance."""
    db.run(_REMOVE_ALL, cluster=cluster, target=instance)


def check(given: Sequence[dict[str, Any]]) -> None:
    """The documented forms of names and values, in the words that agents were told (reported, aws/amazon-ecs-agent#2981)."""
    for item in given:
        for member, form in _FORMS.items():
            if item.get(member) is not None and not form.fullmatch(item[member]):
                raise invalid_parameter("Attribute validation failed")


def _first(context: Context, request: Parameters) -> Target:
    """The first instance; a call without attributes has none, and is refused after its authorization."""
    found = _targets(context, request)
    return found[0] if found else Target("*")


def _others_to_put(context: Context, request: Parameters) -> Iterator[tuple[str, Target]]:
    return (("ecs:PutAttributes", target) for target in _targets(context, request)[1:])


def _others_to_delete(context: Context, request: Parameters) -> Iterator[tuple[str, Target]]:
    return (("ecs:DeleteAttributes", target) for target in _targets(context, request)[1:])


@operation("ecs", "PutAttributes", Effect.WRITES, target=_first, also=_others_to_put)
def put_attributes(context: Context, request: Parameters) -> Result:
    """Add or replace attributes of one or several instances."""
    cluster = _checked(context, request)
    for arn, items in _by_instance(context, request).items():
        _found(context, cluster, arn)
        write(context.writer, cluster, arn, items)
    return {"attributes": _answered(context, request)}


@operation("ecs", "DeleteAttributes", Effect.WRITES, target=_first, also=_others_to_delete)
def delete_attributes(context: Context, request: Parameters) -> Result:
    """Remove attributes by name; one that is not there is no error (inferred)."""
    cluster = _checked(context, request)
    for arn, items in _by_instance(context, request).items():
        _found(context, cluster, arn)
        for item in items:
            context.writer.run(_REMOVE, cluster=cluster, target=arn, named=item["name"])
    return {"attributes": _answered(context, request)}


def _cluster(context: Context, request: Parameters) -> Target:
    arn = cluster_arn(context, request.get("cluster"))
    row = context.db.first(_CLUSTER, arn=arn, account=context.account_id)
    return Target(arn, row=row, tags_of=arn if row is not None else "")


@operation("ecs", "ListAttributes", target=_cluster)
def list_attributes(context: Context, request: Parameters) -> Result:
    """Those of every instance of the cluster, or the ones with a name, or with a name and a value."""
    check_words("ListAttributes", request)
    if context.row is None:
        raise cluster_not_found()
    if request.get("attributeValue") and not request.get("attributeName"):  # documented; our wording
        raise invalid_parameter("You must specify an attribute name to filter by value.")
    count, (target, after) = page_size(request), _after(request.get("nextToken"))
    rows = context.db.all(
        _PAGE,
        cluster=context.row.arn,
        only=request.get("attributeName") or "",
        with_value=request.get("attributeValue") or "",
        target=target,
        after=after,
        count=count + 1,
    )
    shown = rows[:count]
    token = page_tokens.token(f"{shown[-1].target_id}\n{shown[-1].name}") if len(rows) > count else None
    return {"attributes": [{**_shown(row), "targetId": row.target_id} for row in shown], "nextToken": token}


def _targets(context: Context, request: Parameters) -> list[Target]:
    keys = {"ecs:cluster": cluster_arn(context, request.get("cluster"))}
    return [Target(arn, keys=keys, tags_of=arn) for arn in _by_instance(context, request)]


def _by_instance(context: Context, request: Parameters) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for item in filter(None, request["attributes"]):
        found.setdefault(_instance(context, request, item.get("targetId") or ""), []).append(item)
    return found


def _instance(context: Context, request: Parameters, target: str) -> str:
    """The ARN of the instance that an attribute is for: said whole, or by its id in the call's cluster."""
    arn = parse_arn(target)
    if arn is None:
        return f"arn:aws:ecs:{context.region}:{context.account_id}:{KIND}/{name_of(cluster_arn(context, request.get('cluster')))}/{target}"
    check_arn(context, arn)
    return target


def _checked(context: Context, request: Parameters) -> str:
    """The ARN of the call's cluster, after the checks that need no instance."""
    check_words(context.origin.operation, request)
    given = [item for item in request["attributes"] if item]
    if not 0 < len(given) <= MAX_ATTRIBUTES:  # documented; our wording
        raise invalid_parameter(f"attributes must have from 1 to {MAX_ATTRIBUTES} items.")
    check(given)
    arn = cluster_arn(context, request.get("cluster"))
    if context.db.first(_CLUSTER, arn=arn, account=context.account_id) is None:
        raise cluster_not_found()
    return arn


def _found(context: Context, cluster: str, arn: str) -> None:
    """Hold the instance, so that it is not deregistered between its attributes."""
    row = context.writer.first(_HOLD, arn=arn)
    if row is None or row.cluster_arn != cluster or row.account_id != context.account_id:
        raise AwsError("TargetNotFoundException", "The specified target wasn't found.")  # documented


def _answered(context: Context, request: Parameters) -> list[dict[str, str]]:
    found = _by_instance(context, request)
    return [{**{k: item[k] for k in ("name", "value") if item.get(k) is not None}, "targetId": arn} for arn in found for item in found[arn]]


def _shown(row: Any) -> dict[str, str]:
    return {"name": row.name} if row.value is None else {"name": row.name, "value": row.value}


def _after(token: str | None) -> tuple[str, str]:
    try:
        target, _, name = page_tokens.key_of(token or "").partition("\n")
    except ValueError as error:
        raise invalid_parameter("Invalid token.") from error  # our wording
    return target, name
