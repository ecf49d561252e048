"""Policy documents as IAM and STS accept them: :func:`validate` is what every call that stores one goes through.

The rules of each kind stand in :data:`RULES` in the order in which AWS finds them: syntax, version, legacy parsing, Sid, actions present,
resource format, action prefixes, resources present (aws-behaviour.md 7). Whether a principal exists is not asked here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from stead.policy import resource_rules, rules, trust_rules
from stead.policy.grammar import Tree, check, principal_entries, statements
from stead.policy.parse import SYNTAX, Defect, InvalidJson, MalformedPolicy, line_and_column, parse_json, spans

Rule = Callable[[Tree], None]

# The service model's limit, for those who use the library without the wire. Stored documents may be longer: one of AWS's managed policies is.
MAX_CHARACTERS = 131_072


class DocumentKind(Enum):
    """Where a document goes; each place has its own rules."""

    IDENTITY = "identity"
    TRUST = "trust"
    SESSION = "session"
    RESOURCE = "resource"
    SCP = "scp"
    RCP = "rcp"


class PrincipalEntry(NamedTuple):
    """One value of a Principal element, e.g. ``PrincipalEntry("AWS", "arn:aws:iam::123456789012:role/r")``."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document, its text as the caller sent it."""

    text: str
    kind: DocumentKind
    tree: Tree

    def principals(self) -> tuple[PrincipalEntry, ...]:
        """All that the document's Principal elements name, in order: IAM checks that the ``AWS`` ones exist."""
        elements = (statement.get("Principal") or statement.get("NotPrincipal") or {} for _, statement in statements(self.tree))
        return tuple(
            PrincipalEntry(kind, entry) for element in elements for kind, entries in principal_entries(element).items() for entry in entries
        )

    @property
    def size(self) -> int:
        """Characters without white space, as IAM's quotas count (policy-evaluation.md 7.2)."""
        return sum(map(len, self.text.split()))


_STATEMENTS: tuple[Rule, ...] = (
    rules.has_actions,
    resource_rules.resources_are_arns,
    rules.actions_have_a_vendor,
    rules.has_resources,
)

_OF_A_RESOURCE: tuple[Rule, ...] = (
    rules.effect_has_its_case,
    rules.operands_are_readable,
    rules.sids_are_unique,
    trust_rules.names_principals,
    *_STATEMENTS,
)

RULES: dict[DocumentKind, tuple[Rule, ...]] = {
    DocumentKind.IDENTITY: (
        rules.version_is_current,
        rules.names_no_principal,
        rules.effect_has_its_case,
        rules.operands_are_readable,
        resource_rules.resources_pass_the_legacy_parser,
        rules.sids_are_unique,
        rules.sids_are_alphanumeric,
        *_STATEMENTS,
    ),
    # STS takes older versions and values that it cannot read (recorded-aws.md 6.4).
    DocumentKind.SESSION: (
        rules.names_no_principal,
        rules.effect_has_its_case,
        rules.binary_operands_are_readable,
        resource_rules.resources_pass_the_legacy_parser,
        rules.sids_are_unique,
        *_STATEMENTS,
    ),
    DocumentKind.TRUST: (
        rules.effect_has_its_case,
        rules.operands_are_readable,
        rules.sids_are_unique,
        trust_rules.names_no_resource,
        trust_rules.names_principals,
        trust_rules.trusts_somebody,
        trust_rules.principals_are_possible,
        rules.has_actions,
        trust_rules.actions_assume_roles,
    ),
    DocumentKind.RESOURCE: _OF_A_RESOURCE,
    DocumentKind.SCP: (
        rules.names_no_principal,
        rules.effect_has_its_case,
        rules.operands_are_readable,
        resource_rules.short_arns_end_in_a_star,
        resource_rules.resources_pass_the_legacy_parser,
        rules.sids_are_unique,
        *_STATEMENTS,
    ),
    DocumentKind.RCP: _OF_A_RESOURCE,
}


def validate(text: str, kind: DocumentKind) -> Document:
    """The document in ``text``, or :class:`MalformedPolicy` with AWS's words and the place.

    >>> validate('{"Version": "2012-10-17", "Statement": []}', DocumentKind.IDENTITY)
    Traceback (most recent call last):
    stead.policy.parse.MalformedPolicy: MalformedPolicyDocument: Syntax errors in policy.
    """
    if len(text) > MAX_CHARACTERS:
        raise MalformedPolicy(SYNTAX)
    tree = _parsed(text, kind)
    try:
        check(tree)
        for rule in RULES[kind]:
            rule(tree)
    except Defect as defect:
        raise located(defect, text) from None
    return Document(text, kind, tree)


def _parsed(text: str, kind: DocumentKind) -> Tree:
    try:
        tree: Tree = parse_json(text)
    except InvalidJson as error:
        # aws-behaviour.md 4.1, validated: CreateRole says it in other words than CreatePolicy, and without a full stop.
        message = "This policy contains invalid Json" if kind is DocumentKind.TRUST else error.message
        raise MalformedPolicy(message, error.line, error.column) from None
    return tree


def located(defect: Defect, text: str) -> MalformedPolicy:
    """The error for ``defect``, at the line and column of its element."""
    start, _ = spans(text)[defect.path]
    return MalformedPolicy(defect.message, *line_and_column(text, start))
