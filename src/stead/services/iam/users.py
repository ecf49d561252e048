"""iam: users, their tags and boundaries.

A user's name is free again at once when it is deleted; everything of the old user hangs on its id, and goes with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, select, update

from stead.aws.arn import iam_arn, root_arn
from stead.aws.call import Target
from stead.aws.errors import delete_conflict, entity_already_exists, limit_exceeded
from stead.aws.ids import unique_id
from stead.aws.operation import Effect, operation
from stead.services.iam import boundaries, paths, tags, user_shapes
from stead.services.iam.groups import refuse_member
from stead.services.iam.owned_policies import refuse_while_owning
from stead.services.iam.owners import USER
from stead.services.iam.paging import page
from stead.services.iam.user_shapes import found, named, named_or_caller
from stead.store.tables import access_keys, accounts, users

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row

MAX_USERS = 5000
_IN_ACCOUNT = users.c.account_id == bindparam("account")
_COUNT = select(func.count()).select_from(users).where(_IN_ACCOUNT)
_BY_ID = select(users).where(users.c.id == bindparam("user"))
_PAGE = (
    select(users)
    .where(_IN_ACCOUNT, users.c.name_key > bindparam("after"), paths.under(users.c.path))
    .order_by(users.c.name_key)
    .limit(bindparam("limit"))
)
_RENAME = (
    update(users)
    .where(users.c.id == bindparam("user"))
    .values(name=bindparam("new_name"), name_key=bindparam("new_key"), path=bindparam("new_path"))
)
_DELETE = delete(users).where(users.c.id == bindparam("user"))
_KEYS = select(func.count()).select_from(access_keys).where(access_keys.c.user_id == bindparam("user"))
_ACCOUNT_MADE = select(accounts.c.created).where(accounts.c.id == bindparam("account"))


def user_to_be(context: Context, request: Parameters) -> Target:
    """CreateUser is authorized on the requested path (recorded-aws.md 7)."""
    keys = {**tags.request_keys(request), **boundaries.keys(context)}
    arn = iam_arn(context.account_id, "user", request.get("Path", "/"), request["UserName"])
    return Target(arn, keys=keys)


def tagging_too(context: Context, request: Parameters) -> Iterator[tuple[str, Target]]:
    """A user made with tags needs iam:TagUser as well (policy-evaluation.md 2.9)."""
    if request.get("Tags"):
        yield "iam:TagUser", user_to_be(context, request)


@operation("iam", "CreateUser", Effect.PERMITS, target=user_to_be, also=tagging_too)
def create_user(context: Context, request: Parameters) -> Result:
    """Make a user."""
    name, given = request["UserName"], request.get("Tags") or []
    tags.check(given)
    boundary = boundaries.asked(context, request)
    _refuse_taken(context, name)
    if context.db.scalar(_COUNT, account=context.account_id) >= MAX_USERS:
        raise limit_exceeded(f"Cannot exceed quota for UsersPerAccount: {MAX_USERS}")
    user_id = unique_id("AIDA", context.account_id)
    context.writer.insert(
        users,
        id=user_id,
        account_id=context.account_id,
        name=name,
        name_key=name.lower(),
        path=request.get("Path", "/"),
        boundary_arn=boundary,
        created=context.now,
    )
    tags.write(context, user_id, given)
    return {"User": user_shapes.shape(context.db.first(_BY_ID, user=user_id), given)}


@operation("iam", "GetUser", target=named_or_caller)
def get_user(context: Context, request: Parameters) -> Result:
    """The user named, or who calls."""
    if "UserName" not in request and context.row is None:
        return {"User": _root(context)}
    row = found(context, request.get("UserName", ""))
    return {"User": user_shapes.shape(row, tags.read(context, row.id))}


def every_user(context: Context, request: Parameters) -> Target:
    """ListUsers has no resource types; its refusals name the collection (policy-evaluation.md 9.3)."""
    return Target("*", iam_arn(context.account_id, "user", paths.asked(request), ""))


@operation("iam", "ListUsers", target=every_user)
def list_users(context: Context, request: Parameters) -> Result:
    """One page of users, by name, without tags and boundaries."""
    prefix = paths.asked(request)

    def rows(after: str, limit: int) -> list[Row]:
        return context.db.all(_PAGE, account=context.account_id, path_prefix=prefix, after=after, limit=limit)

    return page(request, "Users", rows, lambda row: row.name_key, user_shapes.core)


def new_name_too(context: Context, request: Parameters) -> Iterator[tuple[str, Target]]:
    """A change of name or path must be allowed on the user that is and on the one that shall be (UpdateUser's documentation)."""
    row = context.row
    if row is not None:
        arn = iam_arn(row.account_id, "user", request.get("NewPath", row.path), request.get("NewUserName", row.name))
        yield "iam:UpdateUser", Target(arn, tags_of=row.id)


@operation("iam", "UpdateUser", Effect.PERMITS, target=named, also=new_name_too)
def update_user(context: Context, request: Parameters) -> None:
    """Change the name, the path or both; id, keys and policies stay."""
    row = found(context, request["UserName"])
    name = request.get("NewUserName", row.name)
    if name.lower() != row.name_key:
        _refuse_taken(context, name)
    context.writer.run(_RENAME, user=row.id, new_name=name, new_key=name.lower(), new_path=request.get("NewPath", row.path))


@operation("iam", "DeleteUser", Effect.PERMITS, target=named)
def delete_user(context: Context, request: Parameters) -> None:
    """Delete a user who is in no group and owns nothing any more but tags and a boundary."""
    row = found(context, request["UserName"])
    refuse_member(context, row)
    refuse_while_owning(context, row)
    if context.db.scalar(_KEYS, user=row.id):
        raise delete_conflict("Cannot delete entity, must delete access keys first.")
    tags.remove_all(context, row.id)
    context.writer.run(_DELETE, user=row.id)


def tagged(context: Context, request: Parameters) -> Target:
    """The user, with the tags that the call passes or names."""
    return user_shapes.target_of(context, request["UserName"], tags.request_keys(request))


@operation("iam", "TagUser", Effect.ADMINISTERS, target=tagged)
def tag_user(context: Context, request: Parameters) -> None:
    """Add or replace tags; their own rules come before the question whether the user exists (recorded-aws.md 1)."""
    tags.check(request["Tags"])
    given = tags.asked(request, "Tags")
    tags.write(context, found(context, request["UserName"]).id, given)


@operation("iam", "UntagUser", Effect.ADMINISTERS, target=tagged)
def untag_user(context: Context, request: Parameters) -> None:
    """Remove tags."""
    names = tags.asked(request, "TagKeys")
    tags.remove(context, found(context, request["UserName"]).id, names)


@operation("iam", "ListUserTags", target=named)
def list_user_tags(context: Context, request: Parameters) -> Result:
    """One page of tags."""
    return tags.list_page(context, request, found(context, request["UserName"]).id)


@operation("iam", "PutUserPermissionsBoundary", Effect.PERMITS, target=named)
def put_user_permissions_boundary(context: Context, request: Parameters) -> None:
    """Set the boundary."""
    boundaries.put(context, USER, found(context, request["UserName"]), request)


@operation("iam", "DeleteUserPermissionsBoundary", Effect.PERMITS, target=named)
def delete_user_permissions_boundary(context: Context, request: Parameters) -> None:
    """Take the boundary away."""
    boundaries.remove(context, USER, found(context, request["UserName"]))


def _refuse_taken(context: Context, name: str) -> None:
    if user_shapes.find(context, name) is not None:
        raise entity_already_exists(f"User with name {name} already exists.")


def _root(context: Context) -> Result:
    """The root user has neither name nor path (recorded-aws.md 13); it is as old as its account."""
    account = context.account_id
    return {"UserId": account, "Arn": root_arn(account), "CreateDate": context.db.scalar(_ACCOUNT_MADE, account=account)}
