"""One layer against one request: a pool of documents, in which a Deny anywhere outweighs every Allow (policy-evaluation.md 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from stead.policy.compile import NO_CANDIDATES
from stead.policy.principals import Grant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Self

    from stead.policy.compile import CompiledDocument, Request, Statement, StatementReference
    from stead.policy.patterns import ContextValue


@dataclass(frozen=True, slots=True)
class Policy:
    """A document where it hangs; ``id`` is the ARN or the name that reasons show, ``type`` what kind of policy it is to its owner."""

    id: str
    type: str
    document: CompiledDocument


class NearMiss(NamedTuple):
    """A condition that kept an Allow, whose action and resource matched, from applying."""

    policy: str
    statement: StatementReference
    key: str
    operator: str
    wanted: tuple[str, ...]
    actual: ContextValue | None


class Match(NamedTuple):
    """A statement that applies, and its policy."""

    policy: Policy
    statement: Statement


class ResourceGrant(NamedTuple):
    """The strongest Allow of a resource-based policy: how it names the caller, and which it is."""

    kind: Grant
    match: Match | None


NO_GRANT = ResourceGrant(Grant.NONE, None)


class Candidates(NamedTuple):
    """The statements of a pool that cover an action."""

    denies: tuple[Match, ...]
    allows: tuple[Match, ...]


NOTHING_COVERS = Candidates((), ())  # one for all: it is the answer to every action that a principal was not given
_REMEMBERED_ACTIONS = 256  # of one pool, some 190 bytes each; there is a pool for every principal (bench/policy weighs them)


class Pool(tuple[Policy, ...]):  # noqa: SLOT001 - it needs the dictionary of its instance: a tuple may have no slots of its own
    """The policies of one layer. An action that comes again costs one look-up, however many policies there are."""

    _remembered: dict[str, Candidates]

    def __new__(cls, policies: Iterable[Policy]) -> Self:
        """A pool is a tuple that remembers."""
        made = super().__new__(cls, policies)
        made._remembered = {}
        return made

    @classmethod
    def of(cls, policies: tuple[Policy, ...]) -> Pool:
        """The pool of ``policies``, which may be one already."""
        return policies if isinstance(policies, cls) else cls(policies)

    def candidates(self, action: str) -> Candidates:
        """The statements that cover ``action``, policy by policy."""
        found = self._remembered.get(action)
        if found is None:
            found = self._find(action)
            if len(self._remembered) == _REMEMBERED_ACTIONS:
                self._remembered.clear()
            self._remembered[action] = found
        return found

    def _find(self, action: str) -> Candidates:
        denies: list[Match] = []
        allows: list[Match] = []
        for policy in self:
            found = policy.document.candidates(action)
            if found is not NO_CANDIDATES:
                denies.extend([Match(policy, statement) for statement in found.denies])
                allows.extend([Match(policy, statement) for statement in found.allows])
        return Candidates(tuple(denies), tuple(allows)) if denies or allows else NOTHING_COVERS


def first_deny(pool: Pool, request: Request) -> Match | None:
    """The first Deny that applies."""
    return first(pool.candidates(request.action).denies, request)


def first_allow(pool: Pool, request: Request) -> Match | None:
    """The first Allow that applies; the Denies were asked before."""
    return first(pool.candidates(request.action).allows, request)


def first(matches: Iterable[Match], request: Request) -> Match | None:
    """The first statement that applies, of those that cover the action."""
    resource, context = request.resource, request.context
    for match in matches:
        if match.statement.applies(resource, context):
            return match
    return None


def resource_deny(policy: Policy, request: Request, *, has_boundary: bool) -> Match | None:
    """The first Deny of a resource-based policy that means the caller and applies."""
    for statement in policy.document.candidates(request.action).denies:
        if denies_caller(statement, request, has_boundary=has_boundary) and statement.applies(request.resource, request.context):
            return Match(policy, statement)
    return None


def denies_caller(statement: Statement, request: Request, *, has_boundary: bool) -> bool:
    """Whether a Deny of a resource-based policy means the caller."""
    if statement.principal is None:
        return False
    # A Deny with NotPrincipal hits everybody who has a boundary, listed or not (policy-evaluation.md 3.4).
    return (has_boundary and statement.principal.negated) or statement.principal.grant(request.principal) is not Grant.NONE


def resource_grant(policy: Policy | None, request: Request) -> ResourceGrant:
    """The strongest Allow of a resource-based policy; one that names no principal means nobody."""
    best = NO_GRANT
    if policy is None:
        return best
    for statement in policy.document.candidates(request.action).allows:
        kind = statement.principal.grant(request.principal) if statement.principal else Grant.NONE
        if kind > best.kind and statement.applies(request.resource, request.context):
            best = ResourceGrant(kind, Match(policy, statement))
    return best


def near_misses(policies: Iterable[Policy], request: Request) -> Iterator[NearMiss]:
    """The conditions that failed in Allow statements which otherwise cover the request."""
    for policy in policies:
        for statement in policy.document.candidates(request.action).allows:
            if _means_caller(statement, request) and statement.covers(request.resource, request.context):
                yield from _failed(Match(policy, statement), request)


def _means_caller(statement: Statement, request: Request) -> bool:
    return statement.principal is None or statement.principal.grant(request.principal) is not Grant.NONE


def _failed(match: Match, request: Request) -> Iterator[NearMiss]:
    for condition in match.statement.conditions:
        if not condition.holds(request.context):
            actual = condition.actual(request.context)
            yield NearMiss(match.policy.id, match.statement.reference, condition.key, condition.operator, condition.operands, actual)
