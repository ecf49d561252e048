"""Every operation of every forwarded service: authorized on what it names, sent on, answered as it was answered (designs/neighbours.md)."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from stead.aws.call import Target
from stead.aws.models import SERVICES
from stead.aws.operation import Effect, Operation, family
from stead.services.neighbours import keys, resources
from stead.services.neighbours.side_effects import effect_of
from stead.services.neighbours.tags import reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context

_READS = ("Describe", "Get", "List", "Lookup", "Search", "Discover", "Filter", "Test", "BatchGet")


@cache
def _operation(service: str, name: str) -> Operation:
    read_only = name.startswith(_READS)
    run = partial(_forward, read_only=read_only)
    return Operation(service, name, run, Effect.READS if read_only else Effect.FORWARDS, _first, _others, None, False, read_only)


def _forward(context: Context, _parameters: Parameters, *, read_only: bool) -> Result:
    send = partial(context.gateway.forward, context.origin, read_only=read_only)
    effect = None if read_only else effect_of(context.origin.service, context.origin.operation)
    return send() if effect is None else effect(context, send)


def _first(context: Context, _parameters: Parameters) -> Target:
    return next(_targets(context))


def _others(context: Context, _parameters: Parameters) -> Iterator[tuple[str, Target]]:
    """The further resources, all of which the caller must be allowed to touch."""
    call = context.origin
    action = f"{SERVICES[call.service].prefix}:{call.operation}"
    targets = _targets(context)
    next(targets)
    for target in targets:
        yield action, target


def _targets(context: Context) -> Iterator[Target]:
    call = context.origin
    namespace = SERVICES[call.service].prefix
    known: dict[str, Any] = keys.of(namespace, call)
    for arn in resources.arns(namespace, call):
        read_tags = reader(context, arn)
        yield Target(arn, keys=known, tags_of=arn if read_tags else "", read_tags=read_tags)


for _service in SERVICES.values():
    if _service.is_forwarded:
        family(_service.name, partial(_operation, _service.name))
