"""sts: who am I, and whose key is this."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from stead.aws.errors import validation_error
from stead.aws.ids import account_of_key
from stead.aws.operation import operation
from stead.store.tables import access_keys

if TYPE_CHECKING:
    from stead.aws.call import Parameters, Result
    from stead.store.context import Context

_OWNER = select(access_keys.c.account_id).where(access_keys.c.id == bindparam("id"))


@operation(
    "sts", "GetCallerIdentity", open_to_all=True
)  # needs no permission, not even against an explicit deny (policy-evaluation.md 2.8)
def get_caller_identity(context: Context, _request: Parameters) -> Result:
    """``UserId``, ``Account`` and ``Arn`` of whoever signed."""
    caller = context.caller
    return {"UserId": caller.unique_id, "Account": caller.account_id, "Arn": caller.arn}


@operation("sts", "GetAccessKeyInfo")
def get_access_key_info(context: Context, request: Parameters) -> Result:
    """The account of any key, also of one that does not exist: the account is encoded in it (aws-behaviour.md 2.1)."""
    key_id: str = request["AccessKeyId"]
    # A root key that the operator chose (design, section 4) need not have AWS's form; it is found by its row.
    account = context.db.scalar(_OWNER, id=key_id) or account_of_key(key_id)
    if account is None:
        raise validation_error(f"{key_id} is invalid")  # the text is inferred from AssumeRole's
    return {"Account": account}
