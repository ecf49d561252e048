"""Access reports (service-linked-roles.md 5, recorded-aws.md 10), against the test's own account of its calls."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import allow, statement
from support.linked_roles import ROLE_ARN, make
from support.refusals import Refusal, refusal
from support.stead import ACCOUNT
from support.usage import Account

from stead.store.tables import LAST_USED_KEPT

if TYPE_CHECKING:
    from support.stead import Stead

MISSING_JOB = "00000000-0000-4000-8000-000000000000"
# The default version of the linked role's policy: exactly these (service-linked-roles.md 5).
ECS_ROLE = ["autoscaling", "autoscaling-plans", "cloudwatch", "ec2", "elasticloadbalancing", "logs", "route53", "servicediscovery", "ssm"]
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"},
    }
)
REPORTS = allow(["iam:GenerateServiceLastAccessedDetails", "iam:GetServiceLastAccessedDetails*"])


def arn(kind: str, name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:{kind}/{name}"


@pytest.fixture
def account(stead: Stead) -> Account:
    return Account(stead)


def generate(stead: Stead, of: str, iam: Any = None, **more: str) -> str:
    """The id of a report that is done."""
    job: str = (iam or stead.client("iam")).generate_service_last_accessed_details(Arn=of, **more)["JobId"]
    stead.app.runner.settle()
    return job


def report(stead: Stead, of: str, granularity: str = "SERVICE_LEVEL") -> dict[str, Any]:
    """The services of a new report, by namespace; a page holds them all."""
    job = generate(stead, of, Granularity=granularity)
    answer = stead.client("iam").get_service_last_accessed_details(JobId=job, MaxItems=1000)
    assert answer["JobType"] == granularity
    found = answer["ServicesLastAccessed"]
    assert [row["ServiceNamespace"] for row in found] == sorted(row["ServiceNamespace"] for row in found)
    return {row["ServiceNamespace"]: row for row in found}


def policy_of(stead: Stead, *statements: dict[str, Any]) -> str:
    """A managed policy of these statements; what they do not say is Allow and everything. Its ARN."""
    whole = [{"Effect": "Allow", "Resource": "*", **one} for one in statements]
    document = json.dumps({"Version": "2012-10-17", "Statement": whole})
    made: str = stead.client("iam").create_policy(PolicyName="p", PolicyDocument=document)["Policy"]["Arn"]
    return made


NEVER = {"Bool": {"aws:SecureTransport": ["true", "false"]}, "Null": {"aws:userid": "true"}}
# The statements of a policy, and the services that its report shows (service-linked-roles.md 5, recorded-aws.md 10).
SELECTION = [
    ([{"Action": "s3:GetObject"}], ["s3"]),
    ([{"Action": ["sqs:SendMessage", "IAM:GETUSER"]}], ["iam", "sqs"]),
    ([{"Action": "s3:Get*"}], ["s3"]),
    ([{"Action": "s3:GetObject", "Condition": NEVER}], ["s3"]),
    ([{"Action": "s3:NoSuchAction"}], []),
    ([{"Action": "nosuchservice:Get"}], []),
    ([{"Action": "s3:GetObject", "Resource": "arn:aws:iam::123456789012:role/r"}], []),
    ([{"Action": "ec2:DescribeVpcs", "Resource": "arn:aws:ec2:us-east-1:123456789012:vpc/*"}], []),
    ([{"Effect": "Deny", "Action": "s3:*"}], []),
    ([{"Action": ["s3:*", "sqs:*"]}, {"Effect": "Deny", "Action": "s3:*"}], ["sqs"]),
    ([{"Action": "s3:*"}, {"Effect": "Deny", "Action": "s3:*", "Condition": NEVER}], ["s3"]),
    ([{"Action": "s3:*"}, {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::b"}], ["s3"]),
    ([{"Action": "s3:*"}, {"Effect": "Deny", "Action": "s3:Get*"}], ["s3"]),
    ([{"Action": "iam:PassRole"}], ["iam"]),
]


@pytest.mark.parametrize(("statements", "expected"), SELECTION)
def test_the_services_of_a_policy(stead: Stead, statements: list[dict[str, Any]], expected: list[str]) -> None:
    assert [*report(stead, policy_of(stead, *statements))] == expected


def test_everything_but(stead: Stead) -> None:
    """NotAction over all of AWS: every service with an action, but those excluded."""
    found = report(stead, policy_of(stead, {"NotAction": ["iam:*", "s3:*"]}))
    assert len(found) > 400
    assert not {"iam", "s3"} & found.keys()
    assert {"ecs", "sts", "ec2"} <= found.keys()


def test_a_service_never_used_has_a_name_and_no_more(stead: Stead) -> None:
    found = report(stead, policy_of(stead, {"Action": "iam:GetUser"}))
    assert found == {
        "iam": {"ServiceName": "AWS Identity and Access Management", "ServiceNamespace": "iam", "TotalAuthenticatedEntities": 0}
    }


@pytest.mark.both_stores
def test_what_counts_for_a_user(stead: Stead) -> None:
    """Own inline and managed policies and those of groups, with a Deny in any of them; not the boundary."""
    iam = stead.client("iam")
    stead.user("alice", allow("s3:GetObject"))
    iam.create_group(GroupName="team")
    iam.add_user_to_group(GroupName="team", UserName="alice")
    iam.put_group_policy(GroupName="team", PolicyName="p", PolicyDocument=allow("sqs:*"))
    iam.attach_group_policy(GroupName="team", PolicyArn=policy_of(stead, {"Action": "sns:*"}))
    boundary = iam.create_policy(PolicyName="b", PolicyDocument=allow(["kms:*", "s3:*"]))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=boundary)
    assert [*report(stead, arn("user", "alice"))] == ["s3", "sns", "sqs"]
    assert [*report(stead, arn("group", "team"))] == ["sns", "sqs"]
    iam.put_group_policy(GroupName="team", PolicyName="d", PolicyDocument=statement("Deny", "s3:*"))
    assert [*report(stead, arn("user", "alice"))] == ["sns", "sqs"]


@pytest.mark.both_stores
def test_the_linked_role(stead: Stead) -> None:
    make(stead.client("iam"))
    assert [*report(stead, ROLE_ARN)] == ECS_ROLE


@pytest.mark.both_stores
def test_a_users_services_and_actions(account: Account) -> None:
    """Each time, Region and entity is the last call's of that service or action; a denied call counts."""
    stead = account.stead
    key = stead.user("alice", allow(["iam:GetUser", "iam:ListUsers", "iam:CreateUser", "iam:PassRole", "ecs:*", "s3:GetObject"]))
    account.client("alice", "iam", key, "eu-west-1").get_user()
    account.step()
    account.client("alice", "ecs", key, "eu-west-1").list_clusters()
    account.client("alice", "iam", key).list_users()
    account.step()
    assert refusal(account.client("alice", "iam", key).get_role, RoleName="r").code == "AccessDenied"
    account.client("alice", "ecs", key, "eu-west-2").list_clusters()
    account.step()
    found = report(stead, arn("user", "alice"), "ACTION_LEVEL")
    assert [*found] == ["ecs", "iam", "s3"]
    assert "LastAuthenticated" not in found["s3"]
    assert "TrackedActionsLastAccessed" not in found["s3"]
    for namespace, last_action in (("ecs", "ListClusters"), ("iam", "GetRole")):
        row, did = found[namespace], account.last(who="alice", service=namespace)
        assert did is not None
        assert did.action == last_action
        assert did.was_at(row["LastAuthenticated"])
        assert (row["LastAuthenticatedRegion"], row["LastAuthenticatedEntity"]) == (did.region, arn("user", "alice"))
        assert row["TotalAuthenticatedEntities"] == 1
        actions = {action["ActionName"]: action for action in row["TrackedActionsLastAccessed"]}
        for name, action in actions.items():
            last = account.last(who="alice", service=namespace, action=name)
            assert (last is None) == ("LastAccessedTime" not in action)
            if last is None:
                assert action == {"ActionName": name}
                continue
            assert last.was_at(action["LastAccessedTime"])
            assert (action["LastAccessedRegion"], action["LastAccessedEntity"]) == (last.region, arn("user", "alice"))
    tracked = [action["ActionName"] for action in found["iam"]["TrackedActionsLastAccessed"]]
    assert tracked == ["CreateUser", "GetUser", "ListUsers"]


@pytest.mark.both_stores
def test_entities_of_a_group_and_of_a_policy(account: Account) -> None:
    """The last user first, then those who never used the service; a policy's are all who hold it, also through a group."""
    stead, iam = account.stead, account.stead.client("iam")
    policy = policy_of(stead, {"Action": ["sts:*", "iam:*"]})
    iam.create_group(GroupName="team", Path="/a/")
    keys = {}
    for name in ("anna", "berta", "carla"):
        keys[name] = stead.user(name)
        iam.add_user_to_group(GroupName="team", UserName=name)
    iam.attach_group_policy(GroupName="team", PolicyArn=policy)
    iam.create_role(RoleName="app", Path="/apps/", AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName="app", PolicyArn=policy)
    credentials = stead.client("sts", stead.user("dora", allow("sts:AssumeRole"))).assume_role(
        RoleArn=arn("role", "apps/app"), RoleSessionName="some"
    )["Credentials"]
    for who, key in (("berta", keys["berta"]), ("app", credentials), ("anna", keys["anna"])):
        account.step()
        account.client(who, "sts", key).get_caller_identity()
    for of, expected in ((arn("group", "team"), ["anna", "berta", "carla"]), (policy, ["anna", "app", "berta", "carla"])):
        job = generate(stead, of)
        row = next(
            one for one in iam.get_service_last_accessed_details(JobId=job)["ServicesLastAccessed"] if one["ServiceNamespace"] == "sts"
        )
        assert row["TotalAuthenticatedEntities"] == len({did.who for did in account.calls if did.who in expected})
        assert row["LastAuthenticatedEntity"] == arn("user", "anna")
        answer = iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="sts")
        assert [one["EntityInfo"]["Name"] for one in answer["EntityDetailsList"]] == expected
        assert "JobType" not in answer
        for one in answer["EntityDetailsList"]:
            did = account.last(who=one["EntityInfo"]["Name"], service="sts")
            assert (did is None) == ("LastAuthenticated" not in one)
            assert did is None or did.was_at(one["LastAuthenticated"])
    role = iam.get_role(RoleName="app")["Role"]
    (info,) = [one["EntityInfo"] for one in answer["EntityDetailsList"] if one["EntityInfo"]["Name"] == "app"]
    assert info == {"Arn": role["Arn"], "Name": "app", "Type": "ROLE", "Id": role["RoleId"], "Path": "/apps/"}


def test_a_role_is_the_only_entity_of_its_report(account: Account) -> None:
    """Even for a service that it may not use, and of what it did there."""
    stead = account.stead
    stead.client("iam").create_role(RoleName="app", AssumeRolePolicyDocument=TRUST)
    job = generate(stead, arn("role", "app"))
    assert stead.client("iam").get_service_last_accessed_details(JobId=job)["ServicesLastAccessed"] == []
    answer = stead.client("iam").get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="sqs")
    assert [one["EntityInfo"]["Name"] for one in answer["EntityDetailsList"]] == ["app"]
    assert "LastAuthenticated" not in answer["EntityDetailsList"][0]


@pytest.mark.both_stores
def test_a_report_is_of_the_moment_it_was_asked_for(account: Account) -> None:
    """What changes while it is made, or later, does not show: policies, members, uses. Names are read anew, the deleted left out."""
    stead, iam = account.stead, account.stead.client("iam")
    key = stead.user("alice", allow("sts:*"))
    stead.user("bob")
    iam.create_group(GroupName="team")
    iam.put_group_policy(GroupName="team", PolicyName="p", PolicyDocument=allow("sts:*"))
    for name in ("alice", "bob"):
        iam.add_user_to_group(GroupName="team", UserName=name)
    job = iam.generate_service_last_accessed_details(Arn=arn("group", "team"))["JobId"]
    iam.put_group_policy(GroupName="team", PolicyName="p", PolicyDocument=allow("s3:*"))
    stead.user("carl")
    iam.add_user_to_group(GroupName="team", UserName="carl")
    iam.remove_user_from_group(GroupName="team", UserName="bob")
    account.client("alice", "sts", key).get_caller_identity()
    stead.settle()

    def shown() -> tuple[list[Any], list[str]]:
        rows = iam.get_service_last_accessed_details(JobId=job)["ServicesLastAccessed"]
        entities = iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="sts")["EntityDetailsList"]
        assert all("LastAuthenticated" not in one for one in (*rows, *entities))
        return [row["ServiceNamespace"] for row in rows], [one["EntityInfo"]["Name"] for one in entities]

    assert shown() == (["sts"], ["alice", "bob"])
    iam.update_user(UserName="bob", NewUserName="robert")
    assert shown() == (["sts"], ["alice", "robert"])
    for one in iam.list_access_keys(UserName="robert")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="robert", AccessKeyId=one["AccessKeyId"])
    iam.delete_user(UserName="robert")
    assert shown() == (["sts"], ["alice"])
    assert report(stead, arn("user", "alice"))["sts"]["TotalAuthenticatedEntities"] == 1


@pytest.mark.both_stores
def test_a_job_in_progress_and_done(stead: Stead) -> None:
    iam = stead.client("iam")
    stead.user("alice", allow("iam:*"))
    job = iam.generate_service_last_accessed_details(Arn=arn("user", "alice"))["JobId"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", job)
    ways = (
        (iam.get_service_last_accessed_details, {"JobId": job}, "ServicesLastAccessed", {"JobType"}),
        (iam.get_service_last_accessed_details_with_entities, {"JobId": job, "ServiceNamespace": "iam"}, "EntityDetailsList", set()),
    )
    for read, asked, _, _ in ways:
        answer = read(**asked)
        assert answer.keys() == {"JobStatus", "JobCreationDate", "IsTruncated", "ResponseMetadata"}
        assert (answer["JobStatus"], answer["IsTruncated"]) == ("IN_PROGRESS", False)
    stead.app.runner.settle()
    for read, asked, member, more in ways:
        answer = read(**asked)
        common = {"JobStatus", "JobCreationDate", "JobCompletionDate", "IsTruncated", "ResponseMetadata"}
        assert answer.keys() == {*common, member, *more}
        assert answer["JobStatus"] == "COMPLETED"
        assert answer["JobCreationDate"] <= answer["JobCompletionDate"]


def test_times_of_a_job_have_milliseconds(stead: Stead) -> None:
    """Recorded; the times of uses have whole seconds, as all others in IAM."""
    iam = stead.client("iam")
    stead.user("alice")
    moments = set()
    for _ in range(5):
        job = generate(stead, arn("user", "alice"))
        moments.add(iam.get_service_last_accessed_details(JobId=job)["JobCreationDate"].microsecond % 1_000_000)
    assert any(moment for moment in moments)
    assert all(moment % 1000 == 0 for moment in moments)


def test_pages(stead: Stead) -> None:
    """Two hundred unasked; a marker continues with another size, in its own report and kind of list alone."""
    iam = stead.client("iam")
    of = policy_of(stead, {"Action": "*"})
    job, other = generate(stead, of), generate(stead, of)
    first = iam.get_service_last_accessed_details(JobId=job)
    assert len(first["ServicesLastAccessed"]) == 200
    rest = iam.get_service_last_accessed_details(JobId=job, MaxItems=1000, Marker=first["Marker"])
    assert not rest["IsTruncated"]
    whole = iam.get_service_last_accessed_details(JobId=job, MaxItems=1000)
    assert first["ServicesLastAccessed"] + rest["ServicesLastAccessed"] == whole["ServicesLastAccessed"]
    wrong = Refusal("InvalidInput", 400, "The marker passed in the request was invalid.")
    assert refusal(iam.get_service_last_accessed_details, JobId=other, Marker=first["Marker"]) == wrong
    assert refusal(iam.get_service_last_accessed_details_with_entities, JobId=job, ServiceNamespace="iam", Marker=first["Marker"]) == wrong
    assert refusal(iam.get_service_last_accessed_details, JobId=job, Marker="?") == Refusal("ValidationError", 400, "Invalid Marker.")


def test_pages_of_entities(stead: Stead) -> None:
    iam = stead.client("iam")
    iam.create_group(GroupName="team")
    for name in ("a", "b", "c"):
        iam.create_user(UserName=name)
        iam.add_user_to_group(GroupName="team", UserName=name)
    job = generate(stead, arn("group", "team"))
    seen: list[str] = []
    more: dict[str, str] = {}
    for _ in range(3):
        answer = iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="iam", MaxItems=1, **more)
        seen += [one["EntityInfo"]["Name"] for one in answer["EntityDetailsList"]]
        more = {"Marker": answer["Marker"]} if answer["IsTruncated"] else {}
    assert (seen, more) == (["a", "b", "c"], {})


@pytest.mark.both_stores
def test_a_job_belongs_to_who_asked(stead: Stead) -> None:
    """The same user with any key; one session of a role; not the administrator."""
    root = stead.client("iam")
    alice = stead.user("alice", REPORTS)
    second = root.create_access_key(UserName="alice")["AccessKey"]
    bob = stead.user("bob", REPORTS, allow("sts:AssumeRole"))
    root.create_role(RoleName="app", AssumeRolePolicyDocument=TRUST)
    root.put_role_policy(RoleName="app", PolicyName="p", PolicyDocument=REPORTS)
    sessions = [stead.client("sts", bob).assume_role(RoleArn=arn("role", "app"), RoleSessionName="same")["Credentials"] for _ in range(2)]
    mine = generate(stead, arn("user", "alice"), stead.client("iam", alice))
    of_session = generate(stead, arn("user", "alice"), stead.client("iam", sessions[0]))
    for job, key in ((mine, alice), (mine, second), (of_session, sessions[0])):
        assert stead.client("iam", key).get_service_last_accessed_details(JobId=job)["JobStatus"] == "COMPLETED"
    for job, key in ((mine, bob), (mine, None), (mine, sessions[0]), (of_session, sessions[1]), (of_session, bob), (MISSING_JOB, alice)):
        iam = stead.client("iam", key)
        expected = Refusal("NoSuchEntity", 404, f"Job {job} does not exist.")
        assert refusal(iam.get_service_last_accessed_details, JobId=job) == expected
        assert refusal(iam.get_service_last_accessed_details_with_entities, JobId=job, ServiceNamespace="iam") == expected


# An ARN, and how it is refused.
REFUSED_ARNS = [
    ("x" * 20, Refusal("ValidationError", 400, "Invalid ARN:  Could not be parsed!")),
    (f"arn:aws-cn:iam::{ACCOUNT}:user/alice", Refusal("ValidationError", 400, "Invalid ARN partition")),
    (f"arn:aws:s3::{ACCOUNT}:user/alice", Refusal("ValidationError", 400, "Invalid service in ARN")),
    (arn("user", "nobody"), Refusal("NoSuchEntity", 404, f"ARN {arn('user', 'nobody')} does not exist.")),
    (arn("group", "alice"), Refusal("NoSuchEntity", 404, f"ARN {arn('group', 'alice')} does not exist.")),
    (arn("policy", "alice"), Refusal("NoSuchEntity", 404, f"ARN {arn('policy', 'alice')} does not exist.")),
    (
        "arn:aws:iam::999999999999:user/alice",
        Refusal(
            "AccessDenied",
            403,
            f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform the operation on arn:aws:iam::999999999999:user/alice",
        ),
    ),
    (f"arn:aws:iam::{ACCOUNT}:root", Refusal("InvalidInput", 400, f"Invalid Entity Arn: arn:aws:iam::{ACCOUNT}:root is not supported.")),
    (
        arn("instance-profile", "alice"),
        Refusal("InvalidInput", 400, f"Invalid Entity Arn: {arn('instance-profile', 'alice')} is not supported."),
    ),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED_ARNS)
def test_arns_that_are_refused(stead: Stead, text: str, expected: Refusal) -> None:
    stead.user("alice")
    assert refusal(stead.client("iam").generate_service_last_accessed_details, Arn=text) == expected


def test_an_arns_path_may_be_wrong(stead: Stead) -> None:
    stead.client("iam").create_user(UserName="alice", Path="/staff/")
    stead.client("iam").put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=allow("s3:*"))
    for text in ("alice", "staff/alice", "no/such/path/alice"):
        assert [*report(stead, arn("user", text))] == ["s3"]
    assert "ecs" not in report(stead, "arn:aws:iam::aws:policy/AmazonECSServiceRolePolicy")


@pytest.mark.parametrize("asked", ["AmazonECSServiceRolePolicy", "aws-service-role/AmazonECSServiceRolePolicy"])
def test_aws_managed_policies_have_reports_too(stead: Stead, asked: str) -> None:
    assert [*report(stead, f"arn:aws:iam::aws:policy/{asked}")] == ECS_ROLE


def test_an_unknown_namespace(stead: Stead) -> None:
    job = generate(stead, policy_of(stead, {"Action": "*"}))
    expected = Refusal("InvalidInput", 400, "Service namepace nosuch is either invalid or unsupported.")
    assert refusal(stead.client("iam").get_service_last_accessed_details_with_entities, JobId=job, ServiceNamespace="nosuch") == expected


def test_who_may(stead: Stead) -> None:
    """Generate is authorized on the entity with its own path, a linked role's with iam:AWSServiceName (design D13); the readers on ``*``."""
    make(stead.client("iam"))
    service = {"StringLike": {"iam:AWSServiceName": "ecs.amazonaws.com"}}
    key = stead.user("alice", allow("iam:GenerateServiceLastAccessedDetails", ROLE_ARN, Condition=service))
    iam = stead.client("iam", key)
    short = f"arn:aws:iam::{ACCOUNT}:role/AWSServiceRoleForECS"
    job = iam.generate_service_last_accessed_details(Arn=short)["JobId"]
    denied = refusal(iam.generate_service_last_accessed_details, Arn=arn("user", "alice"))
    assert denied.code == "AccessDenied"
    assert denied.message.startswith(
        f"User: {arn('user', 'alice')} is not authorized to perform: iam:GenerateServiceLastAccessedDetails on resource: user alice because"
    )
    assert refusal(iam.get_service_last_accessed_details, JobId=job).message.startswith(
        f"User: {arn('user', 'alice')} is not authorized to perform: iam:GetServiceLastAccessedDetails on resource: * because"
    )
    assert refusal(iam.generate_service_last_accessed_details, Arn="x" * 20).code == "AccessDenied"


def test_a_use_leaves_the_report_after_four_hundred_days(account: Account) -> None:
    stead = account.stead
    key = stead.user("alice", allow("sts:*"))
    account.client("alice", "sts", key).get_caller_identity()
    assert report(stead, arn("user", "alice"))["sts"]["TotalAuthenticatedEntities"] == 1
    stead.advance(LAST_USED_KEPT / 1000 + 60)
    row = report(stead, arn("user", "alice"))["sts"]
    assert row.keys() == {"ServiceName", "ServiceNamespace", "TotalAuthenticatedEntities"}


@pytest.mark.both_stores
def test_old_reports_are_forgotten(stead: Stead) -> None:
    stead.user("alice")
    job = generate(stead, arn("user", "alice"))
    stead.advance(25 * 3600)
    stead.settle()
    assert refusal(stead.client("iam").get_service_last_accessed_details, JobId=job).code == "NoSuchEntity"
