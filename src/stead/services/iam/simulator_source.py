"""The user, group or role whose policies a simulation reads, and those policies.

The entity is found by its name, whatever path stands in the ARN, and the call is authorized on the stored ARN (recorded-aws.md 7).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from stead.aws.arn import Arn, parse_arn
from stead.aws.call import Target
from stead.aws.errors import invalid_input
from stead.policy import CompiledDocument, compile_document
from stead.policy.conditions.simulated import SIMULATED
from stead.services.iam import group_shapes, role_shapes, user_shapes
from stead.services.iam.owners import GROUP, ROLE, USER, OwnerKind
from stead.store.entity_policies import GROUP_INLINE, INLINE, managed_policy, own_policies, user_policies

if TYPE_CHECKING:
    from collections.abc import Callable

    from stead.aws.call import Parameters
    from stead.policy import Policy
    from stead.store.context import Context
    from stead.store.engine import Reader, Row


class _Kind(NamedTuple):
    """One kind of source: how it is found, its ARN, and what it has of policies."""

    owner: OwnerKind
    find: Callable[[Context, str], Row | None]
    arn: Callable[[Row], str]
    policies: Callable[[Reader, str], tuple[Policy, ...]]


_KINDS = {
    "user": _Kind(USER, user_shapes.find, user_shapes.arn, user_policies),
    "group": _Kind(GROUP, group_shapes.find, group_shapes.arn, own_policies),
    "role": _Kind(ROLE, role_shapes.role_named, role_shapes.role_arn, own_policies),
}


class Held(NamedTuple):
    """A stored policy as the simulator names it: a managed one by its name alone, an inline one with its owner (recorded-aws.md 9)."""

    text: str
    name: str
    arn: str = ""  # of a managed one
    owner_kind: str = ""
    owner: str = ""

    @property
    def source_id(self) -> str:
        """``SourcePolicyId``."""
        return self.name if self.arn else f"{self.owner_kind}_{self.owner}_{self.name}"


class EntityArn(NamedTuple):
    """The ARN of a user, group or role, taken apart; such an entity need not exist."""

    account: str
    kind: str
    name: str


def entity_of(arn: str) -> EntityArn | None:
    """``arn`` as that of a user, group or role; None for anything else, a session's ARN too."""
    match parse_arn(arn):
        case Arn(service="iam", account=account, resource=resource):
            kind, _, rest = resource.partition("/")
            name = rest.rpartition("/")[2]
            return EntityArn(account, kind, name) if kind in _KINDS and name else None
    return None


def find(context: Context, entity: EntityArn) -> Row | None:
    """The stored entity."""
    return _KINDS[entity.kind].find(context, entity.name) if entity.account == context.account_id else None


def source(context: Context, request: Parameters) -> Target:
    """What ``PolicySourceArn`` names, as the resource of a call."""
    arn = request["PolicySourceArn"]
    entity = entity_of(arn)
    if entity is None:  # reported, newrelic/newrelic-lambda-cli#96
        raise invalid_input(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    row = find(context, entity)
    if row is None:
        return Target(arn)
    return Target(_KINDS[entity.kind].arn(row), row=row, tags_of="" if entity.kind == "group" else row.id)


def found(context: Context, request: Parameters) -> tuple[EntityArn, Row]:
    """The same, to be read; or NoSuchEntity."""
    arn = request["PolicySourceArn"]
    entity = entity_of(arn)
    assert entity is not None, "source() has refused it"
    if entity.account != context.account_id:  # reported of callers in another account
        raise invalid_input(
            f"Invalid Policy Source Arn: caller's account {context.account_id} does not have access to policies in account {entity.account}"
        )
    if context.row is None:
        raise _KINDS[entity.kind].owner.missing(entity.name)
    return entity, context.row


def policies_of(context: Context, entity: EntityArn, row: Row) -> list[Held]:
    """Everything that allows or denies it something: of a user, what its groups have too."""
    return [_held(policy, entity.kind, row.name) for policy in _KINDS[entity.kind].policies(context.db, row.id)]


def boundary_of(context: Context, entity: EntityArn, row: Row) -> Held | None:
    """The entity's permissions boundary; groups have none."""
    arn = None if entity.kind == "group" else row.boundary_arn
    return _held(managed_policy(context.db, arn), entity.kind, row.name) if arn else None


def _held(policy: Policy, kind: str, owner: str) -> Held:
    text = policy.document.text
    if policy.type == INLINE:
        return Held(text, policy.id, owner_kind=kind, owner=owner)
    if policy.type == GROUP_INLINE:
        group, _, name = policy.id.partition("/")
        return Held(text, name, owner_kind="group", owner=group)
    return Held(text, policy.id.rpartition("/")[2], policy.id)


@lru_cache(maxsize=1024)
def simulated(text: str) -> CompiledDocument:
    """A document with the simulator's own operators."""
    return compile_document(text, SIMULATED)
