"""Documents, callers and layers as the cases write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from stead.policy import CompiledDocument, Layers, Policy, Principal, PrincipalKind, compile_document

CASES = Path(__file__).parent / "cases"
ACCOUNT = "123456789012"
ANYTHING: dict[str, Any] = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def load(name: str) -> Any:
    return yaml.safe_load((CASES / f"{name}.yaml").read_text())


def document_text(*statements: dict[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def compiled(*statements: dict[str, Any], version: str = "2012-10-17") -> CompiledDocument:
    return compile_document(document_text(*statements, version=version))


def principal(fields: dict[str, Any]) -> Principal:
    return Principal(**{**fields, "kind": PrincipalKind(fields["kind"])})


CALLERS = {name: principal(fields) for name, fields in load("callers").items()}

_SHORT: dict[str, list[dict[str, Any]]] = {
    "allow": [ANYTHING],
    "deny": [{**ANYTHING, "Effect": "Deny"}],
    "nothing": [{"Effect": "Allow", "Action": "other:Thing", "Resource": "*"}],
}


def _statements(layer: Any, **allow: Any) -> list[dict[str, Any]]:
    """A layer of a case: a word, a list of statements, or the principal of one Allow."""
    if isinstance(layer, list):
        return layer
    return _SHORT.get(layer) or [{**allow, "Principal": layer}] if isinstance(layer, str) else [{**allow, "Principal": layer}]


def _policy(case: dict[str, Any], name: str, **allow: Any) -> Policy | None:
    return Policy(name, name, compiled(*_statements(case[name], **allow))) if name in case else None


def _levels(case: dict[str, Any], name: str) -> tuple[tuple[Policy, ...], ...]:
    """An organization's policies: for each level a word or statements, in one document of the level's name."""
    documents = [compiled(*_statements(level)) for level in case.get(name, [])]
    return tuple((Policy(f"{name}{number}", name, document),) for number, document in enumerate(documents))


def layers(case: dict[str, Any]) -> Layers:
    identity = _policy(case, "identity")
    session = _policy(case, "session")
    trust = _policy(case, "trust", Effect="Allow", Action="sts:AssumeRole")
    return Layers(
        identity=(identity,) if identity else (),
        boundary=_policy(case, "boundary"),
        session=(session,) if session else None,
        resource=trust or _policy(case, "resource", **ANYTHING),
        resource_is_trust=trust is not None,
        scps=_levels(case, "scps"),
        rcps=_levels(case, "rcps"),
    )
