from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import allow, statement
from support.linked_roles import ROLE_ARN, make
from support.refusals import Refusal, refusal

from stead.store.session_tokens import MAX_TOKEN_LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT = "123456789012"
ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"
ASSUME = allow("sts:*")
BOTH = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
TAGS = [{"Key": "Team", "Value": "blue"}]


def trust(principal: Any = None, action: Any = "sts:AssumeRole", **more: Any) -> str:
    """A trust policy; by default the account decides."""
    entry = {"Effect": "Allow", "Principal": principal or {"AWS": ROOT_ARN}, "Action": action, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [entry]})


def denied(arn: str, action: str = "sts:AssumeRole", caller: str = "user/alice") -> Refusal:
    """The one text for every reason (aws-behaviour.md 9.1)."""
    text = f"User: arn:aws:iam::{ACCOUNT}:{caller} is not authorized to perform: {action} on resource: {arn}"
    return Refusal("AccessDenied", 403, text)


def validation(message: str) -> Refusal:
    return Refusal("ValidationError", 400, message)


@pytest.fixture
def alice(stead: Any) -> Any:
    """STS for a user who may assume what trusts her."""
    return stead.client("sts", stead.user("alice", ASSUME))


@pytest.fixture
def role(stead: Any) -> Callable[..., str]:
    """Makes a role; its ARN."""

    def make_role(document: str | None = None, name: str = "Deployer", **more: Any) -> str:
        answer = stead.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document or trust(action=BOTH), **more)
        arn: str = answer["Role"]["Arn"]
        return arn

    return make_role


def session_of(client: Any, arn: str, name: str = "first", **more: Any) -> Any:
    return client.assume_role(RoleArn=arn, RoleSessionName=name, **more)["Credentials"]


@pytest.mark.both_stores
def test_a_session_acts_as_its_role(stead: Any, alice: Any, role: Any) -> None:
    arn = role(Path="/team/")
    answer = alice.assume_role(RoleArn=arn, RoleSessionName="first")
    role_id = stead.client("iam").get_role(RoleName="Deployer")["Role"]["RoleId"]
    session_arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/first"
    assert set(answer) - {"ResponseMetadata"} == {"Credentials", "AssumedRoleUser"}  # no PackedPolicySize: validated
    assert answer["AssumedRoleUser"] == {"AssumedRoleId": f"{role_id}:first", "Arn": session_arn}
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
    me = stead.client("sts", answer["Credentials"]).get_caller_identity()
    assert (me["UserId"], me["Account"], me["Arn"]) == (f"{role_id}:first", ACCOUNT, session_arn)


CONDITION = {"Condition": {"StringEquals": {"sts:ExternalId": "secret-id"}}}
REFUSED_BY_TRUST = {
    "another user is trusted": trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/bob"}),
    "a service is trusted": trust({"Service": "ecs.amazonaws.com"}),
    "another account is trusted": trust({"AWS": "999999999999"}),
    "the external id is missing": trust(**CONDITION),
    "another session name is wanted": trust(Condition={"StringLike": {"sts:RoleSessionName": "job-*"}}),
}


@pytest.mark.parametrize("document", REFUSED_BY_TRUST.values(), ids=REFUSED_BY_TRUST)
def test_a_role_that_trusts_others_is_refused_like_one_that_is_missing(stead: Any, alice: Any, role: Any, document: str) -> None:
    stead.user("bob")
    arn = role(document)
    assert refusal(alice.assume_role, RoleArn=arn, RoleSessionName="first") == denied(arn)
    missing = arn.replace("Deployer", "Missing")
    assert refusal(alice.assume_role, RoleArn=missing, RoleSessionName="first") == denied(missing)


@pytest.mark.parametrize("spelling", ["role/Deployer", "role/Team/Deployer", "role/team/deployer"])
def test_the_arn_must_be_the_roles_own(alice: Any, role: Any, spelling: str) -> None:
    role(Path="/team/")
    arn = f"arn:aws:iam::{ACCOUNT}:{spelling}"
    assert refusal(alice.assume_role, RoleArn=arn, RoleSessionName="first") == denied(arn)


def test_an_account_entry_needs_the_callers_own_permission_too(stead: Any, role: Any) -> None:
    arn = role()
    carol = stead.client("sts", stead.user("carol"))
    assert refusal(carol.assume_role, RoleArn=arn, RoleSessionName="first") == denied(arn, caller="user/carol")
    direct = role(trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/carol"}), "Direct")
    assert session_of(carol, direct)


def test_the_right_external_id_opens(alice: Any, role: Any) -> None:
    arn = role(trust(**CONDITION))
    assert session_of(alice, arn, ExternalId="secret-id")
    assert refusal(alice.assume_role, RoleArn=arn, RoleSessionName="first", ExternalId="guessed") == denied(arn)


def test_a_user_cannot_assume_the_linked_role(stead: Any, alice: Any) -> None:
    make(stead.client("iam"))
    assert refusal(alice.assume_role, RoleArn=ROLE_ARN, RoleSessionName="first") == denied(ROLE_ARN)


def test_root_cannot_assume_anything(stead: Any, role: Any) -> None:
    expected = Refusal("AccessDenied", 403, "Roles may not be assumed by root accounts.")
    arn = role(trust({"AWS": "*"}))
    assert refusal(stead.client("sts").assume_role, RoleArn=arn, RoleSessionName="first") == expected


@pytest.mark.parametrize(
    "arn", ["nothing-valid-in-here", "arn::b:::something/test-role", "arn:a::::something/test-role", "arn:a:a::aaaaaaaaaa:"]
)
def test_what_is_no_arn_is_said_so_first(alice: Any, arn: str) -> None:
    assert refusal(alice.assume_role, RoleArn=arn, RoleSessionName="first") == validation(f"{arn} is invalid")


CHAINED = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
TOO_LONG = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."


def test_how_long_a_session_may_be(stead: Any, alice: Any, role: Any) -> None:
    arn = role(MaxSessionDuration=7200)
    before = session_of(alice, arn, DurationSeconds=7200)
    assert refusal(alice.assume_role, RoleArn=arn, RoleSessionName="first", DurationSeconds=7201) == validation(TOO_LONG)
    stead.client("iam").put_role_policy(RoleName="Deployer", PolicyName="p", PolicyDocument=ASSUME)
    chained = stead.client("sts", before)
    assert session_of(chained, arn, DurationSeconds=3600)
    assert refusal(chained.assume_role, RoleArn=arn, RoleSessionName="second", DurationSeconds=3601) == validation(CHAINED)


def test_a_session_ends(stead: Any, alice: Any, role: Any) -> None:
    client = stead.client("sts", session_of(alice, role(), DurationSeconds=900))
    stead.advance(890)
    assert client.get_caller_identity()["Account"] == ACCOUNT
    stead.advance(11)
    assert refusal(client.get_caller_identity) == Refusal("ExpiredToken", 403, "The security token included in the request is expired")


def test_a_session_ends_with_its_role(stead: Any, alice: Any, role: Any) -> None:
    client = stead.client("sts", session_of(alice, role()))
    stead.client("iam").delete_role(RoleName="Deployer")
    role()  # made again under its name: another role
    expected = Refusal("InvalidClientTokenId", 403, "The security token included in the request is invalid")
    assert refusal(client.get_caller_identity) == expected


def invalid(message: str) -> Refusal:
    return Refusal("InvalidParameterValue", 400, message)


TAG_RULES: list[tuple[dict[str, Any], Refusal]] = [
    (
        {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]},
        invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive."),
    ),
    (
        {"Tags": TAGS, "TransitiveTagKeys": ["other"]},
        invalid("The specified transitive tag key must be included in the requested tags."),
    ),
    ({"Tags": [{"Key": "aws:x", "Value": "1"}]}, invalid("Tag keys beginning with aws: are reserved for system use.")),
]


@pytest.mark.parametrize(("parameters", "expected"), TAG_RULES)
def test_rules_of_session_tags(alice: Any, role: Any, parameters: dict[str, Any], expected: Refusal) -> None:
    assert refusal(alice.assume_role, RoleArn=role(), RoleSessionName="first", **parameters) == expected


def test_a_transitive_tag_goes_on_and_stays(stead: Any, alice: Any, role: Any) -> None:
    arn = role()
    own_tag = allow("iam:ListUsers", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})
    stead.client("iam").put_role_policy(RoleName="Deployer", PolicyName="p", PolicyDocument=ASSUME)
    stead.client("iam").put_role_policy(RoleName="Deployer", PolicyName="q", PolicyDocument=own_tag)
    kept = stead.client("sts", session_of(alice, arn, Tags=TAGS, TransitiveTagKeys=["TEAM"]))
    dropped = stead.client("sts", session_of(alice, arn, Tags=TAGS))
    assert stead.client("iam", session_of(kept, arn)).list_users()["Users"]
    assert refusal(stead.client("iam", session_of(dropped, arn)).list_users).code == "AccessDenied"
    conflict = (
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."
    )
    again = [{"Key": "tEAM", "Value": "red"}]
    assert refusal(kept.assume_role, RoleArn=arn, RoleSessionName="second", Tags=again) == invalid(conflict)


@pytest.mark.parametrize(
    ("parameters", "action"), [({"Tags": TAGS}, "sts:TagSession"), ({"SourceIdentity": "alice"}, "sts:SetSourceIdentity")]
)
def test_tags_and_source_identity_must_be_trusted_too(alice: Any, role: Any, parameters: dict[str, Any], action: str) -> None:
    arn = role(trust())
    assert refusal(alice.assume_role, RoleArn=arn, RoleSessionName="first", **parameters) == denied(arn, action)


def test_a_source_identity_stays_along_the_chain(stead: Any, alice: Any, role: Any) -> None:
    arn = role()
    stead.client("iam").put_role_policy(RoleName="Deployer", PolicyName="p", PolicyDocument=ASSUME)
    first = alice.assume_role(RoleArn=arn, RoleSessionName="first", SourceIdentity="alice")
    assert first["SourceIdentity"] == "alice"
    chained = stead.client("sts", first["Credentials"])
    assert chained.assume_role(RoleArn=arn, RoleSessionName="second")["SourceIdentity"] == "alice"
    caller = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/first"
    expected = Refusal("AccessDenied", 403, f"{caller} is not authorized to perform: sts:SetSourceIdentity on resource: {arn}")
    assert refusal(chained.assume_role, RoleArn=arn, RoleSessionName="second", SourceIdentity="bob") == expected


READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
NARROWING: dict[str, dict[str, Any]] = {
    "inline": {"Policy": allow("iam:GetRole")},
    "by ARN": {"PolicyArns": [{"arn": READ_ONLY}]},
}


@pytest.mark.parametrize("passed", NARROWING.values(), ids=NARROWING)
def test_session_policies_only_narrow(stead: Any, alice: Any, role: Any, passed: dict[str, Any]) -> None:
    arn = role()
    stead.client("iam").put_role_policy(RoleName="Deployer", PolicyName="p", PolicyDocument=allow("iam:*"))
    answer = alice.assume_role(RoleArn=arn, RoleSessionName="first", **passed)
    assert 0 < answer["PackedPolicySize"] <= 100
    iam = stead.client("iam", answer["Credentials"])
    assert iam.get_role(RoleName="Deployer")["Role"]["Arn"] == arn
    assert refusal(iam.create_user, UserName="new").message.endswith("because no session policy allows the iam:CreateUser action")


def test_a_session_policy_that_is_deleted_allows_nothing(stead: Any, alice: Any, role: Any) -> None:
    arn, iam = role(), stead.client("iam")
    iam.put_role_policy(RoleName="Deployer", PolicyName="p", PolicyDocument=allow("iam:*"))
    policy = iam.create_policy(PolicyName="narrow", PolicyDocument=allow("iam:*"))["Policy"]["Arn"]
    narrowed = stead.client("iam", session_of(alice, arn, PolicyArns=[{"arn": policy}]))
    assert narrowed.list_users()["Users"]
    iam.delete_policy(PolicyArn=policy)
    assert refusal(narrowed.list_users).message.endswith("because no session policy allows the iam:ListUsers action")


def noise(length: int) -> str:
    """Text that does not compress."""
    return secrets.token_urlsafe(length)[:length].replace("=", "x")


POLICY_RULES: dict[str, tuple[dict[str, Any], str, str]] = {
    "no JSON": ({"Policy": "{"}, "MalformedPolicyDocument", ""),
    "a principal": ({"Policy": statement("Allow", "s3:*", Principal="*")}, "MalformedPolicyDocument", "should not specify a principal"),
    "too long": (
        {"Policy": allow("s3:*") + " " * 2048},
        "ValidationError",
        "'policy' failed to satisfy constraint: Member must have length less",
    ),
    "no such policy": ({"PolicyArns": [{"arn": f"arn:aws:iam::{ACCOUNT}:policy/none"}]}, "ValidationError", "does not exist"),
    "eleven policies": ({"PolicyArns": [{"arn": READ_ONLY}] * 11}, "ValidationError", "less than or equal to 10"),
    "many tags": (
        {"Tags": [{"Key": noise(128), "Value": noise(256)} for _ in range(50)]},
        "PackedPolicyTooLarge",
        "Packed size of session tags consumes ",
    ),
    "policy and tags": (
        {"Policy": allow("s3:*"), "Tags": [{"Key": noise(128), "Value": noise(256)} for _ in range(50)]},
        "PackedPolicyTooLarge",
        "% of allotted space, please use smaller policy.",
    ),
}


@pytest.mark.parametrize(("passed", "code", "part"), POLICY_RULES.values(), ids=POLICY_RULES)
def test_what_a_session_cannot_carry(alice: Any, role: Any, passed: dict[str, Any], code: str, part: str) -> None:
    found = refusal(alice.assume_role, RoleArn=role(), RoleSessionName="first", **passed)
    assert (found.code, found.status) == (code, 400)
    assert part in found.message


def test_the_fullest_session_still_fits_a_token(stead: Any, alice: Any, role: Any) -> None:
    """Whatever passes the packed size makes a token of at most 4,096 characters that works."""
    arn, sizes = role(name="R" * 64), []
    for tags in range(1, 12):
        given = [{"Key": noise(128), "Value": noise(256)} for _ in range(tags)]
        try:
            answer = alice.assume_role(RoleArn=arn, RoleSessionName="S" * 64, SourceIdentity="I" * 64, Tags=given)
        except alice.exceptions.PackedPolicyTooLargeException as error:
            assert "consumes" in str(error)  # noqa: PT017  # the loop ends here: one refusal, and not of the token itself
            break
        sizes.append(answer["PackedPolicySize"])
        assert len(answer["Credentials"]["SessionToken"]) <= MAX_TOKEN_LENGTH
        assert stead.client("sts", answer["Credentials"]).get_caller_identity()["Account"] == ACCOUNT
    assert sizes == sorted(sizes)
    assert sizes[-1] > 80


MFA_RULES = [
    (
        {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/alice"},
        "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
    ),
    (
        {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/alice", "TokenCode": "123456"},
        "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.",
    ),
]


@pytest.mark.parametrize(("parameters", "message"), MFA_RULES)
def test_no_mfa_code_is_right(alice: Any, role: Any, parameters: dict[str, str], message: str) -> None:
    expected = Refusal("AccessDenied", 403, message)
    assert refusal(alice.assume_role, RoleArn=role(), RoleSessionName="first", **parameters) == expected
    assert refusal(alice.get_session_token, **parameters) == expected


@pytest.mark.both_stores
def test_get_session_token_is_open_and_little_may_be_done_with_it(stead: Any, role: Any) -> None:
    """policy-evaluation.md 2.3 and 2.8."""
    key = stead.user("bob", statement("Deny", "sts:GetSessionToken"), allow(["iam:*", "ecs:*", "sts:AssumeRole", "sts:GetAccessKeyInfo"]))
    token = stead.client("sts", key).get_session_token()["Credentials"]
    sts = stead.client("sts", token)
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/bob"
    assert session_of(sts, role(trust()))
    assert stead.client("ecs", token).list_clusters()["clusterArns"] == []
    assert refusal(stead.client("iam", token).list_users) == Refusal(
        "InvalidClientTokenId", 403, "The security token included in the request is invalid"
    )
    for call, name in ((sts.get_session_token, "GetSessionToken"), (sts.get_access_key_info, "GetAccessKeyInfo")):
        parameters = {"AccessKeyId": key["AccessKeyId"]} if name == "GetAccessKeyInfo" else {}
        assert refusal(call, **parameters) == Refusal("AccessDenied", 403, f"Cannot call {name} with session credentials")


def test_a_role_session_makes_no_session_token(stead: Any, alice: Any, role: Any) -> None:
    sts = stead.client("sts", session_of(alice, role()))
    assert refusal(sts.get_session_token) == Refusal("AccessDenied", 403, "Cannot call GetSessionToken with session credentials")


def test_how_long_session_tokens_live(stead: Any, alice: Any) -> None:
    root = stead.client("sts").get_session_token(DurationSeconds=7200)["Credentials"]
    day = alice.get_session_token(DurationSeconds=86400)["Credentials"]
    half = alice.get_session_token()["Credentials"]
    hours = [(one["Expiration"] - root["Expiration"]).total_seconds() // 60 for one in (half, day)]
    assert hours[0] in (659, 660, 661)  # 12 hours against root's one
    assert hours[1] in (1379, 1380, 1381)


@pytest.mark.parametrize(
    ("key", "account"), [("AKIAROOTFORTESTS0001", ACCOUNT), ("AKIARZPUZDIKAAAAAAAA", ACCOUNT), ("ASIAY34FZKBOKMUTVV7A", "609629065308")]
)
def test_a_key_tells_its_account(stead: Any, key: str, account: str) -> None:
    """Stored keys by their row, others by what is encoded in them (aws-behaviour.md 2.1)."""
    assert stead.client("sts").get_access_key_info(AccessKeyId=key)["Account"] == account


def test_a_key_of_another_form_tells_nothing(stead: Any) -> None:
    call = stead.client("sts").get_access_key_info
    assert refusal(call, AccessKeyId="not_a_key_of_aws") == validation("not_a_key_of_aws is invalid")


def test_what_is_not_built_is_said(alice: Any, role: Any) -> None:
    found = refusal(
        alice.assume_role,
        RoleArn=role(),
        RoleSessionName="first",
        ProvidedContexts=[{"ProviderArn": "arn:aws:iam::aws:contextProvider/x", "ContextAssertion": "abcd"}],
    )
    assert (found.code, found.status) == ("NotImplemented", 501)
