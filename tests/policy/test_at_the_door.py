"""Rows about what callers may send at all, which no other test shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.documents import allow, statement
from support.refusals import refusal

from stead.aws.errors import AwsError
from stead.aws.models import operation_model
from stead.wire.constraints import validate

if TYPE_CHECKING:
    from support.stead import Stead

ROLE = "arn:aws:iam::123456789012:role/r"


def test_an_explicit_deny_does_not_hide_who_one_is(stead: Stead) -> None:
    """PE-2.8-1."""
    mine = stead.client("sts", stead.user("alice", statement("Deny", "*")))
    assert mine.get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/alice"


@pytest.mark.parametrize("character", ["\u0100", "\U0001f600", "\u000b"])
def test_characters_that_no_document_has(stead: Stead, character: str) -> None:
    """PE-7.1-19: the parameter's pattern refuses them, before anything reads the document."""
    document = allow("s3:Get").replace("Get", character)
    found = refusal(stead.client("iam").create_policy, PolicyName="p", PolicyDocument=document)
    assert (found.code, found.status) == ("ValidationError", 400)
    assert "'policyDocument' failed to satisfy constraint: Member must satisfy regular expression pattern" in found.message


LENGTHS = [
    ("roleSessionName", {"RoleSessionName": "s"}, "greater than or equal to 2"),
    ("roleSessionName", {"RoleSessionName": "s" * 65}, "less than or equal to 64"),
    ("externalId", {"RoleSessionName": "session", "ExternalId": "x"}, "greater than or equal to 2"),
    ("externalId", {"RoleSessionName": "session", "ExternalId": "x" * 1225}, "less than or equal to 1224"),
]


@pytest.mark.parametrize(("member", "parameters", "limit"), LENGTHS)
def test_names_and_ids_have_a_length(member: str, parameters: dict[str, Any], limit: str) -> None:
    """PE-7.2-13, PE-7.2-14."""
    with pytest.raises(AwsError, match=f"'{member}' failed to satisfy constraint: Member must have length {limit}"):
        validate(operation_model("sts", "AssumeRole"), "sts", {"RoleArn": ROLE, **parameters})
