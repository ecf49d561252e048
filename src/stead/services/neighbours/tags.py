"""The tags of a neighbour's resource, read from it when a policy asks for them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jmespath

from stead.aws.arn import parse_arn
from stead.aws.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stead.store.context import Context


class Lookup(NamedTuple):
    """A read that shows a resource's tags: how to ask for one resource, and where the answer has them, as ``[[key, value], ...]``."""

    service: str
    operation: str
    ask: Callable[[str, str], dict[str, Any]]  # of the ARN and its last name
    tags: str


_PAIRS = "[].[Key, Value]"
LOOKUPS: dict[tuple[str, str], Lookup] = {
    ("ec2", ""): Lookup("ec2", "DescribeTags", lambda _, name: {"Filters": [{"Name": "resource-id", "Values": [name]}]}, f"Tags{_PAIRS}"),
    ("autoscaling", ""): Lookup(
        "autoscaling", "DescribeAutoScalingGroups", lambda _, name: {"AutoScalingGroupNames": [name]}, f"AutoScalingGroups[].Tags{_PAIRS}"
    ),
    ("elasticloadbalancing", ""): Lookup(
        "elbv2", "DescribeTags", lambda arn, _: {"ResourceArns": [arn]}, f"TagDescriptions[].Tags{_PAIRS}"
    ),
    ("servicediscovery", ""): Lookup("servicediscovery", "ListTagsForResource", lambda arn, _: {"ResourceARN": arn}, f"Tags{_PAIRS}"),
    ("cloudwatch", ""): Lookup("cloudwatch", "ListTagsForResource", lambda arn, _: {"ResourceARN": arn}, f"Tags{_PAIRS}"),
    ("events", ""): Lookup("events", "ListTagsForResource", lambda arn, _: {"ResourceARN": arn}, f"Tags{_PAIRS}"),
    ("route53", "hostedzone"): Lookup(
        "route53", "ListTagsForResource", lambda _, name: {"ResourceType": "hostedzone", "ResourceId": name}, f"ResourceTagSet.Tags{_PAIRS}"
    ),
}


def reader(context: Context, arn: str) -> Callable[[], Mapping[str, str]] | None:
    """How to read the tags of the resource ``arn``; None when it has none, or does not exist yet."""
    parsed = parse_arn(arn)
    if parsed is None:
        return None
    kind, name = parsed.resource.partition("/")[0], parsed.resource.rpartition("/")[2]
    lookup = LOOKUPS.get((parsed.service, kind)) or LOOKUPS.get((parsed.service, ""))
    return None if lookup is None or "*" in name else partial(_read, context, lookup, arn, name)


def _read(context: Context, lookup: Lookup, arn: str, name: str) -> Mapping[str, str]:
    """Asked by the gate itself, in nobody's name, as each AWS service knows its own resources' tags. One that cannot be read has none."""
    origin = replace(
        context.origin, service=lookup.service, operation=lookup.operation, raw=None, protocol="", parameters=lookup.ask(arn, name)
    )
    try:
        answer = context.gateway.forward(origin, read_only=True)
    except AwsError:
        return {}
    return {key: value or "" for key, value in jmespath.search(lookup.tags, answer) or () if key}
