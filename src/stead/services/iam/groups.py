"""iam: groups and their members.

A group is no principal: it only lends its policies to its members, who have them from the next request on. What hangs on a group or a
member hangs on its unique id, so renaming either changes nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, select, update

from stead.aws.arn import iam_arn
from stead.aws.call import Target
from stead.aws.errors import delete_conflict, entity_already_exists, limit_exceeded
from stead.aws.ids import unique_id
from stead.aws.operation import Effect, operation
from stead.services.iam import group_shapes, paths, user_shapes
from stead.services.iam.group_shapes import found, named
from stead.services.iam.owned_policies import refuse_while_owning
from stead.services.iam.owners import USER
from stead.services.iam.paging import page
from stead.store.tables import group_members, groups, users

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row

MAX_GROUPS = 300
MAX_GROUPS_OF_USER = 10
MEMBERS_FIRST = "Cannot delete entity, must remove users from group first."  # of a group and of a user alike (reported)

_IN_ACCOUNT = groups.c.account_id == bindparam("account")
_COUNT = select(func.count()).select_from(groups).where(_IN_ACCOUNT)
_LATER = select(groups).where(groups.c.name_key > bindparam("after")).order_by(groups.c.name_key).limit(bindparam("limit"))
_PAGE = _LATER.where(_IN_ACCOUNT, paths.under(groups.c.path))
_OF_USER = _LATER.join(group_members, group_members.c.group_id == groups.c.id).where(group_members.c.user_id == bindparam("user"))
_MEMBERS = (
    select(users)
    .join(group_members, group_members.c.user_id == users.c.id)
    .where(group_members.c.group_id == bindparam("group"), users.c.name_key > bindparam("after"))
    .order_by(users.c.name_key)
    .limit(bindparam("limit"))
)
_ANY_MEMBER = select(group_members.c.user_id).where(group_members.c.group_id == bindparam("group")).limit(1)
_JOINED = select(group_members.c.group_id).where(group_members.c.user_id == bindparam("user"))
_LEAVE = delete(group_members).where(group_members.c.group_id == bindparam("group"), group_members.c.user_id == bindparam("user"))
_THIS = groups.c.id == bindparam("group")
_RENAME = update(groups).where(_THIS).values(name=bindparam("new_name"), name_key=bindparam("new_key"), path=bindparam("new_path"))
_DELETE = delete(groups).where(_THIS)


def group_to_be(context: Context, request: Parameters) -> Target:
    """CreateGroup is authorized on the requested path (recorded-aws.md 7)."""
    return Target(iam_arn(context.account_id, "group", request.get("Path", "/"), request["GroupName"]))


@operation("iam", "CreateGroup", Effect.ADMINISTERS, target=group_to_be)
def create_group(context: Context, request: Parameters) -> Result:
    """Make a group without members and policies."""
    name = request["GroupName"]
    _refuse_taken(context, name)
    if context.db.scalar(_COUNT, account=context.account_id) >= MAX_GROUPS:
        raise limit_exceeded(f"Cannot exceed quota for GroupsPerAccount: {MAX_GROUPS}")
    context.writer.insert(
        groups,
        id=unique_id("AGPA", context.account_id),
        account_id=context.account_id,
        name=name,
        name_key=name.lower(),
        path=request.get("Path", "/"),
        created=context.now,
    )
    return {"Group": group_shapes.shape(group_shapes.find(context, name))}


@operation("iam", "GetGroup", target=named)
def get_group(context: Context, request: Parameters) -> Result:
    """The group, and one page of its members by name."""
    group = found(context, request["GroupName"])

    def rows(after: str, limit: int) -> list[Row]:
        return context.db.all(_MEMBERS, group=group.id, after=after, limit=limit)

    return {"Group": group_shapes.shape(group), **page(request, "Users", rows, lambda row: row.name_key, user_shapes.core)}


def every_group(context: Context, request: Parameters) -> Target:
    """ListGroups has no resource types; its refusals name the collection (policy-evaluation.md 9.3)."""
    return Target("*", iam_arn(context.account_id, "group", paths.asked(request), ""))


@operation("iam", "ListGroups", target=every_group)
def list_groups(context: Context, request: Parameters) -> Result:
    """One page of groups, by name."""
    prefix = paths.asked(request)

    def rows(after: str, limit: int) -> list[Row]:
        return context.db.all(_PAGE, account=context.account_id, path_prefix=prefix, after=after, limit=limit)

    return page(request, "Groups", rows, lambda row: row.name_key, group_shapes.shape)


@operation("iam", "ListGroupsForUser", target=user_shapes.named)
def list_groups_for_user(context: Context, request: Parameters) -> Result:
    """One page of the groups that a user is in, by name."""
    user = user_shapes.found(context, request["UserName"])

    def rows(after: str, limit: int) -> list[Row]:
        return context.db.all(_OF_USER, user=user.id, after=after, limit=limit)

    return page(request, "Groups", rows, lambda row: row.name_key, group_shapes.shape)


def new_name_too(context: Context, request: Parameters) -> Iterator[tuple[str, Target]]:
    """A change of name or path must be allowed on the group that is and on the one that shall be (UpdateGroup's documentation)."""
    row = context.row
    if row is not None:
        arn = iam_arn(row.account_id, "group", request.get("NewPath", row.path), request.get("NewGroupName", row.name))
        yield "iam:UpdateGroup", Target(arn)


@operation("iam", "UpdateGroup", Effect.PERMITS, target=named, also=new_name_too)
def update_group(context: Context, request: Parameters) -> None:
    """Change the name, the path or both; id, members and policies stay."""
    row = found(context, request["GroupName"])
    name = request.get("NewGroupName", row.name)
    if name.lower() != row.name_key:
        _refuse_taken(context, name)
    context.writer.run(_RENAME, group=row.id, new_name=name, new_key=name.lower(), new_path=request.get("NewPath", row.path))


@operation("iam", "DeleteGroup", Effect.PERMITS, target=named)
def delete_group(context: Context, request: Parameters) -> None:
    """Delete a group without members and policies."""
    row = found(context, request["GroupName"])
    if context.db.first(_ANY_MEMBER, group=row.id) is not None:
        raise delete_conflict(MEMBERS_FIRST)  # reported, hashicorp/terraform#29147
    refuse_while_owning(context, row)
    context.writer.run(_DELETE, group=row.id)


@operation("iam", "AddUserToGroup", Effect.PERMITS, target=named)
def add_user_to_group(context: Context, request: Parameters) -> None:
    """Make a user a member; one that is already stays so, and that is no error (reported, cloud-custodian/cloud-custodian#4730)."""
    group, user = found(context, request["GroupName"]), _user(context, request)
    joined = {row.group_id for row in context.db.all(_JOINED, user=user.id)}
    if group.id in joined:
        return
    if len(joined) >= MAX_GROUPS_OF_USER:
        raise limit_exceeded(f"Cannot exceed quota for GroupsPerUser: {MAX_GROUPS_OF_USER}")
    context.writer.insert(group_members, group_id=group.id, user_id=user.id)


@operation("iam", "RemoveUserFromGroup", Effect.PERMITS, target=named)
def remove_user_from_group(context: Context, request: Parameters) -> None:
    """End a membership; a user who is no member is no error (reported, cloud-custodian/cloud-custodian#4730)."""
    group, user = found(context, request["GroupName"]), _user(context, request)
    context.writer.run(_LEAVE, group=group.id, user=user.id)


def refuse_member(context: Context, user: Row) -> None:
    """Refuse the deletion of a user who is in a group."""
    if context.db.first(_JOINED, user=user.id) is not None:
        raise delete_conflict(MEMBERS_FIRST)  # reported of DeleteUser, mozilla-services/userplex#17


def _user(context: Context, request: Parameters) -> Row:
    row = user_shapes.find(context, request["UserName"])
    if row is None:
        raise USER.missing(request["UserName"])
    return row


def _refuse_taken(context: Context, name: str) -> None:
    if group_shapes.find(context, name) is not None:
        raise entity_already_exists(f"Group with name {name} already exists.")
