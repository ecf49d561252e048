"""Roles handed to ECS: iam:PassRole on each, with the service that will assume it (policy-evaluation.md 2.9, 8.3).

A role is named by its ARN or by its name alone; what is no ARN is taken for a name, as AWS's own refusals show
(``...:role/`` and then the text as it came: reported, aws/containers-roadmap#1390).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from stead.aws.arn import iam_arn, parse_arn
from stead.aws.call import Target
from stead.linked_roles import rules
from stead.policy import Layers, Policy, Principal, PrincipalKind, Request, authorize
from stead.services.ecs.names import client_error
from stead.store.entity_policies import compiled
from stead.store.tables import documents, roles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stead.store.context import Context
    from stead.store.engine import Row

TASKS = "ecs-tasks.amazonaws.com"
ECS = "ecs.amazonaws.com"
MEMBERS = ("taskRoleArn", "executionRoleArn")  # of task definitions, and of what RunTask overrides in them
_ROLE = (
    select(roles, documents.c.text.label("trust"))
    .join(documents, documents.c.hash == roles.c.trust_hash)
    .where(roles.c.account_id == bindparam("account"), roles.c.name_key == bindparam("name_key"))
)


def passing(context: Context, given: Iterable[str | None], service: str = TASKS) -> Iterator[tuple[str, Target]]:
    """The further authorizations of a call that hands over these roles; absent and empty ones are no roles."""
    for text in dict.fromkeys(filter(None, given)):
        arn, row = named(context, text)
        keys = {**rules.service_keys(row), "iam:passedtoservice": service}
        yield "iam:PassRole", Target(arn, row=row, keys=keys, tags_of=row.id if row is not None else "")


def checked(context: Context, text: str) -> str:
    """The ARN of the role ``text``, which must exist."""
    arn, row = named(context, text)
    if row is None:
        raise client_error("Role is not valid")  # reported, aws-behaviour.md 10.1
    return arn


def named(context: Context, text: str) -> tuple[str, Row | None]:
    """The ARN that ``text`` stands for, and the role of this account with exactly that ARN, path and all."""
    given = parse_arn(text)
    is_role = given is not None and given.service == "iam" and given.resource.startswith("role/")
    name = text.rpartition("/")[2] if is_role else text
    row = context.db.first(_ROLE, account=context.account_id, name_key=name.lower())
    if row is None:
        return (text if is_role else iam_arn(context.account_id, "role", "/", text)), None
    arn = iam_arn(row.account_id, "role", row.path, row.name)
    return (arn, row) if not is_role or text == arn else (text, None)


def unassumable(context: Context, given: Iterable[str | None]) -> Iterator[str]:
    """What ECS says of each role that it could not assume for a task; tasks are admitted when there is nothing to say (reported by many).

    The trust policy is asked before there is a task, so its ARN is a literal pattern (recorded-aws.md 11.4): a role that trusts only
    narrower sources is refused by it.
    """
    principal = Principal(PrincipalKind.SERVICE, context.account_id, TASKS, service=TASKS)
    keys = {
        "aws:principalisawsservice": "true",
        "aws:principalservicename": TASKS,
        "aws:sourceaccount": context.account_id,
        "aws:sourcearn": f"arn:aws:ecs:{context.region}:{context.account_id}:task/*",
    }
    for text in dict.fromkeys(filter(None, given)):
        arn, row = named(context, text)
        request = Request("sts:AssumeRole", arn, principal, keys, context.account_id)
        trust = Policy(arn, "trust", compiled(row.trust)) if row is not None else None
        if trust is None or not authorize(request, Layers(resource=trust, resource_is_trust=True)).allowed:
            yield (
                f"ECS was unable to assume the role '{arn}' that was provided for this task. Please verify that the role being passed has the"
                " proper trust relationship and permissions and that your IAM user has permissions to pass this role."
            )
