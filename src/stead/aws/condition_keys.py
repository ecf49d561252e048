"""Condition keys as AWS spells them. Their case means nothing to policies, and Stead handles them in lower case; people read these."""

from __future__ import annotations

_SPELT = (
    "aws:CalledVia",
    "aws:CalledViaFirst",
    "aws:CalledViaLast",
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:MultiFactorAuthAge",
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalIsAWSService",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalServiceName",
    "aws:PrincipalServiceNamesList",
    "aws:PrincipalType",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:ResourceOrgID",
    "aws:ResourceOrgPaths",
    "aws:SecureTransport",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIdentity",
    "aws:SourceIp",
    "aws:TagKeys",
    "aws:TokenIssueTime",
    "aws:UserAgent",
    "aws:ViaAWSService",
    "aws:referer",
    "aws:userid",
    "aws:username",
    "iam:AWSServiceName",
    "iam:AssociatedResourceArn",
    "iam:PassedToService",
    "iam:PermissionsBoundary",
    "iam:PolicyARN",
    "sts:DurationSeconds",
    "sts:ExternalId",
    "sts:RoleSessionName",
    "sts:SourceIdentity",
    "sts:TransitiveTagKeys",
    "ecs:CreateAction",
)
_SPELT_PREFIXES = ("aws:PrincipalTag/", "aws:RequestTag/", "aws:ResourceTag/", "iam:ResourceTag/", "ecs:ResourceTag/")
_BY_KEY = {key.lower(): key for key in _SPELT}
_BY_PREFIX = {prefix.lower(): prefix for prefix in _SPELT_PREFIXES}


def spelt(key: str) -> str:
    """``key`` as AWS spells it; one that is not known here as it is.

    >>> spelt("aws:principalarn"), spelt("aws:resourcetag/team"), spelt("ecs:cluster")
    ('aws:PrincipalArn', 'aws:ResourceTag/team', 'ecs:cluster')
    """
    prefix, slash, name = key.partition("/")
    return f"{_BY_PREFIX.get(prefix + slash, prefix + slash)}{name}" if slash else _BY_KEY.get(key, key)
