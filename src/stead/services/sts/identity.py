"""sts: who am I, and whose key is this."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.aws.operation import operation

if TYPE_CHECKING:
    from stead.aws.call import Parameters, Result
    from stead.store.context import Context


@operation(
    "sts", "GetCallerIdentity", open_to_all=True
)  # needs no permission, not even against an explicit deny (policy-evaluation.md 2.8)
def get_caller_identity(context: Context, _request: Parameters) -> Result:
    """``UserId``, ``Account`` and ``Arn`` of whoever signed."""
    caller = context.caller
    return {"UserId": caller.unique_id, "Account": caller.account_id, "Arn": caller.arn}
