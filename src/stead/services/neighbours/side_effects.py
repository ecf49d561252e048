"""What a neighbour does with its caller's rights, beside the operation that causes it (designs/neighbours.md).

Each such call goes through the pipeline with the caller's rights forwarded (``aws:CalledVia``): a user without them is refused in the words of
the service that refuses, before anything has changed; a linked role's session stays one. What a step must know is read from the neighbour by
the gate itself, in nobody's name.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from stead.aws.call import Target
from stead.aws.errors import AwsError
from stead.aws.models import GLOBAL_REGION, SERVICES
from stead.linked_roles.session import forward_access

if TYPE_CHECKING:
    from collections.abc import Callable

    from stead.aws.call import Call, Parameters, Result
    from stead.store.context import Context

    Forward = Callable[[], Result]
    Effect = Callable[[Context, Forward], Result]

SUBJECTS = ("cloud_map", "scaling")
_effects: dict[tuple[str, str], Effect] = {}


def causes(service: str, *operations: str) -> Callable[[Effect], Effect]:
    """Declare the decorated function as what happens around these operations; it is given the context and how to send the call on."""

    def declare(run: Effect) -> Effect:
        for operation in operations:
            if (service, operation) in _effects:
                raise ValueError(f"{service}:{operation} has two side effects")
            _effects[service, operation] = run
        return run

    return declare


def effect_of(service: str, operation: str) -> Effect | None:
    """The declared function, if any."""
    if not _effects:
        for subject in SUBJECTS:
            import_module(f"stead.services.neighbours.{subject}")
    return _effects.get((service, operation))


def made(context: Context, principal: str, service: str, operation: str, parameters: Parameters) -> Result:
    """The answer of a call that ``principal`` makes with the caller's rights; its idempotency key comes from the call that caused it."""
    return context.gateway.call(forward_access(context.caller, principal), _origin(context, operation), service, operation, parameters)


def known(context: Context, service: str, operation: str, parameters: Parameters) -> dict[str, Any] | None:
    """What the neighbour says when the gate itself asks; None when it refuses."""
    region = GLOBAL_REGION if SERVICES[service].is_global else context.region
    asked = replace(
        context.origin, service=service, operation=operation, parameters=parameters, region=region, raw=None, protocol="", intent=""
    )
    try:
        return context.gateway.forward(asked, read_only=True)
    except AwsError as error:
        if error.status >= 500:
            raise
        return None


def required(context: Context, principal: str, action: str, arn: str) -> None:
    """Refuse unless the caller's rights, forwarded, allow what the neighbour itself is about to do."""
    origin = replace(context.origin, caller=forward_access(context.caller, principal))
    context.gateway.require(replace(context, origin=origin), action, Target(arn))


def _origin(context: Context, operation: str) -> Call:
    intent = context.origin.intent
    return replace(context.origin, intent=f"{intent}/{operation}" if intent else "")
