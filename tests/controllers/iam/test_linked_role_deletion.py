"""The deletion of a linked role, state by state: killed and resumed in each, never the wrong role, never one whose use is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select, update
from support import history
from support.linked_roles import ROLE, Answers, cluster, delete, exists, make, status, work

from stead.controllers.iam.linked_role_deletion import LinkedRoleDeletion
from stead.controllers.runner import LEASE_MS, Runner
from stead.gateway.upstream import NoNeighbours
from stead.linked_roles.usage import Unknown
from stead.store.tables import attachments, clusters, deletion_tasks, inline_policies, role_usage, roles, tags

if TYPE_CHECKING:
    from collections.abc import Callable

    from stead.store.engine import Reader, Row, Writer

USE = {"Reason": "Role in use."}
UNKNOWN = ("FAILED", {"Reason": "Role could not be deleted because of an internal error.", "RoleUsageList": []})
LEASE_SECONDS = LEASE_MS / 1000


class Killed(BaseException):
    """What a kill is to the code: nothing after it runs."""


class Dies(LinkedRoleDeletion):
    """Is killed in the state and at the moment that a test names."""

    def __init__(self, state: str, moment: str) -> None:
        super().__init__(NoNeighbours())
        self._at = state, moment

    def asks(self, task: Row) -> bool:
        """A lease for the moment that has one."""
        return self._at == (task.status, "leased")

    def ask(self, _db: Reader, _task: Row) -> Any:
        """Leased and nothing done."""
        raise Killed

    def reconcile(self, db: Writer, task: Row, asked: Any, now: int) -> Any:
        """Everything done and nothing committed."""
        outcome = super().reconcile(db, task, asked, now)
        if (task.status, "uncommitted") == self._at:
            raise Killed
        return outcome


class Asks(LinkedRoleDeletion):
    """Does what a test says between its two transactions, as if it asked a neighbour."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__(NoNeighbours())
        self._meanwhile = meanwhile

    def asks(self, task: Row) -> bool:
        """Before the last look, as ever."""
        return bool(task.status == "IN_PROGRESS")

    def ask(self, db: Reader, task: Row) -> Any:
        """Nothing is learned."""
        self._meanwhile()
        return super().ask(db, task)


def runner(stead: Any, controller: LinkedRoleDeletion | None = None) -> Runner:
    """Another process's runner on the same store."""
    return Runner(stead.app.store, [controller or LinkedRoleDeletion(NoNeighbours())], stead.app.recorder, stead.app.now)


@pytest.mark.both_stores
@pytest.mark.parametrize("moment", ["leased", "uncommitted"])
@pytest.mark.parametrize("state", ["NOT_STARTED", "IN_PROGRESS"])
def test_killed_and_resumed(stead: Any, state: str, moment: str) -> None:
    iam = stead.client("iam")
    make(iam)
    task = delete(iam)
    with pytest.raises(Killed):
        runner(stead, Dies(state, moment)).settle()
    assert status(iam, task) == (state, None)
    assert exists(iam)
    if moment == "leased":
        runner(stead).settle()
        assert status(iam, task) == (state, None), "the dead one's lease still runs"
        stead.advance(LEASE_SECONDS)
    runner(stead).settle()
    assert status(iam, task) == ("SUCCEEDED", None)
    assert not exists(iam)


@pytest.mark.both_stores
def test_killed_before_the_first_look(stead: Any) -> None:
    iam = stead.client("iam")
    make(iam)
    task = delete(iam)
    runner(stead).settle()
    assert status(iam, task) == ("SUCCEEDED", None)


@pytest.mark.both_stores
def test_an_old_task_never_touches_a_role_made_again(stead: Any) -> None:
    """Its own role is gone, which is what it was to bring about."""
    iam, store = stead.client("iam"), stead.app.store
    make(iam)
    old = delete(iam)
    runner(stead).step()
    with store.write() as db:  # the role goes another way, as with a restored backup
        db.run(delete_rows(attachments))
        db.run(delete_rows(roles))
    again = make(iam)
    runner(stead).settle()
    assert status(iam, old) == ("SUCCEEDED", None)
    assert iam.get_role(RoleName=ROLE)["Role"]["RoleId"] == again["RoleId"]
    assert len(iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]) == 1
    assert delete(iam) != old


@pytest.mark.both_stores
def test_two_runners_remove_a_role_once(stead: Any) -> None:
    """The first one's lease ran out while it asked; the second deleted the role, and a user made it again before the first goes on."""
    iam = stead.client("iam")
    make(iam)
    task = delete(iam)
    made: list[str] = []

    def overtaken() -> None:
        stead.advance(LEASE_SECONDS)
        runner(stead).settle()
        made.append(make(iam)["RoleId"])

    runner(stead, Asks(overtaken)).settle()
    assert status(iam, task) == ("SUCCEEDED", None)
    assert iam.get_role(RoleName=ROLE)["Role"]["RoleId"] == made[0]


@pytest.mark.both_stores
def test_everything_of_the_role_goes_and_nothing_else(stead: Any) -> None:
    iam, store = stead.client("iam"), stead.app.store
    iam.create_service_linked_role(AWSServiceName="batch.amazonaws.com")
    role = make(iam)
    for name in (ROLE, "AWSServiceRoleForBatch"):
        iam.tag_role(RoleName=name, Tags=[{"Key": "team", "Value": "blue"}])
    work(store, role["RoleId"], "us-east-1", "ended", ended=1)
    delete(iam)
    stead.settle()
    counts = [store.read().scalar(select(func.count()).select_from(t)) for t in (roles, attachments, tags, inline_policies, role_usage)]
    assert counts == [1, 1, 1, 0, 0]
    assert exists(iam, "AWSServiceRoleForBatch")


@pytest.mark.both_stores
def test_service_work_under_way_is_use(stead: Any) -> None:
    """Design D18: an open row keeps the role; an ended one and another role's do not."""
    iam, store = stead.client("iam"), stead.app.store
    role_id = make(iam)["RoleId"]
    task_arn = cluster(store, "eu-west-1", "gone", "INACTIVE").replace("cluster/", "task/")
    work(store, role_id, "eu-west-1", task_arn)
    work(store, role_id, "us-east-1", "done", ended=5)
    work(store, "AROAOTHER", "us-east-1", "another's")
    task = delete(iam)
    stead.settle()
    assert status(iam, task) == ("FAILED", {**USE, "RoleUsageList": [{"Region": "eu-west-1", "Resources": [task_arn]}]})
    with store.write() as db:
        db.run(update(role_usage).values(ended=6))
    task = delete(iam)
    stead.settle()
    assert status(iam, task) == ("SUCCEEDED", None)


@pytest.mark.both_stores
def test_use_that_appears_before_the_removal_is_seen(stead: Any) -> None:
    """Neighbours are asked first; Stead's own rows are read in the transaction that removes."""
    iam = stead.client("iam")
    make(iam)
    task = delete(iam)

    runner(stead, Asks(lambda: cluster(stead.app.store, "us-east-1", "new") and None)).settle()
    assert status(iam, task)[0] == "FAILED"
    assert exists(iam)


@pytest.mark.both_stores
def test_another_accounts_tasks_and_clusters_are_not_ours(stead: Any) -> None:
    iam, store = stead.client("iam"), stead.app.store
    make(iam)
    task = delete(iam)
    store.read().connection.exec_driver_sql("INSERT INTO accounts (id, generation, clock_offset, created) VALUES ('222222222222', 1, 0, 0)")
    cluster(store, "us-east-1", "theirs")
    with store.write() as db:
        db.run(update(clusters).values(account_id="222222222222"))
    stead.settle()
    assert status(iam, task) == ("SUCCEEDED", None)
    with store.write() as db:
        db.run(update(deletion_tasks).values(account_id="222222222222"))
    with pytest.raises(iam.exceptions.NoSuchEntityException, match="Cannot find deletion status"):
        status(iam, task)


ELB = "elasticloadbalancing.amazonaws.com"
ELB_ROLE = "AWSServiceRoleForElasticLoadBalancing"
BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/a/1"
CLASSIC = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/old"
NONE = {"LoadBalancers": []}
NO_CLASSIC = {"LoadBalancerDescriptions": []}
HELD: dict[str, tuple[Any, Any, Any, Any, Any]] = {
    "nothing": (NONE, NONE, NO_CLASSIC, NO_CLASSIC, ("SUCCEEDED", None)),
    "both generations": (
        {"LoadBalancers": [{"LoadBalancerArn": BALANCER}]},
        NONE,
        NO_CLASSIC,
        {"LoadBalancerDescriptions": [{"LoadBalancerName": "old"}]},
        (
            "FAILED",
            {**USE, "RoleUsageList": [{"Region": "eu-west-1", "Resources": [BALANCER]}, {"Region": "us-east-1", "Resources": [CLASSIC]}]},
        ),
    ),
    "one does not answer": (NONE, Unknown("late"), NO_CLASSIC, NO_CLASSIC, UNKNOWN),
    "one answers something else": (NONE, {}, NO_CLASSIC, NO_CLASSIC, UNKNOWN),
    "one answers no texts": (NONE, {"LoadBalancers": [{"LoadBalancerArn": 1}]}, NO_CLASSIC, NO_CLASSIC, UNKNOWN),
}


@pytest.mark.parametrize("case", HELD.values(), ids=HELD)
def test_what_neighbours_hold(stead: Any, case: tuple[Any, Any, Any, Any, Any]) -> None:
    iam = stead.client("iam")
    iam.create_service_linked_role(AWSServiceName=ELB)
    task = delete(iam, ELB_ROLE)
    west, east, west_classic, east_classic, expected = case
    neighbours = Answers(
        {
            ("elbv2", "DescribeLoadBalancers"): {"eu-west-1": west, "us-east-1": east},
            ("elb", "DescribeLoadBalancers"): {"eu-west-1": west_classic, "us-east-1": east_classic},
        }
    )
    runner(stead, LinkedRoleDeletion(neighbours)).settle()
    assert status(iam, task) == expected
    assert exists(iam, ELB_ROLE) == (expected[0] == "FAILED")


def test_a_group_with_another_suffix_is_another_roles(stead: Any) -> None:
    iam = stead.client("iam")
    for suffix in ({}, {"CustomSuffix": "blue"}):
        arn = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", **suffix)["Role"]["Arn"]
    groups = {"AutoScalingGroups": [{"AutoScalingGroupARN": "arn:group", "ServiceLinkedRoleARN": arn}]}
    neighbours = Answers({("autoscaling", "DescribeAutoScalingGroups"): {"us-east-1": groups}}, regions=["us-east-1"])
    tasks = [delete(iam, f"AWSServiceRoleForAutoScaling{suffix}") for suffix in ("", "_blue")]
    runner(stead, LinkedRoleDeletion(neighbours)).settle()
    assert [status(iam, task)[0] for task in tasks] == ["SUCCEEDED", "FAILED"]


def test_a_service_that_left_the_catalogue_cannot_answer(stead: Any) -> None:
    iam = stead.client("iam")
    make(iam)
    task = delete(iam)
    with stead.app.store.write() as db:
        db.run(update(deletion_tasks).values(principal="was.amazonaws.com"))
    stead.settle()
    assert status(iam, task) == UNKNOWN
    assert exists(iam)


def test_a_deletion_is_one_event(stead: Any) -> None:
    """The user's call is recorded; what Stead then does by itself is no call of anybody's."""
    iam = stead.client("iam")
    make(iam)
    delete(iam)
    stead.settle()
    assert history.names(stead.app.store.read()) == ["CreateServiceLinkedRole", "DeleteServiceLinkedRole"]


def test_each_state_is_a_commit_of_its_own(stead: Any) -> None:
    iam = stead.client("iam")
    make(iam)
    task = delete(iam)
    seen = [status(iam, task)[0]]
    working = runner(stead)
    while working.step():
        seen.append(status(iam, task)[0])
    assert seen == ["NOT_STARTED", "IN_PROGRESS", "SUCCEEDED"]
