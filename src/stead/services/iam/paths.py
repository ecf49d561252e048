"""Path prefixes of IAM's lists: a plain string prefix, not a path segment; ``/my`` finds ``/myPath/`` (aws-behaviour.md 4.2, validated)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Text, bindparam, func

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from stead.aws.call import Parameters

# Not LIKE: SQLite's ignores case and PostgreSQL's does not, and a prefix may hold its wildcards.
_PREFIX = bindparam("path_prefix", type_=Text)


def under(path: ColumnElement[str]) -> ColumnElement[bool]:
    """The condition that ``path`` begins with the parameter ``path_prefix``."""
    return func.substr(path, 1, func.length(_PREFIX)) == _PREFIX


def asked(request: Parameters) -> str:
    """The prefix that a request asks for; every path begins with a slash."""
    prefix: str = request.get("PathPrefix", "/")
    return prefix
