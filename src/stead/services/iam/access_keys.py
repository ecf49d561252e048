"""iam: access keys. The secret is shown once, at its making, and kept sealed (design D6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select, update

from stead.aws.arn import iam_arn, root_arn
from stead.aws.call import CallerKind, Target
from stead.aws.errors import AwsError, invalid_input, limit_exceeded, no_such_entity
from stead.aws.ids import secret_access_key, unique_id
from stead.aws.operation import Effect, operation
from stead.services.iam import last_used, user_shapes
from stead.services.iam.paging import page_of
from stead.services.iam.user_shapes import found, named_or_caller
from stead.store.keyring import SECRET_PURPOSE
from stead.store.tables import access_keys, users

if TYPE_CHECKING:
    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row

MAX_KEYS = 2  # of a user, and of the root user
_OF_USER = select(access_keys).where(access_keys.c.user_id == bindparam("user"))
_OF_ROOT = select(access_keys).where(access_keys.c.account_id == bindparam("account"), access_keys.c.user_id.is_(None))
_KEY_AND_USER = (
    select(access_keys.c.id, access_keys.c.user_id, users.c.name)
    .join(users, users.c.id == access_keys.c.user_id, isouter=True)
    .where(access_keys.c.id == bindparam("key"), access_keys.c.account_id == bindparam("account"))
)
_SET_STATUS = update(access_keys).where(access_keys.c.id == bindparam("key")).values(status=bindparam("new_status"))
_DELETE = delete(access_keys).where(access_keys.c.id == bindparam("key"))


@operation("iam", "CreateAccessKey", Effect.PERMITS, target=named_or_caller)
def create_access_key(context: Context, request: Parameters) -> Result:
    """Make a key for the user named, or for who calls."""
    owner = _owner(context, request)
    if len(_keys_of(context, owner)) >= MAX_KEYS:
        raise limit_exceeded(f"Cannot exceed quota for AccessKeysPerUser: {MAX_KEYS}")
    key_id, secret = unique_id("AKIA", context.account_id, 20), secret_access_key()
    context.writer.insert(
        access_keys,
        id=key_id,
        account_id=context.account_id,
        user_id=owner.id if owner is not None else None,
        secret=context.keys.seal(secret.encode(), SECRET_PURPOSE),
        status="Active",
        created=context.now,
    )
    named = {"UserName": owner.name} if owner is not None else {}
    return {"AccessKey": {**named, "AccessKeyId": key_id, "Status": "Active", "SecretAccessKey": secret, "CreateDate": context.now}}


@operation("iam", "ListAccessKeys", target=named_or_caller)
def list_access_keys(context: Context, request: Parameters) -> Result:
    """One page of keys, oldest first, without secrets."""
    owner = _owner(context, request)
    named = {"UserName": owner.name} if owner is not None else {}

    def shape(row: Row) -> dict[str, Any]:
        return {**named, "AccessKeyId": row.id, "Status": row.status, "CreateDate": row.created}

    return page_of(request, "AccessKeyMetadata", [(f"{row.created:020}{row.id}", shape(row)) for row in _keys_of(context, owner)])


@operation("iam", "UpdateAccessKey", Effect.PERMITS, target=named_or_caller)
def update_access_key(context: Context, request: Parameters) -> None:
    """Switch a key off or on; it holds from the next request on (design D7)."""
    if request["Status"] == "Expired":  # in the model's enum, for AWS to set; the words are inferred
        raise invalid_input("The status of an access key can only be Active or Inactive.")
    context.writer.run(_SET_STATUS, key=_named_key(context, request), new_status=request["Status"])


@operation("iam", "DeleteAccessKey", Effect.PERMITS, target=named_or_caller)
def delete_access_key(context: Context, request: Parameters) -> None:
    """Delete a key, also the one that signs this call."""
    context.writer.run(_DELETE, key=_named_key(context, request))


def owner_of_key(context: Context, request: Parameters) -> Target:
    """GetAccessKeyLastUsed is authorized on the key's owner (recorded-aws.md 7)."""
    row = context.db.first(_KEY_AND_USER, key=request["AccessKeyId"], account=context.account_id)
    if row is None:
        return Target(iam_arn(context.account_id, "user", "/", "*"))
    if row.user_id is None:
        return Target(root_arn(context.account_id), row=row)
    owner = user_shapes.target_of(context, row.name)
    return Target(owner.arn, owner.label, row, owner.keys, owner.tags_of)


@operation("iam", "GetAccessKeyLastUsed", target=owner_of_key)
def get_access_key_last_used(context: Context, request: Parameters) -> Result:
    """Whose key it is, and which service it last signed a request to."""
    if context.row is None:
        raise _missing(request)
    return {"UserName": context.row.name, "AccessKeyLastUsed": last_used.of_key(context, context.row.id)}


def _owner(context: Context, request: Parameters) -> Row | None:
    """The user whose keys the call is about; None: the root user's own."""
    if "UserName" not in request and context.caller.kind is CallerKind.ROOT:
        return None
    return found(context, request.get("UserName", ""))


def _keys_of(context: Context, owner: Row | None) -> list[Row]:
    if owner is None:
        return context.db.all(_OF_ROOT, account=context.account_id)
    return context.db.all(_OF_USER, user=owner.id)


def _named_key(context: Context, request: Parameters) -> str:
    """The id of the key, which must be that user's."""
    key_id: str = request["AccessKeyId"]
    if key_id not in {row.id for row in _keys_of(context, _owner(context, request))}:
        raise _missing(request)
    return key_id


def _missing(request: Parameters) -> AwsError:
    return no_such_entity(f"The Access Key with id {request['AccessKeyId']} cannot be found.")
