"""cedarpy: policies parsed once; one decision a call or, with the word `batch`, forty asks in each call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cedarpy import Decision, Entities, PolicySet, is_authorized, is_authorized_batch
from loop import main

if TYPE_CHECKING:
    from loop import Decide


def prepare(given: dict[str, Any], words: list[str]) -> Decide:
    """The same scenario in Cedar."""
    cedar = given["cedar"]
    policies, entities, requests = PolicySet.from_str(cedar["policies"]), Entities.from_json_str("[]"), cedar["requests"]
    if "batch" in words:
        return lambda part: [answer.decision is Decision.Allow for answer in is_authorized_batch(requests[part], policies, entities)]
    return lambda part: [is_authorized(request, policies, entities).decision is Decision.Allow for request in requests[part]]


if __name__ == "__main__":
    main(prepare)
