"""Amazon Resource Names, as values."""

from __future__ import annotations

from typing import NamedTuple


class Arn(NamedTuple):
    """The six parts of an ARN; the sixth keeps its further colons."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


def parse_arn(text: str) -> Arn | None:
    """The parts of ``text``, or None when it is no ARN (fewer than six parts, or another first word)."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        return None
    return Arn(*parts[1:])


def iam_arn(account_id: str, kind: str, path: str, name: str) -> str:
    """``arn:aws:iam::ACCOUNT:KIND/PATH/NAME``; the path begins and ends with a slash."""
    return f"arn:aws:iam::{account_id}:{kind}{path}{name}"


def root_arn(account_id: str) -> str:
    """The account's root user."""
    return f"arn:aws:iam::{account_id}:root"


def assumed_role_arn(account_id: str, role_name: str, session_name: str) -> str:
    """A role session; the role's path is not part of it (service-linked-roles.md 4.2, recorded)."""
    return f"arn:aws:sts::{account_id}:assumed-role/{role_name}/{session_name}"
