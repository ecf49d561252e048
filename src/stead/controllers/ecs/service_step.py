"""One step of the scheduler on one service: what it found, and what it says. The parts are put in order by services.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stead.aws.clock import HOUR
from stead.controllers.ecs import rollout, service_tasks, target_health
from stead.services.ecs import service_events as events
from stead.services.ecs import service_shapes, task_rows

if TYPE_CHECKING:
    from stead.controllers.ecs.pace import Pace
    from stead.controllers.ecs.rollout import Tally
    from stead.controllers.ecs.target_health import Health, Look
    from stead.services.ecs.service_rows import Service
    from stead.store.engine import Writer

STEADY_AGAIN_MS = 6 * HOUR  # steady state is told again (ecs-on-your-behalf.md 10)
_IMPAIRED_AFTER = 3  # failures in a row; AWS's number is not published
_SHORT_MS = 60_000  # a task that ended sooner after its start has failed to start; inferred
_LEFT_OF_ID = 12  # digits of a task's id that tell it from its service's other tasks


@dataclass(slots=True)
class Step:
    """``said`` are the texts of this step's events, in order; ``learned`` is what the balancers said, if they were asked."""

    db: Writer
    service: Service
    learned: Look | None
    now: int
    pace: Pace
    said: list[str] = field(default_factory=list)
    tallies: dict[str, Tally] = field(default_factory=dict)

    @property
    def primary(self) -> dict[str, Any] | None:
        """The deployment that is wished."""
        return self.service.primary

    @property
    def has_balancers(self) -> bool:
        """Whether any deployment's tasks are registered with a load balancer."""
        return any(one["kept"]["loadBalancers"] for one in self.service.deployments)

    def count(self) -> None:
        """Every deployment's tasks; of balanced ones only those are healthy whose targets were, at the last look."""
        self.tallies = service_tasks.tallies(self.db, self.service)

    def note_failures(self) -> None:
        """Tasks that ended against the wish count against their deployment, and put off the next start, ever longer."""
        ended = [one for one in service_tasks.failed(self.db, self.service, self.now) if _failed_to_start(one)]
        for task in ended:
            self._count_failure(task["deployment"])
            if task.get("stopCode") == task_rows.FAILED_TO_START:
                self.said.append(events.trouble(events.NOT_LAUNCHED, task.get("stoppedReason", "")))
        if ended:
            self.back_off(len(ended))

    def tell_troubles(self) -> None:
        """What keeps tasks from going, while any are on their way out."""
        if any(tally.leaving for tally in self.tallies.values()):
            reasons = service_tasks.troubles(self.db, self.service.arn)
            self.said += [events.trouble(events.NOT_STOPPED, reason) for reason in reasons]

    def back_off(self, failures: int) -> None:
        """At most 15 minutes, at AWS's pace (ecs-on-your-behalf.md 10)."""
        work = self.service.work
        work["failures"] = work.get("failures", 0) + failures
        work["not_before"] = self.now + min(self.pace.first_retry << min(work["failures"] - 1, 16), self.pace.last_retry)
        if work["failures"] >= _IMPAIRED_AFTER:
            self.said.append(events.IMPAIRED)

    def look_at_targets(self) -> None:
        """Judge every task by its targets; those that failed their checks after the grace period are stopped."""
        if not self.has_balancers:
            return
        if self.learned is not None:
            self.service.work["look"] = self.now + self.pace.target_look
            self.service.work["healthy"] = self._judged(self.learned)
            self.said += [events.HEALTH_UNKNOWN.format(group=name, error=why) for name, why in self.learned.refused.items() if why]
            self.count()
        healthy = self.service.work.get("healthy", {})
        balanced = {one["id"] for one in self.service.deployments if one["kept"]["loadBalancers"]}
        self.tallies = {
            name: tally._replace(healthy=min(tally.healthy, healthy.get(name, 0))) if name in balanced else tally
            for name, tally in self.tallies.items()
        }

    def replace_unhealthy(self, count: int) -> None:
        """Tasks whose containers failed their health checks are stopped; others will be started."""
        rows = service_tasks.stop_unhealthy(self.db, self.service, count, self.now)
        for row in rows:
            self.said.append(events.UNHEALTHY_CONTAINER.format(task=row.id.rpartition("/")[2]))
            self._count_failure(row.deployment)
        if rows:
            self._recount()

    def tell_registrations(self) -> None:
        """Tasks that came to run were registered, tasks that left were deregistered (tasks.py goes through both before)."""
        if not self.has_balancers:
            return
        before = set(self.service.work.get("registered", ()))
        now = {_short(arn) for arn in service_tasks.running(self.db, self.service.arn)}
        self.service.work["registered"] = sorted(now)
        self._tell(len(now - before), events.REGISTERED, events.CLASSIC_REGISTERED)
        self._tell(len(before - now), events.DEREGISTERED, events.CLASSIC_DEREGISTERED)

    def is_stuck(self, desired: int) -> bool:
        """Whether old tasks must go, none on its way can help, and none may be started."""
        assert self.primary is not None
        most, fewest = rollout.limits(desired, self.service.document["deploymentConfiguration"])
        old = sum(tally.wanted for name, tally in self.tallies.items() if name != self.primary["id"])
        return bool(old) and most <= fewest and all(tally.wanted == tally.healthy and not tally.leaving for tally in self.tallies.values())

    def new_service_deployment(self) -> str:
        """The ARN that answers show from the first step on [recorded: some seconds later]."""
        return service_shapes.service_deployment(self.service)

    def until_next_round(self) -> int:
        """Milliseconds, for a service that changes. A look costs with the number of tasks, so the pause before it grows with them."""
        return self.pace.service_round + sum(tally.wanted + tally.leaving for tally in self.tallies.values()) // 2

    def until_next_look(self) -> int:
        """For a service that is steady: its tasks wake it, its targets do not."""
        return self.pace.target_look if self.has_balancers else STEADY_AGAIN_MS

    def _recount(self) -> None:
        learned, self.learned = self.learned, None
        self.count()
        self.look_at_targets()
        self.learned = learned

    def _count_failure(self, deployment: str) -> None:
        for one in self.service.deployments:
            if one["id"] == deployment:
                one.update(failedTasks=one["failedTasks"] + 1, updatedAt=self.now)

    def _judged(self, learned: Look) -> dict[str, int]:
        """How many tasks of each deployment have only good targets."""
        healthy: dict[str, int] = {}
        balancers = {one["id"]: one["kept"]["loadBalancers"] for one in self.service.deployments}
        for arn, task in service_tasks.at_work(self.db, self.service.arn).items():
            deployment = task.get("startedBy", "")
            if self._is_good(arn, task, balancers.get(deployment, []), learned):
                healthy[deployment] = healthy.get(deployment, 0) + 1
        return healthy

    def _is_good(self, arn: str, task: dict[str, Any], balancers: list[dict[str, Any]], learned: Look) -> bool:
        is_good = True
        for balancer in balancers:
            target = target_health.target_of(task, balancer, service_tasks.instance_id(self.db, task))
            health = None if target is None else learned.health.get(target)
            is_good = is_good and health is not None and health.is_good
            if target is not None and health is not None and health.is_bad and not self._is_in_grace(task):
                self._stop_for(arn, task, balancer, target, health)
                return False
        return is_good

    def _is_in_grace(self, task: dict[str, Any]) -> bool:
        seconds: int = self.service.document.get("healthCheckGracePeriodSeconds") or 0
        return self.now < int(task.get("startedAt", self.now)) + seconds * 1000

    def _stop_for(self, arn: str, task: dict[str, Any], balancer: dict[str, Any], target: target_health.Target, health: Health) -> None:
        is_classic = "loadBalancerName" in balancer
        where = f"({'elb' if is_classic else 'target-group'} {target.group})"
        if not service_tasks.stop_one(self.db, arn, f"Task failed ELB health checks in {where}", self.now):
            return
        self._count_failure(task.get("startedBy", ""))
        text = events.UNHEALTHY_INSTANCE if is_classic else events.UNHEALTHY_TARGET
        names = {"port": target.port, "group": target.group, "instance": target.identity, "reason": health.reason}
        self.said.append(text.format(**names))

    def _tell(self, count: int, of_groups: str, of_classic: str) -> None:
        if not count:
            return
        balancers = [balancer for one in self.service.deployments for balancer in one["kept"]["loadBalancers"]]
        for name, is_classic in dict.fromkeys((target_health.name_of(one), "loadBalancerName" in one) for one in balancers):
            self.said.append((of_classic if is_classic else of_groups).format(count=count, group=name))


def _failed_to_start(task: dict[str, Any]) -> bool:
    return "startedAt" not in task or task.get("executionStoppedAt", task["stoppedAt"]) - task["startedAt"] < _SHORT_MS


def _short(arn: str) -> str:
    return arn.rpartition("/")[2][:_LEFT_OF_ID]
