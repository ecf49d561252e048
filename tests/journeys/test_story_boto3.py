"""The life of the ECS linked role in boto3, over a real server: by a user with the guide's three policies, and by nobody in particular."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from support import process
from support.linked_roles import ECS, ROLE, ROLE_ARN, delete, exists, status
from support.refusals import Refusal, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.process import Running

POLICIES = Path(__file__).parents[2] / "docs" / "policies"
REGIONS = ("ap-northeast-1", "eu-west-1", "us-east-1")
CAROL = "arn:aws:iam::123456789012:user/carol"
TAKEN = f"Service role name {ROLE} has been taken in this account, please try a different suffix."
PROTECTED = Refusal(
    "UnmodifiableEntity", 400, f"Cannot perform the operation on the protected role '{ROLE}' - this role is only modifiable by AWS"
)
GONE = Refusal("NoSuchEntity", 404, f"The role with name {ROLE} cannot be found.")
SERVICE_POLICY = "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": ECS}, "Action": "sts:AssumeRole"}],
}

Key = tuple[str, str]


def user(served: Running, name: str, *policies: str) -> Key:
    """A user with these policies of docs/policies; the access key."""
    iam = served.client("iam")
    iam.create_user(UserName=name)
    for policy in policies:
        iam.put_user_policy(UserName=name, PolicyName=policy, PolicyDocument=(POLICIES / f"{policy}.json").read_text("utf-8"))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return made["AccessKeyId"], made["SecretAccessKey"]


@pytest.fixture
def carol(served: Running) -> Key:
    """The key of a user with the three documented policies, and clusters."""
    return user(served, "carol", "create-linked-role", "edit-linked-role", "delete-linked-role", "manage-clusters")


def ended(iam: Any, task_id: str) -> Any:
    """(Status, Reason or None) of a deletion once it has ended."""
    return process.until(lambda: (found := status(iam, task_id))[0] in {"SUCCEEDED", "FAILED"} and found)


def in_use(*regions: str) -> tuple[str, dict[str, Any]]:
    """A deletion that failed because of the cluster `web` in these Regions."""
    usage = [{"Region": region, "Resources": [f"arn:aws:ecs:{region}:123456789012:cluster/web"]} for region in regions]
    return "FAILED", {"Reason": "Role in use.", "RoleUsageList": usage}


@pytest.mark.both_stores
def test_a_user_with_the_documented_policies_lives_the_whole_life(served: Running, carol: Key) -> None:
    root, iam = served.client("iam"), served.client("iam", carol)

    made = iam.create_service_linked_role(AWSServiceName=ECS)["Role"]
    assert made["Arn"] == ROLE_ARN
    assert set(made) == {"Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument"}
    assert refusal(iam.create_service_linked_role, AWSServiceName=ECS) == Refusal("InvalidInput", 400, TAKEN)

    seen = root.get_role(RoleName=ROLE)["Role"]
    assert (seen["Arn"], seen["RoleId"], seen["AssumeRolePolicyDocument"]) == (ROLE_ARN, made["RoleId"], TRUST)
    assert [policy["PolicyArn"] for policy in root.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]] == [SERVICE_POLICY]

    assert iam.update_role_description(RoleName=ROLE, Description="ours")["Role"]["Description"] == "ours"

    ecs = {region: served.client("ecs", carol, region) for region in REGIONS}
    for client in ecs.values():
        assert client.create_cluster(clusterName="web")["cluster"]["status"] == "ACTIVE"
    first = delete(iam)
    assert ended(iam, first) == in_use(*REGIONS)
    for region in REGIONS[:2]:
        assert ecs[region].delete_cluster(cluster="web")["cluster"]["status"] == "INACTIVE"
    second = delete(iam)
    assert second != first
    assert ended(iam, second) == in_use(REGIONS[2])
    ecs[REGIONS[2]].delete_cluster(cluster="web")
    assert ended(iam, delete(iam)) == ("SUCCEEDED", None)
    assert refusal(root.get_role, RoleName=ROLE) == GONE
    assert refusal(iam.delete_service_linked_role, RoleName=ROLE) == GONE
    assert status(iam, first) == in_use(*REGIONS), "an ended task can still be asked for"

    ecs["eu-west-1"].create_cluster(clusterName="web")
    again = root.get_role(RoleName=ROLE)["Role"]
    assert again["Arn"] == ROLE_ARN
    assert again["RoleId"] != made["RoleId"]
    assert again["Description"] == "Policy to enable Amazon ECS to manage your EC2 instances and related resources."


def test_nobody_bends_the_role(served: Running) -> None:
    """Each mutation is tried by root, whom no policy restricts."""
    iam = served.client("iam")
    iam.create_service_linked_role(AWSServiceName=ECS)
    text = (POLICIES / "manage-clusters.json").read_text("utf-8")
    trust = (POLICIES / "trust-ecs.json").read_text("utf-8")
    attached = {"RoleName": ROLE, "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    before = iam.get_role(RoleName=ROLE)["Role"]

    assert refusal(iam.attach_role_policy, **attached) == PROTECTED
    assert refusal(iam.detach_role_policy, RoleName=ROLE, PolicyArn=SERVICE_POLICY) == PROTECTED
    assert refusal(iam.put_role_policy, RoleName=ROLE, PolicyName="more", PolicyDocument=text) == PROTECTED
    assert refusal(iam.update_assume_role_policy, RoleName=ROLE, PolicyDocument=trust) == PROTECTED
    assert refusal(iam.put_role_permissions_boundary, RoleName=ROLE, PermissionsBoundary=attached["PolicyArn"]) == PROTECTED
    assert refusal(iam.delete_role, RoleName=ROLE) == PROTECTED
    duration = refusal(iam.update_role, RoleName=ROLE, MaxSessionDuration=7200)
    assert duration.message == f"{ROLE} is an AWS service linked role, max session duration cannot be changed."
    impostor = refusal(iam.create_role, RoleName="Impostor", Path=f"/aws-service-role/{ECS}/", AssumeRolePolicyDocument=trust)
    assert impostor.message == "Path prefix '/aws-service-role/' can only be used for AWS Service linked Roles"

    assert iam.get_role(RoleName=ROLE)["Role"] == before


def test_the_documented_policies_go_no_further(served: Running, carol: Key) -> None:
    iam, sts = served.client("iam", carol), served.client("sts", carol)
    iam.create_service_linked_role(AWSServiceName=ECS)
    allowed = f"User: {CAROL} is not authorized to perform: "
    other = "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    because = " because no identity-based policy allows the {} action"
    cases = (
        (sts.assume_role, {"RoleArn": ROLE_ARN, "RoleSessionName": "carol"}, f"{allowed}sts:AssumeRole on resource: {ROLE_ARN}"),
        (iam.get_role, {"RoleName": ROLE}, f"{allowed}iam:GetRole on resource: role {ROLE}" + because.format("iam:GetRole")),
        (
            iam.create_service_linked_role,
            {"AWSServiceName": "autoscaling.amazonaws.com"},
            f"{allowed}iam:CreateServiceLinkedRole on resource: {other}" + because.format("iam:CreateServiceLinkedRole"),
        ),
    )
    for call, parameters, message in cases:
        assert refusal(call, **parameters) == Refusal("AccessDenied", 403, message)


def test_a_cluster_without_the_permission_to_make_the_role(served: Running) -> None:
    """CreateCluster still succeeds, and no role is made (recorded; design D14)."""
    erin = user(served, "erin", "manage-clusters")
    assert served.client("ecs", erin).create_cluster(clusterName="web")["cluster"]["status"] == "ACTIVE"
    assert not exists(served.client("iam"))


def nobodies(served: Running) -> Iterator[tuple[Key, str, str]]:
    """Keys that mean nothing, with IAM's and ECS's words for them."""
    dave = user(served, "dave")
    unknown = "The security token included in the request is invalid."
    wrong = "The request signature we calculated does not match the signature you provided."
    yield ("AKIAAAAAAAAAAAAAAAAA", "nothing"), "InvalidClientTokenId", unknown
    yield ("test", "test"), "InvalidClientTokenId", unknown
    yield (dave[0], "guessed"), "SignatureDoesNotMatch", wrong
    yield (process.KEY_ID, "guessed"), "SignatureDoesNotMatch", wrong


def test_nobody_in_particular_is_refused(served: Running) -> None:
    for key, code, message in nobodies(served):
        for call in (served.client("iam", key).list_roles, served.client("sts", key).get_caller_identity):
            refused = refusal(call)
            assert (refused.code, refused.status) == (code, 403)
            assert refused.message.startswith(message)
        refused = refusal(served.client("ecs", key).list_clusters)
        expected = {"InvalidClientTokenId": "UnrecognizedClientException", "SignatureDoesNotMatch": "InvalidSignatureException"}[code]
        assert (refused.code, refused.status) == (expected, 400)


def test_an_unsigned_request_is_refused(served: Running) -> None:
    iam = served.client("iam")
    unsigned = boto3.Session().client("iam", region_name="us-east-1", endpoint_url=served.url, config=Config(signature_version=UNSIGNED))
    assert refusal(unsigned.list_users) == Refusal("MissingAuthenticationToken", 403, "Request is missing Authentication Token")
    assert iam.list_users()["Users"] == []


def test_a_user_without_permissions_is_refused_in_aws_words(served: Running) -> None:
    dave = user(served, "dave")
    iam, ecs = served.client("iam", dave), served.client("ecs", dave)
    start = "User: arn:aws:iam::123456789012:user/dave is not authorized to perform: "
    cases = (
        (iam.create_service_linked_role, {"AWSServiceName": ECS}, "iam:CreateServiceLinkedRole", ROLE_ARN, "AccessDenied", 403),
        (iam.delete_service_linked_role, {"RoleName": ROLE}, "iam:DeleteServiceLinkedRole", ROLE_ARN, "AccessDenied", 403),
        (
            iam.update_role_description,
            {"RoleName": ROLE, "Description": "mine"},
            "iam:UpdateRoleDescription",
            f"role {ROLE}",
            "AccessDenied",
            403,
        ),
        (
            ecs.create_cluster,
            {"clusterName": "web"},
            "ecs:CreateCluster",
            "arn:aws:ecs:us-east-1:123456789012:cluster/web",
            "AccessDeniedException",
            400,
        ),
    )
    served.client("iam").create_service_linked_role(AWSServiceName=ECS)
    for call, parameters, action, resource, code, http in cases:
        text = f"{start}{action} on resource: {resource} because no identity-based policy allows the {action} action"
        assert refusal(call, **parameters) == Refusal(code, http, text)
