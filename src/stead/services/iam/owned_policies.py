"""iam: the policies of users, groups and roles, inline ones and attachments: one mechanism, and the seven operations of each kind of owner.

``_OWNERS`` says how each kind is located and changed (a linked role's policies are AWS's alone), ``_OPERATIONS`` what can be done; every pair is
an operation. Inline names ignore case and keep the spelling they were first given; the document that is replaced does not count to the quota
(recorded-aws.md 5.1).
"""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, delete, func, select, update

from stead.aws.errors import delete_conflict, limit_exceeded, no_such_entity
from stead.aws.operation import Effect, operation
from stead.policy import DocumentKind, validate
from stead.services.iam import group_shapes, managed, paths, role_shapes, user_shapes
from stead.services.iam.owners import GROUP, ROLE, USER, OwnerKind
from stead.services.iam.paging import page
from stead.store.documents import size_of, store_document
from stead.store.tables import attachments, documents, inline_policies, policies

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stead.aws.call import Parameters, Result, Target
    from stead.store.context import Context
    from stead.store.engine import Row

    Keys = Mapping[str, str | tuple[str, ...]]
    Locate = Callable[[Context, str, Keys], Target]
    Find = Callable[[Context, str], Row]


class _Owners(NamedTuple):
    """One kind of owner: as the resource of a call, as the row that is read, and as the row that may be changed."""

    kind: OwnerKind
    locate: Locate
    found: Find
    changeable: Find


class _Owner(NamedTuple):
    """One owner of that kind."""

    kind: OwnerKind
    row: Row

    @property
    def id(self) -> str:
        """Its unique id, on which its policies hang."""
        identity: str = self.row.id
        return identity


_OWNERS = (
    _Owners(USER, user_shapes.target_of, user_shapes.found, user_shapes.found),
    _Owners(GROUP, group_shapes.target_of, group_shapes.found, group_shapes.found),
    _Owners(ROLE, role_shapes.role_target, role_shapes.found, role_shapes.changeable),
)

_OWNED = inline_policies.c.owner_id == bindparam("owner")
_NAMED = inline_policies.c.name_key == bindparam("key")
_WITH_TEXT = select(inline_policies.c.name, inline_policies.c.name_key, documents.c.text).join(
    documents, documents.c.hash == inline_policies.c.document_hash
)
_INLINE = _WITH_TEXT.where(_OWNED, _NAMED)
_OTHER_TEXTS = _WITH_TEXT.where(_OWNED, inline_policies.c.name_key != bindparam("key"))
_INLINE_PAGE = (
    select(inline_policies.c.name, inline_policies.c.name_key)
    .where(_OWNED, inline_policies.c.name_key > bindparam("after"))
    .order_by(inline_policies.c.name_key)
    .limit(bindparam("limit"))
)
_REPLACE_INLINE = update(inline_policies).where(_OWNED, _NAMED).values(document_hash=bindparam("digest"))
_DELETE_INLINE = delete(inline_policies).where(_OWNED, _NAMED)
_COUNT_INLINE = select(func.count()).select_from(inline_policies).where(_OWNED)

_HELD = attachments.c.owner_id == bindparam("owner")
_THIS = attachments.c.policy_arn == bindparam("arn")
_ATTACHED = select(attachments.c.policy_arn).where(_HELD, _THIS)
_DETACH = delete(attachments).where(_HELD, _THIS)
_COUNT_ATTACHED = select(func.count()).select_from(attachments).where(_HELD)
_ATTACHED_PAGE = (
    select(policies.c.name, policies.c.arn)
    .join(attachments, attachments.c.policy_arn == policies.c.arn)
    .where(_HELD, policies.c.arn > bindparam("after"), paths.under(policies.c.path))
    .order_by(policies.c.arn)
    .limit(bindparam("limit"))
)


def _put_inline(context: Context, owner: _Owner, request: Parameters) -> None:
    """Add an inline policy or replace its document."""
    name, document = request["PolicyName"], request["PolicyDocument"]
    db, key, quota = context.writer, name.lower(), owner.kind.inline_size
    others = db.all(_OTHER_TEXTS, owner=owner.id, key=key)
    if size_of(document) + sum(size_of(row.text) for row in others) > quota:
        # Reported in these words for users, groups and roles alike, e.g. HumanCellAtlas/data-store#1963.
        raise limit_exceeded(f"Maximum policy size of {quota} bytes exceeded for {owner.kind.noun} {owner.row.name}")
    digest = store_document(db, document)
    if not db.run(_REPLACE_INLINE, owner=owner.id, key=key, digest=digest):
        db.insert(inline_policies, owner_id=owner.id, name=name, name_key=key, document_hash=digest)


def _get_inline(context: Context, owner: _Owner, request: Parameters) -> Result:
    """One inline policy with its document."""
    row = context.db.first(_INLINE, owner=owner.id, key=request["PolicyName"].lower())
    if row is None:
        raise owner.kind.missing_policy(request["PolicyName"])
    return {owner.kind.member: owner.row.name, "PolicyName": row.name, "PolicyDocument": managed.encoded(row.text)}


def _list_inline(context: Context, owner: _Owner, request: Parameters) -> Result:
    """One page of the names of inline policies."""

    def rows(after: str, limit: int) -> list[Row]:
        return context.db.all(_INLINE_PAGE, owner=owner.id, after=after, limit=limit)

    return page(request, "PolicyNames", rows, lambda row: row.name_key, lambda row: row.name)


def _delete_inline(context: Context, owner: _Owner, request: Parameters) -> None:
    """Delete an inline policy."""
    if not context.writer.run(_DELETE_INLINE, owner=owner.id, key=request["PolicyName"].lower()):
        raise owner.kind.missing_policy(request["PolicyName"])


def _attach(context: Context, owner: _Owner, request: Parameters) -> None:
    """Attach a managed policy; one that is attached already stays so."""
    policy, db = managed.attachable(context, request["PolicyArn"]), context.writer
    if db.first(_ATTACHED, owner=owner.id, arn=policy.arn) is not None:
        return
    if db.scalar(_COUNT_ATTACHED, owner=owner.id) >= owner.kind.attached:
        raise limit_exceeded(f"Cannot exceed quota for PoliciesPer{owner.kind.noun.capitalize()}: {owner.kind.attached}")
    db.insert(attachments, owner_id=owner.id, policy_arn=policy.arn, created=context.now)


def _detach(context: Context, owner: _Owner, request: Parameters) -> None:
    """Detach a managed policy; of one that is not attached: NoSuchEntity (recorded-aws.md 8.1)."""
    arn = request["PolicyArn"]
    managed.check_arn(arn)
    if not context.writer.run(_DETACH, owner=owner.id, arn=arn):
        raise no_such_entity(f"Policy {arn} was not found.")


def _list_attached(context: Context, owner: _Owner, request: Parameters) -> Result:
    """One page of the managed policies that are attached."""
    prefix = paths.asked(request)

    def rows(after: str, limit: int) -> list[Row]:
        return context.db.all(_ATTACHED_PAGE, owner=owner.id, path_prefix=prefix, after=after, limit=limit)

    return page(request, "AttachedPolicies", rows, lambda row: row.arn, lambda row: {"PolicyName": row.name, "PolicyArn": row.arn})


def refuse_while_owning(context: Context, owner: Row) -> None:
    """Refuse a deletion while policies hang on the owner (aws-behaviour.md 4.2, reported); a boundary or tags do not hinder it."""
    if context.db.scalar(_COUNT_ATTACHED, owner=owner.id):
        raise delete_conflict("Cannot delete entity, must detach all policies first.")
    if context.db.scalar(_COUNT_INLINE, owner=owner.id):
        raise delete_conflict("Cannot delete entity, must delete policies first.")


def _target(owners: _Owners, context: Context, request: Parameters) -> Target:
    """The owner; a managed policy to be attached or detached is ``iam:PolicyARN`` (policy-evaluation.md 8.4)."""
    keys = {"iam:policyarn": request["PolicyArn"]} if "PolicyArn" in request else {}
    return owners.locate(context, request[owners.kind.member], keys)


_OPERATIONS: tuple[tuple[str, Effect, Callable[[Context, _Owner, Parameters], Result | None]], ...] = (
    ("Put{}Policy", Effect.PERMITS, _put_inline),
    ("Get{}Policy", Effect.READS, _get_inline),
    ("List{}Policies", Effect.READS, _list_inline),
    ("Delete{}Policy", Effect.PERMITS, _delete_inline),
    ("Attach{}Policy", Effect.PERMITS, _attach),
    ("Detach{}Policy", Effect.PERMITS, _detach),
    ("ListAttached{}Policies", Effect.READS, _list_attached),
)


def _declare(owners: _Owners, form: str, effect: Effect, work: Callable[[Context, _Owner, Parameters], Result | None]) -> None:
    row = owners.found if effect is Effect.READS else owners.changeable

    @operation("iam", form.format(owners.kind.noun.capitalize()), effect, target=partial(_target, owners))
    @wraps(work)
    def run(context: Context, request: Parameters) -> Result:
        if "PolicyDocument" in request:  # an input rule, so before any question of state (recorded-aws.md 1)
            validate(request["PolicyDocument"], DocumentKind.IDENTITY)
        return work(context, _Owner(owners.kind, row(context, request[owners.kind.member])), request) or {}


for _owners in _OWNERS:
    for _form, _effect, _work in _OPERATIONS:
        _declare(_owners, _form, _effect, _work)
