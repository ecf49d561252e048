"""What IAM refuses in a trust policy (aws-behaviour.md 4.1 and 7; texts marked [reported] were quoted from AWS's answers by its users)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stead.policy.grammar import Tree, principal_entries, statements, values
from stead.policy.parse import Defect
from stead.policy.principals import account_of, is_unique_id

if TYPE_CHECKING:
    from collections.abc import Callable

# policy-evaluation.md 7.1
TRUST_ACTIONS = frozenset(
    {
        "sts:assumerole",
        "sts:assumerolewithsaml",
        "sts:assumerolewithwebidentity",
        "sts:tagsession",
        "sts:setsourceidentity",
        "sts:setcontext",
        "sts:*",
    }
)

_ENTITY_ARN = re.compile(r"arn:[^:*?]+:(?:iam::[0-9]{12}:(?:user|role)/|sts::[0-9]{12}:(?:assumed-role|federated-user)/)[^:*?]+")
_SERVICE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|aws\.internal)")
_PROVIDER = re.compile(r"arn:[^:*?]+:iam::[0-9]{12}:(?:oidc|saml)-provider/[^*?]+|[a-z0-9-]+(?:\.[a-z0-9-]+)+")


def names_no_resource(tree: Tree) -> None:
    """The resource is the role. AWS finds this before a missing principal [reported]."""
    for path, statement in statements(tree):
        for element in ("Resource", "NotResource"):
            if element in statement:
                raise Defect("Has prohibited field Resource", (*path, element))


def names_principals(tree: Tree) -> None:
    """A resource-based policy says whom it means."""
    for path, statement in statements(tree):
        if not statement.get("Principal") and "NotPrincipal" not in statement:
            raise Defect("Missing required field Principal", path)


def trusts_somebody(tree: Tree) -> None:
    """``NotPrincipal`` and the bare star are not for trust policies; ``{"AWS": "*"}`` is [reported]."""
    for path, statement in statements(tree):
        if "NotPrincipal" in statement:
            raise Defect("AssumeRole policy must not contain NotPrincipal field.", (*path, "NotPrincipal"))
        if statement["Principal"] == "*":
            raise Defect('AssumeRolepolicy contained an invalid principal: "STAR":"*".', (*path, "Principal"))


def principals_are_possible(tree: Tree) -> None:
    """The form only: whether the entity exists is IAM's to know. The type in capitals, as AWS shows it (aws-behaviour.md 4.1)."""
    for path, statement in statements(tree):
        for kind, entries in principal_entries(statement["Principal"]).items():
            for entry in entries:
                if not _POSSIBLE[kind](entry):
                    raise Defect(f'Invalid principal in policy: "{kind.upper()}":"{entry}"', (*path, "Principal", kind))


def _is_aws_principal(entry: str) -> bool:
    return entry == "*" or account_of(entry) is not None or is_unique_id(entry) or _ENTITY_ARN.fullmatch(entry) is not None


_POSSIBLE: dict[str, Callable[[str], bool]] = {
    "AWS": _is_aws_principal,
    "Service": lambda entry: _SERVICE.fullmatch(entry) is not None,
    "Federated": lambda entry: _PROVIDER.fullmatch(entry) is not None,
    "CanonicalUser": lambda _entry: False,
}


def actions_assume_roles(tree: Tree) -> None:
    """Only STS's role actions [reported]."""
    for path, statement in statements(tree):
        for place, action in values(statement, path, "Action"):
            if action.lower() not in TRUST_ACTIONS:
                raise Defect("AssumeRole policy may only specify STS AssumeRole actions.", place)
