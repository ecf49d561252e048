"""ecs: task definitions, per Region. A revision never changes but in its status: ACTIVE, INACTIVE, DELETE_IN_PROGRESS.

An identical registration is a new revision, and a family's numbers go on after all of its revisions are gone (recorded-aws.md 11.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, exists, func, or_, select, update

from stead.aws import page_tokens
from stead.aws.call import Target
from stead.aws.errors import AwsError
from stead.aws.operation import Effect, operation
from stead.services.ecs import passed_roles, tags
from stead.services.ecs.fargate import units
from stead.services.ecs.names import client_error, invalid_parameter
from stead.services.ecs.task_definition_names import ACTIVE, DELETE_IN_PROGRESS, INACTIVE, KIND, definition_arn, reference, resolve
from stead.services.ecs.task_definition_shapes import answer, checked, set_member, stored
from stead.services.ecs.words import check_words, page_size
from stead.store.ecs_tables import ecs_families, task_definitions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import BindParameter, Select

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row

MAX_DELETED = 10
_HOME = (task_definitions.c.account_id == bindparam("account"), task_definitions.c.region == bindparam("region"))
_COUNT_ON = (
    update(ecs_families)
    .where(ecs_families.c.account_id == bindparam("account"), ecs_families.c.region == bindparam("in_region"))
    .where(ecs_families.c.family == bindparam("named"))
    .values(last_revision=ecs_families.c.last_revision + 1)
)
_LAST = select(ecs_families.c.last_revision).where(
    ecs_families.c.account_id == bindparam("account"),
    ecs_families.c.region == bindparam("region"),
    ecs_families.c.family == bindparam("family"),
)
_HOLD = select(task_definitions).where(task_definitions.c.arn == bindparam("key")).with_for_update()
_CHANGE = (
    update(task_definitions)
    .where(task_definitions.c.arn == bindparam("key"))
    .values(status=bindparam("new_status"), deregistered=bindparam("new_deregistered"), document=bindparam("new_document"))
)


def _page(*, newest_first: bool) -> Select[Any]:
    """Revisions after one, in an order of AWS's; an empty family is every family."""
    family, revision = task_definitions.c.family, task_definitions.c.revision
    last: BindParameter[str] = bindparam("last")
    number: BindParameter[int] = bindparam("number")
    beyond = (family < last, revision < number) if newest_first else (family > last, revision > number)
    return (
        select(task_definitions.c.arn, family, revision)
        .where(*_HOME, task_definitions.c.status == bindparam("status"))
        .where(or_(bindparam("only") == "", family == bindparam("only")))
        .where(or_(bindparam("last") == "", beyond[0], and_(family == last, beyond[1])))
        .order_by(*((family.desc(), revision.desc()) if newest_first else (family, revision)))
        .limit(bindparam("count"))
    )


_PAGES = {"ASC": _page(newest_first=False), "DESC": _page(newest_first=True)}
_other = task_definitions.alias()
_HAS_ACTIVE = exists().where(
    _other.c.account_id == task_definitions.c.account_id,
    _other.c.region == task_definitions.c.region,
    _other.c.status == ACTIVE,
    _other.c.family == task_definitions.c.family,
)
_FAMILIES = (
    select(task_definitions.c.family)
    .distinct()
    .where(*_HOME, task_definitions.c.family > bindparam("last"))
    .where(func.substr(task_definitions.c.family, 1, bindparam("length")) == bindparam("prefix"))
    .order_by(task_definitions.c.family)
    .limit(bindparam("count"))
)
_FAMILIES_BY_STATUS = {"ALL": _FAMILIES, ACTIVE: _FAMILIES.where(_HAS_ACTIVE), INACTIVE: _FAMILIES.where(~_HAS_ACTIVE)}


def _to_be(context: Context, request: Parameters) -> Target:
    """The number of the revision is not known yet: policies see ``*`` (policy-evaluation.md 2.9)."""
    arn = f"arn:aws:ecs:{context.region}:{context.account_id}:{KIND}/{request['family']}:*"
    return Target(arn, keys={**tags.request_keys(request), **_keys(request)})


def _keys(request: Parameters) -> dict[str, str | tuple[str, ...]]:
    """policy-evaluation.md 8.6. ecs:privileged is there for every definition: whether it is when no container says anything is inferred."""
    containers = request["containerDefinitions"]
    keys: dict[str, str | tuple[str, ...]] = {"ecs:privileged": "true" if any(c.get("privileged") for c in containers if c) else "false"}
    for member in ("cpu", "memory"):
        try:
            keys[f"ecs:task-{member}"] = str(units(member, request.get(member) or ""))
        except AwsError:  # no size: no key. What is wrong with it is told to those who may register one
            continue
    needed = tuple(filter(None, request.get("requiresCompatibilities") or []))
    return {**keys, "ecs:compute-compatibility": needed} if needed else keys


def _registering(context: Context, request: Parameters) -> Iterator[tuple[str, Target]]:
    yield from tags.on_create(context, request)
    yield from passed_roles.passing(context, (request.get(member) for member in passed_roles.MEMBERS))


@operation("ecs", "RegisterTaskDefinition", Effect.WRITES, target=_to_be, also=_registering)
def register_task_definition(context: Context, request: Parameters) -> Result:
    """The next revision of its family."""
    definition = checked(request)
    for member in passed_roles.MEMBERS:
        if member in definition:
            definition[member] = passed_roles.checked(context, definition[member])
    given = request.get("tags") or []
    tags.check(given)
    row = _insert(context, definition)
    tags.write(context, row.arn, given)
    result: Result = {"taskDefinition": answer(row)}
    return {**result, "tags": tags.read(context, row.arn)} if given else result  # only if given (recorded)


@operation("ecs", "DescribeTaskDefinition")
def describe_task_definition(context: Context, request: Parameters) -> Result:
    """A revision of any status, or the latest ACTIVE one of a family."""
    check_words("DescribeTaskDefinition", request)
    row = resolve(context, request["taskDefinition"])
    if row is None:
        raise client_error("Unable to describe task definition.")  # recorded
    with_tags = "TAGS" in (request.get("include") or [])
    return {"taskDefinition": answer(row), "tags": tags.read(context, row.arn) if with_tags else []}  # always there (recorded)


@operation("ecs", "DeregisterTaskDefinition", Effect.WRITES)
def deregister_task_definition(context: Context, request: Parameters) -> Result:
    """INACTIVE, also when it already was; the answer has no time of it (recorded)."""
    if reference(context, request["taskDefinition"]).revision is None:
        raise invalid_parameter("Revision is missing")  # recorded
    row = _held(context, request["taskDefinition"])
    if row is None:  # inferred from Describe
        raise client_error("Unable to describe task definition.")
    if row.status == DELETE_IN_PROGRESS:  # recorded
        raise client_error("The task definition could not be deregistered because it is in the process of being deleted.")
    if row.status == ACTIVE:
        context.writer.run(_CHANGE, key=row.arn, new_status=INACTIVE, new_deregistered=context.now, new_document=row.document)
    return {"taskDefinition": {**answer(row), "status": INACTIVE, "deregisteredAt": None}}


def _doomed(context: Context, request: Parameters) -> Target:
    """The first one; a reference that names nothing is a failure later, not an error now (recorded)."""
    arns = [_arn_of(context, text) for text in request["taskDefinitions"] if text]
    return _one(arns[0]) if arns else Target("*")


def _other_doomed(context: Context, request: Parameters) -> Iterator[tuple[str, Target]]:
    """One check for each (policy-evaluation.md 2.9)."""
    for arn in list(dict.fromkeys(_arn_of(context, text) for text in request["taskDefinitions"] if text))[1:]:
        yield "ecs:DeleteTaskDefinitions", _one(arn)


@operation("ecs", "DeleteTaskDefinitions", Effect.WRITES, target=_doomed, also=_other_doomed)
def delete_task_definitions(context: Context, request: Parameters) -> Result:
    """DELETE_IN_PROGRESS for each that is INACTIVE; what is wrong with the others is told one by one (recorded)."""
    asked = list(dict.fromkeys(filter(None, request["taskDefinitions"])))
    if not asked:  # these two by moto, aws-behaviour.md 10.1
        raise invalid_parameter("size of TaskDefinition references list must be greater than 0")
    if len(asked) > MAX_DELETED:
        raise invalid_parameter(f"Size of TaskDefinition references list cannot exceed {MAX_DELETED}")
    deleted, failures = [], []
    for text in sorted(asked):  # rows are held in one order, so that two calls cannot wait for each other
        row, reason = _deletable(context, text)
        if row is None:
            failures.append({"arn": text, "reason": reason})
        else:
            deleted.append(answer(_delete(context, row)))
    return {"taskDefinitions": deleted, "failures": failures}


@operation("ecs", "ListTaskDefinitions")
def list_task_definitions(context: Context, request: Parameters) -> Result:
    """By family and revision; tokens can be read (recorded)."""
    check_words("ListTaskDefinitions", request)
    count, (last, number) = page_size(request), _after(request.get("nextToken"))
    rows = context.db.all(
        _PAGES[request.get("sort") or "ASC"],
        account=context.account_id,
        region=context.region,
        status=request.get("status") or ACTIVE,
        only=request.get("familyPrefix") or "",  # the whole name, as documented
        last=last,
        number=number,
        count=count + 1,
    )
    shown = rows[:count]
    token = f"{shown[-1].family}::{shown[-1].revision:010}" if len(rows) > count else None
    return {"taskDefinitionArns": [row.arn for row in shown], "nextToken": token}


@operation("ecs", "ListTaskDefinitionFamilies")
def list_task_definition_families(context: Context, request: Parameters) -> Result:
    """Families that have a revision of any status, or an ACTIVE one, or none such."""
    check_words("ListTaskDefinitionFamilies", request)
    count, prefix = page_size(request), request.get("familyPrefix") or ""
    rows = context.db.all(
        _FAMILIES_BY_STATUS[request.get("status") or "ALL"],
        account=context.account_id,
        region=context.region,
        prefix=prefix,
        length=len(prefix),
        last=_name_after(request.get("nextToken")),
        count=count + 1,
    )
    shown = [row.family for row in rows[:count]]
    return {"families": shown, "nextToken": page_tokens.token(shown[-1]) if len(rows) > count else None}


def _insert(context: Context, definition: dict[str, Any]) -> Row:
    family, home = definition["family"], {"account_id": context.account_id, "region": context.region}
    if not context.writer.run(_COUNT_ON, account=context.account_id, in_region=context.region, named=family):
        context.writer.insert(ecs_families, **home, family=family, last_revision=1)
    revision = context.db.scalar(_LAST, account=context.account_id, region=context.region, family=family)
    arn = f"arn:aws:ecs:{context.region}:{context.account_id}:{KIND}/{family}:{revision}"
    context.writer.insert(
        task_definitions,
        arn=arn,
        **home,
        family=family,
        revision=revision,
        status=ACTIVE,
        document=stored(definition, arn, revision, context.caller.arn),
        registered=context.now,
        deregistered=None,
    )
    return context.db.first(_HOLD, key=arn)


def _held(context: Context, text: str) -> Row | None:
    """The revision as it stands until the commit."""
    row = resolve(context, text)
    return None if row is None else context.writer.first(_HOLD, key=row.arn)


def _delete(context: Context, row: Row) -> Row:
    """The row as it is afterwards; what is being deleted already stays as it is."""
    if row.status == INACTIVE:
        document = set_member(row.document, "deleteRequestedAt", context.now)
        context.writer.run(_CHANGE, key=row.arn, new_status=DELETE_IN_PROGRESS, new_deregistered=row.deregistered, new_document=document)
    return context.db.first(_HOLD, key=row.arn)


def _deletable(context: Context, text: str) -> tuple[Row | None, str]:
    """The held revision, or None and the sentence that says why not (both by moto's tests)."""
    try:
        row = _held(context, text) if reference(context, text).revision is not None else None
    except AwsError as error:
        return None, error.message
    if row is None:
        return None, "The specified task definition does not exist. Specify a valid account, family, revision and try again."
    if row.status == ACTIVE:
        return None, "The specified task definition is still in ACTIVE status. Please deregister the target and try again."
    return row, ""


def _one(arn: str) -> Target:
    return Target(arn, tags_of=arn)


def _arn_of(context: Context, text: str) -> str:
    try:
        return definition_arn(context, text)
    except AwsError:
        return f"arn:aws:ecs:{context.region}:{context.account_id}:{KIND}/{text}"


def _after(token: str | None) -> tuple[str, int]:
    """A token is the family and the revision that a page ends with."""
    family, separator, revision = (token or "").partition("::")
    if not token:
        return "", 0
    if not (family and separator and revision.isascii() and revision.isdecimal() and len(revision) == len("0000000001")):
        raise invalid_parameter("Invalid token.")  # our wording
    return family, min(int(revision), 2**31 - 1)


def _name_after(token: str | None) -> str:
    try:
        return page_tokens.key_of(token or "")
    except ValueError as error:
        raise invalid_parameter("Invalid token.") from error  # our wording
