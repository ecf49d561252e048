"""How ECS calls name a cluster: by its name or its whole ARN; by nothing at all, ``default`` is meant (ecs-on-your-behalf.md 8.1, 12).

An ARN does not lead out of the Region that is called: else a policy about aws:RequestedRegion would hold for names only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stead.aws.arn import Arn, parse_arn
from stead.aws.errors import AwsError

if TYPE_CHECKING:
    from stead.store.context import Context

DEFAULT_CLUSTER = "default"
_NAME = re.compile(r"[a-zA-Z0-9\-_]{1,255}")


def cluster_arn(context: Context, reference: str | None) -> str:
    """The ARN that ``reference`` stands for, in this account unless it is itself an ARN; nothing is looked up."""
    if reference is None:
        reference = DEFAULT_CLUSTER
    arn = parse_arn(reference)
    if arn is None:
        return f"arn:aws:ecs:{context.region}:{context.account_id}:cluster/{checked_name(reference)}"
    check_arn(context, arn)
    kind = arn.resource.partition("/")[0]
    if kind != "cluster":
        raise invalid_parameter(f"Unsupported resource type: {kind}")  # reported, aws/aws-cli#7875
    return reference


def check_arn(context: Context, arn: Arn) -> None:
    """Refuse an ARN that is not ECS's or not of the Region that is called."""
    if arn.service != "ecs" or not arn.resource.partition("/")[2]:
        raise invalid_parameter("The ARN provided is invalid.")
    if arn.region != context.region:
        raise invalid_parameter("Invalid Region in ARN")  # reported, aws/aws-cli#3175, for other calls than these


def checked_name(name: str) -> str:
    """``name``, or the refusal of what can be no name; its text is reported, awslabs/amazon-ecs-nodejs-microservices#18."""
    if not _NAME.fullmatch(name):
        raise invalid_parameter(f"Cluster must match ^[a-zA-Z0-9\\-_]{{1,255}}$, but was {name}")
    return name


def name_of(arn: str) -> str:
    """The name of the cluster with this ARN."""
    return arn.rpartition("/")[2]


def invalid_parameter(message: str) -> AwsError:
    """ECS's usual refusal of a parameter."""
    return AwsError("InvalidParameterException", message)


def client_error(message: str) -> AwsError:
    """ECS's refusal of something that the thing's state does not allow."""
    return AwsError("ClientException", message)


def cluster_not_found() -> AwsError:
    """No such cluster, in any call but DescribeClusters."""
    return AwsError("ClusterNotFoundException", "Cluster not found.")
