"""sts: sessions, made of nothing but a sealed token (design D5): STS writes no row.

Who may assume a role is decided by its trust policy, which the pipeline evaluates as the resource's own (policy-evaluation.md 2.2, 2.8).
A role that is missing, one that trusts others and one whose caller lacks permission are refused in one and the same text
(aws-behaviour.md 9.1), so nobody learns which roles exist. A linked role is no special case: it trusts its service alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from stead.aws.arn import assumed_role_arn, iam_arn
from stead.aws.call import Caller, CallerKind, Session, Target
from stead.aws.clock import SECOND
from stead.aws.errors import AwsError, access_denied, validation_error
from stead.aws.ids import secret_access_key, unique_id
from stead.aws.operation import operation
from stead.services.sts import passed
from stead.store.session_tokens import MAX_TOKEN_LENGTH, Credentials, seal
from stead.store.tables import documents, roles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row

ONE_HOUR = 3600
HALF_A_DAY = 12 * ONE_HOUR
TRUSTS_NOBODY = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"nobody"},"Action":"sts:AssumeRole"}}'
_ROLE = (
    select(roles, documents.c.text.label("trust"))
    .join(documents, documents.c.hash == roles.c.trust_hash)
    .where(roles.c.account_id == bindparam("account"), roles.c.name_key == bindparam("name_key"))
)
_ARN = re.compile(r"arn:[^:]+:[^:]+:[^:]*:[^:]*:.+", re.DOTALL)


def _role_to_assume(context: Context, request: Parameters) -> Target:
    arn: str = request["RoleArn"]
    if not _ARN.fullmatch(arn):
        raise validation_error(f"{arn} is invalid")
    if context.caller.kind is CallerKind.ROOT:
        raise access_denied("Roles may not be assumed by root accounts.")  # reported, kubeflow/testing#961 and others
    row = _found(context, arn)
    trust, tags_of = (row.trust, row.id) if row is not None else (TRUSTS_NOBODY, "")
    return Target(arn, row=row, keys=_keys(context.caller, request), tags_of=tags_of, policy=trust)


def _found(context: Context, arn: str) -> Row | None:
    """The role whose ARN this is, to the letter: in ARNs, names have case and a path (policy-evaluation.md 6). A young one is not found yet."""
    row = context.db.first(_ROLE, account=context.account_id, name_key=arn.rpartition("/")[2].lower())
    if row is None or context.is_young(row.created):
        return None
    return row if iam_arn(row.account_id, "role", row.path, row.name) == arn else None


def _keys(caller: Caller, request: Parameters) -> dict[str, str | tuple[str, ...]]:
    """policy-evaluation.md 8.5."""
    found = {**passed.keys(request), "sts:rolesessionname": request["RoleSessionName"]}
    if request.get("ExternalId"):
        found["sts:externalid"] = request["ExternalId"]
    identity = _source_identity(caller, request)
    return {**found, "sts:sourceidentity": identity} if identity else found


def _companions(context: Context, request: Parameters) -> Iterator[tuple[str, Target]]:
    """Tags and a source identity need permissions of their own, on both sides (policy-evaluation.md 2.8), also when the chain brings them."""
    assert context.target is not None
    if request.get("Tags") or passed.inherited(context.caller):
        yield "sts:TagSession", context.target
    if _source_identity(context.caller, request):
        yield "sts:SetSourceIdentity", context.target


@operation("sts", "AssumeRole", target=_role_to_assume, also=_companions)
def assume_role(context: Context, request: Parameters) -> Result:
    """A session of a role."""
    role = context.row
    _refuse_unbuilt(request)
    _check_mfa(request)
    _keep_source_identity(context, request)
    duration = _role_duration(context.caller, role, request)
    carried = passed.checked(context, request)
    percent = passed.packed_percent(carried)
    issued, expires = _span(context, duration)
    name, identity = request["RoleSessionName"], _source_identity(context.caller, request)
    session = Session(issued, expires, name, *carried, source_identity=identity)
    return {
        "Credentials": _issued(context, CallerKind.ROLE, role.id, session),
        "AssumedRoleUser": {"AssumedRoleId": f"{role.id}:{name}", "Arn": assumed_role_arn(role.account_id, role.name, name)},
        "PackedPolicySize": percent,
        "SourceIdentity": identity,
    }


# No policy can allow or deny it (policy-evaluation.md 2.8). CloudTrail counts it among the writes (recorded-aws.md 13).
@operation("sts", "GetSessionToken", open_to_all=True, read_only=False)
def get_session_token(context: Context, request: Parameters) -> Result:
    """A session of the calling user, or of root."""
    caller = context.caller
    if caller.session is not None:
        raise access_denied("Cannot call GetSessionToken with session credentials")
    _refuse_unbuilt(request)
    _check_mfa(request)
    duration = request.get("DurationSeconds", HALF_A_DAY)
    if caller.kind is CallerKind.ROOT:
        duration = min(duration, ONE_HOUR)  # by its documentation, without an error
    issued, expires = _span(context, duration)
    return {"Credentials": _issued(context, caller.kind, caller.entity_id, Session(issued, expires))}


def _source_identity(caller: Caller, request: Parameters) -> str | None:
    """Once set, it stays along the chain."""
    identity: str | None = caller.session.source_identity if caller.session else None
    return identity or request.get("SourceIdentity")


def _keep_source_identity(context: Context, request: Parameters) -> None:
    """One that is set can never be changed; AWS's text for it is not recorded."""
    wanted = request.get("SourceIdentity")
    if wanted and wanted != _source_identity(context.caller, request):
        text = f"User: {context.caller.arn} is not authorized to perform: sts:SetSourceIdentity on resource: {request['RoleArn']}"
        raise access_denied(text)


def _role_duration(caller: Caller, role: Row, request: Parameters) -> int:
    duration: int = request.get("DurationSeconds", ONE_HOUR)
    if caller.session is not None and duration > ONE_HOUR:
        raise validation_error("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
    if duration > role.max_session_duration:
        raise validation_error("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    return duration


def _span(context: Context, seconds: int) -> tuple[int, int]:
    """Issue and expiry; AWS's Expiration has whole seconds."""
    return context.now, (context.now // SECOND + seconds) * SECOND


def _check_mfa(request: Parameters) -> None:
    """Stead has no MFA devices yet, so no code can be right. Both texts are reported by many."""
    serial, code = request.get("SerialNumber"), request.get("TokenCode")
    if serial is None and code is None:
        return
    if serial is None or code is None:
        raise access_denied("MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.")
    raise access_denied(
        "MultiFactorAuthentication failed, unable to validate MFA code.  "
        "Please verify your MFA serial number is valid and associated with this user."
    )


def _refuse_unbuilt(request: Parameters) -> None:
    for member in ("MinimumSessionTokenSize", "ProvidedContexts"):
        if request.get(member):
            raise AwsError("NotImplemented", f"Stead does not implement {member} of STS yet.", 501)


def _issued(context: Context, kind: CallerKind, entity_id: str, session: Session) -> dict[str, Any]:
    account = context.account_id
    credentials = Credentials(unique_id("ASIA", account, 20), secret_access_key(), account, kind, entity_id, session)
    token = seal(context.keys, credentials)
    if len(token) > MAX_TOKEN_LENGTH:
        raise AwsError("PackedPolicyTooLarge", "Serialized token too large for session")  # reported
    return {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret,
        "SessionToken": token,
        "Expiration": session.expires,
    }
