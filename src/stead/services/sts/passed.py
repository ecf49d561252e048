"""What a caller passes into a session: tags and session policies, and the rules for both (aws-behaviour.md 9.1, policy-evaluation.md 7.2).

Session tag keys ignore case, in the request and along a chain of roles. A transitive tag goes on into every session that is made with this
one, and nobody further down may set it again.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

import orjson
from sqlalchemy import bindparam, select

from stead.aws.errors import AwsError, validation_error
from stead.policy import DocumentKind, validate
from stead.store.tables import policies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stead.aws.call import Caller, Parameters
    from stead.store.context import Context

MAX_POLICY_LENGTH = 2048  # white space counted
MAX_POLICY_ARNS = 10
ALLOTTED_BYTES = 2560  # of a token's 3,040: with the longest names the rest of a session still fits (design D5)
_POLICY = select(policies.c.arn).where(policies.c.arn == bindparam("arn"), policies.c.account_id.in_((bindparam("account"), "aws")))


class Passed(NamedTuple):
    """The tags and policies of a session, those inherited along the chain included."""

    policy: str | None
    policy_arns: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]
    transitive_tag_keys: tuple[str, ...]


def inherited(caller: Caller) -> tuple[tuple[str, str], ...]:
    """The tags that the caller's own session hands on."""
    session = caller.session
    if session is None:
        return ()
    transitive = {key.lower() for key in session.transitive_tag_keys}
    return tuple((name, value) for name, value in session.tags if name.lower() in transitive)


def keys(request: Parameters) -> Mapping[str, str | tuple[str, ...]]:
    """``aws:RequestTag/K``, ``aws:TagKeys`` and ``sts:TransitiveTagKeys``."""
    given = request.get("Tags") or []
    found: dict[str, str | tuple[str, ...]] = {f"aws:requesttag/{tag['Key'].lower()}": tag["Value"] for tag in given}
    if given:
        found["aws:tagkeys"] = tuple(tag["Key"] for tag in given)
    if request.get("TransitiveTagKeys"):
        found["sts:transitivetagkeys"] = tuple(request["TransitiveTagKeys"])
    return found


def checked(context: Context, request: Parameters) -> Passed:
    """What the new session will carry, or the error of the first rule that is broken."""
    handed_on = inherited(context.caller)
    _check_tags(request, {name.lower() for name, _ in handed_on})
    _check_policies(context, request)
    return Passed(
        request.get("Policy"),
        tuple(item["arn"] for item in request.get("PolicyArns") or []),
        handed_on + tuple((tag["Key"], tag["Value"]) for tag in request.get("Tags") or []),
        tuple(name for name, _ in handed_on) + tuple(request.get("TransitiveTagKeys") or []),
    )


def packed_percent(passed: Passed) -> int | None:
    """How much of the allotted space the policies and tags take; None where there are none, for then AWS says nothing of it."""
    content = passed.policy, passed.policy_arns, passed.tags
    if not any(content):
        return None
    percent = -(-len(zlib.compress(orjson.dumps(content))) * 100 // ALLOTTED_BYTES)
    if percent > 100:
        raise AwsError("PackedPolicyTooLarge", _too_large(passed, percent))
    return percent


def _too_large(passed: Passed, percent: int) -> str:
    """Both texts are reported: the first by many, the second of tags passed by an identity provider."""
    if passed.policy or passed.policy_arns:
        return f"Packed policy consumes {percent}% of allotted space, please use smaller policy."
    return f"Packed size of session tags consumes {percent}% of allotted space."


def _check_tags(request: Parameters, handed_on: set[str]) -> None:
    names = [tag["Key"].lower() for tag in request.get("Tags") or []]
    if len(set(names)) < len(names):
        raise _invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if any(name.startswith("aws:") for name in names):
        raise _invalid("Tag keys beginning with aws: are reserved for system use.")  # IAM's text; STS's is not recorded
    if not {key.lower() for key in request.get("TransitiveTagKeys") or []} <= set(names):
        raise _invalid("The specified transitive tag key must be included in the requested tags.")
    if handed_on & set(names):
        raise _invalid(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."
        )


def _check_policies(context: Context, request: Parameters) -> None:
    text, arns = request.get("Policy"), request.get("PolicyArns") or []
    if text is not None:
        _check_length("policy", text, len(text), MAX_POLICY_LENGTH)
        validate(text, DocumentKind.SESSION)
    _check_length("policyArns", arns, len(arns), MAX_POLICY_ARNS)
    for item in arns:
        if context.db.first(_POLICY, arn=item.get("arn"), account=context.account_id) is None:
            raise validation_error(f"Policy {item.get('arn')} does not exist or is not attachable.")  # IAM's text; STS's is not recorded


def _check_length(name: str, value: object, length: int, limit: int) -> None:
    """Documented limits that the model leaves out, in the words of those that it has (aws-behaviour.md 1.4)."""
    if length > limit:
        constraint = f"Member must have length less than or equal to {limit}"
        raise validation_error(f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {constraint}")


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message)
