"""Trust policies: checked when they are written, and bound to the users and roles that exist at that moment.

IAM saves a user's or role's ARN in a Principal element as the entity's unique id, and shows the ARN again while the entity exists
(policy-evaluation.md 3.4). So whoever takes the name of a deleted user inherits no trust; the document then shows the bare id. The rest of
the text, its white space included, stays as it was given. Only Principal elements are touched: an ARN in a condition is a text.

Another account's users and roles are not Stead's to know, and a session's ARN names no stored thing: both are kept as given.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NoReturn

from sqlalchemy import bindparam, literal, select, union_all

from stead.aws.arn import iam_arn, parse_arn
from stead.aws.errors import limit_exceeded, malformed_policy
from stead.policy import DocumentKind, validate
from stead.policy.grammar import principal_entries, statements
from stead.policy.parse import spans
from stead.policy.principals import is_unique_id
from stead.store.tables import roles, users

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stead.policy.grammar import Tree
    from stead.policy.parse import Path
    from stead.store.context import Context
    from stead.store.engine import Row

MAX_SIZE = 2048  # aws-behaviour.md 4.1: the account's quota by default
_STORED_ID = re.compile(r'"(A(?:IDA|ROA)[A-Z2-7]{17})"')
_USERS = select(users.c.id, users.c.path, users.c.name, literal("user").label("kind"))
_ROLES = select(roles.c.id, roles.c.path, roles.c.name, literal("role").label("kind"))
_NAMED = {
    "user": _USERS.where(users.c.account_id == bindparam("account"), users.c.name_key == bindparam("key")),
    "role": _ROLES.where(roles.c.account_id == bindparam("account"), roles.c.name_key == bindparam("key")),
}


def accepted(context: Context, text: str) -> str:
    """The form in which ``text`` is stored, or MalformedPolicyDocument or LimitExceeded in AWS's words."""
    document = validate(text, DocumentKind.TRUST)
    if document.size > MAX_SIZE:  # before any principal is looked up: a document may name thousands
        raise limit_exceeded(f"Cannot exceed quota for ACLSizePerRole: {MAX_SIZE}")
    named = {entry: _bound(context, entry) for entry in {entry for _, entry in _aws_entries(document.tree)}}
    changed = {entry: stored for entry, stored in named.items() if stored != entry}
    return _renamed(text, changed) if changed else text


def shown(context: Context, texts: list[str]) -> list[str]:
    """Stored trust policies as answers show them, in one read for all of them, and in none when they name no user or role."""
    arns = _arns(context, {found for text in texts for found in _STORED_ID.findall(text)})
    return [_renamed(text, arns) if _STORED_ID.search(text) else text for text in texts]


def _bound(context: Context, entry: str) -> str:
    """The unique id of the user or role that an ``AWS`` entry names; other entries as they are."""
    if is_unique_id(entry):
        return entry if _arns(context, {entry}) else _refuse(entry)
    arn = parse_arn(entry)
    kind, _, rest = arn.resource.partition("/") if arn is not None else ("", "", "")
    if arn is None or kind not in _NAMED or arn.account != context.account_id:
        return entry
    row = context.db.first(_NAMED[kind], account=context.account_id, key=rest.rpartition("/")[2].lower())
    # The ARN must be the entity's own: principals are compared with regard to case (policy-evaluation.md 3.4).
    if row is None or _arn(context, row) != entry:
        _refuse(entry)
    unique_id: str = row.id
    return unique_id


def _refuse(entry: str) -> NoReturn:
    raise malformed_policy(f'Invalid principal in policy: "AWS":"{entry}"')


def _arn(context: Context, row: Row) -> str:
    return iam_arn(context.account_id, row.kind, row.path, row.name)


def _arns(context: Context, ids: set[str]) -> dict[str, str]:
    """The ARNs of those of ``ids`` that exist."""
    if not ids:
        return {}
    some = (
        _USERS.where(users.c.account_id == context.account_id, users.c.id.in_(ids)),
        _ROLES.where(roles.c.account_id == context.account_id, roles.c.id.in_(ids)),
    )
    return {row.id: _arn(context, row) for row in context.db.all_now(union_all(*some))}


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """``text`` with its principals renamed, and otherwise as its author wrote it."""
    places = spans(text)
    changes = [(places[path], names[entry]) for path, entry in _aws_entries(json.loads(text)) if entry in names]
    for (start, end), name in sorted(changes, reverse=True):
        text = text[:start] + json.dumps(name) + text[end:]
    return text


def _aws_entries(tree: Tree) -> Iterator[tuple[Path, str]]:
    """Every value of the ``AWS`` principals, with its path."""
    for path, statement in statements(tree):
        element = statement.get("Principal", {})
        listed = isinstance(element, dict) and isinstance(element.get("AWS"), list)
        for index, entry in enumerate(principal_entries(element).get("AWS", [])):
            yield (*path, "Principal", "AWS", *([index] if listed else [])), entry
