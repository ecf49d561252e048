"""iam: the policy simulator. It asks the gate's own engine (``stead.policy.explain``) about hypothetical requests; nothing is done or stored.

``simulator_input.py`` reads and checks what is asked, ``simulator_source.py`` finds the entity and its policies, ``simulator_result.py`` words
the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.aws import page_tokens
from stead.aws.errors import AwsError, invalid_input
from stead.aws.operation import operation
from stead.policy import MalformedPolicy
from stead.policy.context_keys import context_keys
from stead.services.iam import simulator_exclusions, simulator_input, simulator_source
from stead.services.iam.paging import DEFAULT_ITEMS
from stead.services.iam.simulator_result import evaluated
from stead.services.iam.simulator_source import source

if TYPE_CHECKING:
    from stead.aws.call import Parameters, Result
    from stead.services.iam.simulator_input import Simulation
    from stead.store.context import Context

MAX_STATEMENTS = 50_000  # that one page asks, on all resources, for all actions: about a second's work, and not too long an answer


@operation("iam", "SimulateCustomPolicy")
def simulate_custom_policy(context: Context, request: Parameters) -> Result:
    """What the given policies would decide."""
    return _page(simulator_input.read(context, request, (), None), request)


@operation("iam", "SimulatePrincipalPolicy", target=source)
def simulate_principal_policy(context: Context, request: Parameters) -> Result:
    """What the policies of a user, group or role would decide, with others given besides."""
    entity, row = simulator_source.found(context, request)
    exclusions = request.get("PolicyExclusionList") or ()
    held = simulator_exclusions.without(simulator_source.policies_of(context, entity, row), exclusions)
    boundary = None if simulator_exclusions.excludes_boundary(exclusions) else simulator_source.boundary_of(context, entity, row)
    asked = {"CallerArn": context.target.arn, **request} if context.target is not None else request
    return _page(simulator_input.read(context, asked, held, boundary), request)


@operation("iam", "GetContextKeysForCustomPolicy")
def get_context_keys_for_custom_policy(_context: Context, request: Parameters) -> Result:
    """The context keys that the given policies read."""
    return {"ContextKeyNames": _keys_passed(request)}


@operation("iam", "GetContextKeysForPrincipalPolicy", target=source)
def get_context_keys_for_principal_policy(context: Context, request: Parameters) -> Result:
    """Those that the policies of a user, group or role read, its boundary's among them (recorded)."""
    entity, row = simulator_source.found(context, request)
    boundary = simulator_source.boundary_of(context, entity, row)
    held = [*simulator_source.policies_of(context, entity, row), *([boundary] if boundary else [])]
    own = {policy.arn or policy.source_id: policy.text for policy in held}  # a managed policy that is the boundary too counts once
    return {"ContextKeyNames": [key for text in own.values() for key in context_keys(text)] + _keys_passed(request)}


def _keys_passed(request: Parameters) -> list[str]:
    """Each document's own list, one behind the other (recorded-aws.md 8.4)."""
    found: list[str] = []
    for number, text in enumerate(request.get("PolicyInputList") or (), 1):
        try:
            found.extend(context_keys(text))
        except MalformedPolicy as error:
            raise invalid_input(f"Policy input list item {number} has invalid content") from error
    return found


def _page(simulation: Simulation, request: Parameters) -> Result:
    """A page counts actions, each with all its resources; it goes on at a place in the list, whatever actions are there now.

    It may be shorter than asked, as the model says, so that one call does not keep others waiting for minutes.
    """
    if simulation.size > MAX_STATEMENTS:
        raise invalid_input("The policies and resources are too many to be simulated in one call.")  # AWS's limit is not known
    actions, start = request["ActionNames"], _start(request.get("Marker"))
    end = start + min(request.get("MaxItems", DEFAULT_ITEMS), max(1, MAX_STATEMENTS // simulation.size))
    more = end < len(actions)
    result: Result = {"EvaluationResults": [evaluated(simulation, action) for action in actions[start:end]], "IsTruncated": more}
    return {**result, "Marker": page_tokens.token(str(end))} if more else result


def _start(marker: str | None) -> int:
    if marker is None:
        return 0
    try:
        place = page_tokens.key_of(marker)
    except ValueError as error:
        raise _bad_marker() from error
    if not (place.isascii() and place.isdecimal() and len(place) < 10):
        raise _bad_marker()
    return int(place)


def _bad_marker() -> AwsError:
    return invalid_input("Invalid marker for pagination.")
