"""The story that ``make demo`` plays: the life of AWSServiceRoleForECS, chapter by chapter.

``root`` is the account's root user. ``carol`` has the three policies of the ECS guide, as they are written there, and clusters. ``dave``
has nothing. The words expected of AWS are those of service-linked-roles.md 2 and recorded-aws.md 2.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from player import Player

ACCOUNT = "123456789012"
ROLE = "AWSServiceRoleForECS"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/{ROLE}"
SERVICE_POLICY = "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy"
CAROL, DAVE = (f"arn:aws:iam::{ACCOUNT}:user/{name}" for name in ("carol", "dave"))
CAROLS_POLICIES = ("create-linked-role", "edit-linked-role", "delete-linked-role", "manage-clusters")
REGIONS = ("ap-northeast-1", "eu-west-1", "us-east-1")
TASK_ID = re.compile(rf"task/aws-service-role/ecs\.amazonaws\.com/{ROLE}/[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}")
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}

CREATE = "aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com"
GET = f"aws iam get-role --role-name {ROLE}"
DELETE = f"aws iam delete-service-linked-role --role-name {ROLE}"
TAKEN = f"Service role name {ROLE} has been taken in this account, please try a different suffix."
PROTECTED = f"Cannot perform the operation on the protected role '{ROLE}' - this role is only modifiable by AWS"
GONE = f"The role with name {ROLE} cannot be found."

ADMINISTRATOR, READ_ONLY = (f"arn:aws:iam::aws:policy/{name}" for name in ("AdministratorAccess", "ReadOnlyAccess"))
BROADER = "--policy-document file://docs/policies/manage-clusters.json"
ATTACH = f"aws iam attach-role-policy --role-name {ROLE} --policy-arn {ADMINISTRATOR}"

# What nobody can do to a linked role, root included: each is UnmodifiableEntity, in these words.
IN_VAIN = {
    ATTACH: PROTECTED,
    f"aws iam detach-role-policy --role-name {ROLE} --policy-arn {SERVICE_POLICY}": PROTECTED,
    f"aws iam put-role-policy --role-name {ROLE} --policy-name more {BROADER}": PROTECTED,
    f"aws iam update-assume-role-policy --role-name {ROLE} --policy-document file://docs/policies/trust-ecs.json": PROTECTED,
    f"aws iam put-role-permissions-boundary --role-name {ROLE} --permissions-boundary {READ_ONLY}": PROTECTED,
    f"aws iam update-role --role-name {ROLE} --max-session-duration 7200": (
        f"{ROLE} is an AWS service linked role, max session duration cannot be changed."
    ),
    f"aws iam delete-role --role-name {ROLE}": PROTECTED,
}
RESERVED_PATH = "/aws-service-role/ecs.amazonaws.com/"
IMPOSTOR = (
    f"aws iam create-role --role-name Impostor --path {RESERVED_PATH} --assume-role-policy-document file://docs/policies/trust-ecs.json"
)


def cluster_arn(region: str, name: str) -> str:
    """The ARN of a cluster."""
    return f"arn:aws:ecs:{region}:{ACCOUNT}:cluster/{name}"


def denied(user: str, action: str, resource: str) -> str:
    """AWS's words for a user whose policies do not allow the action."""
    return (
        f"User: {user} is not authorized to perform: {action} on resource: {resource}"
        f" because no identity-based policy allows the {action} action"
    )


def who(play: Player) -> None:
    """Root looks around and makes two users."""
    play.chapter("Who am I?")
    play.become("root")
    play.ok("aws sts get-caller-identity", {"@": {"UserId": ACCOUNT, "Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root"}})
    play.chapter("Two users: carol may what the ECS guide's three policies say, and clusters; dave may nothing")
    for user in ("carol", "dave"):
        play.ok(f"aws iam create-user --user-name {user}", {"User.UserName": user})
        play.give_key(user)
    for name in CAROLS_POLICIES:
        play.ok(f"aws iam put-user-policy --user-name carol --policy-name {name} --policy-document file://docs/policies/{name}.json")
    names = {"PolicyNames": sorted(CAROLS_POLICIES)}
    play.ok("aws iam list-user-policies --user-name carol", names)


def created(play: Player) -> None:
    """Carol makes the role; it cannot be made twice."""
    play.chapter("Carol makes the role explicitly")
    play.become("carol")
    play.ok("aws sts get-caller-identity", {"Arn": CAROL})
    # Recorded: this answer alone spells the trust with lists, and has no description or duration.
    trust = {"Statement[0].Principal.Service": ["ecs.amazonaws.com"], "Statement[0].Action": ["sts:AssumeRole"]}
    play.ok(CREATE, {"Role.Arn": ROLE_ARN, **{f"Role.AssumeRolePolicyDocument.{path}": value for path, value in trust.items()}})
    play.chapter("A second time: the name is taken")
    play.refused(CREATE, "InvalidInput", TAKEN)
    play.chapter("A look at it")
    play.become("root")
    play.ok(GET, {"Role.Arn": ROLE_ARN, "Role.AssumeRolePolicyDocument": TRUST, "Role.MaxSessionDuration": 3600, "Role.Description": None})
    attached = [{"PolicyName": "AmazonECSServiceRolePolicy", "PolicyArn": SERVICE_POLICY}]
    play.ok(f"aws iam list-attached-role-policies --role-name {ROLE}", {"AttachedPolicies": attached})


def protected(play: Player) -> None:
    """Nobody can bend the role, and no user can become it."""
    play.chapter("In vain: not even root can bend it")
    for command, words in IN_VAIN.items():
        play.refused(command, "UnmodifiableEntity", words)
    play.refused(IMPOSTOR, "InvalidInput", "Path prefix '/aws-service-role/' can only be used for AWS Service linked Roles")
    play.chapter("Carol's policies do not go that far, and nobody but ECS can be the role")
    play.become("carol")
    refusal = denied(CAROL, "iam:AttachRolePolicy", f"role {ROLE}")
    play.refused(ATTACH, "AccessDenied", refusal)
    assume = f"aws sts assume-role --role-arn {ROLE_ARN} --role-session-name carol"
    play.refused(assume, "AccessDenied", f"User: {CAROL} is not authorized to perform: sts:AssumeRole on resource: {ROLE_ARN}")


def described(play: Player) -> None:
    """The description is the customer's."""
    play.chapter("Its description is the one thing that can be edited")
    text = "ECS acts for the web team"
    play.ok(f"aws iam update-role-description --role-name {ROLE} --description '{text}'", {"Role.Description": text})


def used(play: Player) -> None:
    """Clusters in three Regions keep the role."""
    play.chapter("Clusters in three Regions")
    for region in REGIONS:
        create = f"aws ecs create-cluster --cluster-name web --region {region}"
        play.ok(create, {"cluster.clusterArn": cluster_arn(region, "web"), "cluster.status": "ACTIVE"})
    play.chapter("While a cluster stands anywhere, the role stays, and the task says where they all are")
    _deletion_fails(play, REGIONS)
    play.chapter("Two of them gone: still refused")
    for region in REGIONS[:2]:
        _delete_cluster(play, region)
    _deletion_fails(play, REGIONS[2:])


def deleted(play: Player) -> None:
    """The last cluster gone, the role goes."""
    play.chapter("The last one gone: the role can go")
    _delete_cluster(play, REGIONS[2])
    play.settled(_status(_begin_deletion(play)), {"@": {"Status": "SUCCEEDED"}})
    play.refused(DELETE, "NoSuchEntity", GONE)


def made_again(play: Player) -> None:
    """The next cluster makes the role again."""
    play.chapter("The next cluster makes the role again, with carol's permission to")
    play.ok("aws ecs create-cluster --cluster-name web", {"cluster.status": "ACTIVE"})
    play.become("root")
    description = "Policy to enable Amazon ECS to manage your EC2 instances and related resources."
    play.ok(GET, {"Role.Arn": ROLE_ARN, "Role.Description": description})
    play.chapter("The event history knows who asked, and through whom")
    via = "aws-called-via-override.ecs.amazonaws.com"
    play.ok(
        "aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=CreateServiceLinkedRole --max-results 1"
        " --query 'Events[0].CloudTrailEvent' --output text | python3 -m json.tool",
        {
            "eventName": "CreateServiceLinkedRole",
            "eventSource": "iam.amazonaws.com",
            "userIdentity.arn": CAROL,
            "userIdentity.invokedBy": via,
            "sourceIPAddress": via,
            "requestParameters": {"aWSServiceName": "ecs.amazonaws.com", "description": description},
            "responseElements.role.arn": ROLE_ARN,
            "errorCode": None,
        },
    )


def strangers(play: Player) -> None:
    """Those without permission, and those without a key, are refused in AWS's words."""
    play.chapter("Dave has no permissions")
    play.become("dave")
    play.ok("aws sts get-caller-identity", {"Arn": DAVE})
    play.refused(GET, "AccessDenied", denied(DAVE, "iam:GetRole", f"role {ROLE}"))
    play.refused(CREATE, "AccessDenied", denied(DAVE, "iam:CreateServiceLinkedRole", ROLE_ARN))
    play.refused(DELETE, "AccessDenied", denied(DAVE, "iam:DeleteServiceLinkedRole", ROLE_ARN))
    create = "aws ecs create-cluster --cluster-name daves"
    play.refused(create, "AccessDeniedException", denied(DAVE, "ecs:CreateCluster", cluster_arn("us-east-1", "daves")))
    play.chapter("Nobody in particular: a key that does not exist, a secret that is wrong")
    play.keys |= {"nobody": ("AKIAAAAAAAAAAAAAAAAA", "nothing"), "guesser": (play.keys["dave"][0], "guessed")}
    play.become("nobody")
    play.refused("aws sts get-caller-identity", "InvalidClientTokenId", "The security token included in the request is invalid.")
    play.become("guesser")
    words = (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method."
        " Consult the service documentation for details."
    )
    play.refused("aws sts get-caller-identity", "SignatureDoesNotMatch", words)


def cleaned(play: Player) -> None:
    """Everything made is removed."""
    play.chapter("Cleaning up")
    play.become("carol")
    _delete_cluster(play, "us-east-1")
    play.settled(_status(_begin_deletion(play)), {"@": {"Status": "SUCCEEDED"}})
    play.become("root")
    for name in CAROLS_POLICIES:
        play.ok(f"aws iam delete-user-policy --user-name carol --policy-name {name}")
    for user in ("carol", "dave"):
        play.ok(f"aws iam delete-access-key --user-name {user} --access-key-id {play.keys[user][0]}")
        play.ok(f"aws iam delete-user --user-name {user}")
    play.refused(GET, "NoSuchEntity", GONE)
    play.ok("aws iam list-users", {"Users": []})


def _status(task_id: str) -> str:
    return f"aws iam get-service-linked-role-deletion-status --deletion-task-id {task_id}"


def _begin_deletion(play: Player) -> str:
    task_id: str = play.ok(DELETE, {"DeletionTaskId": TASK_ID})["DeletionTaskId"]
    return task_id


def _deletion_fails(play: Player, regions: tuple[str, ...]) -> None:
    usage = [{"Region": region, "Resources": [cluster_arn(region, "web")]} for region in regions]
    reason = {"Reason": "Role in use.", "RoleUsageList": usage}
    play.settled(_status(_begin_deletion(play)), {"@": {"Status": "FAILED", "Reason": reason}})


def _delete_cluster(play: Player, region: str) -> None:
    play.ok(f"aws ecs delete-cluster --cluster web --region {region}", {"cluster.status": "INACTIVE"})


CHAPTERS: tuple[Callable[[Player], None], ...] = (
    who,
    created,
    protected,
    described,
    used,
    deleted,
    made_again,
    strangers,
    cleaned,
)
