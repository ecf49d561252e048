"""SimulatePrincipalPolicy: whose policies are read, how they are named, and which can be left out (recorded-aws.md 7 and 9)."""

from __future__ import annotations

from typing import Any

import pytest
from support.documents import allow
from support.refusals import Refusal, refusal
from support.simulation import BUCKET_POLICY, DENY_READ, EVERYTHING, A, B, policy
from support.stead import ACCOUNT

USER = f"arn:aws:iam::{ACCOUNT}:user/simulation/u"
GROUP = f"arn:aws:iam::{ACCOUNT}:group/simulation/g"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/simulation/r"
READ_A, WRITE_B = policy(resource=A), policy(action="s3:PutObject", resource=B)
DELETE, READ_WRITE = policy(action="s3:DeleteObject"), policy(action=["s3:GetObject", "s3:PutObject"])
ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
AWS_MANAGED = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


@pytest.fixture
def iam(stead: Any) -> Any:
    """A user with inline, group and managed policies, its group, and a role, as in the recordings."""
    iam = stead.client("iam")
    iam.create_user(UserName="u", Path="/simulation/")
    iam.create_group(GroupName="g", Path="/simulation/")
    iam.create_role(RoleName="r", Path="/simulation/", AssumeRolePolicyDocument=TRUST)
    for name, document in (("managed", DELETE), ("boundary", READ_WRITE)):
        iam.create_policy(PolicyName=name, Path="/simulation/", PolicyDocument=document)
    iam.put_user_policy(UserName="u", PolicyName="UserInline", PolicyDocument=READ_A)
    iam.put_group_policy(GroupName="g", PolicyName="GroupInline", PolicyDocument=WRITE_B)
    iam.put_role_policy(RoleName="r", PolicyName="RoleInline", PolicyDocument=policy())
    iam.attach_user_policy(UserName="u", PolicyArn=managed("managed"))
    iam.attach_group_policy(GroupName="g", PolicyArn=managed("managed"))
    iam.add_user_to_group(UserName="u", GroupName="g")
    return iam


TRUST = policy(action="sts:AssumeRole", Principal={"AWS": ACCOUNT}).replace('"Resource":"*",', "")


def managed(name: str, path: str = "/simulation/") -> str:
    """The ARN of one of the account's managed policies."""
    return f"arn:aws:iam::{ACCOUNT}:policy{path}{name}"


def sources(iam: Any, arn: str = USER, **more: Any) -> dict[str, tuple[str, list[str]]]:
    """By action, what was decided on the two resources together, and which policies were named."""
    answer = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=ACTIONS, ResourceArns=[A, B], **more)
    assert {item["SourcePolicyType"] for result in answer["EvaluationResults"] for item in result["MatchedStatements"]} <= {
        "IAM Policy",
        "Resource Policy",
        "Permissions Boundary Policy",
    }
    return {
        result["EvalActionName"].removeprefix("s3:"): (
            result["EvalDecision"],
            [item["SourcePolicyId"] for item in result["MatchedStatements"]],
        )
        for result in answer["EvaluationResults"]
    }


NO = ("implicitDeny", [])
DELETES = ("allowed", ["managed"])
READS_A, WRITES_B = ("implicitDeny", ["user_u_UserInline"]), ("implicitDeny", ["group_g_GroupInline"])
OF_USER = {"GetObject": READS_A, "PutObject": WRITES_B, "DeleteObject": DELETES}


@pytest.mark.both_stores
def test_the_sources_of_each_kind_of_entity(iam: Any) -> None:
    assert sources(iam) == OF_USER
    assert sources(iam, GROUP) == {"GetObject": NO, "PutObject": WRITES_B, "DeleteObject": DELETES}
    assert sources(iam, ROLE) == {"GetObject": ("allowed", ["role_r_RoleInline"]), "PutObject": NO, "DeleteObject": NO}


def test_memberships_and_versions_hold_at_once(iam: Any) -> None:
    iam.remove_user_from_group(UserName="u", GroupName="g")
    iam.create_policy_version(PolicyArn=managed("managed"), PolicyDocument=policy("Deny", "s3:DeleteObject"), SetAsDefault=True)
    assert sources(iam) == {"GetObject": READS_A, "PutObject": NO, "DeleteObject": ("explicitDeny", ["managed"])}


def test_whatever_path_the_arn_has(iam: Any) -> None:
    assert sources(iam, f"arn:aws:iam::{ACCOUNT}:user/other/path/U") == OF_USER


def test_documents_can_be_added(iam: Any) -> None:
    added = sources(iam, PolicyInputList=[policy(), DENY_READ])
    assert added["GetObject"] == ("explicitDeny", ["PolicyInputList.2"])
    assert added["PutObject"] == WRITES_B


def test_the_stored_boundary_limits(iam: Any) -> None:
    iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=managed("boundary"))
    answer = iam.simulate_principal_policy(PolicySourceArn=USER, ActionNames=ACTIONS, ResourceArns=[B])
    allowed = [result["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"] for result in answer["EvaluationResults"]]
    assert [result["EvalDecision"] for result in answer["EvaluationResults"]] == ["implicitDeny", "allowed", "implicitDeny"]
    assert allowed == [True, True, False]


def test_a_boundary_that_comes_with_the_call_replaces_the_stored_one(iam: Any) -> None:
    iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=managed("boundary"))
    changed = sources(iam, PermissionsBoundaryPolicyInputList=[DENY_READ])
    assert changed["GetObject"] == ("explicitDeny", ["PermissionsBoundaryPolicyInputList.1"])
    assert sources(iam, PermissionsBoundaryPolicyInputList=[EVERYTHING]) == OF_USER


def exclusion(**members: Any) -> dict[str, Any]:
    """``PolicyExclusionList`` of one entry."""
    return {"PolicyExclusionList": [members]}


def inline(name: str, owner: str, kind: str = "user") -> dict[str, Any]:
    """The same of an inline policy."""
    return exclusion(InlinePolicyIdentifier={"PolicyName": name, "AttachmentType": kind, "AttachmentName": owner})


@pytest.mark.parametrize(
    ("excluded", "gone"),
    [
        (exclusion(PolicyType="inline"), ["GetObject", "PutObject"]),
        (exclusion(PolicyType="user-managed"), ["DeleteObject"]),
        (exclusion(PolicyType="aws-managed"), []),
        (exclusion(PolicyType="scp"), []),
        (exclusion(PolicyType="rcp"), []),
        (exclusion(PolicyArn=managed("managed", "/")), ["DeleteObject"]),
        (exclusion(PolicyArn=managed("manag*", "/")), ["DeleteObject"]),
        (exclusion(PolicyArn=managed("m??aged", "/")), ["DeleteObject"]),
        # Managed policies go by their friendly name: with its path the ARN means nobody.
        (exclusion(PolicyArn=managed("managed")), []),
        (exclusion(PolicyArn=managed("missing", "/")), []),
        (inline("UserInline", "u"), ["GetObject"]),
        (inline("UserInline", "u*"), ["GetObject"]),
        (inline("UserInline", "?"), ["GetObject"]),
        (inline("UserInline", "another*"), []),
        (inline("UserInline", "u", "group"), []),
        (inline("GroupInline", "g", "group"), ["PutObject"]),
    ],
)
def test_exclusions(iam: Any, excluded: dict[str, Any], gone: list[str]) -> None:
    assert sources(iam, **excluded) == {action: NO if action in gone else found for action, found in OF_USER.items()}


def test_exclusions_of_awss_policies(iam: Any) -> None:
    iam.attach_user_policy(UserName="u", PolicyArn=AWS_MANAGED)
    assert sources(iam)["GetObject"] == ("allowed", ["user_u_UserInline", "AmazonS3ReadOnlyAccess"])
    for excluded in (exclusion(PolicyType="aws-managed"), exclusion(PolicyArn=AWS_MANAGED)):
        assert sources(iam, **excluded) == OF_USER
    assert sources(iam, **exclusion(PolicyType="user-managed"))["GetObject"][0] == "allowed"


def test_documents_of_the_call_survive_exclusions(iam: Any) -> None:
    assert sources(iam, PolicyInputList=[policy()], **exclusion(PolicyType="inline"))["GetObject"] == ("allowed", ["PolicyInputList.1"])


def test_a_boundary_is_excluded_by_its_type_only(iam: Any) -> None:
    iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=managed("boundary"))
    assert sources(iam)["DeleteObject"] == NO
    assert sources(iam, **exclusion(PolicyArn=managed("boundary", "/")))["DeleteObject"] == NO
    assert sources(iam, **exclusion(PolicyType="user-managed"))["GetObject"] == READS_A
    assert sources(iam, **exclusion(PolicyType="permission-boundary")) == OF_USER
    passed = sources(iam, PermissionsBoundaryPolicyInputList=[DENY_READ], **exclusion(PolicyType="permission-boundary"))
    assert passed["GetObject"] == ("explicitDeny", ["PermissionsBoundaryPolicyInputList.1"])


WRONG_INLINE = "Invalid inline policy exclusion: policyName, attachmentType, and attachmentName are required"


@pytest.mark.parametrize(
    ("excluded", "message"),
    [
        (inline("User*", "u"), WRONG_INLINE),
        (inline("UserInlin?", "u"), WRONG_INLINE),
        (inline("UserInline", "u*u*"), WRONG_INLINE),
        (inline("UserInline", "*"), WRONG_INLINE),
        (exclusion(PolicyArn="arn:aws:iam::aws:role/not-a-policy"), "Invalid policy ARN exclusion: arn:aws:iam::aws:role/not-a-policy"),
        (exclusion(PolicyArn=managed("a*b*", "/")), f"Invalid policy ARN exclusion: {managed('a*b*', '/')}"),
        (exclusion(PolicyArn=managed("managed", "/pa?h/")), f"Invalid policy ARN exclusion: {managed('managed', '/pa?h/')}"),
    ],
)
def test_exclusions_that_are_refused(iam: Any, excluded: dict[str, Any], message: str) -> None:
    asked = {"PolicySourceArn": USER, "ActionNames": ACTIONS, **excluded}
    assert refusal(iam.simulate_principal_policy, **asked) == Refusal("InvalidInput", 400, message)


def test_a_resource_policy_means_the_source_unless_a_caller_is_named(iam: Any) -> None:
    mine = policy(resource="arn:aws:s3:::stackd-simulation/*", Principal={"AWS": USER})
    assert sources(iam, ResourcePolicy=mine)["GetObject"][0] == "allowed"
    assert sources(iam, ResourcePolicy=mine, CallerArn=GROUP)["GetObject"] == READS_A
    for source in (USER, GROUP, ROLE):
        assert sources(iam, source, ResourcePolicy=BUCKET_POLICY)["GetObject"][0] == "allowed"


def test_the_unique_id_of_a_stored_caller_means_it_too(iam: Any) -> None:
    role = iam.get_role(RoleName="r")["Role"]["RoleId"]
    by_id = policy(action="s3:PutObject", resource="arn:aws:s3:::stackd-simulation/*", Principal={"AWS": role})
    assert sources(iam, ROLE, ResourcePolicy=by_id)["PutObject"][0] == "allowed"


def condition(key: str, value: str) -> dict[str, Any]:
    """A document to be added: reading under one condition."""
    return {"PolicyInputList": [policy(Condition={"StringEquals": {key: value}})]}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("aws:PrincipalArn", USER, "allowed"),
        ("aws:username", "u", "allowed"),
        ("aws:userid", USER, "allowed"),
        ("aws:PrincipalAccount", ACCOUNT, "allowed"),
        ("aws:RequestedRegion", "us-east-1", "implicitDeny"),
    ],
)
def test_keys_that_the_source_has(iam: Any, key: str, value: str, expected: str) -> None:
    assert sources(iam, **condition(key, value))["GetObject"][0] == expected


def test_a_linked_role_is_no_organizations_to_limit(iam: Any) -> None:
    role = iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")["Role"]["Arn"]
    answer = iam.simulate_principal_policy(PolicySourceArn=role, ActionNames=["ec2:DescribeSubnets"])
    (result,) = answer["EvaluationResults"]
    assert result["EvalDecision"] == "allowed"
    assert [item["SourcePolicyId"] for item in result["MatchedStatements"]] == ["AmazonECSServiceRolePolicy"]


SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/r/session"
FOREIGN = "arn:aws:iam::999999999999:user/other"


@pytest.mark.parametrize("operation", ["simulate_principal_policy", "get_context_keys_for_principal_policy"])
@pytest.mark.parametrize(
    ("source", "refused"),
    [
        (SESSION, Refusal("InvalidInput", 400, f"Invalid Entity Arn: {SESSION} does not clearly define entity type and name.")),
        (
            "no-arn-at-all-but-long",
            Refusal("InvalidInput", 400, "Invalid Entity Arn: no-arn-at-all-but-long does not clearly define entity type and name."),
        ),
        (
            FOREIGN,
            Refusal(
                "InvalidInput",
                400,
                f"Invalid Policy Source Arn: caller's account {ACCOUNT} does not have access to policies in account 999999999999",
            ),
        ),
        (f"arn:aws:iam::{ACCOUNT}:user/nobody", Refusal("NoSuchEntity", 404, "The user with name nobody cannot be found.")),
        (f"arn:aws:iam::{ACCOUNT}:group/nobody", Refusal("NoSuchEntity", 404, "The group with name nobody cannot be found.")),
        (f"arn:aws:iam::{ACCOUNT}:role/nobody", Refusal("NoSuchEntity", 404, "The role with name nobody cannot be found.")),
    ],
)
def test_sources_that_are_refused(iam: Any, operation: str, source: str, refused: Refusal) -> None:
    more = {"ActionNames": ACTIONS} if operation.startswith("simulate") else {}
    assert refusal(getattr(iam, operation), PolicySourceArn=source, **more) == refused


@pytest.mark.usefixtures("iam")
def test_it_is_authorized_on_the_stored_arn(stead: Any) -> None:
    key = stead.user("alice", allow("iam:SimulatePrincipalPolicy", USER))
    client = stead.client("iam", key)
    asked: dict[str, Any] = {"ActionNames": ["s3:GetObject"]}
    assert client.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:user/u", **asked)["EvaluationResults"]
    denied = refusal(client.simulate_principal_policy, PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/r", **asked)
    assert denied.code == "AccessDenied"
    assert denied.message.startswith(
        f"User: arn:aws:iam::{ACCOUNT}:user/alice is not authorized to perform: iam:SimulatePrincipalPolicy on resource: {ROLE} because"
    )
