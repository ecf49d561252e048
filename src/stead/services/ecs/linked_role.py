"""ecs: how its calls make, need and hold AWSServiceRoleForECS (service-linked-roles.md 2.2 and 2.3; designs D14, D18)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.aws.arn import iam_arn
from stead.aws.errors import AwsError
from stead.linked_roles import catalog, holding, session
from stead.services.ecs.names import invalid_parameter
from stead.store.engine import Conflict

if TYPE_CHECKING:
    from stead.aws.call import Caller
    from stead.linked_roles.catalog import LinkedService
    from stead.store.context import Context
    from stead.store.engine import Row

PRINCIPAL = "ecs.amazonaws.com"
_REFUSED = "linked role refused"
# A caller with GetSessionToken credentials may not call IAM at all, nor may ECS in its name.
_REFUSALS = frozenset({"AccessDenied", "InvalidClientTokenId"})


def service() -> LinkedService:
    """ECS in the catalogue."""
    found = catalog.find(PRINCIPAL)
    assert found is not None
    return found


def make(context: Context) -> None:
    """Make the role in the caller's name, whether it exists or not, as ECS does (recorded). Call it outside of a transaction.

    That the name has been taken is no error, nor that the caller may not; which of the two it was is noted for :func:`hold`.
    """
    parameters = {"AWSServiceName": PRINCIPAL, "Description": service().description}
    try:
        context.call("iam", "CreateServiceLinkedRole", parameters, caller=session.forward_access(context.caller, PRINCIPAL))
    except AwsError as error:
        if error.code not in {*_REFUSALS, "InvalidInput"}:
            raise
        context.noted[_REFUSED] = error.code in _REFUSALS


def make_if_missing(context: Context) -> None:
    """The same of calls on services, which try only then [documented]."""
    if holding.find(context.db, context.account_id, service()) is None:
        make(context)


def assume(context: Context, session_name: str) -> Caller:
    """ECS in a session of its role, or the refusal of a call that needs the role now. Call it outside of a transaction."""
    role = holding.find(context.db, context.account_id, service())
    if role is None:
        raise _unable()
    try:
        made = session.assume_linked_role(context, PRINCIPAL, role_arn(role), session_name)
    except AwsError as error:
        if error.code == "AccessDenied":
            raise _unable() from error
        raise
    return context.gateway.session_caller(context, made["Credentials"]["SessionToken"])


def role_arn(role: Row) -> str:
    """The ARN of the role."""
    return iam_arn(role.account_id, "role", role.path, role.name)


def hold(context: Context) -> Row | None:
    """The role, held for the rest of the transaction, after :func:`make`.

    The role can be missing although its maker was not refused: it was deleted in between. Then everything is run again, unless somebody
    else's role has the name, so that trying again would not help.
    """
    role = holding.hold(context.writer, context.account_id, service())
    if role is not None or context.noted.get(_REFUSED):
        return role
    if not holding.is_name_taken(context.db, context.account_id, service()):
        raise Conflict
    return None


def held(context: Context) -> Row:
    """The role, held for the rest of the transaction; of calls that need it and do not make it."""
    role = holding.hold(context.writer, context.account_id, service())
    if role is None:
        raise _unable()
    return role


def _unable() -> AwsError:
    return invalid_parameter("Unable to assume the service linked role. Please verify that the ECS service linked role exists.")
