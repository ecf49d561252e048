"""ecs: where a container agent would listen for its tasks.

Stead has no such channel: agents cannot be driven by it (SCOPE.md). The addresses have AWS's form under a domain that leads nowhere (RFC 2606), so that
no agent that was pointed at Stead goes on to talk to AWS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.aws.operation import operation

if TYPE_CHECKING:
    from stead.aws.call import Parameters, Result
    from stead.store.context import Context

_DOMAIN = "stead.invalid"


@operation("ecs", "DiscoverPollEndpoint", read_only=False)  # AWS's reference calls it a write
def discover_poll_endpoint(context: Context, _request: Parameters) -> Result:
    """The same for every instance; neither it nor its cluster is looked up (inferred: AWS answers before an instance is registered)."""
    region = context.region
    return {
        "endpoint": f"https://ecs-a-1.{region}.{_DOMAIN}/",
        "telemetryEndpoint": f"https://ecs-t-1.{region}.{_DOMAIN}/",
        "serviceConnectEndpoint": f"https://ecs-sc.{region}.{_DOMAIN}/",
    }
