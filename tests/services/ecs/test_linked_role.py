"""How ECS makes, needs and holds its linked role (service-linked-roles.md 2.2, 2.3; designs D14, D18)."""

from __future__ import annotations

import json
from threading import Barrier, Thread
from typing import Any

import pytest
from support.documents import allow
from support.linked_roles import ROLE, ROLE_ARN, delete, exists, make
from support.refusals import Refusal, refusal

CREATE = allow("ecs:CreateCluster")
DESCRIPTION = "Policy to enable Amazon ECS to manage your EC2 instances and related resources."
UNABLE = Refusal(
    "InvalidParameterException",
    400,
    "Unable to assume the service linked role. Please verify that the ECS service linked role exists.",
)
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)


def events(stead: Any, name: str) -> list[Any]:
    """The records of an operation, oldest first."""
    stead.settle()
    asked = [{"AttributeKey": "EventName", "AttributeValue": name}]
    found = stead.client("cloudtrail").lookup_events(LookupAttributes=asked)["Events"]
    return [json.loads(event["CloudTrailEvent"]) for event in found[::-1]]


@pytest.mark.both_stores
def test_a_cluster_brings_the_role(stead: Any) -> None:
    stead.client("ecs", region="eu-west-1").create_cluster()
    role = stead.client("iam").get_role(RoleName=ROLE)["Role"]
    assert (role["Arn"], role["Description"]) == (ROLE_ARN, DESCRIPTION)


def test_the_role_is_made_with_the_callers_rights(stead: Any) -> None:
    """``aws:CalledVia`` opens for ECS what is closed to the same person directly (recorded)."""
    via = allow("iam:CreateServiceLinkedRole", Condition={"StringEquals": {"aws:CalledViaLast": "ecs.amazonaws.com"}})
    key = stead.user("alice", CREATE, via)
    assert refusal(stead.client("iam", key).create_service_linked_role, AWSServiceName="ecs.amazonaws.com").code == "AccessDenied"
    stead.client("ecs", key).create_cluster()
    assert exists(stead.client("iam"))


@pytest.mark.both_stores
def test_a_creator_without_the_permission_gets_a_cluster_without_role(stead: Any) -> None:
    ecs = stead.client("ecs", stead.user("alice", CREATE))
    assert ecs.create_cluster(clusterName="c")["cluster"]["status"] == "ACTIVE"
    assert not exists(stead.client("iam"))
    stead.client("ecs").create_cluster(clusterName="c")  # the same name by somebody who may: now the role is made
    assert exists(stead.client("iam"))


def test_so_does_one_whose_session_may_not_call_iam(stead: Any) -> None:
    token = stead.client("sts", stead.user("alice", CREATE, allow("iam:*"))).get_session_token()["Credentials"]
    assert stead.client("ecs", token).create_cluster()["cluster"]["status"] == "ACTIVE"
    assert not exists(stead.client("iam"))


def test_every_creation_tries(stead: Any) -> None:
    """Recorded: also when the role exists, and the attempt fails silently."""
    stead.client("ecs").create_cluster(clusterName="a")
    stead.client("ecs", stead.user("alice", CREATE)).create_cluster(clusterName="b")
    stead.client("ecs").create_cluster(clusterName="c", capacityProviders=[])
    first, second, third = events(stead, "CreateServiceLinkedRole")
    assert (
        first["userIdentity"]["invokedBy"] == first["sourceIPAddress"] == first["userAgent"] == "aws-called-via-override.ecs.amazonaws.com"
    )
    assert first["requestParameters"] == {"aWSServiceName": "ecs.amazonaws.com", "description": DESCRIPTION}
    assert first["responseElements"]["role"]["roleName"] == ROLE
    assert (second["errorCode"], second["requestParameters"], second["responseElements"]) == ("AccessDenied", None, None)
    assert third["errorCode"] == "InvalidInputException"
    assert third["requestParameters"] == first["requestParameters"]


def test_a_refused_request_makes_no_role(stead: Any) -> None:
    ecs = stead.client("ecs")
    assert refusal(ecs.create_cluster, settings=[{"name": "containerInsights", "value": "maybe"}]).code == "InvalidParameterException"
    assert refusal(stead.client("ecs", stead.user("alice", allow("iam:*"))).create_cluster).code == "AccessDeniedException"
    assert not exists(stead.client("iam"))


def test_capacity_providers_need_the_role_at_once(stead: Any) -> None:
    poor = stead.client("ecs", stead.user("alice", CREATE))
    assert refusal(poor.create_cluster, capacityProviders=["FARGATE"]) == UNABLE
    assert stead.client("ecs").list_clusters()["clusterArns"] == []
    assert stead.client("ecs").create_cluster(capacityProviders=["FARGATE"])["cluster"]["capacityProviders"] == ["FARGATE"]
    assert poor.create_cluster(clusterName="c", capacityProviders=["FARGATE"])["cluster"]["status"] == "ACTIVE"
    session = events(stead, "AssumeRole")[0]
    assert session["userIdentity"] == {"type": "AWSService", "invokedBy": "ecs.amazonaws.com"}
    assert (session["sourceIPAddress"], session["requestParameters"]["roleArn"]) == ("ecs.amazonaws.com", ROLE_ARN)
    assert set(session["responseElements"]["credentials"]) == {"accessKeyId", "expiration"}


def test_the_session_is_the_linked_roles(stead: Any) -> None:
    """What ECS gets is a caller that counts as the linked role and as ECS (service-linked-roles.md 4.2)."""
    from stead.aws.call import Call  # noqa: PLC0415  # only this test goes behind the wire
    from stead.linked_roles.session import assume_linked_role, service_caller  # noqa: PLC0415  # as above
    from stead.store.context import Context  # noqa: PLC0415  # as above

    make(stead.client("iam"))
    app = stead.app
    db = app.store.read()
    call = Call("ecs", "CreateCluster", {}, service_caller("ecs.amazonaws.com", "123456789012"), "us-east-1", app.now(db), "id")
    answer = assume_linked_role(Context(call, db, app.pipeline, app.ring), "ecs.amazonaws.com", ROLE_ARN, "ecs-eni-provisioning")
    caller = app.credentials.caller_of_token(db, answer["Credentials"]["SessionToken"], call.now)
    assert (caller.is_linked_role, caller.invoked_by, caller.entity_arn) == (True, "ecs.amazonaws.com", ROLE_ARN)
    assert caller.arn.endswith(":assumed-role/AWSServiceRoleForECS/ecs-eni-provisioning")


def test_a_customers_role_of_that_name_is_not_adopted(stead: Any) -> None:
    stead.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=TRUST)
    ecs = stead.client("ecs")
    assert ecs.create_cluster()["cluster"]["status"] == "ACTIVE"
    assert refusal(ecs.create_cluster, clusterName="c", capacityProviders=["FARGATE"]) == UNABLE


@pytest.mark.both_stores
def test_no_cluster_is_left_behind_by_a_deletion(stead: Any) -> None:
    """A creation and a deletion of the role at once, thirty times: whoever comes first, an ACTIVE cluster has its role (D18)."""
    iam, ecs = stead.client("iam"), stead.client("ecs")
    for number in range(30):
        make_unless_there(iam)
        together(stead, lambda name=f"c{number}": ecs.create_cluster(clusterName=name), lambda: (delete(iam), stead.app.runner.settle()))
        assert exists(iam), f"round {number}"
        ecs.delete_cluster(cluster=f"c{number}")
        stead.settle()


def make_unless_there(iam: Any) -> None:
    if not exists(iam):
        make(iam)


def together(stead: Any, *deeds: Any) -> None:
    """Do all of them at once, each in a thread of its own; what one raises is raised."""
    start, failures = Barrier(len(deeds)), []

    def run(deed: Any) -> None:
        try:
            start.wait(10)
            deed()
        except BaseException as error:  # noqa: BLE001  # it goes on in the test's own thread
            failures.append(error)
        finally:
            stead.app.store.close()

    threads = [Thread(target=run, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failures:
        raise failures[0]
