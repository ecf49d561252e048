"""iam: access reports: asked for, and read (service-linked-roles.md 5, recorded-aws.md 10).

A report shows the moment at which it was asked for: the policies' hashes, the entities concerned and what they had used are kept with the
job; ``controllers/iam/access_report.py`` makes the answer of them. Only names are read anew. A job belongs to the user who asked, with any
key, or to the one session of a role.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, or_, select

from stead.aws import page_tokens, reference
from stead.aws.arn import iam_arn
from stead.aws.clock import iso_milliseconds
from stead.aws.errors import AwsError, invalid_input, no_such_entity, validation_error
from stead.aws.ids import new_uuid
from stead.aws.operation import Effect, operation
from stead.services.iam import access_entities, held_policies
from stead.store.tables import LAST_USED_KEPT, access_reports, attachments, group_members, last_used, roles, users

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select

    from stead.aws.call import Caller, Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row

SERVICE_LEVEL, ACTION_LEVEL = "SERVICE_LEVEL", "ACTION_LEVEL"
DEFAULT_ITEMS = 200  # recorded, against the documentation's 100
_KINDS = ("user", "group", "role", "policy")
_OF: ColumnElement[str] = bindparam("of")  # the unique id of the user, group or role; the policy's ARN
_OWNERS = select(attachments.c.owner_id).where(attachments.c.policy_arn == _OF)
_MEMBERS = select(group_members.c.user_id)


def _concerned(kind: str, entity: ColumnElement[str]) -> ColumnElement[bool]:
    """Whose activity a report shows: of a policy, all users and roles that hold it, also through a group."""
    if kind == "group":
        return entity.in_(_MEMBERS.where(group_members.c.group_id == _OF))
    if kind == "policy":
        return or_(entity.in_(_OWNERS), entity.in_(_MEMBERS.where(group_members.c.group_id.in_(_OWNERS))))
    return entity == _OF


def _uses(kind: str) -> Select[Any]:
    """Their latest uses, the earliest first."""
    since = last_used.c.time > bindparam("since")
    return select(last_used).where(_concerned(kind, last_used.c.subject_id), since).order_by(last_used.c.time, last_used.c.subject_id)


_USERS = select(users.c.id, users.c.account_id, users.c.path, users.c.name)
_ROLES = select(roles.c.id, roles.c.account_id, roles.c.path, roles.c.name)
_USES = {kind: _uses(kind) for kind in _KINDS}
_USERS_OF = {kind: _USERS.where(_concerned(kind, users.c.id)) for kind in _KINDS}
_ROLES_OF = {kind: _ROLES.where(_concerned(kind, roles.c.id)) for kind in _KINDS}
_JOB = select(access_reports).where(
    access_reports.c.id == bindparam("id"),
    access_reports.c.account_id == bindparam("account"),
    access_reports.c.owner == bindparam("owner"),
)


def _write_uses(context: Context, _request: Parameters) -> None:
    """So that the report shows what was done a moment ago; AWS's takes up to four hours."""
    context.gateway.write_events()


@operation(
    "iam",
    "GenerateServiceLastAccessedDetails",
    Effect.WRITES,
    target=access_entities.located,
    before=_write_uses,
    read_only=True,
)
def generate_service_last_accessed_details(context: Context, request: Parameters) -> Result:
    """Keep the question as it stands now and have it answered."""
    kind = access_entities.checked(context, request, _KINDS, _unsupported)
    job_id = new_uuid()
    context.writer.insert(
        access_reports,
        id=job_id,
        account_id=context.account_id,
        owner=_owner(context.caller),
        granularity=request.get("Granularity", SERVICE_LEVEL),
        question=orjson.dumps(_question(context, kind)).decode(),
        created=context.now,
        due=context.now,
        lease=0,
    )
    context.writer.wake_runner()
    return {"JobId": job_id}


@operation("iam", "GetServiceLastAccessedDetails")
def get_service_last_accessed_details(context: Context, request: Parameters) -> Result:
    """The services that the entity may use, by namespace, and when it did."""
    job = _job(context, request)
    if job.answer is None:
        return _in_progress(job)
    page = _page(request, "services", "ServicesLastAccessed", orjson.loads(job.answer))
    return {**_completed(job), "JobType": job.granularity, **page}


@operation("iam", "GetServiceLastAccessedDetailsWithEntities")
def get_service_last_accessed_details_with_entities(context: Context, request: Parameters) -> Result:
    """The users and roles concerned, who used the service last first. Who was deleted since is left out, so a page may be short."""
    namespace: str = request["ServiceNamespace"]
    if namespace not in reference.service_names():
        raise invalid_input(f"Service namepace {namespace} is either invalid or unsupported.")  # AWS's spelling
    job = _job(context, request)
    if job.answer is None:
        return _in_progress(job)
    question = orjson.loads(job.question)
    used: dict[str, int] = question["services"].get(namespace, {})
    arns: dict[str, str] = question["arns"]
    page = _page(request, "entities", "EntityDetailsList", sorted(arns, key=lambda entity: (-used.get(entity, 0), arns[entity])))
    named = _named_now(context, page["EntityDetailsList"])
    details = [
        {"EntityInfo": named[entity], "LastAuthenticated": used.get(entity)} for entity in page["EntityDetailsList"] if entity in named
    ]
    return {**_completed(job), **page, "EntityDetailsList": details}


def _unsupported(arn: str) -> AwsError:
    return invalid_input(f"Invalid Entity Arn: {arn} is not supported.")


def _owner(caller: Caller) -> str:
    """Whose the job is; the access key id of temporary credentials is theirs alone."""
    return caller.unique_id if caller.session is None else caller.access_key_id


def _question(context: Context, kind: str) -> dict[str, Any]:
    """What is to be frozen: documents by hash, ARNs by entity, uses by service and entity, the latest use by service and action."""
    db, row = context.db, context.row
    of = row.arn if kind == "policy" else row.id
    held = held_policies.managed(db, of) if kind == "policy" else [*held_policies.inline(db, of), *held_policies.attached(db, of)]
    entities = [("user", one) for one in db.all(_USERS_OF[kind], of=of)] + [("role", one) for one in db.all(_ROLES_OF[kind], of=of)]
    services: defaultdict[str, dict[str, int]] = defaultdict(dict)
    actions: defaultdict[str, dict[str, tuple[int, str, str]]] = defaultdict(dict)
    for use in db.all(_USES[kind], of=of, since=context.now - LAST_USED_KEPT):  # the earliest first, so the latest stays
        services[use.service][use.subject_id] = use.time
        actions[use.service][use.action] = (use.time, use.subject_id, use.region)
    return {
        "documents": sorted({policy.hash for policy in held}),
        "arns": {one.id: iam_arn(one.account_id, noun, one.path, one.name) for noun, one in entities},
        "services": services,
        "actions": actions,
    }


def _job(context: Context, request: Parameters) -> Row:
    """The caller's own job; anybody else's does not exist, not even for the account's administrator (recorded-aws.md 10)."""
    row = context.db.first(_JOB, id=request["JobId"], account=context.account_id, owner=_owner(context.caller))
    if row is None:
        raise no_such_entity(f"Job {request['JobId']} does not exist.")
    return row


def _in_progress(job: Row) -> Result:
    """Without type and list (recorded)."""
    return {"JobStatus": "IN_PROGRESS", "JobCreationDate": iso_milliseconds(job.created), "IsTruncated": False}


def _completed(job: Row) -> Result:
    return {
        "JobStatus": "COMPLETED",
        "JobCreationDate": iso_milliseconds(job.created),
        "JobCompletionDate": iso_milliseconds(job.finished),
    }


def _page(request: Parameters, what: str, member: str, items: list[Any]) -> Result:
    """A page of a list that does not change; a marker is good for its job and its kind of list."""
    start = _start(request, what)
    end = start + request.get("MaxItems", DEFAULT_ITEMS)
    more = (
        {"IsTruncated": True, "Marker": page_tokens.token(f"{what}:{request['JobId']}:{end}")}
        if end < len(items)
        else {"IsTruncated": False}
    )
    return {member: items[start:end], **more}


def _start(request: Parameters, what: str) -> int:
    if "Marker" not in request:
        return 0
    try:
        place, _, start = page_tokens.key_of(request["Marker"]).rpartition(":")
    except ValueError as error:
        raise validation_error("Invalid Marker.") from error
    if place != f"{what}:{request['JobId']}" or not start.isdecimal():
        raise invalid_input("The marker passed in the request was invalid.")
    return int(start)


def _named_now(context: Context, ids: list[str]) -> dict[str, dict[str, str]]:
    """EntityInfo of those that still exist."""
    found = [("user", row) for row in context.db.all_now(_USERS.where(users.c.id.in_(ids)))]
    found += [("role", row) for row in context.db.all_now(_ROLES.where(roles.c.id.in_(ids)))]
    return {row.id: _info(noun, row) for noun, row in found}


def _info(noun: str, row: Row) -> dict[str, str]:
    arn = iam_arn(row.account_id, noun, row.path, row.name)
    return {"Arn": arn, "Name": row.name, "Type": noun.upper(), "Id": row.id, "Path": row.path}
