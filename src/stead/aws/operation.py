"""The registry of operations: each is declared once, beside its code, with everything the pipeline must know about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from stead.aws.call import Target
from stead.aws.models import SERVICES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stead.aws.call import Parameters

    # The first argument is store.context.Context; this layer may not name it.
    Run = Callable[[Any, Parameters], Any]
    Locate = Callable[[Any, Parameters], Target]
    Extra = Callable[[Any, Parameters], Iterable[tuple[str, Target]]]


class Effect(Enum):
    """What an operation does to the store, and so which lock its transaction begins with (designs D7, D18)."""

    READS = "reads"  # no transaction
    WRITES = "writes"  # a transaction; the account's row is held shared, so permissions stand still meanwhile
    ADMINISTERS = "administers"  # the account's row is held alone: names, quotas and permissions change here
    PERMITS = "permits"  # the same, and who may do what changes with it: the account's generation grows
    FORWARDS = "forwards"  # no transaction around it: a neighbour is asked; then the event alone, in one of its own


@dataclass(frozen=True, slots=True)
class Operation:
    """One implemented operation.

    ``locate`` finds the resource that the call is authorized on. ``also`` gives further authorizations that the call needs
    (policy-evaluation.md 2.9). ``before`` runs after authorization and before the transaction, if any. ``open`` operations need no permission.
    ``read_only`` is CloudTrail's flag.
    """

    service: str
    name: str
    run: Run
    effect: Effect
    locate: Locate
    also: Extra | None
    before: Run | None
    open: bool
    read_only: bool

    @property
    def action(self) -> str:
        """The action that policies name, e.g. ``iam:GetRole``."""
        return f"{SERVICES[self.service].prefix}:{self.name}"


_operations: dict[tuple[str, str], Operation] = {}
_families: dict[str, Callable[[str], Operation]] = {}


def account_wide(_context: Any, _parameters: Parameters) -> Target:
    """The target of an action without resource types."""
    return Target("*")


def operation(  # noqa: PLR0913  # one declaration says everything; all but the first three are named
    service: str,
    name: str,
    effect: Effect = Effect.READS,
    *,
    target: Locate = account_wide,
    also: Extra | None = None,
    before: Run | None = None,
    open_to_all: bool = False,
    read_only: bool | None = None,
) -> Callable[[Run], Run]:
    """Declare the decorated function as the operation ``service:name``; a name that is taken is refused at import.

    That AWS has such an operation is a test's to check: looking here would load every service's model at each start.
    """
    if (service, name) in _operations:
        raise ValueError(f"{service}:{name} is declared twice")
    reads = effect is Effect.READS if read_only is None else read_only

    def declare(run: Run) -> Run:
        _operations[service, name] = Operation(service, name, run, effect, target, also, before, open_to_all, reads)
        return run

    return declare


def family(service: str, make: Callable[[str], Operation]) -> None:
    """Let ``make`` be the implementation of every operation of ``service`` that is not declared by itself."""
    _families[service] = make


def find(service: str, name: str) -> Operation | None:
    """The implementation of ``service:name``, or None when Stead lacks it."""
    found = _operations.get((service, name))
    return _families[service](name) if found is None and service in _families else found


def all_operations() -> list[Operation]:
    """Every implemented operation, by service and name."""
    return [_operations[key] for key in sorted(_operations)]
