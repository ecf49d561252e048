"""Reads the catalogue's TOML and refuses what it does not understand: a misspelt key must not leave a rule off.

Each top-level table is a service, its name the principal in quotes. A value is checked against its key's pattern, a probe's likewise.
"""

from __future__ import annotations

import re
import tomllib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .entry import LinkedService, Probe, Suffix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

_PRINCIPAL = re.compile(r"[a-z0-9][a-z0-9.-]*\.amazonaws\.com")
_SERVICE_TEXTS = {
    "role_name": re.compile(r"AWSServiceRoleFor[A-Za-z0-9_-]{0,46}(\*|[A-Za-z0-9])"),  # 64 in all, IAM's longest role name
    "policy_name": re.compile(r"[A-Za-z0-9_-]{1,128}"),
    "suffix": re.compile("refused|optional|required"),
    "confidence": re.compile("[ABC]"),
    "description": re.compile(r"[\t\n\r\x20-\x7e\xa1-\xff]{1,1000}"),
    "reports": re.compile("all|some|none"),
}
_SERVICE_NEEDS = frozenset({"role_name", "confidence"})
_SERVICE_KEYS = frozenset({*_SERVICE_TEXTS, "report_limit", "probes"})
_OWN_TEXTS = {"own": re.compile("ecs:(cluster|capacity-provider)")}
_NEIGHBOUR_TEXTS = {
    "service": re.compile("[a-z0-9-]+"),
    "operation": re.compile("[A-Z][A-Za-z0-9]+"),
    "resources": re.compile(".+"),
}


class CatalogueError(ValueError):
    """A row of the catalogue that cannot be true; names the row and the key."""


def load(*texts: str) -> Mapping[str, LinkedService]:
    """Principal -> service, from TOML texts that together are one catalogue."""
    services: dict[str, LinkedService] = {}
    principals: dict[str, str] = {}
    for principal, row in (pair for text in texts for pair in _rows(text)):
        service = _service(principal, row)
        if principal in services:
            raise CatalogueError(f"{principal}: stands in the catalogue twice")
        # Role names are unique in an account without regard to case and path, so two services cannot share one.
        other = principals.setdefault(service.role_name.lower(), principal)
        if other != principal:
            raise CatalogueError(f"{principal}: role_name {service.role_name} is that of {other}")
        services[principal] = service
    return MappingProxyType(services)


def _rows(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"not TOML, or a service twice: {error}") from error
    for principal, row in table.items():
        if not _PRINCIPAL.fullmatch(principal) or not isinstance(row, dict):
            raise CatalogueError(f"{principal}: not a table named by a service principal in quotes")
        yield principal, row


def _service(principal: str, row: dict[str, Any]) -> LinkedService:
    _check_keys(principal, row, _SERVICE_NEEDS, _SERVICE_KEYS)
    _check_texts(principal, row, _SERVICE_TEXTS)
    suffix = Suffix(row.get("suffix", "refused"))
    if (suffix is Suffix.REQUIRED) != row["role_name"].endswith("*"):
        raise CatalogueError(f"{principal}: suffix is required exactly where role_name ends in a star")
    limit, probes = _report_limit(principal, row), _probes(principal, row)
    return LinkedService(**{**row, "principal": principal, "suffix": suffix, "report_limit": limit, "probes": probes})


def _report_limit(principal: str, row: dict[str, Any]) -> int:
    limit = row.get("report_limit", 0)
    if type(limit) is not int or (limit > 0) != (row.get("reports") == "some") or limit < 0:
        raise CatalogueError(f"{principal}: report_limit is a positive number exactly where reports is some, not {limit!r}")
    return limit


def _probes(principal: str, row: dict[str, Any]) -> tuple[Probe, ...]:
    tables = row.get("probes", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise CatalogueError(f"{principal}: probes is not an array of tables")
    return tuple(_probe(f"{principal}: probe {number}", table) for number, table in enumerate(tables, 1))


def _probe(where: str, table: dict[str, Any]) -> Probe:
    texts = _OWN_TEXTS if "own" in table else _NEIGHBOUR_TEXTS
    _check_keys(where, table, texts.keys(), texts.keys() if texts is _OWN_TEXTS else {*texts, "parameters"})
    _check_texts(where, table, texts)
    if not isinstance(table.get("parameters", {}), dict):
        raise CatalogueError(f"{where}: parameters is not a table")
    return Probe(**table)


def _check_keys(where: str, table: dict[str, Any], needed: AbstractSet[str], known: AbstractSet[str]) -> None:
    if unknown := sorted(table.keys() - known):
        raise CatalogueError(f"{where}: unknown {', '.join(unknown)}")
    if missing := sorted(needed - table.keys()):
        raise CatalogueError(f"{where}: lacks {', '.join(missing)}")


def _check_texts(where: str, table: dict[str, Any], patterns: Mapping[str, re.Pattern[str]]) -> None:
    for key, value in table.items():
        if key in patterns and not (isinstance(value, str) and patterns[key].fullmatch(value)):
            raise CatalogueError(f"{where}: {key} cannot be {value!r}")
