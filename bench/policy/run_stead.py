"""Stead: documents compiled once; a `Request` is made for each decision."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from loop import main
from workload import ACCOUNT, CALLER

from stead.policy import Layers, Policy, Principal, PrincipalKind, Request, authorize, compile_document

if TYPE_CHECKING:
    from loop import Decide


def prepare(given: dict[str, Any], _words: list[str]) -> Decide:
    """The scenario's policies as attached to a user, the context keys in lower case as the gate makes them."""
    documents = (compile_document(json.dumps(document)) for document in given["documents"])
    layers = Layers(identity=tuple(Policy(f"p{number}", "managed", document) for number, document in enumerate(documents)))
    caller = Principal(PrincipalKind.USER, ACCOUNT, CALLER, "AIDABENCH")
    asks = [(ask["action"], ask["resource"], caller, _context(ask["context"]), ACCOUNT) for ask in given["asks"]]
    return lambda part: [authorize(Request(*ask), layers).allowed for ask in asks[part]]


def _context(given: dict[str, Any]) -> dict[str, Any]:
    return {key.lower(): tuple(value) if isinstance(value, list) else value for key, value in given.items()}


if __name__ == "__main__":
    main(prepare)
