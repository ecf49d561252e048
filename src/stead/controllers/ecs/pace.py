"""How long the parts of a task's life take, in milliseconds: as recorded (ecs-on-your-behalf.md 2.1), or not at all."""

from __future__ import annotations

from typing import NamedTuple

from stead.aws.clock import MINUTE, SECOND


class Pace(NamedTuple):
    """The defaults are AWS's."""

    before_interface: int = 4 * SECOND  # t+0 to t+4
    attaching: int = 8 * SECOND  # to t+12
    attached: int = 3 * SECOND  # to t+15
    pull: int = 8 * SECOND  # to t+23
    start: int = 1 * SECOND  # to t+24
    stop: int = 21 * SECOND  # t+44 to t+65
    before_delete: int = 9 * SECOND  # to t+74
    provisioning_timeout: int = 3 * MINUTE  # inferred; the reason's text is documented, its time is not
    first_retry: int = 5 * SECOND
    last_retry: int = 15 * MINUTE  # repeated failures back off to at most that (ecs-on-your-behalf.md 10)
    service_round: int = 2 * SECOND  # between two looks at a service that changes; inferred
    target_look: int = 10 * SECOND  # between two questions about the health of its targets; inferred
    performance_events: int = MINUTE  # about that [documented]
    capacity_look: int = MINUTE  # the metric's period (ecs-on-your-behalf.md 5.2)
    scale_in_after: int = 15 * MINUTE  # below the target (ecs-on-your-behalf.md 5.3)


NORMAL = Pace()
FAST = Pace(0, 0, 0, 0, 0, 0, 0, 10 * SECOND, 200, 2 * SECOND, 100, 1 * SECOND, 1 * SECOND, 1 * SECOND, 3 * SECOND)
PACES = {"normal": NORMAL, "fast": FAST}
