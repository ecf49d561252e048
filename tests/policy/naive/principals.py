"""Whom a Principal element means, and what kind of grant that is (rows PE-3.4-*)."""

from __future__ import annotations

import re
from typing import Any

Caller = dict[str, str]  # the fields of cases/callers.yaml

SESSIONS = ("role", "linked-role")
STRENGTH = ("NONE", "ACCOUNT", "ROLE", "DIRECT")


def grant(element: Any, caller: Caller) -> str:
    """The strongest kind of grant among the entries."""
    if element == "*":
        return "DIRECT"
    kinds = [
        kind_of(type_, entry, caller)
        for type_, entries in element.items()
        for entry in (entries if isinstance(entries, list) else [entries])
    ]
    return max(kinds, key=STRENGTH.index, default="NONE")


def kind_of(type_: str, entry: str, caller: Caller) -> str:
    if type_ == "Service":  # PE-3.4-9
        return "DIRECT" if caller["kind"] == "service" and caller["service"] == entry else "NONE"
    if type_ == "Federated":  # PE-3.4-10
        return "DIRECT" if caller["kind"] == "federated" and caller["provider"] == entry else "NONE"
    return aws(entry, caller) if type_ == "AWS" else "NONE"


def aws(entry: str, caller: Caller) -> str:
    if entry == "*":  # PE-3.4-1
        return "DIRECT"
    if caller["kind"] in ("service", "anonymous", "federated"):
        return "NONE"
    if re.fullmatch(f"({caller['account']}|arn:[^:]*:iam::{caller['account']}:root)", entry):  # PE-3.4-2
        return "ACCOUNT"
    if caller["kind"] in SESSIONS and entry == caller["role_arn"]:  # PE-3.4-4
        return "ROLE"
    if caller["kind"] in SESSIONS and entry == caller["user_id"].partition(":")[0]:  # PE-3.4-8
        return "ROLE"
    if caller["kind"] == "federated-user" and entry == caller["parent_arn"]:  # PE-3.4-7
        return "ROLE"
    if entry == caller["arn"] or (caller["kind"] == "user" and entry == caller["user_id"]):  # PE-3.4-3, -5, -6, -8
        return "DIRECT"
    return "NONE"
