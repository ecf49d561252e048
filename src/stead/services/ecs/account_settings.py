"""ecs: the four operations on account settings. Which settings there are is in ``settings.py``.

Only the root user may name another principal than itself (documented); users and roles set their own. Names sort the list, as in AWS's examples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete

from stead.aws import page_tokens
from stead.aws.arn import parse_arn
from stead.aws.call import CallerKind, Target
from stead.aws.errors import access_denied
from stead.aws.operation import Effect, operation
from stead.services.ecs.names import invalid_parameter
from stead.services.ecs.settings import ACCOUNT, SETTINGS, effective, given, principal_arn, principal_of
from stead.store.ecs_tables import ecs_account_settings

if TYPE_CHECKING:
    from stead.aws.call import Parameters, Result
    from stead.store.context import Context

MAX_RESULTS = 10
_DELETE = delete(ecs_account_settings).where(
    ecs_account_settings.c.account_id == bindparam("account"),
    ecs_account_settings.c.region == bindparam("region"),
    ecs_account_settings.c.principal_arn == bindparam("principal"),
    ecs_account_settings.c.name == bindparam("setting"),
)


def _setting(_context: Context, request: Parameters) -> Target:
    """An action without resource types; the setting is a condition key (policy-evaluation.md 8.6)."""
    return Target("*", keys={"ecs:account-setting": request["name"]})


@operation("ecs", "PutAccountSetting", Effect.WRITES, target=_setting)
def put_account_setting(context: Context, request: Parameters) -> Result:
    """For the caller, or for whom root names."""
    principal = _principal(context, request)
    _check(request)
    if SETTINGS[request["name"]].is_account_wide and principal != ACCOUNT:  # documented; our wording
        raise invalid_parameter(f"{request['name']} can only be set for the root user of the account.")
    return _put(context, request, principal)


@operation("ecs", "PutAccountSettingDefault", Effect.WRITES, target=_setting)
def put_account_setting_default(context: Context, request: Parameters) -> Result:
    """For everybody in the account who has no setting of their own."""
    _check(request)
    return _put(context, request, ACCOUNT)


@operation("ecs", "DeleteAccountSetting", Effect.WRITES, target=_setting)
def delete_account_setting(context: Context, request: Parameters) -> Result:
    """The setting that holds from now on; one that was not set is no error (inferred)."""
    principal = _principal(context, request)
    _check_name(request["name"])
    _remove(context, request["name"], principal)
    return {"setting": _shown(context, principal, request["name"], effective(context, principal)[request["name"]])}


@operation("ecs", "ListAccountSettings")
def list_account_settings(context: Context, request: Parameters) -> Result:
    """What was set for a principal; with ``effectiveSettings`` what holds for it."""
    principal = _principal(context, request)
    count, after = _page(request)
    found = (effective if request.get("effectiveSettings") else given)(context, principal)
    wanted = {name: value for name, value in found.items() if _is_asked(request, name, value)}
    names = sorted(name for name in wanted if name > after)
    shown = [_shown(context, principal, name, wanted[name]) for name in names[:count]]
    return {"settings": shown, "nextToken": page_tokens.token(names[count - 1]) if len(names) > count else None}


def _principal(context: Context, request: Parameters) -> str:
    """The principal that a call is about. One's own ARN is no other principal."""
    own, named = principal_of(context), request.get("principalArn")
    if not named or named == principal_arn(context, own):
        return own
    if context.caller.kind is not CallerKind.ROOT:  # documented; our wording
        raise access_denied("You must be the root user, or the principal, to use the parameter principalArn.")
    arn = parse_arn(named)
    if arn is None or arn.service != "iam" or arn.account != context.account_id or not arn.resource.startswith(("user/", "role/")):
        raise invalid_parameter("Invalid setting 'principalArn'")  # as of the value
    return str(named)


def _check(request: Parameters) -> None:
    _check_name(request["name"])
    setting = SETTINGS[request["name"]]
    if setting.is_managed:  # documented as read-only; our wording
        raise invalid_parameter(f"The account setting {request['name']} is managed by AWS and cannot be changed.")
    if request["value"] not in setting.values:  # reported, hashicorp/terraform-provider-aws#32114, aws/aws-cli#3785
        raise invalid_parameter("Invalid setting 'value'")


def _check_name(name: str) -> None:
    if name not in SETTINGS:
        raise invalid_parameter("Invalid setting 'name'")  # as of the value


def _put(context: Context, request: Parameters, principal: str) -> Result:
    name, value = request["name"], request["value"]
    _remove(context, name, principal)
    context.writer.insert(
        ecs_account_settings, account_id=context.account_id, region=context.region, principal_arn=principal, name=name, value=value
    )
    return {"setting": _shown(context, principal, name, value)}


def _remove(context: Context, name: str, principal: str) -> None:
    context.writer.run(_DELETE, account=context.account_id, region=context.region, principal=principal, setting=name)


def _shown(context: Context, principal: str, name: str, value: str) -> dict[str, str]:
    kind = "aws_managed" if SETTINGS[name].is_managed else "user"
    return {"name": name, "value": value, "principalArn": principal_arn(context, principal), "type": kind}


def _is_asked(request: Parameters, name: str, value: str) -> bool:
    return request.get("name") in (None, name) and request.get("value") in (None, value)


def _page(request: Parameters) -> tuple[int, str]:
    """How many at most, after which name; what only ECS's own words can refuse of a list."""
    if request.get("name") is not None:
        _check_name(request["name"])
    elif request.get("value") is not None:  # documented; our wording
        raise invalid_parameter("You must specify a setting name to filter by value.")
    count: int = request.get("maxResults") or MAX_RESULTS  # a plain integer of the model: 0 is what a client sends for none
    if not 1 <= count <= MAX_RESULTS:  # documented; our wording
        raise invalid_parameter(f"maxResults must be between 1 and {MAX_RESULTS}.")
    try:
        return count, page_tokens.key_of(request.get("nextToken") or "")
    except ValueError as error:
        raise invalid_parameter("Invalid token.") from error  # our wording
