"""The documents that bind a user or role: what the gate asks for every caller, and the simulator for whomever it is asked about."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from sqlalchemy import bindparam, select

from stead.policy import CompiledDocument, Policy, compile_document
from stead.store.tables import attachments, documents, group_members, groups, inline_policies, policies, policy_versions

if TYPE_CHECKING:
    from stead.store.engine import Reader

_INLINE = (
    select(inline_policies.c.name, documents.c.text)
    .join(documents, documents.c.hash == inline_policies.c.document_hash)
    .where(inline_policies.c.owner_id == bindparam("owner"))
    .order_by(inline_policies.c.name_key)
)
_DEFAULT_TEXT = (
    select(policies.c.arn, documents.c.text)
    .join(policy_versions, (policy_versions.c.policy_arn == policies.c.arn) & (policy_versions.c.version_id == policies.c.default_version))
    .join(documents, documents.c.hash == policy_versions.c.document_hash)
)
_ATTACHED = (
    _DEFAULT_TEXT.join(attachments, attachments.c.policy_arn == policies.c.arn)
    .where(attachments.c.owner_id == bindparam("owner"))
    .order_by(policies.c.arn)
)
_IN_GROUPS = (
    select(groups.c.name.label("owner"), inline_policies.c.name, documents.c.text)
    .join(inline_policies, inline_policies.c.owner_id == groups.c.id)
    .join(documents, documents.c.hash == inline_policies.c.document_hash)
    .join(group_members, group_members.c.group_id == groups.c.id)
    .where(group_members.c.user_id == bindparam("user"))
    .order_by(groups.c.name_key, inline_policies.c.name_key)
)
_BY_GROUPS = (
    _DEFAULT_TEXT.join(attachments, attachments.c.policy_arn == policies.c.arn)
    .join(group_members, group_members.c.group_id == attachments.c.owner_id)
    .where(group_members.c.user_id == bindparam("user"))
    .distinct()
    .order_by(policies.c.arn)
)
_MANAGED = _DEFAULT_TEXT.where(policies.c.arn == bindparam("arn"))

_ALLOWS_NOTHING = (
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"none:Nothing","Resource":"*"}}'  # a valid one has statements
)

# Policy.type. The id is an inline policy's name, after the group's name and a slash if it is a group's; a managed policy's ARN.
INLINE, GROUP_INLINE, MANAGED = "inline", "group-inline", "managed"


_held: WeakValueDictionary[str, CompiledDocument] = WeakValueDictionary()


@lru_cache(maxsize=4096)  # of documents that nobody holds between two requests: sessions bring theirs along
def compiled(text: str) -> CompiledDocument:
    """A document compiled once per process, whoever holds it and however many others are held."""
    found = _held.get(text)
    if found is None:
        found = _held[text] = compile_document(text)
    return found


def own_policies(db: Reader, owner_id: str) -> tuple[Policy, ...]:
    """What is embedded in an entity and attached to it."""
    inline = (Policy(row.name, INLINE, compiled(row.text)) for row in db.all(_INLINE, owner=owner_id))
    managed = (Policy(row.arn, MANAGED, compiled(row.text)) for row in db.all(_ATTACHED, owner=owner_id))
    return (*inline, *managed)


def user_policies(db: Reader, user_id: str) -> tuple[Policy, ...]:
    """A user's own policies and those of its groups. A managed policy reached twice counts once (recorded-aws.md 8.4)."""
    own = own_policies(db, user_id)
    inline = (Policy(f"{row.owner}/{row.name}", GROUP_INLINE, compiled(row.text)) for row in db.all(_IN_GROUPS, user=user_id))
    attached = {policy.id for policy in own if policy.type == MANAGED}
    managed = (Policy(row.arn, MANAGED, compiled(row.text)) for row in db.all(_BY_GROUPS, user=user_id) if row.arn not in attached)
    return (*own, *inline, *managed)


def managed_policy(db: Reader, arn: str) -> Policy:
    """A managed policy's default version. One that is gone allows nothing."""
    row = db.first(_MANAGED, arn=arn)
    return Policy(arn, MANAGED, compiled(row.text if row is not None else _ALLOWS_NOTHING))
