"""How ECS calls name a task definition: by its family, by ``family:revision``, or by its whole ARN (ecs-on-your-behalf.md 12).

A family alone means its latest ACTIVE revision (recorded-aws.md 11.2). This stands apart from ``task_definitions.py`` because tags, RunTask and
CreateService look for task definitions too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, select

from stead.aws.arn import parse_arn
from stead.services.ecs.names import check_arn, invalid_parameter
from stead.store.ecs_tables import task_definitions

if TYPE_CHECKING:
    from stead.store.context import Context
    from stead.store.engine import Row

ACTIVE, INACTIVE, DELETE_IN_PROGRESS = "ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"
KIND = "task-definition"
MAX_REVISION = 2**31 - 1  # the column's; AWS's is not published
_NUMBER = re.compile(r"[0-9]{1,10}")
_THIS_FAMILY = (
    task_definitions.c.account_id == bindparam("account"),
    task_definitions.c.region == bindparam("region"),
    task_definitions.c.family == bindparam("family"),
)
_ONE = select(task_definitions).where(*_THIS_FAMILY, task_definitions.c.revision == bindparam("revision"))
_LATEST = (
    select(task_definitions).where(*_THIS_FAMILY, task_definitions.c.status == ACTIVE).order_by(task_definitions.c.revision.desc()).limit(1)
)


class Reference(NamedTuple):
    """What a call says: a family of an account, and a revision or None for its latest ACTIVE one."""

    account_id: str
    family: str
    revision: int | None


def resolve(context: Context, text: str) -> Row | None:
    """The task definition that ``text`` names, of any status when it names a revision, or None. Statuses are the caller's to judge."""
    where = reference(context, text)
    if where.account_id != context.account_id:  # task definitions are not shared between accounts
        return None
    names = {"account": where.account_id, "region": context.region, "family": where.family}
    if where.revision is None:
        return context.db.first(_LATEST, **names)
    return context.db.first(_ONE, revision=where.revision, **names)


def definition_arn(context: Context, text: str) -> str:
    """The ARN that ``text`` stands for; nothing is looked up, so a revision that is not said is ``*`` (policy-evaluation.md 2.9)."""
    where = reference(context, text)
    revision = "*" if where.revision is None else where.revision
    return f"arn:aws:ecs:{context.region}:{where.account_id}:{KIND}/{where.family}:{revision}"


def reference(context: Context, text: str) -> Reference:
    """``text`` taken apart, or the refusal of what can name no task definition."""
    arn = parse_arn(text)
    if arn is None:
        return Reference(context.account_id, *_revised(text))
    check_arn(context, arn)
    kind, _, name = arn.resource.partition("/")
    if kind != KIND:
        raise invalid_parameter(f"Unsupported resource type: {kind}")  # reported for clusters, aws/aws-cli#7875
    return Reference(arn.account, *_revised(name))


def _revised(name: str) -> tuple[str, int | None]:
    family, colon, revision = name.partition(":")
    if not colon:
        return family, None
    if not _NUMBER.fullmatch(revision) or int(revision) > MAX_REVISION:
        raise invalid_parameter("Invalid task definition: Invalid revision number.")  # recorded
    return family, int(revision)
