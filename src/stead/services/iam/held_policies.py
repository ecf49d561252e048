"""Every policy that gives a user, group or role permissions, with the text it has now: its own, and for a user those of its groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, or_, select

from stead.store.tables import attachments, documents, group_members, groups, inline_policies, policies, policy_versions

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from stead.store.engine import Reader, Row

_GROUPS = select(group_members.c.group_id).where(group_members.c.user_id == bindparam("holder"))


def _is_held_by(owner: ColumnElement[str]) -> ColumnElement[bool]:
    return or_(owner == bindparam("holder"), owner.in_(_GROUPS))


# ``group`` is none for what is the entity's own.
_INLINE = (
    select(inline_policies.c.name, groups.c.name.label("group"), documents.c.hash, documents.c.text)
    .join(documents, documents.c.hash == inline_policies.c.document_hash)
    .join(groups, groups.c.id == inline_policies.c.owner_id, isouter=True)
    .where(_is_held_by(inline_policies.c.owner_id))
    .order_by(groups.c.name_key, inline_policies.c.name_key)
)
_DEFAULT_VERSIONS = (
    select(policies.c.name, policies.c.arn, documents.c.hash, documents.c.text)
    .join(policy_versions, (policy_versions.c.policy_arn == policies.c.arn) & (policy_versions.c.version_id == policies.c.default_version))
    .join(documents, documents.c.hash == policy_versions.c.document_hash)
    .order_by(policies.c.arn)
)
_HELD = select(attachments.c.policy_arn).where(_is_held_by(attachments.c.owner_id))
_ATTACHED = _DEFAULT_VERSIONS.where(policies.c.arn.in_(_HELD))
_THIS = _DEFAULT_VERSIONS.where(policies.c.arn == bindparam("arn"))


def inline(db: Reader, holder: str) -> list[Row]:
    """Inline policies: name, group, hash, text."""
    return db.all(_INLINE, holder=holder)


def attached(db: Reader, holder: str) -> list[Row]:
    """Managed policies in their default versions, each once: name, arn, hash, text."""
    return db.all(_ATTACHED, holder=holder)


def managed(db: Reader, arn: str) -> list[Row]:
    """One managed policy likewise."""
    return db.all(_THIS, arn=arn)
