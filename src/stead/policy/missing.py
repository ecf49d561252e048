"""The context keys that a layer's statements read in vain, as the policies spell them (policy-evaluation.md 10.2, recorded-aws.md 9).

A statement that applies without a key misses nothing. Compiled documents forget spellings, so this reads the texts again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.policy.context_keys import ESCAPES, variables_of
from stead.policy.grammar import Tree, conditions, statements, values
from stead.policy.parse import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stead.policy.compile import Request, Statement
    from stead.policy.evaluate import Policy
    from stead.policy.parse import Path


def missing_keys(policies: Iterable[Policy], request: Request) -> Iterator[str]:
    """The absent keys of the statements about the action that do not apply; one may come more than once."""
    for policy in policies:
        denies, allows = policy.document.candidates(request.action)
        failed = [statement for statement in (*denies, *allows) if not statement.applies(request.resource, request.context)]
        if failed:
            tree = parse_json(policy.document.text)
            written = list(statements(tree))
            has_variables = tree.get("Version") == "2012-10-17"
            for statement in failed:
                keys = _keys(written[statement.reference.index], statement, request, has_variables=has_variables)
                yield from _absent(keys, request)


def _absent(keys: Iterable[str], request: Request) -> Iterator[str]:
    return (key for key in keys if key not in ESCAPES and request.context.get(key.lower()) is None)


def _keys(place: tuple[Path, Tree], statement: Statement, request: Request, *, has_variables: bool) -> Iterator[str]:
    """The keys that were asked for: the conditions' are not when the resource is another one."""
    path, written = place
    if has_variables:
        for _, resource in values(written, path, "Resource"):
            yield from variables_of(resource)
    if not statement.covers(request.resource, request.context):
        return
    for _, _, key, operands in conditions(written, path):
        yield key
        for operand in operands if has_variables else ():
            yield from variables_of(operand)
