"""Tags of IAM's entities: one set of rules for users, roles, policies and instance profiles (recorded-aws.md 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select

from stead.aws.errors import invalid_input, limit_exceeded
from stead.services.iam.paging import page_of
from stead.store.tables import tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context

MAX_TAGS = 50
TAGS_OF = select(tags.c.tag_key, tags.c.name, tags.c.value).where(tags.c.owner == bindparam("owner")).order_by(tags.c.tag_key)
_DELETE_ONE = delete(tags).where(tags.c.owner == bindparam("owner"), tags.c.tag_key == bindparam("tag_key"))
_DELETE_ALL = delete(tags).where(tags.c.owner == bindparam("owner"))


def request_keys(request: Parameters) -> Mapping[str, str | tuple[str, ...]]:
    """``aws:RequestTag/K`` and ``aws:TagKeys`` of a call that passes tags or names tag keys; of a repeated key the last value shows."""
    given = [tag for tag in request.get("Tags") or [] if tag.get("Key") is not None]
    names = [tag["Key"] for tag in given] + list(request.get("TagKeys") or [])
    keys: dict[str, str | tuple[str, ...]] = {f"aws:requesttag/{tag['Key'].lower()}": tag["Value"] for tag in given}
    return {**keys, "aws:tagkeys": tuple(names)} if names else keys


def asked(request: Parameters, member: str, *, fold: bool = True) -> list[Any]:
    """The tags, or the tag keys, that a Tag... or Untag... call names, checked before anything is looked up (recorded-aws.md 1)."""
    given: list[Any] = request[member]
    if not given:  # recorded as InvalidInput; the wording is inferred
        raise invalid_input(f"The list of {'tags' if member == 'Tags' else 'tag keys'} must not be empty.")
    if member == "Tags":
        check(given, fold=fold)
    return given


def read(context: Context, owner: str) -> list[dict[str, str]]:
    """The tags as an answer shows them."""
    return [{"Key": row.name, "Value": row.value} for row in context.db.all(TAGS_OF, owner=owner)]


def write(context: Context, owner: str, given: list[dict[str, str]], *, fold: bool = True) -> None:
    """Add or replace tags; ``fold`` where keys ignore case (users, roles), not where they are exact (policies).

    Errors: InvalidInput for a reserved or repeated key, LimitExceeded beyond 50 tags; then nothing is written.
    """
    check(given, fold=fold)
    new = {_key(tag["Key"], fold=fold): tag for tag in given}
    kept = {row.tag_key for row in context.db.all(TAGS_OF, owner=owner)}
    if len(kept | new.keys()) > MAX_TAGS:
        raise limit_exceeded(f"The number of tags has reached the maximum limit. Tags per resource: {MAX_TAGS}")  # wording inferred
    db = context.writer
    for tag_key, tag in new.items():
        db.run(_DELETE_ONE, owner=owner, tag_key=tag_key)
        db.insert(tags, owner=owner, tag_key=tag_key, name=tag["Key"], value=tag["Value"])


def remove(context: Context, owner: str, names: list[str], *, fold: bool = True) -> None:
    """Remove tags by key; a key that is not there is no error."""
    for name in names:
        context.writer.run(_DELETE_ONE, owner=owner, tag_key=_key(name, fold=fold))


def remove_all(context: Context, owner: str) -> None:
    """With the entity itself."""
    context.writer.run(_DELETE_ALL, owner=owner)


def list_page(context: Context, request: Parameters, owner: str) -> Result:
    """One page of the List...Tags operations."""
    rows: list[tuple[str, Any]] = [(row.tag_key, {"Key": row.name, "Value": row.value}) for row in context.db.all(TAGS_OF, owner=owner)]
    return page_of(request, "Tags", rows)


def check(given: list[dict[str, str]], *, fold: bool = True) -> None:
    """The service's own rules about tag keys, before anything is written."""
    if any(tag["Key"].lower().startswith("aws:") for tag in given):
        raise invalid_input("Tag keys beginning with aws: are reserved for system use.")
    keys = [_key(tag["Key"], fold=fold) for tag in given]
    if len(set(keys)) < len(keys):
        raise invalid_input("Duplicate tag keys found. Please note that Tag keys are case insensitive.")


def _key(name: str, *, fold: bool) -> str:
    return name.lower() if fold else name
