"""What IAM refuses in a ``Resource`` (aws-behaviour.md 7, policy-evaluation.md 7.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.policy.grammar import Tree, statements, values
from stead.policy.parse import SYNTAX, Defect, Path
from stead.policy.patterns import fixed, pattern_test, tokenize
from stead.policy.rules import LEGACY

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f")

_IAM_PATHS = (
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
)
# Not in IAM's text, but in policies that AWS publishes: the root user (root access management) and role templates.
_IAM_UNLISTED = ("root", "role-template/")
# The kinds of S3 resource that have a Region; a bucket has none.
_REGIONAL_S3 = ("accesspoint/", "access-grants/", "async-request/", "job/", "storage-lens/", "storage-lens-group/")


def resources_pass_the_legacy_parser(tree: Tree) -> None:
    """``::`` in an ARN of fewer than five colons, or an empty service."""
    for place, resource in _resources(tree):
        parts = resource.split(":")
        if len(parts) < 3 or not _is_partition(parts[1]):
            continue
        if parts[2] == "" or ("::" in resource and len(parts) < 6):
            raise Defect(LEGACY, place)


def resources_are_arns(tree: Tree) -> None:
    """ARNs or a star, and what a service says about its own."""
    for place, resource in _resources(tree):
        if resource.strip("*") and (text := _resource_defect(resource)):
            raise Defect(text, place)
        if resource == "":
            raise Defect('Resource  must be in ARN format or "*".', place)


def short_arns_end_in_a_star(tree: Tree) -> None:
    """An SCP is taken with an incomplete ARN only then (policy-evaluation.md 3.2); AWS's words for it are not known."""
    for place, resource in _resources(tree):
        if resource.count(":") < 5 and not resource.endswith("*"):
            raise Defect(SYNTAX, place)


def _resources(tree: Tree) -> Iterator[tuple[Path, str]]:
    for path, statement in statements(tree):
        yield from values(statement, path, "Resource")


def _is_partition(text: str) -> bool:
    """A partition may be a pattern: AWS's own managed policies write ``arn:*:kms:...``."""
    return any(map(pattern_test(fixed(tokenize(text, variables=False))), PARTITIONS))


def _resource_defect(resource: str) -> str | None:
    parts = resource.split(":", 5)
    if len(parts) < 2:
        return f'Resource {resource} must be in ARN format or "*".'
    if not _is_partition(parts[1]):
        shown = ":".join(["arn", *parts[1:], *["*"] * (6 - len(parts))])
        return f'Partition "{parts[1]}" is not valid for resource "{shown}".'
    if len(parts) < 3 or "*" in parts[2] or "?" in parts[2]:
        return "Resource vendor must be fully qualified and cannot contain regexes."
    return _service_defect(resource, parts) if len(parts) == 6 else None


def _service_defect(resource: str, parts: list[str]) -> str | None:
    _, _, service, region, _, path = parts
    if service == "iam" and region:
        return f"IAM resource {resource} cannot contain region information."
    if service == "iam" and path != "*" and not path.startswith(_IAM_PATHS + _IAM_UNLISTED):
        return f'IAM resource path must either be "*" or start with {", ".join(_IAM_PATHS)}.'
    if service == "s3" and region and not path.startswith(_REGIONAL_S3):
        return f"Resource {resource} can not contain region information."
    return None
