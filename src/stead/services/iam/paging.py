"""Pages of IAM's lists: Marker, MaxItems, IsTruncated (recorded-aws.md section 4).

A marker holds the last sort key of its page, so a page continues where the last one ended whatever was added or deleted meanwhile, with
another MaxItems, and without any state on the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stead.aws import page_tokens
from stead.aws.errors import validation_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stead.aws.call import Parameters, Result

DEFAULT_ITEMS = 100


def page(
    request: Parameters, member: str, rows: Callable[[str, int], list[Any]], key: Callable[[Any], str], shape: Callable[[Any], Any]
) -> Result:
    """One page as the output members: ``member``, IsTruncated and, if there is more, Marker.

    ``rows(after, limit)`` reads at most ``limit`` rows whose sort key is greater than ``after``; ``key`` is a row's sort key and ``shape``
    its form in the answer.
    """
    limit = request.get("MaxItems", DEFAULT_ITEMS)
    found = rows(_after(request.get("Marker")), limit + 1)
    shown = found[:limit]
    result: Result = {member: [shape(row) for row in shown], "IsTruncated": len(found) > limit}
    if result["IsTruncated"]:
        result["Marker"] = page_tokens.token(key(shown[-1]))
    return result


def page_of(request: Parameters, member: str, items: Iterable[tuple[str, Any]]) -> Result:
    """The same for a short list already in memory: pairs of sort key and item."""
    ordered = sorted(items, key=lambda pair: pair[0])
    return page(request, member, lambda after, limit: [p for p in ordered if p[0] > after][:limit], lambda p: p[0], lambda p: p[1])


def _after(marker: str | None) -> str:
    if marker is None:
        return ""
    try:
        return page_tokens.key_of(marker)
    except ValueError as error:
        raise validation_error("Invalid Marker.") from error
