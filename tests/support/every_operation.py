"""One call of every operation: what must exist for it, and its parameters. A new operation without a row here fails the journey of agreement.

A row is a function of the :class:`World`, which makes fresh things as root, all of them with a tag.
"""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from support.documents import allow
from support.stead import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.process import Running

    Row = Callable[["World"], dict[str, Any]]

TAGS = [{"Key": "team", "Value": "blue"}]
ECS_TAGS = [{"key": "team", "value": "blue"}]
DOCUMENT = allow("s3:GetObject")
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
            "Principal": {"AWS": ACCOUNT},
        },
    }
)


class World:
    """A running Stead, and root's hand in it."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.iam = running.client("iam")
        self.ecs = running.client("ecs")
        self._numbers = count(1)

    def name(self) -> str:
        """A name that nothing has."""
        return f"thing-{next(self._numbers)}"

    def user(self) -> str:
        """A user's name."""
        return str(self.iam.create_user(UserName=self.name(), Tags=TAGS)["User"]["UserName"])

    def group(self) -> str:
        """A group's name."""
        return str(self.iam.create_group(GroupName=self.name())["Group"]["GroupName"])

    def role(self) -> str:
        """A role's name; it trusts the account."""
        return str(self.iam.create_role(RoleName=self.name(), AssumeRolePolicyDocument=TRUST, Tags=TAGS)["Role"]["RoleName"])

    def policy(self) -> str:
        """A managed policy's ARN."""
        return str(self.iam.create_policy(PolicyName=self.name(), PolicyDocument=DOCUMENT, Tags=TAGS)["Policy"]["Arn"])

    def profile(self) -> str:
        """An instance profile's name."""
        name: str = self.iam.create_instance_profile(InstanceProfileName=self.name(), Tags=TAGS)["InstanceProfile"]["InstanceProfileName"]
        return name

    def cluster(self) -> str:
        """A cluster's ARN."""
        return str(self.ecs.create_cluster(clusterName=self.name(), tags=ECS_TAGS)["cluster"]["clusterArn"])

    def family(self) -> dict[str, Any]:
        """A task definition that is to be registered, with all that policies look at."""
        return {
            "family": self.name(),
            "containerDefinitions": [{"name": "web", "image": "nginx"}],
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "taskRoleArn": self.iam.get_role(RoleName=self.role())["Role"]["Arn"],
            "tags": ECS_TAGS,
        }

    def definition(self) -> str:
        """A task definition, as family and revision."""
        made = self.ecs.register_task_definition(**self.family())["taskDefinition"]
        return f"{made['family']}:{made['revision']}"

    def bridge(self) -> str:
        """The ARN of a task definition that needs no network."""
        size = {"cpu": "256", "memory": "512"}
        container = {"name": "web", "image": "nginx"}
        made = self.ecs.register_task_definition(family=self.name(), containerDefinitions=[container], tags=ECS_TAGS, **size)
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def service_wish(self) -> dict[str, Any]:
        """A service that needs nothing outside, as it is asked for."""
        named = {"cluster": self.cluster(), "serviceName": self.name(), "taskDefinition": self.bridge()}
        return {**named, "desiredCount": 0, "tags": ECS_TAGS}

    def service(self) -> dict[str, Any]:
        """A service and its cluster, as the parameters of its calls."""
        wish = self.service_wish()
        self.ecs.create_service(**wish)
        return {"cluster": wish["cluster"], "service": wish["serviceName"]}

    def services(self) -> dict[str, Any]:
        """Two services of one cluster."""
        wish = self.service_wish()
        names = [wish["serviceName"], self.name()]
        for name in names:
            self.ecs.create_service(**{**wish, "serviceName": name})
        return {"cluster": wish["cluster"], "services": names}

    def deregistered(self) -> str:
        """One that is INACTIVE."""
        name = self.definition()
        self.ecs.deregister_task_definition(taskDefinition=name)
        return name

    def attribute(self) -> dict[str, Any]:
        """Attributes of two container instances."""
        items = [{"name": "stack", "value": "blue", "targetId": self.name(), "targetType": "container-instance"} for _ in range(2)]
        return {"cluster": self.cluster(), "attributes": items}

    def instance(self) -> dict[str, Any]:
        """A container instance and its cluster, as the parameters of its calls."""
        cluster = self.cluster()
        resources = [{"name": name, "type": "INTEGER", "integerValue": 4096} for name in ("CPU", "MEMORY")]
        made = self.ecs.register_container_instance(cluster=cluster, totalResources=resources, tags=ECS_TAGS)["containerInstance"]
        return {"cluster": cluster, "containerInstance": made["containerInstanceArn"]}

    def instances(self) -> dict[str, Any]:
        """Two of one cluster, likewise."""
        one = self.instance()
        other = self.ecs.register_container_instance(cluster=one["cluster"], tags=ECS_TAGS)["containerInstance"]
        return {"cluster": one["cluster"], "containerInstances": [one["containerInstance"], other["containerInstanceArn"]]}

    def bridge_task(self) -> dict[str, Any]:
        """A task on an instance of its own, and its cluster, likewise."""
        cluster = self.instance()["cluster"]
        (task,) = self.ecs.run_task(cluster=cluster, taskDefinition=self.bridge(), tags=ECS_TAGS)["tasks"]
        return {"cluster": cluster, "task": task["taskArn"]}

    def start(self) -> dict[str, Any]:
        """What StartTask needs: the instance is named."""
        where = self.instance()
        wish = {"containerInstances": [where["containerInstance"]], "taskDefinition": self.bridge(), "tags": ECS_TAGS}
        return {"cluster": where["cluster"], **wish}

    def bridge_tasks(self) -> dict[str, Any]:
        """Two of one cluster, likewise."""
        cluster = self.instance()["cluster"]
        tasks = self.ecs.run_task(cluster=cluster, taskDefinition=self.bridge(), count=2, tags=ECS_TAGS)["tasks"]
        return {"cluster": cluster, "tasks": [task["taskArn"] for task in tasks]}

    def key(self, user: str) -> str:
        """An access key's id."""
        return str(self.iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"])

    def linked(self) -> str:
        """A linked role's name, of a service that allows several."""
        made = self.iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix=self.name())
        return str(made["Role"]["RoleName"])

    def inline(self, kind: str) -> dict[str, Any]:
        """An owner with an inline policy, as the parameters of its calls."""
        owner = self.owner(kind)
        getattr(self.iam, f"put_{kind}_policy")(**owner, PolicyName="inline", PolicyDocument=DOCUMENT)
        return {**owner, "PolicyName": "inline"}

    def attached(self, kind: str) -> dict[str, Any]:
        """An owner with an attached policy, likewise."""
        held = {**self.owner(kind), "PolicyArn": self.policy()}
        getattr(self.iam, f"attach_{kind}_policy")(**held)
        return held

    def owner(self, kind: str) -> dict[str, Any]:
        """A user, group or role, as the parameter that names it."""
        make = {"user": self.user, "group": self.group, "role": self.role}
        return {f"{kind.capitalize()}Name": make[kind]()}

    def bounded(self, kind: str) -> dict[str, Any]:
        """An owner with a boundary."""
        owner = self.owner(kind)
        getattr(self.iam, f"put_{kind}_permissions_boundary")(**owner, PermissionsBoundary=self.policy())
        return owner

    def second_version(self) -> dict[str, Any]:
        """A policy with a version that is not the default one."""
        arn = self.policy()
        self.iam.create_policy_version(PolicyArn=arn, PolicyDocument=DOCUMENT)
        return {"PolicyArn": arn, "VersionId": "v2"}

    def member(self) -> dict[str, Any]:
        """A user in a group."""
        both = {"GroupName": self.group(), "UserName": self.user()}
        self.iam.add_user_to_group(**both)
        return both

    def filled(self) -> dict[str, Any]:
        """A profile with a role in it."""
        both = {"InstanceProfileName": self.profile(), "RoleName": self.role()}
        self.iam.add_role_to_instance_profile(**both)
        return both

    def key_of_user(self) -> dict[str, Any]:
        """A user with a key."""
        user = self.user()
        return {"UserName": user, "AccessKeyId": self.key(user)}

    def arn(self, user: str) -> str:
        """A user's ARN."""
        return str(self.iam.get_user(UserName=user)["User"]["Arn"])

    def report(self) -> str:
        """The id of an access report."""
        return str(self.iam.generate_service_last_accessed_details(Arn=self.arn(self.user()))["JobId"])

    def refused(self) -> str:
        """The authorization id of a refused call, by a user who has a policy."""
        held = self.attached("user")
        made = self.iam.create_access_key(UserName=held["UserName"])["AccessKey"]
        with pytest.raises(ClientError) as caught:
            self.running.client("iam", (made["AccessKeyId"], made["SecretAccessKey"])).list_users()
        return str(caught.value.response["Error"]["Message"]).rpartition(" ")[2]

    def refused_by_policy(self) -> dict[str, Any]:
        """The same with the URI of its policy."""
        name = self.refused()
        policies = self.running.client("iam-toolbox").get_request_authorization_details(authorizationId=name)["policies"]
        return {"authorizationId": name, "policyUri": policies[0]["uri"]}

    def deletion(self) -> str:
        """The id of a deletion task."""
        return str(self.iam.delete_service_linked_role(RoleName=self.linked())["DeletionTaskId"])


_IAM: dict[str, Row] = {
    "AddRoleToInstanceProfile": lambda w: {"InstanceProfileName": w.profile(), "RoleName": w.role()},
    "AddUserToGroup": lambda w: {"GroupName": w.group(), "UserName": w.user()},
    "CreateAccessKey": lambda w: {"UserName": w.user()},
    "CreateGroup": lambda w: {"GroupName": w.name(), "Path": "/teams/"},
    "CreateInstanceProfile": lambda w: {"InstanceProfileName": w.name(), "Tags": TAGS},
    "CreatePolicy": lambda w: {"PolicyName": w.name(), "PolicyDocument": DOCUMENT, "Tags": TAGS},
    "CreatePolicyVersion": lambda w: {"PolicyArn": w.policy(), "PolicyDocument": DOCUMENT},
    "CreateRole": lambda w: {"RoleName": w.name(), "AssumeRolePolicyDocument": TRUST, "PermissionsBoundary": w.policy(), "Tags": TAGS},
    "CreateServiceLinkedRole": lambda w: {"AWSServiceName": "autoscaling.amazonaws.com", "CustomSuffix": w.name()},
    "CreateUser": lambda w: {"UserName": w.name(), "PermissionsBoundary": w.policy(), "Tags": TAGS},
    "DeleteAccessKey": World.key_of_user,
    "DeleteGroup": lambda w: w.owner("group"),
    "DeleteInstanceProfile": lambda w: {"InstanceProfileName": w.profile()},
    "DeletePolicy": lambda w: {"PolicyArn": w.policy()},
    "DeletePolicyVersion": World.second_version,
    "DeleteRole": lambda w: w.owner("role"),
    "DeleteRolePermissionsBoundary": lambda w: w.bounded("role"),
    "DeleteServiceLinkedRole": lambda w: {"RoleName": w.linked()},
    "DeleteUser": lambda w: w.owner("user"),
    "DeleteUserPermissionsBoundary": lambda w: w.bounded("user"),
    "GenerateServiceLastAccessedDetails": lambda w: {"Arn": w.arn(w.user())},
    "GetAccessKeyLastUsed": lambda w: {"AccessKeyId": w.key(w.user())},
    "GetAccountAuthorizationDetails": lambda _: {"MaxItems": 1},
    "GetAccountSummary": lambda _: {},
    "GetContextKeysForCustomPolicy": lambda _: {"PolicyInputList": [DOCUMENT]},
    "GetContextKeysForPrincipalPolicy": lambda w: {"PolicySourceArn": w.arn(w.user())},
    "GetGroup": lambda w: w.owner("group"),
    "GetInstanceProfile": lambda w: {"InstanceProfileName": w.profile()},
    "GetPolicy": lambda w: {"PolicyArn": w.policy()},
    "GetPolicyVersion": World.second_version,
    "GetRequestAuthorizationDetails": lambda w: {"authorizationId": w.refused()},
    "GetRequestAuthorizationPolicy": World.refused_by_policy,
    "GetRole": lambda w: w.owner("role"),
    "GetServiceLastAccessedDetails": lambda w: {"JobId": w.report()},
    "GetServiceLastAccessedDetailsWithEntities": lambda w: {"JobId": w.report(), "ServiceNamespace": "iam"},
    "GetServiceLinkedRoleDeletionStatus": lambda w: {"DeletionTaskId": w.deletion()},
    "GetUser": lambda w: w.owner("user"),
    "ListAccessKeys": lambda w: w.owner("user"),
    "ListEntitiesForPolicy": lambda w: {"PolicyArn": w.policy()},
    "ListGroups": lambda _: {"MaxItems": 1},
    "ListGroupsForUser": lambda w: w.owner("user"),
    "ListInstanceProfileTags": lambda w: {"InstanceProfileName": w.profile()},
    "ListInstanceProfiles": lambda _: {"MaxItems": 1},
    "ListInstanceProfilesForRole": lambda w: w.owner("role"),
    "ListPolicies": lambda _: {"MaxItems": 1},
    "ListPoliciesGrantingServiceAccess": lambda w: {"Arn": w.arn(w.user()), "ServiceNamespaces": ["iam"]},
    "ListPolicyTags": lambda w: {"PolicyArn": w.policy()},
    "ListPolicyVersions": lambda w: {"PolicyArn": w.policy()},
    "ListRoleTags": lambda w: w.owner("role"),
    "ListRoles": lambda _: {"MaxItems": 1},
    "ListUserTags": lambda w: w.owner("user"),
    "ListUsers": lambda _: {"MaxItems": 1},
    "PutRolePermissionsBoundary": lambda w: {**w.owner("role"), "PermissionsBoundary": w.policy()},
    "PutUserPermissionsBoundary": lambda w: {**w.owner("user"), "PermissionsBoundary": w.policy()},
    "RemoveRoleFromInstanceProfile": World.filled,
    "RemoveUserFromGroup": World.member,
    "SetDefaultPolicyVersion": World.second_version,
    "SimulateCustomPolicy": lambda _: {"PolicyInputList": [DOCUMENT], "ActionNames": ["s3:GetObject"]},
    "SimulatePrincipalPolicy": lambda w: {"PolicySourceArn": w.arn(w.user()), "ActionNames": ["s3:GetObject"]},
    "TagInstanceProfile": lambda w: {"InstanceProfileName": w.profile(), "Tags": TAGS},
    "TagPolicy": lambda w: {"PolicyArn": w.policy(), "Tags": TAGS},
    "TagRole": lambda w: {**w.owner("role"), "Tags": TAGS},
    "TagUser": lambda w: {**w.owner("user"), "Tags": TAGS},
    "UntagInstanceProfile": lambda w: {"InstanceProfileName": w.profile(), "TagKeys": ["team", "other"]},
    "UntagPolicy": lambda w: {"PolicyArn": w.policy(), "TagKeys": ["team"]},
    "UntagRole": lambda w: {**w.owner("role"), "TagKeys": ["team"]},
    "UntagUser": lambda w: {**w.owner("user"), "TagKeys": ["team"]},
    "UpdateAccessKey": lambda w: {**w.key_of_user(), "Status": "Inactive"},
    "UpdateAssumeRolePolicy": lambda w: {**w.owner("role"), "PolicyDocument": TRUST},
    "UpdateGroup": lambda w: {**w.owner("group"), "NewGroupName": w.name()},
    "UpdateRole": lambda w: {**w.owner("role"), "Description": "other"},
    "UpdateRoleDescription": lambda w: {**w.owner("role"), "Description": "other"},
    "UpdateUser": lambda w: {**w.owner("user"), "NewUserName": w.name()},
}


def _of_owners(kind: str) -> dict[str, Row]:
    """The seven operations on the policies of one kind of owner."""
    noun = kind.capitalize()
    return {
        f"Put{noun}Policy": lambda w: {**w.owner(kind), "PolicyName": "inline", "PolicyDocument": DOCUMENT},
        f"Get{noun}Policy": lambda w: w.inline(kind),
        f"List{noun}Policies": lambda w: w.owner(kind),
        f"Delete{noun}Policy": lambda w: w.inline(kind),
        f"Attach{noun}Policy": lambda w: {**w.owner(kind), "PolicyArn": w.policy()},
        f"Detach{noun}Policy": lambda w: w.attached(kind),
        f"ListAttached{noun}Policies": lambda w: w.owner(kind),
    }


_ECS: dict[str, Row] = {
    "CreateCapacityProvider": lambda w: {"name": w.name(), "tags": ECS_TAGS},
    "CreateCluster": lambda w: {"clusterName": w.name(), "tags": ECS_TAGS, "capacityProviders": ["FARGATE"]},
    "CreateService": lambda w: {**w.service_wish(), "role": w.role()},
    "DeleteAccountSetting": lambda _: {"name": "awsvpcTrunking"},
    "DeleteAttributes": World.attribute,
    "DeleteCapacityProvider": lambda w: {"capacityProvider": w.name()},
    "DeleteCluster": lambda w: {"cluster": w.cluster()},
    "DeleteService": World.service,
    "DeleteTaskDefinitions": lambda w: {"taskDefinitions": [w.deregistered(), w.deregistered()]},
    "DeregisterContainerInstance": World.instance,
    "DeregisterTaskDefinition": lambda w: {"taskDefinition": w.definition()},
    "DescribeCapacityProviders": lambda w: {"capacityProviders": [w.name(), w.name()]},
    "DescribeClusters": lambda w: {"clusters": [w.cluster(), w.cluster()]},
    "DescribeContainerInstances": World.instances,
    "DescribeServices": World.services,
    "DescribeTaskDefinition": lambda w: {"taskDefinition": w.definition()},
    "DescribeTasks": World.bridge_tasks,
    "DiscoverPollEndpoint": lambda _: {},
    "ExecuteCommand": lambda w: {**w.bridge_task(), "command": "ls", "container": "web", "interactive": True},
    "ListAccountSettings": lambda _: {},
    "ListAttributes": lambda w: {"cluster": w.cluster(), "targetType": "container-instance"},
    "ListClusters": lambda _: {},
    "ListContainerInstances": lambda w: {"cluster": w.cluster()},
    "ListServices": lambda w: {"cluster": w.cluster()},
    "ListTagsForResource": lambda w: {"resourceArn": w.cluster()},
    "ListTaskDefinitionFamilies": lambda _: {},
    "ListTaskDefinitions": lambda _: {},
    "ListTasks": World.instance,
    "PutAccountSetting": lambda _: {"name": "awsvpcTrunking", "value": "enabled"},
    "PutAccountSettingDefault": lambda _: {"name": "awsvpcTrunking", "value": "enabled"},
    "PutAttributes": World.attribute,
    "PutClusterCapacityProviders": lambda w: {
        "cluster": w.cluster(),
        "capacityProviders": ["FARGATE"],
        "defaultCapacityProviderStrategy": [],
    },
    "RegisterContainerInstance": lambda w: {"cluster": w.cluster(), "tags": ECS_TAGS},
    "RegisterTaskDefinition": World.family,
    "RunTask": lambda w: {"cluster": w.instance()["cluster"], "taskDefinition": w.bridge(), "tags": ECS_TAGS},
    "StartTask": World.start,
    "StopTask": World.bridge_task,
    "SubmitAttachmentStateChanges": lambda w: {"cluster": w.cluster(), "attachments": []},
    "SubmitContainerStateChange": lambda w: {**w.bridge_task(), "containerName": "web", "status": "RUNNING"},
    "SubmitTaskStateChange": lambda w: {**w.bridge_task(), "status": "RUNNING"},
    "TagResource": lambda w: {"resourceArn": w.cluster(), "tags": ECS_TAGS},
    "UntagResource": lambda w: {"resourceArn": w.cluster(), "tagKeys": ["team"]},
    "UpdateCapacityProvider": lambda w: {"name": w.name()},
    "UpdateCluster": lambda w: {"cluster": w.cluster(), "settings": [{"name": "containerInsights", "value": "enabled"}]},
    "UpdateClusterSettings": lambda w: {"cluster": w.cluster(), "settings": [{"name": "containerInsights", "value": "enabled"}]},
    "UpdateContainerAgent": World.instance,
    "UpdateContainerInstancesState": lambda w: {**w.instances(), "status": "DRAINING"},
    "UpdateService": lambda w: {**w.service(), "taskDefinition": w.bridge()},
}

_STS: dict[str, Row] = {
    "AssumeRole": lambda w: {
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{w.role()}",
        "RoleSessionName": "session",
        "ExternalId": "external",
        "SourceIdentity": "somebody",
        "Tags": TAGS,
        "TransitiveTagKeys": ["team"],
    },
    "DecodeAuthorizationMessage": lambda _: {"EncodedMessage": "none-that-we-encoded"},
    "GetAccessKeyInfo": lambda w: {"AccessKeyId": w.key(w.user())},
    "GetCallerIdentity": lambda _: {},
    "GetSessionToken": lambda _: {},
}

CALLS: dict[str, Row] = {
    **{f"iam:{name}": row for name, row in _IAM.items()},
    **{f"iam:{name}": row for kind in ("user", "group", "role") for name, row in _of_owners(kind).items()},
    **{f"ecs:{name}": row for name, row in _ECS.items()},
    **{f"sts:{name}": row for name, row in _STS.items()},
    "cloudtrail:LookupEvents": lambda _: {"MaxResults": 1},
}
