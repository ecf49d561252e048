"""What may never be changed on a linked role (service-linked-roles.md 2.4), decided by the stored kind, never by name or path (D20)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.aws.errors import AwsError, invalid_input

if TYPE_CHECKING:
    from stead.store.engine import Row

LINKED = "linked"
CUSTOMER = "customer"
RESERVED_PATH = "/aws-service-role/"


def refuse_change(role: Row) -> None:
    """Refuse a mutation that a linked role does not allow: UnmodifiableEntity in AWS's recorded words; customers' roles pass."""
    if role.kind == LINKED:
        text = f"Cannot perform the operation on the protected role '{role.name}' - this role is only modifiable by AWS"
        raise AwsError("UnmodifiableEntity", text)


def refuse_duration(role: Row) -> None:
    """UpdateRole may change the description and nothing else; for the duration AWS has words of its own."""
    if role.kind == LINKED:
        raise AwsError("UnmodifiableEntity", f"{role.name} is an AWS service linked role, max session duration cannot be changed.")


def refuse_reserved_path(path: str) -> None:
    """Customers' entities cannot stand under the linked roles' path (reported for CreateRole)."""
    if path.startswith(RESERVED_PATH):
        raise invalid_input(f"Path prefix '{RESERVED_PATH}' can only be used for AWS Service linked Roles")


def refuse_attachment(policy_path: str, role: Row | None) -> None:
    """A linked role's policy can be attached to nobody else, user or role."""
    if policy_path.startswith(RESERVED_PATH) and (role is None or role.kind != LINKED):
        raise AwsError("PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.")


def service_keys(role: Row | None) -> dict[str, str]:
    """``iam:AWSServiceName`` in every call on a linked role (design D13), so that the documented edit and delete policies work as written."""
    return {"iam:awsservicename": role.service} if role is not None and role.kind == LINKED else {}
