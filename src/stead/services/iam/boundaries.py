"""Permissions boundaries of users and roles: one managed policy's ARN in the owner's row (policy-evaluation.md 7.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, update

from stead.aws.errors import no_such_entity
from stead.services.iam import managed
from stead.services.iam.owners import ROLE, USER, OwnerKind
from stead.store.tables import roles, users

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stead.aws.call import Parameters
    from stead.store.context import Context
    from stead.store.engine import Row

# The calls on a user or role to which the Service Authorization Reference gives iam:PermissionsBoundary.
_SEE_IT = frozenset(
    {
        *(f"{verb}{noun}Policy" for verb in ("Attach", "Detach", "Put", "Delete") for noun in ("User", "Role")),
        *(f"{verb}{noun}PermissionsBoundary" for verb in ("Put", "Delete") for noun in ("User", "Role")),
        *("GetRole", "UpdateRole", "UpdateRoleDescription", "UpdateAssumeRolePolicy", "DeleteRole"),
    }
)
_SET = {
    USER: update(users).where(users.c.id == bindparam("owner")).values(boundary_arn=bindparam("boundary")),
    ROLE: update(roles).where(roles.c.id == bindparam("owner")).values(boundary_arn=bindparam("boundary")),
}


def asked(context: Context, request: Parameters) -> str | None:
    """The boundary that a call wants set, checked: its policy exists and can be held. None when it wants none."""
    if "PermissionsBoundary" not in request:
        return None
    # AWS words a missing one in its own way (reported, hashicorp/boundary#4255).
    missing = "Scope ARN: {arn} does not exist or is not attachable."
    arn: str = managed.attachable(context, request["PermissionsBoundary"], missing).arn
    return arn


def put(context: Context, kind: OwnerKind, owner: Row, request: Parameters) -> None:
    """Put...PermissionsBoundary."""
    context.writer.run(_SET[kind], owner=owner.id, boundary=asked(context, request))


def remove(context: Context, kind: OwnerKind, owner: Row) -> None:
    """Delete...PermissionsBoundary; of one that is not set: NoSuchEntity (recorded-aws.md 8.1; the words are inferred)."""
    if owner.boundary_arn is None:
        raise no_such_entity(f"The {kind.noun} with name {owner.name} does not have a permissions boundary.")
    context.writer.run(_SET[kind], owner=owner.id, boundary=None)


def shape(owner: Row) -> Mapping[str, str] | None:
    """The PermissionsBoundary member. AWS sends ``Policy``, not the model's only enum value (aws-behaviour.md 2.3, validated)."""
    return {"PermissionsBoundaryArn": owner.boundary_arn, "PermissionsBoundaryType": "Policy"} if owner.boundary_arn else None


def keys(context: Context, owner: Row | None = None) -> dict[str, str]:
    """``iam:PermissionsBoundary``: the one that the call sets, or the owner's where the call sees it (policy-evaluation.md 8.4)."""
    seen = owner.boundary_arn if owner is not None and context.origin.operation in _SEE_IT else None
    arn = context.origin.parameters.get("PermissionsBoundary") or seen
    return {"iam:permissionsboundary": arn} if arn else {}
