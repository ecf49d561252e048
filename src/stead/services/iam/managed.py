"""Managed policies as everybody else meets them: found by ARN, and attachable or not.

An account sees its own policies and AWS's (``account_id`` "aws"). A service role policy (path ``/aws-service-role/``) is read like any other
and held by nobody but linked roles, whose attachments ``linked_roles`` makes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import bindparam, or_, select

from stead.aws.arn import parse_arn
from stead.aws.errors import invalid_input, no_such_entity, validation_error
from stead.linked_roles.rules import refuse_attachment
from stead.store.tables import policies

if TYPE_CHECKING:
    from stead.store.context import Context
    from stead.store.engine import Row

AWS = "aws"  # who owns the AWS managed policies
VISIBLE = or_(policies.c.account_id == bindparam("account"), policies.c.account_id == AWS)
_POLICY = select(policies).where(policies.c.arn == bindparam("arn"), VISIBLE)


def find(context: Context, arn: str) -> Row | None:
    """The managed policy that the caller's account sees under ``arn``."""
    return context.db.first(_POLICY, arn=arn, account=context.account_id)


def attachable(context: Context, arn: str, missing: str = "Policy {arn} does not exist or is not attachable.") -> Row:
    """The policy, to be held by a user or a customer's role; otherwise NoSuchEntity (``missing``) or PolicyNotAttachable."""
    check_arn(arn)
    row = find(context, arn)
    if row is None:
        raise no_such_entity(missing.format(arn=arn))
    refuse_attachment(row.path, None)
    return row


def check_arn(arn: str) -> None:
    """Refuse what is no ARN of a policy. The first text is validated (aws-behaviour.md 1.4), the others are reported."""
    parsed = parse_arn(arn)
    if parsed is None:
        raise validation_error("Invalid ARN:  Could not be parsed!")
    if parsed.partition != "aws":
        raise validation_error("Invalid ARN partition")  # reported, pulumi/pulumi-aws-apigateway#347
    if parsed.service != "iam" or parsed.region or not parsed.account or not parsed.resource.startswith("policy/"):
        raise invalid_input(f"ARN {arn} is not valid.")  # reported, aws-samples/aws-cdk-examples#287


def encoded(document: str) -> str:
    """A policy text as IAM's answers hold it (aws-behaviour.md 2.4)."""
    return quote(document, safe="-_.~")
