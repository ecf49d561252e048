from __future__ import annotations

import json
from typing import Any

import pytest
from support.documents import allow, statement
from support.refusals import Refusal, refusal

ACCOUNT = "123456789012"
HOME = f"arn:aws:ecs:us-east-1:{ACCOUNT}:task-definition/"
ROLES = f"arn:aws:iam::{ACCOUNT}:role/"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}},
    }
)
WEB: dict[str, Any] = {"name": "web", "image": "nginx", "memory": 128}
LISTS: dict[str, Any] = {name: [] for name in ("portMappings", "environment", "mountPoints", "volumesFrom", "systemControls")}
FARGATE: dict[str, Any] = {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}
TAGS = [{"key": "team", "value": "blue"}]


def client_error(message: str) -> Refusal:
    return Refusal("ClientException", 400, message)


def invalid(message: str) -> Refusal:
    return Refusal("InvalidParameterException", 400, message)


UNKNOWN = client_error("Unable to describe task definition.")
NO_NUMBER = invalid("Invalid task definition: Invalid revision number.")


def register(ecs: Any, *containers: dict[str, Any], **more: Any) -> Any:
    given = [{**WEB, **container} for container in containers or ({},)]
    return ecs.register_task_definition(**{"family": "f", "containerDefinitions": given, **more})


@pytest.mark.both_stores
def test_what_was_not_said_is_absent_but_for_the_defaults(stead: Any) -> None:
    """recorded-aws.md 11.2."""
    answer = register(stead.client("ecs"))
    definition = answer["taskDefinition"]
    assert definition.pop("registeredAt")
    assert "tags" not in answer
    assert definition == {
        "taskDefinitionArn": f"{HOME}f:1",
        "family": "f",
        "revision": 1,
        "status": "ACTIVE",
        "containerDefinitions": [{**WEB, **LISTS, "cpu": 0, "essential": True}],
        "volumes": [],
        "placementConstraints": [],
        "compatibilities": ["EXTERNAL", "EC2"],
        "registeredBy": f"arn:aws:iam::{ACCOUNT}:root",
    }


def test_what_fargate_takes(stead: Any) -> None:
    ecs = stead.client("ecs")
    definition = register(ecs, {"portMappings": [{"containerPort": 80}]}, **{**FARGATE, "cpu": ".5 vCPU", "memory": "1GB"})[
        "taskDefinition"
    ]
    assert definition["containerDefinitions"][0]["portMappings"] == [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}]
    assert (definition["cpu"], definition["memory"]) == ("512", "1024")
    assert definition["compatibilities"] == ["EC2", "MANAGED_INSTANCES", "FARGATE"]
    assert definition["requiresAttributes"] == [
        {"name": "com.amazonaws.ecs.capability.docker-remote-api.1.18"},
        {"name": "ecs.capability.task-eni"},
    ]


@pytest.mark.parametrize(
    ("mode", "mapping", "shown"),
    [
        ("bridge", {"containerPort": 80}, {"containerPort": 80, "hostPort": 0, "protocol": "tcp"}),
        ("bridge", {"containerPort": 80, "hostPort": 8080, "protocol": "udp"}, {"containerPort": 80, "hostPort": 8080, "protocol": "udp"}),
        ("host", {"containerPort": 80}, {"containerPort": 80, "hostPort": 80, "protocol": "tcp"}),
        ("awsvpc", {"containerPort": 80, "hostPort": 80}, {"containerPort": 80, "hostPort": 80, "protocol": "tcp"}),
        ("awsvpc", {"containerPortRange": "80-90"}, {"containerPortRange": "80-90", "protocol": "tcp"}),
    ],
)
def test_ports(stead: Any, mode: str, mapping: dict[str, Any], shown: dict[str, Any]) -> None:
    definition = register(stead.client("ecs"), {"portMappings": [mapping]}, networkMode=mode)["taskDefinition"]
    assert definition["containerDefinitions"][0]["portMappings"] == [shown]


OLD, NEW = "com.amazonaws.ecs.capability.", "ecs.capability."
ECR = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/web:1"
AWSLOGS = {"logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-region": "us-east-1"}}
SSM, SECRET = "arn:aws:ssm:us-east-1:1:parameter/p", "arn:aws:secretsmanager:us-east-1:1:secret:s"


@pytest.mark.parametrize(
    ("container", "more", "attributes"),
    [
        ({"privileged": True}, {}, {f"{OLD}privileged-container"}),
        ({"logConfiguration": AWSLOGS}, {}, {f"{OLD}logging-driver.awslogs", f"{OLD}docker-remote-api.1.19"}),
        ({"startTimeout": 5}, {}, {f"{NEW}container-ordering"}),
        ({"stopTimeout": 5}, {}, {f"{NEW}container-ordering"}),
        ({"image": ECR}, {}, {f"{OLD}ecr-auth"}),
        ({"image": ECR}, {"executionRoleArn": "role"}, {f"{OLD}ecr-auth", f"{NEW}execution-role-ecr-pull"}),
        ({}, {"taskRoleArn": "role"}, {f"{OLD}task-iam-role"}),
        ({}, {"taskRoleArn": "role", "networkMode": "host"}, {f"{OLD}task-iam-role-network-host"}),
        (
            {"secrets": [{"name": "A", "valueFrom": "p"}, {"name": "B", "valueFrom": SECRET}]},
            {"executionRoleArn": "role"},
            {f"{NEW}secrets.ssm.environment-variables", f"{NEW}secrets.asm.environment-variables"},
        ),
        ({}, {"pidMode": "task"}, {f"{NEW}pid-ipc-namespace-sharing"}),
    ],
)
def test_attributes_that_are_required(stead: Any, container: dict[str, Any], more: dict[str, Any], attributes: set[str]) -> None:
    stead.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument=TRUST)
    definition = register(stead.client("ecs"), container, **more)["taskDefinition"]
    assert {item["name"] for item in definition["requiresAttributes"]} == attributes


def test_a_health_check_has_aws_defaults(stead: Any) -> None:
    definition = register(stead.client("ecs"), {"healthCheck": {"command": ["CMD", "true"], "retries": 5}})["taskDefinition"]
    shown = {"command": ["CMD", "true"], "interval": 30, "timeout": 5, "retries": 5}
    assert definition["containerDefinitions"][0]["healthCheck"] == shown


NO_SIZE = "See the Amazon ECS documentation for the valid values."
NOT_BOTH = "The secret name must be unique and not shared with any new or existing environment variables set on the container, such as 'A'."
VOLUMES = "Volumes must have names, and these must be unique within a Task Definition."
# Containers, members of the definition, the refusal. The first of several faults is told.
REFUSED: list[tuple[list[dict[str, Any]], dict[str, Any], Refusal]] = [
    ([], {"family": "a b"}, client_error("Family contains invalid characters.")),
    ([], {"family": "a" * 256}, client_error("Family contains invalid characters.")),
    ([], {"family": ""}, client_error("Family should not be null or empty.")),
    ([], {"containerDefinitions": []}, client_error("Container list cannot be empty.")),
    ([{"name": f"c{number}"} for number in range(11)], {}, client_error("Too many containers.")),
    ([], {"containerDefinitions": [{"image": "nginx", "memory": 4}]}, client_error("Container.name should not be null or empty.")),
    ([], {"containerDefinitions": [{"name": "web", "memory": 4}]}, client_error("Container.image should not be null or empty.")),
    ([{"name": "a b"}], {}, client_error("Container.name contains invalid characters.")),
    ([{"image": "$IMAGE"}], {}, client_error("Container.image contains invalid characters.")),
    ([{}, {}], {}, client_error("Container names must be unique within a Task Definition.")),
    ([{"essential": False}], {}, client_error("Task definition doesn't have any essential container.")),
    (
        [],
        {"containerDefinitions": [{"name": "web", "image": "nginx"}]},
        client_error("Invalid setting for container 'web'. At least one of 'memory' or 'memoryReservation' must be specified."),
    ),
    ([{"memory": 600}], {"memory": "512"}, client_error("The 'memory' setting for container 'web' is greater than for the task.")),
    ([{"memoryReservation": 200}], {}, client_error("The 'memoryReservation' setting for container 'web' is greater than its 'memory'.")),
    ([{"cpu": -1}], {}, client_error("Invalid 'cpu' setting for container 'web'.")),
    (
        [{"cpu": 200}, {"name": "b", "cpu": 100}],
        {"cpu": "256"},
        client_error("The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'."),
    ),
    ([], {"cpu": ""}, invalid("Invalid 'cpu' setting for task.")),
    ([], {"cpu": "much"}, invalid("Invalid 'cpu' setting for task.")),
    ([], {"memory": "0"}, invalid("Invalid 'memory' setting for task.")),
    ([{"links": ["b"]}], {"networkMode": "awsvpc"}, client_error("Links are not supported when networkMode=awsvpc.")),
    ([{"hostname": "h"}], {"networkMode": "awsvpc"}, client_error("Hostname is not supported on container when networkMode=awsvpc.")),
    (
        [{"portMappings": [{"containerPort": 80}]}],
        {"networkMode": "none"},
        client_error("Port mappings are not supported when networkMode=none."),
    ),
    ([{"links": ["b"]}], {}, client_error("Invalid 'links' setting for container 'web'.")),
    ([{"portMappings": [{"hostPort": 80}]}], {}, client_error("Invalid 'containerPort' setting for container 'web'.")),
    ([{"portMappings": [{"containerPort": 0}]}], {}, client_error("Invalid 'containerPort' setting for container 'web'.")),
    ([{"portMappings": [{"containerPort": 1, "hostPort": -1}]}], {}, client_error("Invalid 'hostPort' setting for container 'web'.")),
    ([{"portMappings": [{"containerPortRange": "9-1"}]}], {}, client_error("Invalid 'containerPortRange' setting for container 'web'.")),
    (
        [{"portMappings": [{"containerPort": 80, "hostPort": 8080}]}],
        {"networkMode": "awsvpc"},
        client_error("When networkMode=awsvpc, the host ports and container ports in port mappings must match."),
    ),
    ([{"mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}]}], {}, client_error("Unknown volume 'v'.")),
    ([{"volumesFrom": [{"sourceContainer": "b"}]}], {}, client_error("Unknown container 'b'.")),
    ([{"dependsOn": [{"containerName": "web", "condition": "START"}]}], {}, client_error("Container dependsOn contains a cycle")),
    (
        [
            {"dependsOn": [{"containerName": "b", "condition": "START"}]},
            {"name": "b", "dependsOn": [{"containerName": "web", "condition": "START"}]},
        ],
        {},
        client_error("Container dependsOn contains a cycle"),
    ),
    (
        [{"dependsOn": [{"containerName": "b", "condition": "SUCCESS"}]}, {"name": "b"}],
        {},
        client_error("A dependency container with SUCCESS or COMPLETE condition cannot be an essential container"),
    ),
    ([{"dependsOn": [{"containerName": "b", "condition": "START"}]}], {}, client_error("Invalid 'dependsOn' setting for container 'web'.")),
    ([{"healthCheck": {"command": []}}], {}, client_error("Invalid 'healthCheck' setting for container 'web'.")),
    ([{"healthCheck": {"command": ["CMD"], "interval": 4}}], {}, client_error("Invalid 'healthCheck' setting for container 'web'.")),
    (
        [{"secrets": [{"name": "A", "valueFrom": "p"}]}],
        {},
        client_error("When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."),
    ),
    (
        [{"secrets": [{"name": "A", "valueFrom": "p"}, {"name": "A", "valueFrom": "q"}]}],
        {"executionRoleArn": "role"},
        client_error("Duplicate secret names found: A. Each secret name must be unique."),
    ),
    (
        [{"secrets": [{"name": "A", "valueFrom": "p"}], "environment": [{"name": "A", "value": "v"}]}],
        {"executionRoleArn": "role"},
        client_error(NOT_BOTH),
    ),
    (
        [{"logConfiguration": {"logDriver": "awslogs"}}],
        {},
        client_error("Log driver awslogs requires options: awslogs-region, awslogs-group"),
    ),
    ([], {"networkMode": "lan"}, invalid("networkMode should be one of [bridge,host,awsvpc,none]")),
    (
        [{"portMappings": [{"containerPort": 1, "protocol": "ip"}]}],
        {},
        invalid("protocol should be one of [tcp,udp]"),
    ),
    (
        [],
        {"requiresCompatibilities": ["LAMBDA"]},
        invalid("requiresCompatibilities should be one of [EC2,FARGATE,EXTERNAL,MANAGED_INSTANCES]"),
    ),
    ([], {"tags": [{"key": "a"}]}, client_error("Tag value can not be null.")),
    ([], {"taskRoleArn": "nobody"}, client_error("Role is not valid")),
    ([], {"executionRoleArn": f"{ROLES}nobody"}, client_error("Role is not valid")),
    ([], {"executionRoleArn": "arn:aws:iam::999999999999:role/role"}, client_error("Role is not valid")),
    ([], {**FARGATE, "networkMode": "bridge"}, client_error("Fargate only supports network mode ‘awsvpc’.")),  # noqa: RUF001  # recorded
    ([], {**FARGATE, "memory": "4096"}, client_error(f"No Fargate configuration exists for given values: 256 CPU, 4096 memory. {NO_SIZE}")),
    ([], {**FARGATE, "cpu": "300"}, client_error(f"No Fargate configuration exists for given values: 300 CPU, 512 memory. {NO_SIZE}")),
    (
        [],
        {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "memory": "512"},
        client_error("Fargate requires that 'cpu' be defined at the task level."),
    ),
    ([], {**FARGATE, "ipcMode": "task"}, client_error("Tasks using the Fargate launch type do not support ipcMode.")),
    (
        [],
        {**FARGATE, "pidMode": "host"},
        client_error("Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'."),
    ),
    (
        [],
        {**FARGATE, "volumes": [{"name": "v", "host": {"sourcePath": "/"}}]},
        client_error("Fargate compatible task definitions do not support sourcePath"),
    ),
    ([], {"volumes": [{"name": "v"}, {"name": "v"}]}, client_error(VOLUMES)),
    ([], {"proxyConfiguration": {"containerName": "envoy"}}, client_error("Unknown container 'envoy'.")),
    (
        [],
        {**FARGATE, "ephemeralStorage": {"sizeInGiB": 201}},
        client_error("Invalid 'ephemeralStorage' setting for task. The size must be between 21 and 200 GiB."),
    ),
    ([{"privileged": True}], FARGATE, client_error("Fargate compatible task definitions do not support privileged")),
    ([{"stopTimeout": 121}], FARGATE, client_error("Invalid 'stopTimeout' setting for container 'web'.")),
    ([{"startTimeout": 1}], FARGATE, client_error("Invalid 'startTimeout' setting for container 'web'.")),
    (
        [{"logConfiguration": AWSLOGS}],
        FARGATE,
        client_error("Fargate requires task definition to have execution role ARN to support log driver awslogs."),
    ),
    ([{"image": ECR}], FARGATE, client_error("Fargate requires task definition to have execution role ARN to support ECR images.")),
]


@pytest.mark.parametrize(
    ("containers", "more", "expected"), REFUSED, ids=lambda value: value.message[:60] if isinstance(value, Refusal) else ""
)
def test_what_is_refused(stead: Any, containers: list[dict[str, Any]], more: dict[str, Any], expected: Refusal) -> None:
    stead.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument=TRUST)
    ecs = stead.client("ecs")
    assert _refusal(ecs, containers, more) == expected
    assert ecs.list_task_definitions()["taskDefinitionArns"] == []


def _refusal(ecs: Any, containers: list[dict[str, Any]], more: dict[str, Any]) -> Refusal:
    return refusal(lambda **members: register(ecs, *containers, **members), **more)


def test_what_is_too_long(stead: Any) -> None:
    found = refusal(stead.client("ecs").register_task_definition, family="f", containerDefinitions=[{**WEB, "command": ["x" * 65536]}])
    assert (found.code, found.message.partition("'")[0]) == ("ClientException", "Actual length: ")
    assert found.message.endswith("'. Max allowed length is '65536' bytes.")


SIZES = [
    ("256", "512"), ("256", "2048"), ("512", "4096"), ("1024", "8192"), ("2048", "16384"), ("4096", "30720"), ("8192", "61440"), ("16384", "122880"),
]  # fmt: skip
IMPOSSIBLE = [
    ("256", "1536"),
    ("512", "512"),
    ("1024", "1024"),
    ("2048", "17408"),
    ("4096", "31744"),
    ("8192", "17408"),
    ("16384", "36864"),
]


@pytest.mark.parametrize(("cpu", "memory"), [*SIZES, *IMPOSSIBLE])
def test_sizes_of_fargate(stead: Any, cpu: str, memory: str) -> None:
    ecs = stead.client("ecs")
    if (cpu, memory) in SIZES:
        assert register(ecs, **{**FARGATE, "cpu": cpu, "memory": memory})["taskDefinition"]["memory"] == memory
    else:
        assert refusal(register, ecs=ecs, **{**FARGATE, "cpu": cpu, "memory": memory}).code == "ClientException"


@pytest.mark.both_stores
def test_the_life_of_a_revision(stead: Any) -> None:
    """recorded-aws.md 11.2: an identical registration is a new revision, and the numbers go on when all are gone."""
    ecs = stead.client("ecs")
    assert [register(ecs)["taskDefinition"]["revision"] for _ in range(3)] == [1, 2, 3]
    deregistered = ecs.deregister_task_definition(taskDefinition="f:3")["taskDefinition"]
    assert (deregistered["status"], "deregisteredAt" in deregistered) == ("INACTIVE", False)
    assert ecs.describe_task_definition(taskDefinition="f")["taskDefinition"]["revision"] == 2
    shown = ecs.describe_task_definition(taskDefinition="f:3")["taskDefinition"]
    assert (shown["status"], "deregisteredAt" in shown) == ("INACTIVE", True)
    (deleted,) = ecs.delete_task_definitions(taskDefinitions=["f:3"])["taskDefinitions"]
    assert (deleted["status"], deleted["deregisteredAt"]) == ("DELETE_IN_PROGRESS", shown["deregisteredAt"])
    assert ecs.describe_task_definition(taskDefinition=f"{HOME}f:3")["taskDefinition"]["status"] == "DELETE_IN_PROGRESS"
    assert refusal(ecs.deregister_task_definition, taskDefinition="f:3") == client_error(
        "The task definition could not be deregistered because it is in the process of being deleted."
    )
    for number in (1, 2):
        ecs.deregister_task_definition(taskDefinition=f"{HOME}f:{number}")
    assert refusal(ecs.describe_task_definition, taskDefinition="f") == UNKNOWN
    assert register(ecs)["taskDefinition"]["revision"] == 4


@pytest.mark.parametrize(
    ("operation", "reference", "expected"),
    [
        ("describe", "nothing", UNKNOWN),
        ("describe", "f:2", UNKNOWN),
        ("describe", f"{HOME}f:2", UNKNOWN),
        ("describe", "arn:aws:ecs:us-east-1:999999999999:task-definition/f:1", UNKNOWN),
        ("describe", "f:one", NO_NUMBER),
        ("describe", "f:1:2", NO_NUMBER),
        ("describe", "f:99999999999", NO_NUMBER),
        ("describe", "", UNKNOWN),
        ("describe", "arn:aws:ecs:eu-west-1:123456789012:task-definition/f:1", invalid("Invalid Region in ARN")),
        ("describe", f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/f", invalid("Unsupported resource type: cluster")),
        ("deregister", "f", invalid("Revision is missing")),
        ("deregister", "f:one", NO_NUMBER),
        ("deregister", "f:2", UNKNOWN),
    ],
)
def test_references(stead: Any, operation: str, reference: str, expected: Refusal) -> None:
    ecs = stead.client("ecs")
    register(ecs)
    assert refusal(getattr(ecs, f"{operation}_task_definition"), taskDefinition=reference) == expected


def test_problems_of_a_deletion_are_failures(stead: Any) -> None:
    ecs = stead.client("ecs")
    register(ecs)
    register(ecs)
    ecs.deregister_task_definition(taskDefinition="f:2")
    answer = ecs.delete_task_definitions(taskDefinitions=["f:2", "f:1", "g:1", "f", "f:x"])
    assert [item["revision"] for item in answer["taskDefinitions"]] == [2]
    absent = "The specified task definition does not exist. Specify a valid account, family, revision and try again."
    assert {item["arn"]: item["reason"] for item in answer["failures"]} == {
        "f:1": "The specified task definition is still in ACTIVE status. Please deregister the target and try again.",
        "g:1": absent,
        "f": absent,
        "f:x": "Invalid task definition: Invalid revision number.",
    }
    assert (
        refusal(ecs.delete_task_definitions, taskDefinitions=[]).message == "size of TaskDefinition references list must be greater than 0"
    )
    many = [f"f:{number}" for number in range(11)]
    assert refusal(ecs.delete_task_definitions, taskDefinitions=many).message == "Size of TaskDefinition references list cannot exceed 10"


@pytest.mark.both_stores
def test_lists(stead: Any) -> None:
    ecs = stead.client("ecs")
    for family in ("b", "a", "a-b", "a", "B"):
        register(ecs, family=family)
    ecs.deregister_task_definition(taskDefinition="b:1")

    def names(**asked: Any) -> list[str]:
        return [arn.removeprefix(HOME) for arn in ecs.list_task_definitions(**asked)["taskDefinitionArns"]]

    assert names() == ["B:1", "a:1", "a:2", "a-b:1"]
    assert names(sort="DESC") == ["a-b:1", "a:2", "a:1", "B:1"]
    assert names(familyPrefix="a") == ["a:1", "a:2"]
    assert names(status="INACTIVE") == ["b:1"]
    pages = list(ecs.get_paginator("list_task_definitions").paginate(PaginationConfig={"PageSize": 1}))
    assert [page["taskDefinitionArns"] for page in pages] == [[f"{HOME}{name}"] for name in names()]
    assert [page.get("nextToken") for page in pages] == ["B::0000000001", "a::0000000001", "a::0000000002", None]
    pages = list(ecs.get_paginator("list_task_definitions").paginate(sort="DESC", PaginationConfig={"PageSize": 2}))
    assert [len(page["taskDefinitionArns"]) for page in pages] == [2, 2]
    for asked, families in (({}, ["B", "a", "a-b", "b"]), ({"status": "ACTIVE"}, ["B", "a", "a-b"]), ({"status": "INACTIVE"}, ["b"])):
        assert ecs.list_task_definition_families(**asked)["families"] == families
    assert ecs.list_task_definition_families(familyPrefix="a")["families"] == ["a", "a-b"]
    first = ecs.list_task_definition_families(maxResults=3)
    assert ecs.list_task_definition_families(nextToken=first["nextToken"])["families"] == ["b"]


@pytest.mark.parametrize(
    ("operation", "asked", "expected"),
    [
        ("list_task_definitions", {"maxResults": 101}, invalid("maxResults must be between 1 and 100.")),
        ("list_task_definitions", {"nextToken": "nonsense"}, invalid("Invalid token.")),
        ("list_task_definitions", {"sort": "UP"}, invalid("sort should be one of [ASC,DESC]")),
        ("list_task_definitions", {"status": "GONE"}, invalid("status should be one of [ACTIVE,INACTIVE,DELETE_IN_PROGRESS]")),
        ("list_task_definition_families", {"status": "GONE"}, invalid("status should be one of [ACTIVE,INACTIVE,ALL]")),
        ("list_task_definition_families", {"nextToken": "-"}, invalid("Invalid token.")),
        ("describe_task_definition", {"taskDefinition": "f", "include": ["ALL"]}, invalid("include should be one of [TAGS]")),
    ],
)
def test_lists_refuse(stead: Any, operation: str, asked: dict[str, Any], expected: Refusal) -> None:
    assert refusal(getattr(stead.client("ecs"), operation), **asked) == expected


def test_task_definitions_belong_to_their_region(stead: Any) -> None:
    register(stead.client("ecs"))
    elsewhere = stead.client("ecs", region="eu-west-1")
    assert refusal(elsewhere.describe_task_definition, taskDefinition="f") == UNKNOWN
    assert register(elsewhere)["taskDefinition"]["taskDefinitionArn"] == f"arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/f:1"


def test_tags(stead: Any) -> None:
    """Register answers them only if given, Describe always with a list (recorded)."""
    ecs = stead.client("ecs")
    assert register(ecs, tags=TAGS)["tags"] == TAGS
    assert ecs.describe_task_definition(taskDefinition="f")["tags"] == []
    assert ecs.describe_task_definition(taskDefinition="f", include=["TAGS"])["tags"] == TAGS


PASSED = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}


def test_roles_must_be_passed(stead: Any) -> None:
    """aws-behaviour.md 10.1. By name or by ARN, each role for itself, and to the tasks' service."""
    iam = stead.client("iam")
    for name in ("task", "execution"):
        iam.create_role(RoleName=name, Path="/team/", AssumeRolePolicyDocument=TRUST)
    register_all = statement("Allow", "ecs:RegisterTaskDefinition")
    task, execution = f"{ROLES}team/task", f"{ROLES}team/execution"

    def denied(name: str, arn: str) -> Refusal:
        user = f"arn:aws:iam::{ACCOUNT}:user/{name}"
        clause = "because no identity-based policy allows the iam:PassRole action"
        return Refusal("AccessDeniedException", 400, f"User: {user} is not authorized to perform: iam:PassRole on resource: {arn} {clause}")

    nobody = stead.client("ecs", stead.user("nobody", register_all))
    assert register(nobody)["taskDefinition"]["revision"] == 1
    assert refusal(register, ecs=nobody, taskRoleArn=task) == denied("nobody", task)
    assert refusal(register, ecs=nobody, taskRoleArn="task") == denied("nobody", task)
    assert refusal(register, ecs=nobody, executionRoleArn="missing") == denied("nobody", f"{ROLES}missing")
    other = allow("iam:PassRole", task, Condition=PASSED)
    half = stead.client("ecs", stead.user("half", register_all, other))
    assert refusal(register, ecs=half, taskRoleArn=task, executionRoleArn=execution) == denied("half", execution)
    definition = register(half, taskRoleArn="task", executionRoleArn="")["taskDefinition"]
    assert (definition["taskRoleArn"], "executionRoleArn" in definition) == (task, False)
    elsewhere = other.replace("ecs-tasks", "ec2")
    assert refusal(register, ecs=stead.client("ecs", stead.user("ec2", register_all, elsewhere)), taskRoleArn=task) == denied("ec2", task)


CONDITIONS = [
    ({"StringEquals": {"ecs:privileged": "false"}}, {"privileged": True}, {}),
    ({"NumericLessThanEquals": {"ecs:task-cpu": "256"}}, {}, {"cpu": "1 vCPU", "memory": "2048"}),
    ({"NumericLessThanEquals": {"ecs:task-memory": "512"}}, {}, {"cpu": "256", "memory": "1024"}),
    ({"ForAllValues:StringEquals": {"ecs:compute-compatibility": ["FARGATE"]}}, {}, {"requiresCompatibilities": ["EC2", "FARGATE"]}),
    ({"StringEquals": {"aws:RequestTag/team": "blue"}}, {}, {"tags": [{"key": "team", "value": "red"}]}),
]


@pytest.mark.parametrize(("condition", "container", "more"), CONDITIONS)
def test_condition_keys(stead: Any, condition: dict[str, Any], container: dict[str, Any], more: dict[str, Any]) -> None:
    """policy-evaluation.md 8.6."""
    ecs = stead.client("ecs", stead.user("alice", allow("ecs:*", f"{HOME}f:*", Condition=condition)))
    assert register(ecs, **{**FARGATE, "tags": TAGS})["taskDefinition"]["revision"] == 1
    refused = _refusal(ecs, [container], {**FARGATE, "tags": TAGS, **more})
    assert refused.code == "AccessDeniedException"
    assert f"ecs:RegisterTaskDefinition on resource: {HOME}f:*" in refused.message


def test_one_denial_fails_a_deletion(stead: Any) -> None:
    """policy-evaluation.md 2.9."""
    ecs = stead.client("ecs")
    for family in ("mine", "yours"):
        register(ecs, family=family)
        ecs.deregister_task_definition(taskDefinition=f"{family}:1")
    document = allow("ecs:DeleteTaskDefinitions", f"{HOME}mine:*")
    mine = stead.client("ecs", stead.user("alice", document))
    assert f"on resource: {HOME}yours:1 " in refusal(mine.delete_task_definitions, taskDefinitions=["mine:1", "yours:1"]).message
    assert mine.delete_task_definitions(taskDefinitions=["mine:1"])["failures"] == []


def test_environment_values_are_no_part_of_the_event(stead: Any) -> None:
    """recorded-aws.md 13."""
    register(stead.client("ecs"), {"environment": [{"name": "PASSWORD", "value": "of-the-database"}]})
    (event,) = stead.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "RegisterTaskDefinition"}]
    )["Events"]
    assert "of-the-database" not in event["CloudTrailEvent"]
    assert "PASSWORD" in event["CloudTrailEvent"]
