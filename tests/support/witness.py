"""A client that remembers what was acknowledged, so that a test can kill Stead under it and compare afterwards.

Each witness has names of its own. A call that was in flight at a kill may or may not have happened: exactly that one thing is in doubt, and
either state of it is right, but nothing between the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError

if TYPE_CHECKING:
    import random
    import threading
    from collections.abc import Callable

    from support.process import Running

REGIONS = ("us-east-1", "eu-west-1", "ap-northeast-1")
TAGS = {"first": "1", "second": "2"}
TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}}'
ECS_ROLE = "AWSServiceRoleForECS"
ENDED = frozenset({"SUCCEEDED", "FAILED"})
MANY = 12  # of each kind; from there on more is deleted than made

Key = tuple[str, ...]  # ("role", name), ("linked", name), ("cluster", Region, name)


class Witness:
    """One client and its memory."""

    def __init__(self, number: int, running: Running, chance: random.Random) -> None:
        self.name = f"witness{number}-"
        self.iam = running.client("iam")
        self.ecs = {region: running.client("ecs", region=region) for region in REGIONS}
        self.things: dict[Key, Any] = {}  # what must be there, and with what
        self.doubt: tuple[Key, Any] | None = None  # the call in flight: its thing, and what it would make of it (None: gone)
        self.leaving: set[Key] = set()  # linked roles whose deletion was asked for
        self.tasks: dict[str, Key] = {}  # deletions that were acknowledged and whose end was not yet seen
        self.request_ids: set[str] = set()
        self._chance = chance
        self._count = 0

    def work(self, stop: threading.Event) -> None:
        """One random call after the other until the server is gone, or until ``stop``."""
        try:
            while not stop.is_set():
                self._chance.choice((self._role, self._role, self._tag, self._linked, self._cluster, self._cluster, self._poll))()
        except BotoCoreError:  # no answer; an answer that is an error fails the test
            return

    def _new(self) -> str:
        self._count += 1
        return f"{self.name}{self._count}"

    def _have(self, kind: str) -> list[Key]:
        return [key for key in self.things if key[0] == kind and key not in self.leaving]

    def _is_time_to_make(self, kind: str) -> bool:
        return self._chance.randrange(2 * MANY) >= len(self._have(kind))

    def _acknowledged(self, key: Key, then: Any, call: Callable[..., Any], **parameters: Any) -> Any:
        self.doubt = (key, then)
        answer = call(**parameters)
        self._settle(key, then)
        self.request_ids.add(answer["ResponseMetadata"]["RequestId"])
        return answer

    def _settle(self, key: Key, then: Any) -> None:
        self.doubt = None
        if then is None:
            self.things.pop(key, None)
        else:
            self.things[key] = then

    def _role(self) -> None:
        if self._is_time_to_make("role"):
            tags = [{"Key": key, "Value": value} for key, value in TAGS.items()]
            name = self._new()
            self._acknowledged(("role", name), TAGS, self.iam.create_role, RoleName=name, AssumeRolePolicyDocument=TRUST, Tags=tags)
        elif key := self._chance.choice([*self._have("role"), ()]):
            self._acknowledged(key, None, self.iam.delete_role, RoleName=key[1])

    def _tag(self) -> None:
        for key in self._have("role")[:1]:
            tags = {**self.things[key], "first": self._new()}
            self._acknowledged(key, tags, self.iam.tag_role, RoleName=key[1], Tags=[{"Key": "first", "Value": tags["first"]}])

    def _linked(self) -> None:
        if self._is_time_to_make("linked"):
            suffix = self._new()
            key = ("linked", f"AWSServiceRoleForAutoScaling_{suffix}")
            create = self.iam.create_service_linked_role
            self._acknowledged(key, 1, create, AWSServiceName="autoscaling.amazonaws.com", CustomSuffix=suffix)
        elif key := self._chance.choice([*self._have("linked"), ()]):
            self.leaving.add(key)
            self._delete_linked(key)
        elif not self._chance.randrange(4):
            self._delete_linked(("ecs", ECS_ROLE))

    def _delete_linked(self, key: Key) -> None:
        """Not a thing in doubt: once asked for, it may go at any time until its task is seen to end."""
        try:
            answer = self.iam.delete_service_linked_role(RoleName=key[-1])
        except self.iam.exceptions.NoSuchEntityException:
            if key[-1] == ECS_ROLE:  # everybody deletes it
                return
            raise
        self.tasks[answer["DeletionTaskId"]] = key
        self.request_ids.add(answer["ResponseMetadata"]["RequestId"])

    def _cluster(self) -> None:
        if self._is_time_to_make("cluster"):
            region, name = self._chance.choice(REGIONS), self._new()
            self._acknowledged(("cluster", region, name), "ACTIVE", self.ecs[region].create_cluster, clusterName=name)
        elif key := self._chance.choice([*self._have("cluster"), ()]):
            self._acknowledged(key, None, self.ecs[key[1]].delete_cluster, cluster=key[2])

    def _poll(self) -> None:
        for task_id in list(self.tasks)[:3]:
            self.see_end(task_id)

    def see_end(self, task_id: str) -> bool:
        """Whether a deletion is over; then its role is there or not, for certain."""
        status = self.iam.get_service_linked_role_deletion_status(DeletionTaskId=task_id)["Status"]
        if status in ENDED:
            key = self.tasks.pop(task_id)
            self.leaving.discard(key)
            if key[0] == "linked" and status == "SUCCEEDED":
                self.things.pop(key, None)
        return status in ENDED

    def see_all_end(self) -> bool:
        """Whether every deletion that was acknowledged is over."""
        for task_id in list(self.tasks):
            self.see_end(task_id)
        return not self.tasks

    def compare(self) -> None:
        """After a kill: everything acknowledged is there, nothing else, and nothing half."""
        for client in (self.iam, *self.ecs.values()):
            client.close()  # its connections may lead to a process that is gone
        self.see_all_end()
        found = {key: value for key, value in self._found().items() if key not in self.leaving}
        expected = {key: value for key, value in self.things.items() if key not in self.leaving}
        if self.doubt is not None:
            key, then = self.doubt
            if found.get(key) == then:  # it happened; anything but before and after fails below
                self._settle(key, then)
            expected = {key: value for key, value in self.things.items() if key not in self.leaving}
            self.doubt = None
        assert found == expected

    def _found(self) -> dict[Key, Any]:
        found: dict[Key, Any] = {}
        roles = {role["RoleName"] for page in self.iam.get_paginator("list_roles").paginate() for role in page["Roles"]}
        for name in roles:
            if name.startswith(self.name):
                tags = self.iam.list_role_tags(RoleName=name)["Tags"]
                found["role", name] = {tag["Key"]: tag["Value"] for tag in tags}
            elif f"_{self.name}" in name and ("linked", name) not in self.leaving:
                found["linked", name] = len(self.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"])
        for region, ecs in self.ecs.items():
            arns = [arn for page in ecs.get_paginator("list_clusters").paginate() for arn in page["clusterArns"]]
            assert not arns or ECS_ROLE in roles, "a cluster without the role"
            found |= {("cluster", region, arn.rpartition("/")[2]): "ACTIVE" for arn in arns if f"/{self.name}" in arn}
        return found
