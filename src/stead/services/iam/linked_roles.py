"""iam: service-linked roles are made, deleted, and their deletion is followed (service-linked-roles.md sections 2 and 3).

``iam:AWSServiceName`` is a key of all three calls, so that the documented policies work as written (design D13).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import bindparam, select

from stead.aws.arn import iam_arn
from stead.aws.call import Target
from stead.aws.errors import invalid_input, no_such_entity
from stead.aws.operation import Effect, operation
from stead.linked_roles import catalog, lifecycle
from stead.linked_roles.rules import LINKED, RESERVED_PATH
from stead.services.iam.role_shapes import core, role_arn, role_named, role_target
from stead.store.tables import deletion_tasks

if TYPE_CHECKING:
    from stead.aws.call import Parameters, Result
    from stead.linked_roles.catalog import LinkedService
    from stead.store.context import Context

_TASK_ID = re.compile(
    rf"task{RESERVED_PATH}(?P<principal>[^/]+)/(?P<role>[^/]+)/[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}}"
)
_TASK = select(deletion_tasks.c.status, deletion_tasks.c.reason, deletion_tasks.c.created).where(
    deletion_tasks.c.id == bindparam("id"), deletion_tasks.c.account_id == bindparam("account")
)


def role_to_be(context: Context, request: Parameters) -> Target:
    """The ARN that IAM computes from principal and suffix, allowed or not: input rules come after authorization (recorded-aws.md 1).

    Of an unknown principal no role name is known: any role of it is meant.
    """
    principal, suffix = request["AWSServiceName"], request.get("CustomSuffix")
    service = catalog.find(principal)
    name = "*" if service is None else _unchecked_name(service, suffix)
    return _linked_target(context, principal, name)


def role_to_go(context: Context, request: Parameters) -> Target:
    """The role by its name. One that is not there is looked for where it would be, so that its owner is told that it is gone."""
    target = role_target(context, request["RoleName"])
    if target.row is not None:
        # Recorded with the ARN, unlike the other operations on a role (service-linked-roles.md 3.1).
        return Target(target.arn, "", target.row, target.keys, target.tags_of)
    service = catalog.find_by_role_name(request["RoleName"])
    if service is None:
        return target
    start = service.role_name.removesuffix("*")  # in the service's spelling: policies regard case
    return _linked_target(context, service.principal, start + request["RoleName"][len(start) :])


def role_of_task(context: Context, request: Parameters) -> Target:
    """The role's ARN stands in the task id, which holds path and name; an id without them cannot be asked about at all."""
    found = _TASK_ID.fullmatch(request["DeletionTaskId"])
    if found is None:
        raise invalid_input("Invalid task id")
    target = _linked_target(context, found["principal"], found["role"])
    role = role_named(context, found["role"])
    return replace(target, tags_of=role.id) if role is not None and role_arn(role) == target.arn else target


@operation("iam", "CreateServiceLinkedRole", Effect.PERMITS, target=role_to_be)
def create_service_linked_role(context: Context, request: Parameters) -> Result:
    """The role that the service defines; the answer has no description, duration or tags even when they were given (recorded)."""
    service = catalog.find(request["AWSServiceName"])
    if service is None:  # our wording: AWS's is not established; InvalidInput is what the model declares for it
        raise invalid_input(f"Service {request['AWSServiceName']} does not support service-linked roles.")
    new = lifecycle.NewRole(context.account_id, service.name_with(request.get("CustomSuffix")), request.get("Description"), context.now)
    role = lifecycle.create(context.writer, service, new)
    return {"Role": core(role, lifecycle.trust_text_when_made(service.principal))}


@operation("iam", "DeleteServiceLinkedRole", Effect.ADMINISTERS, target=role_to_go)
def delete_service_linked_role(context: Context, request: Parameters) -> Result:
    """Only begins: the role is never deleted inside the call."""
    role = context.row
    if role is None:
        raise no_such_entity(f"The role with name {request['RoleName']} cannot be found.")
    if role.kind != LINKED:
        raise no_such_entity(f"{role.name} exists but is not a service role.")
    return {"DeletionTaskId": lifecycle.begin_deletion(context.writer, role, context.now)}


@operation("iam", "GetServiceLinkedRoleDeletionStatus", target=role_of_task)
def get_service_linked_role_deletion_status(context: Context, request: Parameters) -> Result:
    """Where the task stands; ``Reason`` only when it failed."""
    task = context.db.first(_TASK, id=request["DeletionTaskId"], account=context.account_id)
    if task is None or context.is_young(task.created):  # recorded: for some seconds AWS does not know a new task either
        raise no_such_entity("Cannot find deletion status for given id.")
    return {"Status": task.status, "Reason": None if task.reason is None else orjson.loads(task.reason)}


def _linked_target(context: Context, principal: str, name: str) -> Target:
    arn = iam_arn(context.account_id, "role", f"{RESERVED_PATH}{principal}/", name)
    return Target(arn, keys={"iam:awsservicename": principal})


def _unchecked_name(service: LinkedService, suffix: str | None) -> str:
    """The name as if every service took a suffix."""
    if suffix is None:
        return service.role_name
    return service.role_name.replace("*", suffix) if "*" in service.role_name else f"{service.role_name}_{suffix}"
