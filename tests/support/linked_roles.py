"""What the tests of linked roles share: clusters and service work as rows, deletions step by step, catalogue entries of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stead.aws.ids import new_uuid
from stead.store.tables import clusters, role_usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stead.store.engine import Store

ACCOUNT = "123456789012"
ECS = "ecs.amazonaws.com"
ROLE = "AWSServiceRoleForECS"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{ECS}/{ROLE}"
TASK_ID = r"task/aws-service-role/ecs\.amazonaws\.com/AWSServiceRoleForECS/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def make(iam: Any) -> Any:
    """The ECS role, made; as CreateServiceLinkedRole answers it."""
    return iam.create_service_linked_role(AWSServiceName=ECS)["Role"]


def delete(iam: Any, name: str = ROLE) -> str:
    """The id of a deletion's task."""
    task_id: str = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    return task_id


def status(iam: Any, task_id: str) -> Any:
    """(Status, Reason or None) of a task."""
    answer = iam.get_service_linked_role_deletion_status(DeletionTaskId=task_id)
    return answer["Status"], answer.get("Reason")


def exists(iam: Any, name: str = ROLE) -> bool:
    """Whether a role has this name."""
    return name in {role["RoleName"] for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]}


def cluster(store: Store, region: str, name: str, state: str = "ACTIVE") -> str:
    """A cluster as a row; its ARN."""
    arn = f"arn:aws:ecs:{region}:{ACCOUNT}:cluster/{name}"
    empty = {"settings": "[]", "capacity_providers": "[]", "default_strategy": "[]", "request": "{}"}
    with store.write() as db:
        db.insert(clusters, arn=arn, account_id=ACCOUNT, region=region, name=name, status=state, created=0, **empty)
    return arn


def work(store: Store, role_id: str, region: str, resource: str, ended: int | None = None) -> None:
    """A unit of service work under a role (design D18)."""
    with store.write() as db:
        same = {"role_id": role_id, "region": region, "resource": resource, "session_name": "ecs-service-scheduler", "started": 0}
        db.insert(role_usage, id=new_uuid(), ended=ended, **same)


class Answers:
    """Neighbours that hold what a test says: (service, operation) -> Region -> answer, or an exception."""

    def __init__(self, held: Mapping[tuple[str, str], Mapping[str, Any]], regions: Iterable[str] = ("eu-west-1", "us-east-1")) -> None:
        self._held = held
        self._regions = tuple(regions)

    def used_regions(self, service: str) -> tuple[str, ...]:
        """Where something may be, for services of which the test says anything."""
        return self._regions if any(service == known for known, _ in self._held) else ()

    def ask(self, service: str, region: str, operation: str, _parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer said for this Region."""
        answer = self._held[service, operation][region]
        if isinstance(answer, Exception):
            raise answer
        found: Mapping[str, Any] = answer
        return found
