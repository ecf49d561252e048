"""What ECS's account settings are, and which value holds for whom: the principal's own, else the account's, else AWS's default.

A setting is per Region. The root user's are the account's: PutAccountSetting by root and PutAccountSettingDefault write the same row, which is
under the empty principal. A session of a role has the role's settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, select

from stead.aws.arn import root_arn
from stead.aws.call import CallerKind
from stead.store.ecs_tables import ecs_account_settings

if TYPE_CHECKING:
    from stead.store.context import Context

ACCOUNT = ""  # the principal of the account's own settings
ON, OFF = "on", "off"
TAG_AUTHORIZATION = "tagResourceAuthorization"
CONTAINER_INSIGHTS = "containerInsights"


class Setting(NamedTuple):
    """One setting: the values that it takes, the first being AWS's default, and who may change it."""

    values: tuple[str, ...]
    is_managed: bool = False  # by AWS: GuardDuty sets it
    is_account_wide: bool = False


# Names of the model; values and defaults of the documents (ECS Developer Guide, account settings). With long ARNs as in every account since 2021.
SETTINGS: dict[str, Setting] = {
    "awsvpcTrunking": Setting(("disabled", "enabled")),
    CONTAINER_INSIGHTS: Setting(("disabled", "enabled", "enhanced")),
    "containerInstanceLongArnFormat": Setting(("enabled", "disabled")),
    "defaultLogDriverMode": Setting(("non-blocking", "blocking")),
    "fargateEventWindows": Setting(("disabled", "enabled")),
    "fargateFIPSMode": Setting(("disabled", "enabled")),
    "fargateTaskRetirementWaitPeriod": Setting(("7", "0", "14"), is_account_wide=True),
    "guardDutyActivate": Setting((OFF, ON), is_managed=True),
    "serviceLongArnFormat": Setting(("enabled", "disabled")),
    TAG_AUTHORIZATION: Setting((ON, OFF)),
    "taskLongArnFormat": Setting(("enabled", "disabled")),
}
_OF_PRINCIPAL = select(ecs_account_settings.c.name, ecs_account_settings.c.value).where(
    ecs_account_settings.c.account_id == bindparam("account"),
    ecs_account_settings.c.region == bindparam("region"),
    ecs_account_settings.c.principal_arn == bindparam("principal"),
)


def principal_of(context: Context) -> str:
    """Under which principal the caller's settings stand."""
    return ACCOUNT if context.caller.kind in (CallerKind.ROOT, CallerKind.SERVICE) else context.caller.entity_arn


def principal_arn(context: Context, principal: str) -> str:
    """The principal as answers show it."""
    return principal or root_arn(context.account_id)


def given(context: Context, principal: str) -> dict[str, str]:
    """What was set for exactly this principal."""
    rows = context.db.all(_OF_PRINCIPAL, account=context.account_id, region=context.region, principal=principal)
    return {row.name: row.value for row in rows}


def effective(context: Context, principal: str) -> dict[str, str]:
    """Every setting as it holds for this principal."""
    own = given(context, principal) if principal != ACCOUNT else {}
    return {**{name: setting.values[0] for name, setting in SETTINGS.items()}, **given(context, ACCOUNT), **own}


def value(context: Context, name: str) -> str:
    """One setting as it holds for the caller."""
    return effective(context, principal_of(context))[name]
