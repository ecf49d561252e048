"""Capacity providers as they are named, stored and answered (ecs-on-your-behalf.md 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, select, update

from stead.aws.arn import parse_arn
from stead.services.ecs.names import check_arn, invalid_parameter
from stead.store.ecs_tables import capacity_providers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stead.store.context import Context
    from stead.store.engine import Reader, Row, Writer

KIND = "capacity-provider"
ACTIVE, INACTIVE = "ACTIVE", "INACTIVE"
ENABLED, DISABLED = "ENABLED", "DISABLED"
GROUPS = "EC2_AUTOSCALING"
BUILT_IN = ("FARGATE", "FARGATE_SPOT")
# The model's defaults.
SCALING = {
    "status": DISABLED,
    "targetCapacity": 100,
    "minimumScalingStepSize": 1,
    "maximumScalingStepSize": 10_000,
    "instanceWarmupPeriod": 300,
}
_RANGES = {
    "targetCapacity": (1, 100),
    "minimumScalingStepSize": (1, 10_000),
    "maximumScalingStepSize": (1, 10_000),
    "instanceWarmupPeriod": (0, 10_000),
}
_HOME = (capacity_providers.c.account_id == bindparam("account"), capacity_providers.c.region == bindparam("region"))
_ONE = select(capacity_providers).where(*_HOME, capacity_providers.c.name == bindparam("name"))
_HOLD = _ONE.with_for_update()
_ALL = select(capacity_providers).where(*_HOME, capacity_providers.c.status == ACTIVE).order_by(capacity_providers.c.name)
_CHANGE = (
    update(capacity_providers)
    .where(capacity_providers.c.id == bindparam("key"))
    .values(
        status=bindparam("new_status"), update_status=bindparam("new_update"), document=bindparam("new_document"), due=bindparam("new_due")
    )
)


def find(db: Reader, account: str, region: str, name: str) -> Row | None:
    """The provider of that name, of any status."""
    return db.first(_ONE, account=account, region=region, name=name)


def hold(db: Writer, account: str, region: str, name: str) -> Row | None:
    """The same, as it stands until the commit."""
    return db.first(_HOLD, account=account, region=region, name=name)


def active(db: Reader, account: str, region: str) -> list[Row]:
    """Every ACTIVE one of the account's own in the Region, by name."""
    return db.all(_ALL, account=account, region=region)


def change(  # noqa: PLR0913  # the columns that change
    db: Writer, row: Row, *, status: str, update_status: str, document: Mapping[str, Any], due: int | None
) -> None:
    """Write a held provider."""
    db.run(_CHANGE, key=row.id, new_status=status, new_update=update_status, new_document=orjson.dumps(document).decode(), new_due=due)


def provider_name(context: Context, reference: str) -> str:
    """The name that a name or an ARN stands for."""
    arn = parse_arn(reference)
    if arn is None:
        return reference
    check_arn(context, arn)
    kind, _, name = arn.resource.partition("/")
    if kind != KIND:
        raise invalid_parameter(f"Unsupported resource type: {kind}")  # reported for clusters, aws/aws-cli#7875
    return name


def provider_arn(context: Context, name: str) -> str:
    """The ARN of a provider of this account."""
    return f"arn:aws:ecs:{context.region}:{context.account_id}:{KIND}/{name}"


def group_name(document: Mapping[str, Any]) -> str:
    """The Auto Scaling group's name, the end of its ARN."""
    return group_of(document["autoScalingGroupProvider"]["autoScalingGroupArn"])


def group_of(text: str) -> str:
    """The name in a group's ARN; a name alone is itself (the ARN or the name, says the model)."""
    return text.rpartition("autoScalingGroupName/")[2]


def scales(row: Row | None) -> bool:
    """Whether ECS scales its group: then a task without room waits in PROVISIONING (ecs-on-your-behalf.md 5.3)."""
    return row is not None and orjson.loads(row.document)["autoScalingGroupProvider"]["managedScaling"]["status"] == ENABLED


def waits(db: Reader, account: str, region: str, name: str) -> bool:
    """Whether a task that names this provider waits for an instance when there is none for it."""
    return name not in BUILT_IN and scales(find(db, account, region, name))


def filled(given: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An autoScalingGroupProvider with every member; of an update those that are not given stay."""
    before = before or {}
    scaling = {**SCALING, **before.get("managedScaling", {}), **_given(given.get("managedScaling") or {})}
    _check_scaling(scaling)
    return {
        "autoScalingGroupArn": given.get("autoScalingGroupArn") or before.get("autoScalingGroupArn"),
        "managedScaling": scaling,
        "managedTerminationProtection": given.get("managedTerminationProtection") or before.get("managedTerminationProtection") or DISABLED,
        "managedDraining": given.get("managedDraining") or before.get("managedDraining") or ENABLED,
    }


def answer(row: Row, tags: list[dict[str, str]]) -> dict[str, Any]:
    """The CapacityProvider shape."""
    document = orjson.loads(row.document)
    return {
        "capacityProviderArn": row.id,
        "name": row.name,
        "status": row.status,
        **document,
        "updateStatus": row.update_status or None,
        "tags": tags,
        "type": GROUPS,
    }


def built_in(context: Context, name: str) -> dict[str, Any]:
    """FARGATE and FARGATE_SPOT, which every account has."""
    return {"capacityProviderArn": provider_arn(context, name), "name": name, "status": ACTIVE, "tags": [], "type": name}


def _given(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _check_scaling(scaling: Mapping[str, Any]) -> None:
    for member, (least, most) in _RANGES.items():
        if not least <= scaling[member] <= most:  # the model's ranges, our wording
            raise invalid_parameter(f"The {member} must be from {least} to {most}.")
    if scaling["minimumScalingStepSize"] > scaling["maximumScalingStepSize"]:  # our wording
        raise invalid_parameter("The minimumScalingStepSize must not be larger than the maximumScalingStepSize.")
