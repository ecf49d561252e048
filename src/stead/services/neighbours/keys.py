"""The condition keys that a call to a neighbour has of its own: tags that it passes, and the services' keys (Service Authorization Reference)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jmespath

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stead.aws.call import Call

    Value = str | tuple[str, ...]

_TAG_LISTS = ("Tags", "tags", "AddTags")
_TAG_NAMES = ("TagKeys", "tagKeys", "RemoveTagKeys")

# (namespace, operation, or * for all) -> the key in lower case -> where the request says it. A list makes a key of several values.
OWN: dict[tuple[str, str], dict[str, str]] = {
    ("ec2", "CreateNetworkInterfacePermission"): {"ec2:authorizeduser": "AwsAccountId", "ec2:permission": "Permission"},
    ("ec2", "RunInstances"): {"ec2:instancetype": "InstanceType"},
    ("events", "PutRule"): {"events:managedby": "ManagedBy"},
    ("events", "PutTargets"): {"events:managedby": "ManagedBy"},
    ("cloudwatch", "PutMetricAlarm"): {"cloudwatch:alarmactions": "AlarmActions"},
    ("cloudwatch", "PutMetricData"): {"cloudwatch:namespace": "Namespace"},
    ("route53", "ChangeResourceRecordSets"): {
        "route53:changeresourcerecordsetsactions": "ChangeBatch.Changes[].Action",
        "route53:changeresourcerecordsetsrecordtypes": "ChangeBatch.Changes[].ResourceRecordSet.Type",
        "route53:changeresourcerecordsetsnormalizedrecordnames": "ChangeBatch.Changes[].ResourceRecordSet.Name",
    },
    ("servicediscovery", "DiscoverInstances"): {
        "servicediscovery:namespacename": "NamespaceName",
        "servicediscovery:servicename": "ServiceName",
    },
    ("autoscaling", "CreateAutoScalingGroup"): {"autoscaling:launchconfigurationname": "LaunchConfigurationName"},
    ("elasticloadbalancing", "CreateLoadBalancer"): {
        "elasticloadbalancing:scheme": "Scheme",
        "elasticloadbalancing:subnet": "Subnets",
        "elasticloadbalancing:securitygroup": "SecurityGroups",
    },
}


def of(namespace: str, call: Call) -> dict[str, Value]:
    """All of them, in lower case; the last value of a repeated tag counts (recorded-aws.md 5.2)."""
    parameters = call.parameters
    found = dict(_own(namespace, call))
    if namespace == "ec2":
        found["ec2:region"] = call.region
    passed = dict(_passed_tags(parameters))
    found.update({f"aws:requesttag/{name.lower()}": value for name, value in passed.items()})
    names = (*passed, *(name for member in _TAG_NAMES for name in parameters.get(member) or ()))
    if names:
        found["aws:tagkeys"] = tuple(dict.fromkeys(names))
    return found


def _own(namespace: str, call: Call) -> Iterator[tuple[str, Value]]:
    for key, path in OWN.get((namespace, call.operation), {}).items():
        value = jmespath.search(path, call.parameters)
        if isinstance(value, list):
            yield key, tuple(map(str, value))
        elif value is not None:
            yield key, str(value)


def _passed_tags(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    specified = [one.get("Tags") for one in parameters.get("TagSpecifications") or () if isinstance(one, dict)]
    for tags in (*(parameters.get(member) for member in _TAG_LISTS), *specified):
        if isinstance(tags, dict):
            yield from ((str(name), str(value)) for name, value in tags.items())
        elif isinstance(tags, list):
            yield from ((str(tag.get("Key")), str(tag.get("Value") or "")) for tag in tags if isinstance(tag, dict) and tag.get("Key"))
