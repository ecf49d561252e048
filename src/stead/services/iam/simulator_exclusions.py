"""``PolicyExclusionList``: stored policies that a simulation leaves out. Documents that come with the call stay (recorded-aws.md 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.aws.arn import iam_arn, parse_arn
from stead.aws.errors import invalid_input
from stead.policy.patterns import fixed, pattern_test, tokenize
from stead.services.iam.managed import AWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stead.aws.call import Parameters
    from stead.services.iam.simulator_source import Held

    Excludes = Callable[[Held], bool]

BOUNDARY = "permission-boundary"


def _account(held: Held) -> str:
    arn = parse_arn(held.arn)
    return arn.account if arn else ""


_TYPES: dict[str, Excludes] = {
    "inline": lambda held: not held.arn,
    "aws-managed": lambda held: _account(held) == AWS,
    "user-managed": lambda held: bool(held.arn) and _account(held) != AWS,
    # No stored identity policy: a boundary is asked for apart, organizations do not exist here yet, and AWS ignores `rcp`.
    BOUNDARY: lambda _: False,
    "scp": lambda _: False,
    "rcp": lambda _: False,
}


def without(policies: Iterable[Held], exclusions: Iterable[Parameters]) -> list[Held]:
    """``policies`` less the excluded ones; an exclusion that matches none is no error."""
    excluding = [_excludes(exclusion) for exclusion in exclusions]
    return [held for held in policies if not any(excludes(held) for excludes in excluding)]


def excludes_boundary(exclusions: Iterable[Parameters]) -> bool:
    """Whether the boundary goes: by its type alone, never by its policy's ARN."""
    return any(exclusion.get("PolicyType") == BOUNDARY for exclusion in exclusions)


def _excludes(exclusion: Parameters) -> Excludes:
    match exclusion:
        case {"PolicyType": kind, **rest} if not rest:
            return _TYPES[kind]
        case {"PolicyArn": arn, **rest} if not rest:
            return _managed(arn)
        case {"InlinePolicyIdentifier": identifier, **rest} if not rest:
            return _inline(identifier)
    raise invalid_input(
        "Invalid policy exclusion: exactly one of policyType, policyArn, and inlinePolicyIdentifier is required"
    )  # inferred


def _managed(arn: str) -> Excludes:
    """By the policy's friendly name: an ARN *with* a path matches nothing (recorded)."""
    parsed = parse_arn(arn)
    if parsed is None or parsed.service != "iam" or not parsed.account or not parsed.resource.startswith("policy/") or _stars(arn) > 1:
        raise invalid_input(f"Invalid policy ARN exclusion: {arn}")  # inferred
    if "*" in arn.rpartition("/")[0] or "?" in arn.rpartition("/")[0]:
        raise invalid_input(f"Invalid policy ARN exclusion: {arn}")
    test = pattern_test(fixed(tokenize(arn, variables=False)))
    return lambda held: bool(held.arn) and test(iam_arn(_account(held), "policy", "/", held.name))


def _inline(identifier: Parameters) -> Excludes:
    name, kind, owner = identifier["PolicyName"], identifier["AttachmentType"], identifier["AttachmentName"]
    if "*" in name or "?" in name or _stars(owner) > 1 or owner == "*":
        raise invalid_input("Invalid inline policy exclusion: policyName, attachmentType, and attachmentName are required")
    test = pattern_test(fixed(tokenize(owner, variables=False)))
    return lambda held: not held.arn and held.name == name and held.owner_kind == kind and test(held.owner)


def _stars(text: str) -> int:
    return text.count("*")
