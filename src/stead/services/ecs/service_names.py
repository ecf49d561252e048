"""How ECS calls name a service: by its name in the call's cluster, or by its whole ARN; and the ARNs of what belongs to it (ecs-on-your-behalf.md 12)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stead.aws.arn import parse_arn
from stead.services.ecs.names import check_arn, cluster_arn, invalid_parameter, name_of

if TYPE_CHECKING:
    from stead.store.context import Context

_NAME = re.compile(r"[a-zA-Z0-9\-_]{1,255}")


def service_arn(context: Context, cluster: str | None, reference: str) -> str:
    """The ARN that ``reference`` stands for; nothing is looked up."""
    home = cluster_arn(context, cluster)
    arn = parse_arn(reference)
    if arn is None:
        return of_cluster(home, checked_name(reference))
    check_arn(context, arn)
    kind, _, name = arn.resource.partition("/")
    if kind != "service":
        raise invalid_parameter(f"Unsupported resource type: {kind}")  # reported for clusters, aws/aws-cli#7875
    if "/" not in name:  # the short form, which names no cluster
        return of_cluster(home, checked_name(name))
    asked = name.partition("/")[0]
    if asked != name_of(home):  # reported of tasks and container instances
        raise invalid_parameter(f"Invalid identifier: Identifier is for cluster {asked}. Your cluster is {name_of(home)}")
    return reference


def of_cluster(cluster: str, name: str) -> str:
    """The ARN of the service ``name`` in the cluster with this ARN."""
    return f"{cluster.replace(':cluster/', ':service/')}/{name}"


def home_of(arn: str) -> str:
    """The ARN of the cluster of the service with this ARN."""
    return arn.replace(":service/", ":cluster/").rpartition("/")[0]


def belonging(arn: str, kind: str, name: str) -> str:
    """The ARN of a service's deployment or revision."""
    return f"{arn.replace(':service/', f':{kind}/')}/{name}"


def checked_name(name: str) -> str:
    """``name``, or the refusal of what can be no name; worded as that of clusters, which is reported."""
    if not _NAME.fullmatch(name):
        raise invalid_parameter(f"Service must match ^[a-zA-Z0-9\\-_]{{1,255}}$, but was {name}")
    return name
