"""ecs: tags. Which resources can have them is in ``tag_owners.py``.

Keys have case here (recorded-aws.md 5.2 has IAM's other rule). The limits are the service model's; ECS words them itself, and except for the
missing value (recorded-aws.md 11.2) its words are not recorded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select

from stead.aws.call import Target
from stead.aws.operation import Effect, operation
from stead.services.ecs import settings, tag_owners
from stead.services.ecs.names import client_error, invalid_parameter
from stead.store.tables import tags

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context

MAX_TAGS = 50
MAX_KEY, MAX_VALUE = 128, 256
# The model's [\p{L}\p{Z}\p{N}_.:/=+\-@]*: Python's \w is letters, numbers and the underscore; \s without control characters is \p{Z}.
_TEXT = re.compile(r"(?:[\w.:/=+\-@]|(?![\t-\r\x1c-\x1f\x85])\s)*")
_TAGS = select(tags.c.name, tags.c.value).where(tags.c.owner == bindparam("owner")).order_by(tags.c.tag_key)
_REMOVE_ONE = delete(tags).where(tags.c.owner == bindparam("owner"), tags.c.tag_key == bindparam("tag_key"))
_REMOVE_ALL = delete(tags).where(tags.c.owner == bindparam("owner"))


def request_keys(request: Parameters) -> Mapping[str, str | tuple[str, ...]]:
    """``aws:RequestTag/K`` and ``aws:TagKeys``."""
    given = [tag for tag in request.get("tags") or [] if tag.get("key") is not None]
    names = [tag["key"] for tag in given] + list(request.get("tagKeys") or [])
    keys: dict[str, str | tuple[str, ...]] = {f"aws:requesttag/{tag['key'].lower()}": tag.get("value") or "" for tag in given}
    return {**keys, "aws:tagkeys": tuple(names)} if names else keys


def on_create(context: Context, request: Parameters) -> Iterator[tuple[str, Target]]:
    """Tags of a create call need ecs:TagResource too, while tag-on-create authorization is on for the caller (policy-evaluation.md 2.9)."""
    target = context.target
    assert target is not None
    if request.get("tags") and settings.value(context, settings.TAG_AUTHORIZATION) == settings.ON:
        keys = {**target.keys, "ecs:createaction": context.origin.operation}
        yield "ecs:TagResource", Target(target.arn, keys=keys, tags_of=target.tags_of)


def read(context: Context, owner: str) -> list[dict[str, str]]:
    """The tags as answers show them."""
    return [{"key": row.name, "value": row.value} for row in context.db.all(_TAGS, owner=owner)]


def check(given: list[dict[str, Any]]) -> None:
    """The rules of one request's tags, before anything is written."""
    for tag in given:
        for member, limit in (("key", MAX_KEY), ("value", MAX_VALUE)):
            text = tag.get(member)
            if text is None:
                raise client_error(f"Tag {member} can not be null.")
            if len(text) > limit or not _TEXT.fullmatch(text) or (member == "key" and not text):
                raise invalid_parameter(
                    f"Tag {member} must match ([\\p{{L}}\\p{{Z}}\\p{{N}}_.:/=+\\-@]*) and have at most {limit} characters."
                )
    names = [tag["key"] for tag in given]
    if any(name.lower().startswith("aws:") for name in names):
        raise invalid_parameter("Tag keys beginning with aws: are reserved for system use.")
    if len(set(names)) < len(names):
        raise invalid_parameter("Duplicate tag keys found.")


def write(context: Context, owner: str, given: list[dict[str, str]]) -> None:
    """Add or replace; refused as a whole beyond 50 tags."""
    db = context.writer
    kept = {row.name for row in db.all(_TAGS, owner=owner)}
    if len(kept | {tag["key"] for tag in given}) > MAX_TAGS:
        raise invalid_parameter(f"The number of tags has reached the maximum limit. Tags per resource: {MAX_TAGS}")
    for tag in given:
        db.run(_REMOVE_ONE, owner=owner, tag_key=tag["key"])
    db.insert_many(tags, [{"owner": owner, "tag_key": tag["key"], "name": tag["key"], "value": tag["value"]} for tag in given])


def remove_all(context: Context, owner: str) -> None:
    """With what the resource was, before it is made again."""
    context.writer.run(_REMOVE_ALL, owner=owner)


def _tagged(context: Context, request: Parameters) -> Target:
    arn = request["resourceArn"]
    context.noted["owner"] = owner = tag_owners.of(context, arn)
    return Target(arn, row=tag_owners.find(context.db, context, owner, arn), keys=request_keys(request), tags_of=arn)


def _held(context: Context) -> str:
    assert context.target is not None
    owner = context.noted["owner"]
    return tag_owners.living(owner, tag_owners.hold(context.writer, context, owner, context.target.arn))


@operation("ecs", "TagResource", Effect.WRITES, target=_tagged)
def tag_resource(context: Context, request: Parameters) -> Result:
    """Add or replace tags."""
    check(request["tags"])
    write(context, _held(context), request["tags"])
    return {}


@operation("ecs", "UntagResource", Effect.WRITES, target=_tagged)
def untag_resource(context: Context, request: Parameters) -> Result:
    """Remove tags; a key that is not there is no error."""
    owner = _held(context)
    for name in request["tagKeys"]:
        context.writer.run(_REMOVE_ONE, owner=owner, tag_key=name)
    return {}


@operation("ecs", "ListTagsForResource", target=_tagged)
def list_tags_for_resource(context: Context, _request: Parameters) -> Result:
    """All tags."""
    return {"tags": read(context, tag_owners.living(context.noted["owner"], context.row))}
