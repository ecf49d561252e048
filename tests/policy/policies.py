"""Documents, callers and layers as the cases write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from policy.naive.decide import Texts

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


_GOOD: dict[str, dict[str, Any]] = {
    "identity": ANYTHING,
    "session": ANYTHING,
    "trust": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
    "resource": {**ANYTHING, "Principal": "*"},
    "scp": ANYTHING,
    "rcp": {**ANYTHING, "Principal": "*"},
}


def text_of_document(kind: str, case: dict[str, Any]) -> str:
    """The document of a case of malformed.yaml or valid.yaml, as its text."""
    if "statement" not in case:
        return case["document"] if isinstance(case["document"], str) else json.dumps(case["document"])
    statement = {**_GOOD[kind], **case["statement"]}
    return document_text({name: part for name, part in statement.items() if part is not None})


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


def _text(case: dict[str, Any], name: str, **allow: Any) -> str | None:
    return document_text(*_statements(case[name], **allow)) if name in case else None


def _several(case: dict[str, Any], name: str) -> list[str]:
    """The document of a layer, and the second one that the case has under ``more``."""
    texts = (_text(case, name), _text(case.get("more", {}), name))
    return [text for text in texts if text is not None]


def _levels(case: dict[str, Any], name: str, **everyone: str) -> list[list[str]]:
    """An organization's policies: for each level a word or statements, in one document."""
    return [[document_text(*({**everyone, **statement} for statement in _statements(level)))] for level in case.get(name, [])]


def texts(case: dict[str, Any]) -> Texts:
    """The documents of a case, layer by layer, for any evaluator."""
    identity, session = _several(case, "identity"), _several(case, "session")
    trust = _text(case, "trust", Effect="Allow", Action="sts:AssumeRole")
    return Texts(
        identity=identity,
        boundary=_text(case, "boundary"),
        session=session or None,
        resource=trust or _text(case, "resource", **ANYTHING),
        resource_is_trust=trust is not None,
        scps=_levels(case, "scps"),
        rcps=_levels(case, "rcps", Principal="*"),
    )


def compiled_layers(documents: Texts) -> Layers:
    """Each policy is called like its layer, and its level."""
    return Layers(
        identity=_policies("identity", documents.identity),
        boundary=_policy("boundary", documents.boundary),
        session=None if documents.session is None else _policies("session", documents.session),
        resource=_policy("trust" if documents.resource_is_trust else "resource", documents.resource),
        resource_is_trust=documents.resource_is_trust,
        scps=tuple(_policies(f"scps{number}", level) for number, level in enumerate(documents.scps)),
        rcps=tuple(_policies(f"rcps{number}", level) for number, level in enumerate(documents.rcps)),
    )


def _policies(name: str, documents: list[str]) -> tuple[Policy, ...]:
    return tuple(Policy(name, name, compile_document(text)) for text in documents)


def _policy(name: str, text: str | None) -> Policy | None:
    return None if text is None else Policy(name, name, compile_document(text))


def layers(case: dict[str, Any]) -> Layers:
    return compiled_layers(texts(case))
