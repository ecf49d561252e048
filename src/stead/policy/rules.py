"""What IAM refuses in a well-shaped document, in its words (aws-behaviour.md 7, policy-evaluation.md 7.1, recorded-aws.md 6.4).

Each rule is a function over the tree that raises a :class:`Defect`; ``document.py`` lists for each kind of document which apply, in the
order in which AWS finds them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stead.policy.conditions import parse_operator
from stead.policy.conditions.binary import read_binary
from stead.policy.grammar import Tree, conditions, statements, values
from stead.policy.parse import Defect, Path

if TYPE_CHECKING:
    from collections.abc import Iterator

LEGACY = "The policy failed legacy parsing"

_SID = re.compile(r"[0-9A-Za-z]*")
_VENDOR = re.compile(r"[a-zA-Z0-9\-.]+")


def version_is_current(tree: Tree) -> None:
    """New identity policies must say 2012-10-17."""
    if tree.get("Version") != "2012-10-17":
        raise Defect("Policy document must be version 2012-10-17 or greater.", ("Version",) if "Version" in tree else ())


def names_no_principal(tree: Tree) -> None:
    """Who is meant is where the policy hangs."""
    for path, statement in statements(tree):
        for element in ("Principal", "NotPrincipal"):
            if element in statement:
                raise Defect("Policy document should not specify a principal.", (*path, element))


def effect_has_its_case(tree: Tree) -> None:
    """``Allow`` and ``Deny``, nothing else."""
    for path, statement in statements(tree):
        if statement["Effect"] not in {"Allow", "Deny"}:
            raise Defect(LEGACY, (*path, "Effect"))


def operands_are_readable(tree: Tree) -> None:
    """Numbers, dates, ARNs, networks and binary values must be such (recorded-aws.md 6.4; the text is known for dates only)."""
    for place, operator, operands in _tested(tree):
        test = parse_operator(operator)
        if test is not None and not all(map(test.operator.readable, operands)):
            raise Defect(LEGACY, place)


def binary_operands_are_readable(tree: Tree) -> None:
    """STS takes the other unreadable values (recorded-aws.md 6.4)."""
    for place, operator, operands in _tested(tree):
        if "binaryequals" in operator.lower() and any(read_binary(operand) is None for operand in operands):
            raise Defect(LEGACY, place)


def _tested(tree: Tree) -> Iterator[tuple[Path, str, list[str]]]:
    for path, statement in statements(tree):
        for place, operator, _, operands in conditions(statement, path):
            yield place, operator, operands


def sids_are_unique(tree: Tree) -> None:
    """Empty ones may repeat (aws-behaviour.md 7)."""
    seen: set[str] = set()
    for path, statement in statements(tree):
        sid = statement.get("Sid", "")
        if sid and sid in seen:
            raise Defect("Statement IDs (SID) in a single policy must be unique.", (*path, "Sid"))
        seen.add(sid)


def sids_are_alphanumeric(tree: Tree) -> None:
    """Letters and digits in IAM's own documents (policy-evaluation.md 7.1)."""
    for path, statement in statements(tree):
        if not _SID.fullmatch(statement.get("Sid", "")):
            text = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
            raise Defect(text, (*path, "Sid"))


def has_actions(tree: Tree) -> None:
    """Each statement, at least one."""
    for path, statement in statements(tree):
        if not list(values(statement, path, "Action")):
            raise Defect("Policy statement must contain actions.", path)


def has_resources(tree: Tree) -> None:
    """Each statement, at least one."""
    for path, statement in statements(tree):
        if not list(values(statement, path, "Resource")):
            raise Defect("Policy statement must contain resources.", path)


def actions_have_a_vendor(tree: Tree) -> None:
    """``vendor:name`` or a lone star; ``*:*`` is an old spelling of that."""
    for path, statement in statements(tree):
        for place, action in values(statement, path, "Action"):
            if action not in {"*", "*:*"} and (text := _action_defect(action)):
                raise Defect(text, place)


def _action_defect(action: str) -> str | None:
    vendor, *names = action.split(":")
    if not names:
        return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
    if len(names) > 1:
        return "Actions/Condition can contain only one colon."
    if "*" in vendor or "?" in vendor:
        return "Action vendors (e.g., aws, ec2, etc.) must not contain wildcards."
    return None if _VENDOR.fullmatch(vendor) else f"Vendor {vendor} is not valid"
