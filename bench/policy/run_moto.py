"""moto: `IAMPolicy` objects made once, combined as its `check_action_permitted` combines those of a user."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from loop import main
from moto.iam.access_control import IAMPolicy, PermissionResult

if TYPE_CHECKING:
    from loop import Decide


def prepare(given: dict[str, Any], _words: list[str]) -> Decide:
    """The scenario's policies as moto holds them."""
    policies = [IAMPolicy(json.dumps(document)) for document in given["documents"]]
    asks = [(ask["action"], ask["resource"], ask["context"]) for ask in given["asks"]]

    def permitted(action: str, resource: str, context: dict[str, Any]) -> bool:
        found = False
        for policy in policies:
            result = policy.is_action_permitted(action, resource, None, context)
            if result is PermissionResult.DENIED:
                return False
            found = found or result is PermissionResult.PERMITTED
        return found

    return lambda part: [permitted(*ask) for ask in asks[part]]


if __name__ == "__main__":
    main(prepare)
