"""What users and roles own of policies, inline ones and attachments: one mechanism, and a table of what differs.

The operations stand in ``user_policies.py``, ``role_policies.py`` and their nouns: they locate the owner (a row of ``users`` or ``roles``),
refuse what may not be changed, and call in here. Inline names ignore case and keep the spelling they were first given; the document that is
replaced does not count to the quota (recorded-aws.md 5.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, select, update

from stead.aws.errors import AwsError, delete_conflict, limit_exceeded, no_such_entity
from stead.policy import DocumentKind, validate
from stead.services.iam import managed, paths
from stead.services.iam.paging import page
from stead.store.documents import size_of, store_document
from stead.store.tables import attachments, documents, inline_policies, policies

if TYPE_CHECKING:
    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row


@dataclass(frozen=True, slots=True)
class OwnerKind:
    """How AWS names one kind of owner, and its quotas (policy-evaluation.md 7.2)."""

    noun: str  # in texts
    member: str  # in requests and answers
    inline_size: int  # of all inline policies together, white space not counted
    attached: int = 10

    def missing(self, name: str) -> AwsError:
        """Nobody has this name."""
        return no_such_entity(f"The {self.noun} with name {name} cannot be found.")

    def missing_policy(self, name: str) -> AwsError:
        """The owner has no inline policy of this name."""
        return no_such_entity(f"The {self.noun} policy with name {name} cannot be found.")


USER = OwnerKind("user", "UserName", inline_size=2048)
ROLE = OwnerKind("role", "RoleName", inline_size=10240)

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


def put_inline(context: Context, kind: OwnerKind, owner: Row, request: Parameters) -> None:
    """Put...Policy: add an inline policy or replace its document. The document was checked by :func:`check_document` before."""
    name, document = request["PolicyName"], request["PolicyDocument"]
    db, key = context.writer, name.lower()
    others = db.all(_OTHER_TEXTS, owner=owner.id, key=key)
    if size_of(document) + sum(size_of(row.text) for row in others) > kind.inline_size:
        # Reported in these words for users, groups and roles alike, e.g. HumanCellAtlas/data-store#1963.
        raise limit_exceeded(f"Maximum policy size of {kind.inline_size} bytes exceeded for {kind.noun} {owner.name}")
    digest = store_document(db, document)
    if not db.run(_REPLACE_INLINE, owner=owner.id, key=key, digest=digest):
        db.insert(inline_policies, owner_id=owner.id, name=name, name_key=key, document_hash=digest)


def check_document(request: Parameters) -> None:
    """Refuse a document that IAM would not store: an input rule, so before any question of state (recorded-aws.md 1)."""
    validate(request["PolicyDocument"], DocumentKind.IDENTITY)


def get_inline(context: Context, kind: OwnerKind, owner: Row, request: Parameters) -> Result:
    """Get...Policy: the whole answer."""
    row = context.db.first(_INLINE, owner=owner.id, key=request["PolicyName"].lower())
    if row is None:
        raise kind.missing_policy(request["PolicyName"])
    return {kind.member: owner.name, "PolicyName": row.name, "PolicyDocument": managed.encoded(row.text)}


def list_inline(context: Context, owner: Row, request: Parameters) -> Result:
    """List...Policies: one page of names."""

    def rows(after: str, limit: int) -> list[Row]:
        return context.db.all(_INLINE_PAGE, owner=owner.id, after=after, limit=limit)

    return page(request, "PolicyNames", rows, lambda row: row.name_key, lambda row: row.name)


def delete_inline(context: Context, kind: OwnerKind, owner: Row, request: Parameters) -> None:
    """Delete...Policy."""
    if not context.writer.run(_DELETE_INLINE, owner=owner.id, key=request["PolicyName"].lower()):
        raise kind.missing_policy(request["PolicyName"])


def attach(context: Context, kind: OwnerKind, owner: Row, request: Parameters) -> None:
    """Attach...Policy; what is attached already stays so, and that is no error."""
    policy, db = managed.attachable(context, request["PolicyArn"]), context.writer
    if db.first(_ATTACHED, owner=owner.id, arn=policy.arn) is not None:
        return
    if db.scalar(_COUNT_ATTACHED, owner=owner.id) >= kind.attached:
        raise limit_exceeded(f"Cannot exceed quota for PoliciesPer{kind.noun.capitalize()}: {kind.attached}")
    db.insert(attachments, owner_id=owner.id, policy_arn=policy.arn, created=context.now)


def detach(context: Context, owner: Row, request: Parameters) -> None:
    """Detach...Policy; of a policy that is not attached: NoSuchEntity (recorded-aws.md 8.1)."""
    arn = request["PolicyArn"]
    managed.check_arn(arn)
    if not context.writer.run(_DETACH, owner=owner.id, arn=arn):
        raise no_such_entity(f"Policy {arn} was not found.")


def list_attached(context: Context, owner: Row, request: Parameters) -> Result:
    """ListAttached...Policies: one page."""
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
