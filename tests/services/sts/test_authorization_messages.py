"""Encoded authorization messages: EC2's refusals carry them, and sts:DecodeAuthorizationMessage reads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import allow, statement
from support.refusals import Refusal, refusal

from stead.aws import operation
from stead.aws.call import Call, Target
from stead.aws.errors import AwsError
from stead.aws.operation import Effect, Operation

if TYPE_CHECKING:
    from support.stead import Stead

MARKER = ". Encoded authorization failure message: "
INSTANCE = "arn:aws:ec2:us-east-1:123456789012:instance/i-1"
BAD = Refusal("InvalidAuthorizationMessageException", 400, "The authorization message is invalid or has expired.")


@pytest.fixture(autouse=True)
def stop_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operation of EC2's, which Stead has not yet: it does nothing but be refused."""
    locate = lambda _context, _parameters: Target(INSTANCE, keys={"ec2:tenancy": "default"})  # noqa: E731  # the declaration's form
    declared = Operation("ec2", "StopInstances", lambda *_: {}, Effect.READS, locate, None, None, open=False, read_only=False)
    monkeypatch.setitem(operation._operations, ("ec2", "StopInstances"), declared)


def refused(stead: Stead, *documents: str) -> str:
    """The text of a refusal by EC2 of a user with these policies."""
    key = stead.user("bob", *documents)
    db, pipeline = stead.app.store.read(), stead.app.pipeline
    caller = pipeline.credentials._user(db, pipeline.standing.key(db, key["AccessKeyId"]).user_id, key["AccessKeyId"])
    with pytest.raises(AwsError) as caught:
        pipeline.run(Call("ec2", "StopInstances", {"InstanceIds": ["i-1"]}, caller, "us-east-1", stead.app.now(db), "id"))
    assert (caught.value.code, caught.value.status) == ("UnauthorizedOperation", 403)
    return caught.value.message


def decoded(stead: Stead, text: str) -> Any:
    return json.loads(stead.client("sts").decode_authorization_message(EncodedMessage=text.partition(MARKER)[2])["DecodedMessage"])


def test_a_refusal_is_encoded_in_awss_shape(stead: Stead) -> None:
    text = refused(stead, allow("s3:GetObject"))
    assert text.partition(MARKER)[0] == (
        "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/bob is not authorized to perform: "
        f"ec2:StopInstances on resource: {INSTANCE} because no identity-based policy allows the ec2:StopInstances action"
    )
    message = decoded(stead, text)
    context = message.pop("context")
    assert message == {"allowed": False, "explicitDeny": False, "matchedStatements": {"items": []}, "failures": {"items": []}}
    assert (context["action"], context["resource"]) == ("ec2:StopInstances", INSTANCE)
    assert (context["principal"]["name"], context["principal"]["arn"]) == ("bob", "arn:aws:iam::123456789012:user/bob")
    assert {"key": "ec2:tenancy", "values": {"items": [{"value": "default"}]}} in context["conditions"]["items"]


def test_the_statement_that_denied_is_told(stead: Stead) -> None:
    deny = statement("Deny", ["ec2:Stop*", "ec2:Start*"], Sid="Hands", Condition={"StringEquals": {"ec2:Tenancy": "default"}})
    message = decoded(stead, refused(stead, allow("ec2:*"), deny))
    assert message["explicitDeny"] is True
    (told,) = message["matchedStatements"]["items"]
    assert (told["statementId"], told["effect"]) == ("Hands", "DENY")
    assert told["actions"] == {"items": [{"value": "ec2:Stop*"}, {"value": "ec2:Start*"}]}
    assert told["resources"] == {"items": [{"value": "*"}]}
    assert told["conditions"] == {"items": [{"key": "ec2:Tenancy", "values": {"items": [{"value": "default"}]}}]}


def test_what_nobody_sealed_is_invalid(stead: Stead) -> None:
    good = refused(stead).partition(MARKER)[2]
    changed = good[:40] + ("A" if good[40] != "A" else "B") + good[41:]
    for bad in ("x", "not base64!", changed, good[:-4], good + "\n"):
        assert refusal(stead.client("sts").decode_authorization_message, EncodedMessage=bad) == BAD, bad
    stead.advance(24 * 3600 + 1)
    assert refusal(stead.client("sts").decode_authorization_message, EncodedMessage=good) == BAD


def test_decoding_needs_permission(stead: Stead) -> None:
    message = refused(stead).partition(MARKER)[2]
    reader, stranger = stead.user("reader", allow("sts:DecodeAuthorizationMessage")), stead.user("stranger")
    assert stead.client("sts", reader).decode_authorization_message(EncodedMessage=message)["DecodedMessage"]
    told = refusal(stead.client("sts", stranger).decode_authorization_message, EncodedMessage=message)
    assert (told.code, told.status) == ("AccessDenied", 403)
