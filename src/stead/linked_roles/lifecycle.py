"""The life of a linked role: made, a deletion begun, a deletion finished (service-linked-roles.md section 2).

A deletion is a row of ``deletion_tasks`` and moves only forward::

    NOT_STARTED -> IN_PROGRESS -> SUCCEEDED   (the role is gone)
                               -> FAILED      (the role stays, and the reason says why; the next deletion is a new task)

The task holds the role's unique id, never its name: a role made again under the name is another one, and no old task can touch it. The last
look at what uses the role and the removal are one transaction that holds the account's row and the role's row alone (design D18); whoever
makes new use holds one of the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson
from sqlalchemy import bindparam, delete, select, update

from stead.aws.errors import AwsError, invalid_input
from stead.aws.ids import new_uuid, unique_id
from stead.linked_roles import usage
from stead.linked_roles.rules import LINKED
from stead.store.accounts import HELD_ALONE, RAISE_GENERATION
from stead.store.documents import store_document
from stead.store.tables import attachments, deletion_tasks, inline_policies, policies, role_usage, roles, tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stead.linked_roles.catalog import LinkedService
    from stead.linked_roles.usage import Asked
    from stead.store.engine import Reader, Row, Writer

NOT_STARTED, IN_PROGRESS, SUCCEEDED, FAILED = "NOT_STARTED", "IN_PROGRESS", "SUCCEEDED", "FAILED"
MAX_ROLE_NAME = 64
MAX_SESSION_DURATION = 3600  # recorded, and can never change

_NAMED = select(roles.c.id).where(roles.c.account_id == bindparam("account"), roles.c.name_key == bindparam("key"))
_POLICY = select(policies.c.arn).where(policies.c.arn == bindparam("arn"))
_ROLE = select(roles).where(roles.c.id == bindparam("role_id"))
_HOLD_ROLE = _ROLE.with_for_update()
_RUNNING = select(deletion_tasks.c.id).where(deletion_tasks.c.role_id == bindparam("role_id"), deletion_tasks.c.finished.is_(None))
_START = update(deletion_tasks).where(deletion_tasks.c.id == bindparam("task")).values(status=IN_PROGRESS)
_FINISH = (
    update(deletion_tasks)
    .where(deletion_tasks.c.id == bindparam("task"))
    .values(status=bindparam("verdict"), reason=bindparam("why"), finished=bindparam("now"))
)
_BELONGINGS = (
    delete(attachments).where(attachments.c.owner_id == bindparam("role_id")),
    delete(inline_policies).where(inline_policies.c.owner_id == bindparam("role_id")),
    delete(tags).where(tags.c.owner == bindparam("role_id")),
    delete(role_usage).where(role_usage.c.role_id == bindparam("role_id")),
    delete(roles).where(roles.c.id == bindparam("role_id")),
)


class NewRole(NamedTuple):
    """A linked role to be made; ``name`` is :meth:`LinkedService.name_with` the suffix."""

    account_id: str
    name: str
    description: str | None
    now: int


def trust_text(principal: str) -> str:
    """The trust policy as it is stored and as GetRole shows it: the service, and nobody else (recorded form)."""
    statement = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
    return _policy_text(statement)


def trust_text_when_made(principal: str) -> str:
    """The same as CreateServiceLinkedRole alone spells it: one-element lists (recorded)."""
    statement = {"Action": ["sts:AssumeRole"], "Effect": "Allow", "Principal": {"Service": [principal]}}
    return _policy_text(statement)


def create(db: Writer, service: LinkedService, new: NewRole) -> Row:
    """Make the role with its trust and its one policy. Errors: InvalidInput (name taken or too long), NotImplemented (no policy text)."""
    if len(new.name) > MAX_ROLE_NAME:  # our wording: AWS's is not established
        raise invalid_input(f"Service role name {new.name} is longer than {MAX_ROLE_NAME} characters, please try a different suffix.")
    if db.first(_NAMED, account=new.account_id, key=new.name.lower()) is not None:  # whoever has it: names are unique in an account
        raise invalid_input(f"Service role name {new.name} has been taken in this account, please try a different suffix.")
    policy_arn = _policy_of(db, service)
    role_id = unique_id("AROA", new.account_id)
    db.insert(
        roles,
        id=role_id,
        account_id=new.account_id,
        name=new.name,
        name_key=new.name.lower(),
        path=service.path,
        kind=LINKED,
        service=service.principal,
        description=new.description,
        trust_hash=store_document(db, trust_text(service.principal)),
        max_session_duration=MAX_SESSION_DURATION,
        created=new.now,
    )
    db.insert(attachments, owner_id=role_id, policy_arn=policy_arn, created=new.now)
    return db.first(_ROLE, role_id=role_id)


def begin_deletion(db: Writer, role: Row, now: int) -> str:
    """The id of the task that deletes ``role``: the one that runs, or a new one. The caller holds the account's row alone."""
    running: str | None = db.scalar(_RUNNING, role_id=role.id)
    if running is not None:
        return running
    task_id = f"task{role.path}{role.name}/{new_uuid()}"
    db.insert(
        deletion_tasks,
        id=task_id,
        account_id=role.account_id,
        role_id=role.id,
        role_name=role.name,
        principal=role.service,
        status=NOT_STARTED,
        created=now,
        due=now,
        lease=0,
    )
    db.wake_runner()
    return task_id


def role_of(db: Reader, task: Row) -> Row | None:
    """The very role that the task is about, or None when it is gone, whatever has its name now."""
    return db.first(_ROLE, role_id=task.role_id)


def start_deletion(db: Writer, task: Row) -> None:
    """NOT_STARTED -> IN_PROGRESS."""
    db.run(_START, task=task.id)


def finish_deletion(db: Writer, service: LinkedService | None, task: Row, asked: Asked, now: int) -> str:
    """IN_PROGRESS -> SUCCEEDED or FAILED, the last look and the removal in one; the new status.

    Known use comes first, for it tells the user what to do. A role that is already gone was deleted, so its task succeeded. A service that
    left the catalogue cannot say what uses its role.
    """
    db.first(HELD_ALONE, account=task.account_id)  # before the role's row, as every operation does: no deadlock
    role = db.first(_HOLD_ROLE, role_id=task.role_id)
    if role is None:
        return _finish(db, task, None, now)
    if service is None:
        return _finish(db, task, usage.unknown_reason(), now)
    in_use = usage.own(db, service, role) | asked.use
    if in_use:
        return _finish(db, task, usage.reason(service, in_use), now)
    if not asked.complete:
        return _finish(db, task, usage.unknown_reason(), now)
    _remove(db, role)
    return _finish(db, task, None, now)


def _finish(db: Writer, task: Row, reason: dict[str, object] | None, now: int) -> str:
    status = SUCCEEDED if reason is None else FAILED
    db.run(_FINISH, task=task.id, verdict=status, why=None if reason is None else orjson.dumps(reason).decode(), now=now)
    return status


def _remove(db: Writer, role: Row) -> None:
    for statement in _BELONGINGS:
        db.run(statement, role_id=role.id)
    db.run(RAISE_GENERATION, account=role.account_id)  # its sessions end with it (design D7)


def _policy_of(db: Reader, service: LinkedService) -> str:
    """The role's policy, which must be in the store: a linked role without its permissions would be decoration."""
    arn = service.policy_arn
    if arn is None or db.first(_POLICY, arn=arn) is None:
        raise AwsError(
            "NotImplemented",
            f"Stead does not have the text of {arn or 'the permissions policy'} and makes no linked role of {service.principal} without it."
            " Most texts come with the extra stead[neighbours], at the first start after it was installed.",
            501,
        )
    return arn


def _policy_text(statement: Mapping[str, object]) -> str:
    return orjson.dumps({"Version": "2012-10-17", "Statement": [statement]}).decode()
