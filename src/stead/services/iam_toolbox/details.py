"""iam-toolbox: why a request was refused, from what its event keeps (store/decided.py).

Nothing is explained from memory: the policies of that moment are read by their hashes and asked again, and must come to the decision that was
kept. What was altered since is answered with an error that says so, never with an explanation. Calls that were allowed are explained
likewise, by the id of their event in base 36; AWS tells ids of refusals only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from stead.aws import page_tokens
from stead.aws.clock import DAY
from stead.aws.errors import AwsError
from stead.aws.ids import uuid_of_authorization
from stead.aws.operation import operation
from stead.services.iam_toolbox import shapes
from stead.store.decided import explanation, layers_of, unpack
from stead.store.events import decided_of
from stead.store.policy_sets import Altered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.aws.call import Parameters, Result
    from stead.policy import Policy
    from stead.store.context import Context
    from stead.store.decided import Decided

KEPT = DAY  # "at least 24 hours after the denial"
PAGE = 50


def _write_events(context: Context, _request: Parameters) -> None:
    """What this process refused a moment ago is explained at once; what another one did, within a second."""
    context.gateway.write_events()


@operation("iam-toolbox", "GetRequestAuthorizationDetails", before=_write_events)
def get_request_authorization_details(context: Context, request: Parameters) -> Result:
    """The request's context, every evaluation, and the policies that were asked."""
    decided = _decided(context, request["authorizationId"])
    start = _start(request.get("nextToken"))
    shown = decided.checks[start : start + PAGE]
    try:
        evaluations = [shapes.evaluation(check, explanation(context.db, decided, check), decided.entity_arn) for check in shown]
        policies = {(info["type"], info["uri"]): info for info, _ in _policies(context, decided)}
    except Altered as error:
        raise _altered(error) from error
    more = start + PAGE < len(decided.checks)
    return {
        "requestContext": shapes.context(decided.keys),
        "evaluations": evaluations,
        "policies": list(policies.values()),
        "nextToken": page_tokens.token(str(start + PAGE)) if more else None,
    }


@operation("iam-toolbox", "GetRequestAuthorizationPolicy", before=_write_events)
def get_request_authorization_policy(context: Context, request: Parameters) -> Result:
    """A policy's document as it was, to the letter."""
    decided = _decided(context, request["authorizationId"])
    try:
        texts = [policy.document.text for info, policy in _policies(context, decided) if info["uri"] == request["policyUri"]]
    except Altered as error:
        raise _altered(error) from error
    if not texts:
        raise AwsError("ResourceNotFoundException", "The request has no policy with this URI.", 404)
    return {"policyDocument": orjson.Fragment(texts[0])}


def _decided(context: Context, authorization_id: str) -> Decided:
    event_id = uuid_of_authorization(authorization_id)
    found = decided_of(context.db, context.account_id, event_id) if event_id else None
    if event_id is None or found is None or found.decided is None or found.time + KEPT < context.now:
        raise AwsError("ResourceNotFoundException", "The authorization details do not exist, or have expired.", 404)
    try:
        return unpack(context.keys, event_id, found.decided)
    except Altered as error:
        raise _altered(error) from error


def _policies(context: Context, decided: Decided) -> Iterator[tuple[dict[str, Any], Policy]]:
    """Most checks of a call are bound by the same policies."""
    sets = {check.policies: check for check in decided.checks}
    for check in sets.values():
        yield from shapes.policies(layers_of(context.db, decided, check), decided.entity_arn)


def _start(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return max(0, int(page_tokens.key_of(token)))
    except ValueError as error:
        raise AwsError("ValidationException", "The nextToken is invalid.") from error


def _altered(error: Altered) -> AwsError:
    return AwsError("InternalServerException", f"What is kept of this request was tampered with: {error}.", 500)
