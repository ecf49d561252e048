"""How ECS calls name a task: by its id or its whole ARN; the cluster is named beside it (ecs-on-your-behalf.md 12)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stead.aws.arn import parse_arn
from stead.services.ecs.names import check_arn, invalid_parameter, name_of

if TYPE_CHECKING:
    from stead.store.context import Context

_ID = re.compile(r"[a-f0-9-]{1,36}", re.IGNORECASE)


def task_arn(context: Context, cluster: str, reference: str) -> str:
    """The ARN that ``reference`` stands for in the cluster with the ARN ``cluster``; nothing is looked up."""
    arn = parse_arn(reference)
    if arn is not None:
        check_arn(context, arn)
        if arn.resource.partition("/")[0] == "task":
            return reference
    elif _ID.fullmatch(reference):
        return f"{cluster.partition(':cluster/')[0]}:task/{name_of(cluster)}/{reference}"
    raise invalid_parameter("Task Identifier is invalid")  # reported, aws/aws-sdk-js#1466
