"""Instance profiles: each holds at most one role for EC2 instances (aws-behaviour.md 4.3, recorded-aws.md 8.3).

To put a role in, the caller must also be allowed to pass it (policy-evaluation.md 2.9). A linked role goes into none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select, update

from stead.aws.arn import iam_arn
from stead.aws.call import Target
from stead.aws.errors import delete_conflict, entity_already_exists, limit_exceeded, no_such_entity
from stead.aws.ids import unique_id
from stead.aws.operation import Effect, operation
from stead.linked_roles import rules
from stead.services.iam import paths, tags
from stead.services.iam.owners import ROLE
from stead.services.iam.paging import page
from stead.services.iam.role_shapes import ROLES, core, found, role_named, role_target
from stead.services.iam.trust_policies import shown
from stead.store.tables import instance_profiles, roles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row

PASSED_TO = "ec2.amazonaws.com"
_MINE = select(instance_profiles).where(instance_profiles.c.account_id == bindparam("account"))
_PROFILE = _MINE.where(instance_profiles.c.name_key == bindparam("key"))
_LATER = _MINE.where(instance_profiles.c.name_key > bindparam("after"))
_ORDERED = _LATER.order_by(instance_profiles.c.name_key).limit(bindparam("limit"))
_PAGE = _ORDERED.where(paths.under(instance_profiles.c.path))
_PAGE_OF_ROLE = _ORDERED.where(instance_profiles.c.role_id == bindparam("role"))
_THIS = instance_profiles.c.id == bindparam("profile")
_HOLD = update(instance_profiles).where(_THIS).values(role_id=bindparam("role"))
_DELETE = delete(instance_profiles).where(_THIS)


def _named(context: Context, request: Parameters) -> Target:
    name, keys = request["InstanceProfileName"], tags.request_keys(request)
    row = _profile(context, name)
    if row is None:
        return Target(iam_arn(context.account_id, "instance-profile", "/", name), f"instance profile {name}", keys=keys)
    return Target(_arn(row), f"instance profile {row.name}", row, keys, tags_of=row.id)


def _to_be(context: Context, request: Parameters) -> Target:
    arn = iam_arn(context.account_id, "instance-profile", request.get("Path", "/"), request["InstanceProfileName"])
    return Target(arn, keys=tags.request_keys(request))


def _all(context: Context, request: Parameters) -> Target:
    return Target("*", iam_arn(context.account_id, "instance-profile", paths.asked(request), ""))


def _of_role(context: Context, request: Parameters) -> Target:
    return role_target(context, request["RoleName"])


def _tagging(context: Context, request: Parameters) -> Iterator[tuple[str, Target]]:
    if request.get("Tags"):
        yield "iam:TagInstanceProfile", _to_be(context, request)


def _passing(context: Context, request: Parameters) -> Iterator[tuple[str, Target]]:
    """Refusals of iam:PassRole name the ARN (policy-evaluation.md 9.3)."""
    role = role_target(context, request["RoleName"], {"iam:passedtoservice": PASSED_TO})
    yield "iam:PassRole", Target(role.arn, row=role.row, keys=role.keys, tags_of=role.tags_of)


@operation("iam", "CreateInstanceProfile", Effect.ADMINISTERS, target=_to_be, also=_tagging)
def create_instance_profile(context: Context, request: Parameters) -> Result:
    """A profile without a role."""
    tags.check(request.get("Tags") or [], fold=False)
    name = request["InstanceProfileName"]
    if _profile(context, name) is not None:
        raise entity_already_exists(f"Instance Profile {name} already exists.")
    context.writer.insert(
        instance_profiles,
        id=unique_id("AIPA", context.account_id),
        account_id=context.account_id,
        name=name,
        name_key=name.lower(),
        path=request.get("Path", "/"),
        role_id=None,
        created=context.now,
    )
    row = _profile(context, name)
    assert row is not None
    tags.write(context, row.id, request.get("Tags") or [], fold=False)
    return {"InstanceProfile": _detailed(context, row)}


@operation("iam", "GetInstanceProfile", target=_named)
def get_instance_profile(context: Context, request: Parameters) -> Result:
    """One profile with its role and tags."""
    return {"InstanceProfile": _detailed(context, _found(context, request))}


@operation("iam", "ListInstanceProfiles", target=_all)
def list_instance_profiles(context: Context, request: Parameters) -> Result:
    """One page of the profiles under a path, by name."""
    prefix = paths.asked(request)

    def rows(after: str, limit: int) -> list[Row]:
        return context.db.all(_PAGE, account=context.account_id, path_prefix=prefix, after=after, limit=limit)

    return _page(context, request, rows)


@operation("iam", "ListInstanceProfilesForRole", target=_of_role)
def list_instance_profiles_for_role(context: Context, request: Parameters) -> Result:
    """One page of the profiles that hold a role."""
    role = found(context, request["RoleName"])

    def rows(after: str, limit: int) -> list[Row]:
        return context.db.all(_PAGE_OF_ROLE, account=context.account_id, role=role.id, after=after, limit=limit)

    return _page(context, request, rows)


@operation("iam", "DeleteInstanceProfile", Effect.ADMINISTERS, target=_named)
def delete_instance_profile(context: Context, request: Parameters) -> Result:
    """An empty profile."""
    row = _found(context, request)
    if row.role_id is not None:
        raise delete_conflict("Cannot delete entity, must remove roles from instance profile first.")
    tags.remove_all(context, row.id)
    context.writer.run(_DELETE, profile=row.id)
    return {}


@operation("iam", "AddRoleToInstanceProfile", Effect.ADMINISTERS, target=_named, also=_passing)
def add_role_to_instance_profile(context: Context, request: Parameters) -> Result:
    """Put a role into an empty profile."""
    role, profile = _changeable_role(context, request), _found(context, request)
    if profile.role_id is not None:
        raise limit_exceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    context.writer.run(_HOLD, profile=profile.id, role=role.id)
    return {}


@operation("iam", "RemoveRoleFromInstanceProfile", Effect.ADMINISTERS, target=_named)
def remove_role_from_instance_profile(context: Context, request: Parameters) -> Result:
    """Take the role out; of one that is not inside: NoSuchEntity (recorded-aws.md 8.3; the words are inferred)."""
    role, profile = _changeable_role(context, request), _found(context, request)
    if profile.role_id != role.id:
        raise ROLE.missing(request["RoleName"])
    context.writer.run(_HOLD, profile=profile.id, role=None)
    return {}


@operation("iam", "TagInstanceProfile", Effect.ADMINISTERS, target=_named)
def tag_instance_profile(context: Context, request: Parameters) -> Result:
    """Add or replace tags; keys are exact here, unlike those of users and roles."""
    tags.check(request["Tags"], fold=False)
    given = tags.asked(request, "Tags", fold=False)
    tags.write(context, _found(context, request).id, given, fold=False)
    return {}


@operation("iam", "UntagInstanceProfile", Effect.ADMINISTERS, target=_named)
def untag_instance_profile(context: Context, request: Parameters) -> Result:
    """Remove tags; a key that is not there is no error."""
    names = tags.asked(request, "TagKeys", fold=False)
    tags.remove(context, _found(context, request).id, names, fold=False)
    return {}


@operation("iam", "ListInstanceProfileTags", target=_named)
def list_instance_profile_tags(context: Context, request: Parameters) -> Result:
    """One page of a profile's tags."""
    return tags.list_page(context, request, _found(context, request).id)


def shapes(context: Context, rows: list[Row]) -> list[dict[str, Any]]:
    """Profiles as lists show them, without tags; their roles are read together."""
    held = _roles(context, {row.role_id for row in rows if row.role_id is not None})
    return [
        {
            "Path": row.path,
            "InstanceProfileName": row.name,
            "InstanceProfileId": row.id,
            "Arn": _arn(row),
            "CreateDate": row.created,
            "Roles": [held[row.role_id]] if row.role_id is not None else [],
        }
        for row in rows
    ]


def holding(context: Context, role_ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    """The profiles that hold each of some roles."""
    found: dict[str, list[dict[str, Any]]] = {role_id: [] for role_id in role_ids}
    rows = context.db.all_now(
        select(instance_profiles).where(instance_profiles.c.role_id.in_(role_ids)).order_by(instance_profiles.c.name_key)
    )
    for row, shape in zip(rows, shapes(context, rows), strict=True):
        found[row.role_id].append(shape)
    return found


def _roles(context: Context, ids: set[str]) -> dict[str, dict[str, Any]]:
    if not ids:
        return {}
    rows = context.db.all_now(ROLES.where(roles.c.id.in_(ids)))
    trusts = shown(context, [row.trust for row in rows])
    return {row.id: core(row, trust) for row, trust in zip(rows, trusts, strict=True)}


def _detailed(context: Context, row: Row) -> dict[str, Any]:
    (shape,) = shapes(context, [row])
    return {**shape, "Tags": tags.read(context, row.id) or None}


def _page(context: Context, request: Parameters, rows: Any) -> Result:
    def items(after: str, limit: int) -> list[tuple[str, dict[str, Any]]]:
        read = rows(after, limit)
        return list(zip([row.name_key for row in read], shapes(context, read), strict=True))

    return page(request, "InstanceProfiles", items, lambda item: item[0], lambda item: item[1])


def _changeable_role(context: Context, request: Parameters) -> Row:
    """The role that goes in or comes out; a linked one is refused before the profile is looked at."""
    role = role_named(context, request["RoleName"])
    if role is None:
        raise ROLE.missing(request["RoleName"])
    rules.refuse_change(role)
    return role


def _profile(context: Context, name: str) -> Row | None:
    return context.db.first(_PROFILE, account=context.account_id, key=name.lower())


def _found(context: Context, request: Parameters) -> Row:
    if context.row is None:
        # Reported in these words, DataBiosphere/toil#4836.
        raise no_such_entity(f"Instance Profile {request['InstanceProfileName']} cannot be found.")
    return context.row


def _arn(row: Row) -> str:
    return iam_arn(row.account_id, "instance-profile", row.path, row.name)
