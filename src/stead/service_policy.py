"""``stead service-policy set``: AWS moves the default version of a linked role's policy under the role's feet; here the operator does (D12).

It works on the store itself, never through the API, is recorded as an event, and every linked role follows at once.
"""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import bindparam, func, select, update

from stead.aws.clock import now_ms
from stead.aws.ids import new_uuid
from stead.gateway.record import service_event
from stead.linked_roles.rules import RESERVED_PATH
from stead.policy import DocumentKind, validate
from stead.store.accounts import RAISE_GENERATION
from stead.store.documents import store_document
from stead.store.engine import StoreError, Writer
from stead.store.migrations import HEAD
from stead.store.prepare import opened, revision
from stead.store.tables import accounts, policies, policy_versions

_POLICY = select(policies.c.arn, policies.c.path).where(policies.c.account_id == "aws", policies.c.name == bindparam("name"))
_VERSIONS = select(policy_versions.c.version_id).where(policy_versions.c.policy_arn == bindparam("arn"))
_SET = update(policies).where(policies.c.arn == bindparam("of")).values(default_version=bindparam("version"), updated=bindparam("at"))
_FIRST_ACCOUNT = select(func.min(accounts.c.id))


def set_default(name: str, source: str, data_dir: Path, database_url: str = "") -> str:
    """Make ``source``, a stored version such as ``v24`` or a file with a document, the default of policy ``name``; what was done.

    Raises StoreError for an unknown policy or version, ValueError (or AwsError as one) for a bad document.
    """
    url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", database_url) or f"sqlite:///{data_dir / 'stead.db'}"
    if not database_url and not (data_dir / "stead.db").exists():
        raise StoreError(f"no store in {data_dir}: start Stead there first")
    with opened(url) as store:
        if revision(store.read().connection) != HEAD:
            raise StoreError(f"the database is not at revision {HEAD}: start this version of Stead on it first")
        with store.write() as db:
            return _set(db, name, source)


def _set(db: Writer, name: str, source: str) -> str:
    policy = db.first(_POLICY, name=name)
    if policy is None or not policy.path.startswith(RESERVED_PATH):
        raise StoreError(f"there is no service-linked role policy {name}")
    known = {row.version_id for row in db.all(_VERSIONS, arn=policy.arn)}
    version = source if source in known else _add(db, policy.arn, Path(source), known)
    db.run(_SET, of=policy.arn, version=version, at=now_ms())
    account = db.scalar(_FIRST_ACCOUNT)
    db.run(RAISE_GENERATION, account=account)
    service_event(db, account, "SetDefaultPolicyVersion", {"policyArn": policy.arn, "versionId": version}, new_uuid())
    return f"{name}: the default version is {version}"


def _add(db: Writer, arn: str, path: Path, known: set[str]) -> str:
    """A document from a file, as the next version after the newest."""
    if not path.exists():
        raise StoreError(f"{path} is neither a stored version ({', '.join(sorted(known))}) nor a file")
    text = path.read_text("utf-8")
    validate(text, DocumentKind.IDENTITY)
    version = f"v{max(int(v[1:].split('-')[0]) for v in known) + 1}"
    db.insert(policy_versions, policy_arn=arn, version_id=version, document_hash=store_document(db, text), created=now_ms())
    return version
