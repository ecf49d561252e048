"""iam: the versions of managed policies. Ids count upwards and are never used again, also not after a deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, select, update

from stead.aws.errors import AwsError, delete_conflict, limit_exceeded, no_such_entity
from stead.aws.operation import Effect, operation
from stead.policy import DocumentKind, validate
from stead.services.iam.managed import encoded
from stead.services.iam.paging import page_of
from stead.services.iam.policy_shapes import found, named, own
from stead.store.documents import size_of, store_document
from stead.store.tables import documents, policies, policy_versions

if TYPE_CHECKING:
    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row

MAX_VERSIONS = 5
MAX_SIZE = 6144  # characters without white space (policy-evaluation.md 7.2)
_OF_POLICY = policy_versions.c.policy_arn == bindparam("arn")
_THIS = policy_versions.c.version_id == bindparam("version")
_VERSIONS = select(policy_versions.c.version_id, policy_versions.c.created).where(_OF_POLICY)
_VERSION = (
    select(policy_versions.c.version_id, policy_versions.c.created, documents.c.text)
    .join(documents, documents.c.hash == policy_versions.c.document_hash)
    .where(_OF_POLICY, _THIS)
)
_COUNT = select(func.count()).select_from(policy_versions).where(_OF_POLICY)
_DELETE = delete(policy_versions).where(_OF_POLICY, _THIS)
_DELETE_ALL = delete(policy_versions).where(_OF_POLICY)
_SET_DEFAULT = update(policies).where(policies.c.arn == bindparam("policy")).values(default_version=bindparam("version"))
_NUMBERED = (
    update(policies).where(policies.c.arn == bindparam("policy")).values(next_version=policies.c.next_version + 1, updated=bindparam("now"))
)


@operation("iam", "CreatePolicyVersion", Effect.PERMITS, target=named)
def create_policy_version(context: Context, request: Parameters) -> Result:
    """Add a version, as the default one if asked; the policy's UpdateDate is that of its newest version."""
    document, is_default = request["PolicyDocument"], bool(request.get("SetAsDefault"))
    validate(document, DocumentKind.IDENTITY)
    row = own(context, request)
    refuse_size(document)
    if context.db.scalar(_COUNT, arn=row.arn) >= MAX_VERSIONS:
        raise limit_exceeded(
            f"A managed policy can have up to {MAX_VERSIONS} versions. "
            "Before you create a new version, you must delete an existing version."
        )
    version = f"v{row.next_version}"
    add_version(context, row.arn, version, document)
    context.writer.run(_NUMBERED, policy=row.arn, now=context.now)
    if is_default:
        context.writer.run(_SET_DEFAULT, policy=row.arn, version=version)
    return {"PolicyVersion": {"VersionId": version, "IsDefaultVersion": is_default, "CreateDate": context.now}}


@operation("iam", "GetPolicyVersion", target=named)
def get_policy_version(context: Context, request: Parameters) -> Result:
    """A version with its document."""
    row = found(context, request)
    version = _version(context, row, request)
    return {"PolicyVersion": {"Document": encoded(version.text), **_shape(row, version)}}


@operation("iam", "ListPolicyVersions", target=named)
def list_policy_versions(context: Context, request: Parameters) -> Result:
    """One page of versions without their documents, newest first."""
    row = found(context, request)
    versions = context.db.all(_VERSIONS, arn=row.arn)
    return page_of(request, "Versions", [(_newest_first(version.version_id), _shape(row, version)) for version in versions])


@operation("iam", "SetDefaultPolicyVersion", Effect.PERMITS, target=named)
def set_default_policy_version(context: Context, request: Parameters) -> None:
    """Everybody who has the policy has this version of it from the next request on (design D7)."""
    row = own(context, request)
    version = _version(context, row, request)
    context.writer.run(_SET_DEFAULT, policy=row.arn, version=version.version_id)


@operation("iam", "DeletePolicyVersion", Effect.PERMITS, target=named)
def delete_policy_version(context: Context, request: Parameters) -> None:
    """Delete a version other than the default one."""
    row = own(context, request)
    version = _version(context, row, request).version_id
    if version == row.default_version:
        raise delete_conflict("Cannot delete the default version of a policy.")
    context.writer.run(_DELETE, arn=row.arn, version=version)


def add_version(context: Context, arn: str, version: str, document: str) -> None:
    """Store a version."""
    digest = store_document(context.writer, document)
    context.writer.insert(policy_versions, policy_arn=arn, version_id=version, document_hash=digest, created=context.now)


def delete_versions(context: Context, policy: Row) -> None:
    """With the policy itself."""
    context.writer.run(_DELETE_ALL, arn=policy.arn)


def refuse_several_versions(context: Context, policy: Row) -> None:
    """A policy goes with its last version only (reported)."""
    if context.db.scalar(_COUNT, arn=policy.arn) > 1:
        raise delete_conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )


def refuse_size(document: str) -> None:
    """The quota of one document (reported)."""
    if size_of(document) > MAX_SIZE:
        raise limit_exceeded(f"Cannot exceed quota for PolicySize: {MAX_SIZE}")


def _version(context: Context, policy: Row, request: Parameters) -> Row:
    version = context.db.first(_VERSION, arn=policy.arn, version=request["VersionId"])
    if version is None:
        raise _missing(policy, request)
    return version


def _missing(policy: Row, request: Parameters) -> AwsError:
    return no_such_entity(f"Policy {policy.arn} version {request['VersionId']} does not exist or is not attachable.")


def _newest_first(version_id: str) -> str:
    """A sort key: ids are ``v`` and a number, for AWS's own perhaps with a suffix after a dot."""
    return f"{10**9 - int(version_id[1:].partition('.')[0]):010}{version_id}"


def _shape(policy: Row, version: Row) -> dict[str, Any]:
    is_default = version.version_id == policy.default_version
    return {"VersionId": version.version_id, "IsDefaultVersion": is_default, "CreateDate": version.created}
