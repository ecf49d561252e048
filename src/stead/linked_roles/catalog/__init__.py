"""The services that have a service-linked role: who they are, what their role is called, and how its use is found.

Facts stand in the TOML files beside this module, one row a service (service-linked-roles.md 9); to add a service, add a row, or a file
when it has probes or a description of its own to explain. A service that is not here has no linked role that Stead could make, which is
also true of ``logs.amazonaws.com`` and ``resourcegroups.amazonaws.com`` on AWS (aws-behaviour.md 3.1).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from .entry import LinkedService, Probe, Suffix
from .reader import CatalogueError, load

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["CatalogueError", "LinkedService", "Probe", "Suffix", "check", "find", "find_by_role_name", "load", "services"]


@cache
def services() -> Mapping[str, LinkedService]:
    """Every linked service by its principal, read once."""
    return load(*(path.read_text("utf-8") for path in sorted(Path(__file__).parent.glob("*.toml"))))


def find(principal: str) -> LinkedService | None:
    """The service with exactly this principal: AWS compares it with regard to case (service-linked-roles.md 2.1)."""
    return services().get(principal)


def find_by_role_name(name: str) -> LinkedService | None:
    """The service whose role has this name, in any letter case and with a suffix where the service takes one; whether it exists or not."""
    key = name.lower()
    fitting = (service for service in services().values() if service.may_name(key))
    return max(fitting, key=lambda service: len(service.role_name), default=None)


def check(policy_names: Collection[str]) -> list[str]:
    """Where the catalogue and the managed policies disagree: a line for each policy that a row names and the data lacks."""
    return [
        f"{service.principal}: no managed policy {service.policy_name}"
        for service in services().values()
        if service.policy_name is not None and service.policy_name not in policy_names
    ]
