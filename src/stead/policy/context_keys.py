"""The context keys that a document reads: those of its conditions, and those of its variables, as it spells them (recorded-aws.md 8.4)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from stead.policy.document import located
from stead.policy.grammar import check, conditions, statements, values
from stead.policy.parse import Defect, parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.policy.grammar import Tree
    from stead.policy.parse import Path

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
ESCAPES = frozenset("*?$")  # `${*}` and the like name no key, but AWS lists them among the keys


def context_keys(text: str) -> tuple[str, ...]:
    """Every key of a document, each spelling once.

    >>> context_keys('''{"Version": "2012-10-17", "Statement": {
    ...     "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b/${aws:username}/${*}",
    ...     "Condition": {"StringEquals": {"AWS:username": "${aws:PrincipalTag/team, 'none'}"}}
    ... }}''')
    ('aws:username', '*', 'AWS:username', 'aws:PrincipalTag/team')
    """
    return tuple(dict.fromkeys(key for keys in keys_by_statement(text) for key in keys))


@lru_cache(maxsize=512)
def keys_by_statement(text: str) -> tuple[tuple[str, ...], ...]:
    """The same for each statement, a key as often as it is read."""
    tree = parse_json(text)
    try:
        check(tree)
    except Defect as defect:
        raise located(defect, text) from None
    # Elsewhere `${...}` is literal (policy-evaluation.md 5).
    has_variables = tree.get("Version") == "2012-10-17"
    return tuple(tuple(_keys(statement, path, has_variables=has_variables)) for path, statement in statements(tree))


def _keys(statement: Tree, path: Path, *, has_variables: bool) -> Iterator[str]:
    if has_variables:
        for _, resource in values(statement, path, "Resource"):
            yield from variables_of(resource)
    for _, _, key, operands in conditions(statement, path):
        yield key
        for operand in operands if has_variables else ():
            yield from variables_of(operand)


def variables_of(text: str) -> Iterator[str]:
    """The keys of the variables in ``text``, escapes among them.

    >>> list(variables_of("${aws:PrincipalTag/Team, 'none'}/${*}"))
    ['aws:PrincipalTag/Team', '*']
    """
    return (body.partition(", ")[0] for body in _VARIABLE.findall(text))
