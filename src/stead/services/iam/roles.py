"""Roles: made, read, described, trusted, tagged, bounded and removed (aws-behaviour.md 4.1 and 4.2, recorded-aws.md 8.2).

A linked role is read like any other; of it only the description and the tags may change (service-linked-roles.md 2.4). That is decided by
the stored kind, after authorization and before any other question of state. Making and deleting one is ``linked_roles.py``'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, select, update

from stead.aws.arn import iam_arn
from stead.aws.call import Target
from stead.aws.errors import delete_conflict, entity_already_exists, limit_exceeded
from stead.aws.ids import unique_id
from stead.aws.operation import Effect, operation
from stead.linked_roles import rules
from stead.services.iam import boundaries, owned_policies, paths, tags, trust_policies
from stead.services.iam.owners import ROLE
from stead.services.iam.paging import page
from stead.services.iam.role_shapes import ROLES, changeable, created, described, detailed, found, listed, role_named, role_target
from stead.store.documents import store_document
from stead.store.tables import instance_profiles, roles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row

DEFAULT_DURATION = 3600  # seconds; recorded-aws.md 8.2: UpdateRole keeps what is omitted, so only CreateRole needs it
MAX_ROLES = 5000  # to which AWS raises the quota of 1,000 on request; linked roles count, but are made beyond it
_IN_ACCOUNT = roles.c.account_id == bindparam("account")
_COUNT = select(func.count()).select_from(roles).where(_IN_ACCOUNT)
_PAGE = (
    ROLES.where(_IN_ACCOUNT, roles.c.name_key > bindparam("after"), paths.under(roles.c.path))
    .order_by(roles.c.name_key)
    .limit(bindparam("limit"))
)
_THIS = roles.c.id == bindparam("role")
_DESCRIBE = update(roles).where(_THIS).values(description=bindparam("description"))
_LAST = update(roles).where(_THIS).values(max_session_duration=bindparam("seconds"))
_TRUST = update(roles).where(_THIS).values(trust_hash=bindparam("trust"))
_DELETE = delete(roles).where(_THIS)
_IN_A_PROFILE = select(instance_profiles.c.id).where(instance_profiles.c.role_id == bindparam("role")).limit(1)


def _named(context: Context, request: Parameters) -> Target:
    return role_target(context, request["RoleName"])


def _tagged(context: Context, request: Parameters) -> Target:
    return role_target(context, request["RoleName"], tags.request_keys(request))


def _to_be(context: Context, request: Parameters) -> Target:
    """A role not yet made, with the path asked for (recorded-aws.md 7)."""
    arn = iam_arn(context.account_id, "role", request.get("Path", "/"), request["RoleName"])
    return Target(arn, keys={**tags.request_keys(request), **boundaries.keys(context)})


def _all(context: Context, request: Parameters) -> Target:
    """ListRoles has no resource types; its refusals name the collection (policy-evaluation.md 9.3)."""
    return Target("*", iam_arn(context.account_id, "role", paths.asked(request), ""))


def _tagging(context: Context, request: Parameters) -> Iterator[tuple[str, Target]]:
    if request.get("Tags"):
        yield "iam:TagRole", _to_be(context, request)


@operation("iam", "CreateRole", Effect.PERMITS, target=_to_be, also=_tagging)
def create_role(context: Context, request: Parameters) -> Result:
    """A customer's role; the trust policy comes back as it was given."""
    rules.refuse_reserved_path(request.get("Path", "/"))
    tags.check(request.get("Tags") or [])
    trust = trust_policies.accepted(context, request["AssumeRolePolicyDocument"])
    boundary = boundaries.asked(context, request)
    if role_named(context, request["RoleName"]) is not None:
        raise entity_already_exists(f"Role with name {request['RoleName']} already exists.")
    if context.db.scalar(_COUNT, account=context.account_id) >= MAX_ROLES:
        raise limit_exceeded(f"Cannot exceed quota for RolesPerAccount: {MAX_ROLES}")
    row = _insert(context, request, trust, boundary)
    tags.write(context, row.id, request.get("Tags") or [])
    return {"Role": created(context, row, request["AssumeRolePolicyDocument"])}


def _insert(context: Context, request: Parameters, trust: str, boundary: str | None) -> Row:
    context.writer.insert(
        roles,
        id=unique_id("AROA", context.account_id),
        account_id=context.account_id,
        name=request["RoleName"],
        name_key=request["RoleName"].lower(),
        path=request.get("Path", "/"),
        kind=rules.CUSTOMER,
        service=None,
        description=request.get("Description"),
        trust_hash=store_document(context.writer, trust),
        max_session_duration=request.get("MaxSessionDuration", DEFAULT_DURATION),
        boundary_arn=boundary,
        created=context.now,
    )
    return role_named(context, request["RoleName"])


@operation("iam", "GetRole", target=_named)
def get_role(context: Context, request: Parameters) -> Result:
    """Everything about one role."""
    return {"Role": detailed(context, found(context, request["RoleName"]))}


@operation("iam", "ListRoles", target=_all)
def list_roles(context: Context, request: Parameters) -> Result:
    """One page of the roles under a path, by name."""
    prefix = paths.asked(request)

    def rows(after: str, limit: int) -> list[tuple[Row, str]]:
        read = context.db.all(_PAGE, account=context.account_id, path_prefix=prefix, after=after, limit=limit)
        return list(zip(read, trust_policies.shown(context, [row.trust for row in read]), strict=True))

    return page(request, "Roles", rows, lambda item: item[0].name_key, lambda item: listed(*item))


@operation("iam", "UpdateRole", Effect.ADMINISTERS, target=_named)
def update_role(context: Context, request: Parameters) -> Result:
    """Description and longest session; what is omitted stays, and an empty description removes it (recorded-aws.md 8.2)."""
    row, db = found(context, request["RoleName"]), context.writer
    if "MaxSessionDuration" in request:
        rules.refuse_duration(row)
        db.run(_LAST, role=row.id, seconds=request["MaxSessionDuration"])
    if "Description" in request:
        db.run(_DESCRIBE, role=row.id, description=request["Description"])
    return {}


@operation("iam", "UpdateRoleDescription", Effect.ADMINISTERS, target=_named)
def update_role_description(context: Context, request: Parameters) -> Result:
    """The description alone; the answer shows the role."""
    row = found(context, request["RoleName"])
    context.writer.run(_DESCRIBE, role=row.id, description=request["Description"])
    (trust,) = trust_policies.shown(context, [row.trust])
    return {"Role": described(row._replace(description=request["Description"]), trust)}


@operation("iam", "UpdateAssumeRolePolicy", Effect.PERMITS, target=_named)
def update_assume_role_policy(context: Context, request: Parameters) -> Result:
    """Whom the role trusts."""
    trust = trust_policies.accepted(context, request["PolicyDocument"])
    row = changeable(context, request["RoleName"])
    context.writer.run(_TRUST, role=row.id, trust=store_document(context.writer, trust))
    return {}


@operation("iam", "DeleteRole", Effect.PERMITS, target=_named)
def delete_role(context: Context, request: Parameters) -> Result:
    """A role that holds no policies and is in no instance profile; tags and a boundary go with it (aws-behaviour.md 4.2)."""
    row = changeable(context, request["RoleName"])
    if context.db.first(_IN_A_PROFILE, role=row.id) is not None:
        raise delete_conflict("Cannot delete entity, must remove roles from instance profile first.")
    owned_policies.refuse_while_owning(context, row)
    tags.remove_all(context, row.id)
    context.writer.run(_DELETE, role=row.id)
    return {}


@operation("iam", "TagRole", Effect.ADMINISTERS, target=_tagged)
def tag_role(context: Context, request: Parameters) -> Result:
    """Add or replace tags, of linked roles too."""
    tags.check(request["Tags"])
    given = tags.asked(request, "Tags")
    tags.write(context, found(context, request["RoleName"]).id, given)
    return {}


@operation("iam", "UntagRole", Effect.ADMINISTERS, target=_tagged)
def untag_role(context: Context, request: Parameters) -> Result:
    """Remove tags, of linked roles too."""
    names = tags.asked(request, "TagKeys")
    tags.remove(context, found(context, request["RoleName"]).id, names)
    return {}


@operation("iam", "ListRoleTags", target=_named)
def list_role_tags(context: Context, request: Parameters) -> Result:
    """One page of a role's tags."""
    return tags.list_page(context, request, found(context, request["RoleName"]).id)


@operation("iam", "PutRolePermissionsBoundary", Effect.PERMITS, target=_named)
def put_role_permissions_boundary(context: Context, request: Parameters) -> Result:
    """Set or replace the boundary."""
    boundaries.put(context, ROLE, changeable(context, request["RoleName"]), request)
    return {}


@operation("iam", "DeleteRolePermissionsBoundary", Effect.PERMITS, target=_named)
def delete_role_permissions_boundary(context: Context, request: Parameters) -> Result:
    """Remove the boundary."""
    boundaries.remove(context, ROLE, changeable(context, request["RoleName"]))
    return {}
