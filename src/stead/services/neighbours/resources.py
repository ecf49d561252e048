"""The resources that a call to a neighbour is authorized on (designs/neighbours.md).

The Service Authorization Reference gives the types of an action's resources and the formats of their ARNs. A variable of a format
(``${SubnetId}``) is a member of the request under the same name, its plural, or an alias below. An ARN in the request is itself. A type that
the action always has stands with ``*`` for what is not known yet (policy-evaluation.md 2.9, observed of EC2); any other that is not named is
left out.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

from stead.aws import reference
from stead.policy.arns import arn_test
from stead.policy.patterns import fixed, tokenize
from stead.services.neighbours.members import texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from stead.aws.call import Call
    from stead.aws.reference import ResourceType
    from stead.policy.patterns import Test

Members = dict[str, list[str]]

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_MOST_RESOURCES = 100  # of one call; more is refused by the neighbours themselves

# The names of members that hold a variable under another name, for (namespace, variable); lower case.
ALIASES: dict[tuple[str, str], tuple[str, ...]] = {
    ("ec2", "SecurityGroupId"): ("groupid", "groups", "securitygroups"),
    ("ec2", "LaunchTemplateId"): ("launchtemplateid",),
    ("autoscaling", "GroupFriendlyName"): ("autoscalinggroupname", "resourceid"),
    ("cloudwatch", "AlarmName"): ("alarmname", "alarmnames"),
    ("logs", "LogGroupName"): ("loggroupname", "loggroupidentifier"),
    ("route53", "Id"): ("hostedzoneid", "healthcheckid", "id"),
    ("servicediscovery", "ServiceId"): ("serviceid",),
    ("servicediscovery", "NamespaceId"): ("namespaceid",),
    ("ssm", "DocumentName"): ("documentname", "name"),
    ("ssm", "SessionId"): ("sessionid",),
    ("events", "RuleName"): ("name", "rule"),
}
# Cloud Map's own Get and Delete calls say only Id; which type it is the operation's name tells.
_ID_OF = {("servicediscovery", "Service"): "ServiceId", ("servicediscovery", "Namespace"): "NamespaceId"}

# EC2's tagging calls name resources of any type: by the beginning of their ids.
_EC2_TYPES = {
    "eni": "network-interface",
    "i": "instance",
    "igw": "internet-gateway",
    "lt": "launch-template",
    "nat": "natgateway",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "subnet": "subnet",
    "vol": "volume",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
    "eipalloc": "elastic-ip",
    "acl": "network-acl",
    "dopt": "dhcp-options",
    "ami": "image",
    "snap": "snapshot",
}


def arns(namespace: str, call: Call) -> list[str]:
    """The ARNs, ``*`` alone for an action without resource types. Each is one authorization, and all must be allowed."""
    special = SPECIAL.get((namespace, call.operation))
    if special is not None:
        return special(call)
    members = texts(call.parameters)
    found: dict[str, None] = {}
    action = reference.find(f"{namespace}:{call.operation}")
    for kind in action.types if action else ():
        found.update(dict.fromkeys(_of_type(namespace, call, kind, members)))
    return list(found)[:_MOST_RESOURCES] or ["*"]


def _of_type(namespace: str, call: Call, kind: ResourceType, members: Members) -> Iterable[str]:
    given = [text for texts_ in members.values() for text in texts_ if text.startswith("arn:")]
    matching = [text for text in given if any(_test(form)(text) for form in kind.formats)]
    return matching or _built(namespace, call, kind, members)


def _built(namespace: str, call: Call, kind: ResourceType, members: Members) -> Iterator[str]:
    """The type's first ARN format, filled in; the other formats of a type are of older spellings."""
    form = kind.formats[0].replace("${Partition}", "aws").replace("${Region}", call.region).replace("${Account}", call.caller.account_id)
    variables = _VARIABLE.findall(form)
    values = [_values(namespace, call, variable, members) for variable in variables]
    if not any(values) and not kind.is_required:
        return
    for combination in product(*(found or ["*"] for found in values)):
        arn = form
        for variable, value in zip(variables, combination, strict=True):
            arn = arn.replace(f"${{{variable}}}", value)
        yield arn


def _values(namespace: str, call: Call, variable: str, members: Members) -> list[str]:
    name = variable.lower()
    for member in (name, f"{name}s", *ALIASES.get((namespace, variable), ())):
        if member in members:
            return members[member]
    if any(
        call.operation.endswith(noun) and _ID_OF[namespace_, noun] == variable for namespace_, noun in _ID_OF if namespace_ == namespace
    ):
        return members.get("id", [])
    return []


@lru_cache(maxsize=1024)
def _test(form: str) -> Test:
    """A format as a policy's pattern, each variable a star: whatever the text, the test takes time in proportion to its length."""
    test = arn_test(fixed(tokenize(reference.pattern(form), variables=False)))
    assert test is not None, "a format is an ARN"
    return test


def _ec2_tagged(call: Call) -> list[str]:
    found = []
    for resource in call.parameters.get("Resources", ()):
        kind = _EC2_TYPES.get(str(resource).partition("-")[0], "*")
        found.append(f"arn:aws:ec2:{call.region}:{call.caller.account_id}:{kind}/{resource}")
    return found[:_MOST_RESOURCES] or ["*"]


def _log_groups(call: Call) -> list[str]:
    """AWS's refusals name the prefix that was asked for, with the streams that it does not have (reported)."""
    prefix = call.parameters.get("logGroupNamePrefix", "")
    return [f"arn:aws:logs:{call.region}:{call.caller.account_id}:log-group:{prefix}:log-stream:"]


def _log_streams(call: Call) -> list[str]:
    """Likewise (reported), though the reference says that the type is the log group."""
    group = call.parameters.get("logGroupName", "")
    return [f"arn:aws:logs:{call.region}:{call.caller.account_id}:log-group:{group}:log-stream:"]


def _session(call: Call) -> list[str]:
    """The target and the document; ECS's targets are ``ecs:CLUSTER_TASK_RUNTIME`` (ecs-on-your-behalf.md 7)."""
    where = f"{call.region}:{call.caller.account_id}"
    target = str(call.parameters.get("Target", ""))
    document = f"arn:aws:ssm:{where}:document/{call.parameters.get('DocumentName', 'SSM-SessionManagerRunShell')}"
    if target.startswith("ecs:"):
        cluster, task, *_ = (*target.removeprefix("ecs:").rsplit("_", 2), "", "")
        return [f"arn:aws:ecs:{where}:task/{cluster}/{task}", document]
    kind = "arn:aws:ssm:{}:managed-instance/{}" if target.startswith("mi-") else "arn:aws:ec2:{}:instance/{}"
    return [kind.format(where, target), document]


def _groups_tagged(call: Call) -> list[str]:
    names = [str(tag.get("ResourceId", "*")) for tag in call.parameters.get("Tags", ()) if isinstance(tag, dict)]
    where = f"{call.region}:{call.caller.account_id}"
    return [f"arn:aws:autoscaling:{where}:autoScalingGroup:*:autoScalingGroupName/{name}" for name in dict.fromkeys(names)] or ["*"]


SPECIAL: dict[tuple[str, str], Callable[[Call], list[str]]] = {
    ("ec2", "CreateTags"): _ec2_tagged,
    ("ec2", "DeleteTags"): _ec2_tagged,
    ("autoscaling", "CreateOrUpdateTags"): _groups_tagged,
    ("autoscaling", "DeleteTags"): _groups_tagged,
    ("logs", "DescribeLogGroups"): _log_groups,
    ("logs", "DescribeLogStreams"): _log_streams,
    ("ssm", "StartSession"): _session,
}
