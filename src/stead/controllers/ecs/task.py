"""A task at work: the row that was taken, and the copy that a step changes; and what a workflow and a runtime promise.

Whatever a step does outside it also notes in the copy, which is written although the step was refused half way: ``document`` is what DescribeTasks
shows, ``work`` remembers what was made outside and must be unmade. A step may be taken again from the row as it was, by this process or another.
So every call has an intent made of the row, and a step that was over is over at once the second time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from stead.controllers.ecs.behalf import Where

if TYPE_CHECKING:
    from stead.controllers.ecs.behalf import Behalf, Refused
    from stead.store.engine import Row

Wait = int | None  # milliseconds until the next look; None: over


@dataclass(slots=True)
class Task:
    """The working copy of one row of ``ecs_tasks``. ``now`` is Stead's time at the beginning of the step."""

    row: Row
    document: dict[str, Any]
    work: dict[str, Any]
    now: int

    @classmethod
    def of(cls, row: Row, now: int) -> Task:
        """A fresh copy."""
        return cls(row, orjson.loads(row.document), orjson.loads(row.work), now)

    @property
    def arn(self) -> str:
        """The task's ARN."""
        return str(self.row.id)

    @property
    def task_id(self) -> str:
        """Its last part, 32 hexadecimal digits."""
        return self.arn.rpartition("/")[2]

    @property
    def where(self) -> Where:
        """Account and Region."""
        return Where(self.row.account_id, self.row.region)

    @property
    def is_stopping(self) -> bool:
        """Whether somebody wished its end."""
        return bool(self.document["desiredStatus"] == "STOPPED")

    @property
    def has_live_container(self) -> bool:
        """Whether the runtime has something to stop, be it a container that is being pulled."""
        return any(container["lastStatus"] != "STOPPED" for container in self.document["containers"])

    def attachment(self, kind: str = "ElasticNetworkInterface") -> dict[str, Any] | None:
        """The attachment of that type, as the document has it."""
        found: dict[str, Any] | None = next((one for one in self.document["attachments"] if one["type"] == kind), None)
        return found

    def wait(self, name: str, duration: int) -> int:
        """What is left, in milliseconds, of a wait that begins when it is first asked for."""
        until: int = self.work.setdefault("waits", {}).setdefault(name, self.now + duration)
        return max(0, until - self.now)

    def move(self, status: str) -> None:
        """To another ``lastStatus``; every change of that grows the version (ecs-on-your-behalf.md 8.2)."""
        self.document["lastStatus"] = status
        self.document["version"] += 1


class Workflow(Protocol):
    """What ECS does outside for a task, in one state of its life. Each method may be called any number of times."""

    def concerns(self, task: Task) -> bool:
        """Whether ``task`` has anything to do with it; it is asked nothing else when not."""
        ...

    def enter(self, behalf: Behalf, task: Task) -> Wait:
        """Make what the task needs; over when it is there."""
        ...

    def follow(self, behalf: Behalf, task: Task) -> Wait:
        """While the task is RUNNING, once at its beginning and after each change of its row: keep it as it should be."""
        ...

    def leave(self, behalf: Behalf, task: Task) -> Wait:
        """Unmake whatever :meth:`enter` made or may have made; over when nothing is left."""
        ...

    def why(self, task: Task, refused: Refused) -> str:
        """What DescribeTasks says of a refusal of this workflow's; empty for one of another."""
        ...


class Runtime(Protocol):
    """What runs the containers: simulated today, real ones behind the same seam."""

    def start(self, task: Task) -> Wait:
        """Bring the containers up; over when they run."""
        ...

    def follow(self, task: Task) -> Wait:
        """While the task is RUNNING: note what became of its containers."""
        ...

    def stop(self, task: Task) -> Wait:
        """Bring them down, whatever state they are in; over when none runs."""
        ...
