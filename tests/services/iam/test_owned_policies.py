"""The policies of users, groups and roles: what AWS answers alike for all three, asked of all three."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import allow, of_size, statement
from support.refusals import refusal

if TYPE_CHECKING:
    from support.stead import Stead

ACCOUNT = "123456789012"
AWS = "arn:aws:iam::aws:policy/"
READ_ONLY = f"{AWS}ReadOnlyAccess"
LINKED = f"{AWS}aws-service-role/AmazonECSServiceRolePolicy"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]})
INLINE_SIZES = {"user": 2048, "group": 5120, "role": 10240}


@dataclass
class Owner:
    """One kind of owner, and one of that kind whose name is ``Worker``."""

    iam: Any
    noun: str

    @property
    def member(self) -> str:
        """What requests and answers call its name."""
        return f"{self.noun.capitalize()}Name"

    def call(self, form: str) -> Any:
        """An operation such as ``put_{}_policy``."""
        return getattr(self.iam, form.format(self.noun))

    def ask(self, form: str, name: str = "worker", **parameters: Any) -> Any:
        """Call it about ``name``."""
        return self.call(form)(**{self.member: name}, **parameters)

    def refused(self, form: str, name: str = "worker", **parameters: Any) -> Any:
        """The refusal of the same."""
        return refusal(self.call(form), **{self.member: name}, **parameters)


@pytest.fixture(params=list(INLINE_SIZES))
def owner(stead: Stead, request: pytest.FixtureRequest) -> Owner:
    made = Owner(stead.client("iam"), request.param)
    made.ask("create_{}", "Worker", **({"AssumeRolePolicyDocument": TRUST} if made.noun == "role" else {}))
    return made


@pytest.mark.both_stores
def test_inline_policies(owner: Owner) -> None:
    """The first spelling of a name stays, the last document wins (recorded-aws.md 5.1)."""
    odd = allow("iam:GetUser", "arn:aws:iam::*:user/a%3Ab +é")  # comes back with its percent sequences (aws-behaviour.md 2.4)
    owner.ask("put_{}_policy", PolicyName="MixedName", PolicyDocument=allow("*"))
    owner.ask("put_{}_policy", PolicyName="mixedname", PolicyDocument=odd)
    answer = owner.ask("get_{}_policy", PolicyName="MIXEDNAME")
    assert (answer[owner.member], answer["PolicyName"], answer["PolicyDocument"]) == ("Worker", "MixedName", json.loads(odd))
    for name in ("b", "a", "Z"):
        owner.ask("put_{}_policy", PolicyName=name, PolicyDocument=allow("*"))
    paginator = owner.iam.get_paginator(f"list_{owner.noun}_policies")
    pages = list(paginator.paginate(**{owner.member: "worker"}, PaginationConfig={"PageSize": 3}))
    assert [page["PolicyNames"] for page in pages] == [["a", "b", "MixedName"], ["Z"]]
    owner.ask("delete_{}_policy", PolicyName="mixedNAME")
    missing = ("NoSuchEntity", 404, f"The {owner.noun} policy with name MixedName cannot be found.")
    assert owner.refused("get_{}_policy", PolicyName="MixedName") == missing
    assert owner.refused("delete_{}_policy", PolicyName="MixedName") == missing


@pytest.mark.both_stores
def test_the_quota_of_inline_policies(owner: Owner) -> None:
    """All of them together, white space and the replaced document not counted."""
    size = INLINE_SIZES[owner.noun]
    owner.ask("put_{}_policy", PolicyName="one", PolicyDocument=of_size(1000, spaces=5000))
    owner.ask("put_{}_policy", PolicyName="two", PolicyDocument=of_size(size - 1000))
    exceeded = ("LimitExceeded", 409, f"Maximum policy size of {size} bytes exceeded for {owner.noun} Worker")
    assert owner.refused("put_{}_policy", PolicyName="three", PolicyDocument=of_size(100)) == exceeded
    assert owner.refused("put_{}_policy", PolicyName="TWO", PolicyDocument=of_size(size - 999)) == exceeded
    owner.ask("put_{}_policy", PolicyName="TWO", PolicyDocument=of_size(size - 1001))
    assert owner.ask("list_{}_policies")["PolicyNames"] == ["one", "two"]


@pytest.mark.both_stores
def test_attachments(owner: Owner) -> None:
    own = owner.iam.create_policy(PolicyName="Own", Path="/team/", PolicyDocument=allow("*"))["Policy"]["Arn"]
    for arn in (READ_ONLY, own, READ_ONLY):
        owner.ask("attach_{}_policy", PolicyArn=arn)
    expected = [{"PolicyName": "Own", "PolicyArn": own}, {"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    paginator = owner.iam.get_paginator(f"list_attached_{owner.noun}_policies")
    pages = list(paginator.paginate(**{owner.member: "worker"}, PaginationConfig={"PageSize": 1}))
    assert [page["AttachedPolicies"] for page in pages] == [[expected[0]], [expected[1]]]
    assert owner.ask("list_attached_{}_policies", PathPrefix="/team/")["AttachedPolicies"] == expected[:1]
    assert owner.iam.get_policy(PolicyArn=own)["Policy"]["AttachmentCount"] == 1
    (entity,) = owner.iam.list_entities_for_policy(PolicyArn=own)[f"Policy{owner.noun.capitalize()}s"]
    assert entity[owner.member] == "Worker"
    assert refusal(owner.iam.delete_policy, PolicyArn=own) == ("DeleteConflict", 409, "Cannot delete a policy attached to entities.")
    owner.ask("detach_{}_policy", PolicyArn=own)
    assert owner.refused("detach_{}_policy", PolicyArn=own) == ("NoSuchEntity", 404, f"Policy {own} was not found.")
    assert owner.ask("list_attached_{}_policies")["AttachedPolicies"] == expected[1:]


def test_ten_attachments_at_most(owner: Owner) -> None:
    arns = [owner.iam.create_policy(PolicyName=f"p{number}", PolicyDocument=allow("*"))["Policy"]["Arn"] for number in range(11)]
    for arn in arns[:10]:
        owner.ask("attach_{}_policy", PolicyArn=arn)
    quota = ("LimitExceeded", 409, f"Cannot exceed quota for PoliciesPer{owner.noun.capitalize()}: 10")
    assert owner.refused("attach_{}_policy", PolicyArn=arns[10]) == quota
    owner.ask("attach_{}_policy", PolicyArn=arns[0])  # attached already: nothing to exceed


OPERATIONS: list[tuple[str, dict[str, str]]] = [
    ("put_{}_policy", {"PolicyName": "p", "PolicyDocument": allow("*")}),
    ("get_{}_policy", {"PolicyName": "p"}),
    ("list_{}_policies", {}),
    ("delete_{}_policy", {"PolicyName": "p"}),
    ("attach_{}_policy", {"PolicyArn": READ_ONLY}),
    ("detach_{}_policy", {"PolicyArn": READ_ONLY}),
    ("list_attached_{}_policies", {}),
]


@pytest.mark.parametrize(("form", "parameters"), OPERATIONS)
def test_an_owner_that_is_missing(owner: Owner, form: str, parameters: dict[str, str]) -> None:
    missing = ("NoSuchEntity", 404, f"The {owner.noun} with name nobody cannot be found.")
    assert owner.refused(form, "nobody", **parameters) == missing


@pytest.mark.parametrize(("form", "parameters"), OPERATIONS)
def test_the_resource_of_a_refusal(stead: Stead, owner: Owner, form: str, parameters: dict[str, str]) -> None:
    """policy-evaluation.md 9.3: the kind and the stored name."""
    eve = Owner(stead.client("iam", stead.user("eve")), owner.noun)
    refused = eve.refused(form, **parameters)
    assert (refused.code, refused.status) == ("AccessDenied", 403)
    assert f" on resource: {owner.noun} Worker because no identity-based policy allows the iam:" in refused.message


REFUSED: list[tuple[str, dict[str, str], tuple[str, int, str]]] = [
    (
        "attach_{}_policy",
        {"PolicyArn": f"{AWS}NoSuchPolicy"},
        ("NoSuchEntity", 404, f"Policy {AWS}NoSuchPolicy does not exist or is not attachable."),
    ),
    (
        "attach_{}_policy",
        {"PolicyArn": LINKED},
        ("PolicyNotAttachable", 400, "Cannot attach a Service Role Policy to a Customer Role."),
    ),
    ("attach_{}_policy", {"PolicyArn": "longpolicynamebutnoarn"}, ("ValidationError", 400, "Invalid ARN:  Could not be parsed!")),
    (
        "attach_{}_policy",
        {"PolicyArn": "arn:aws:iam::aws:role/ReadOnlyAccess"},
        ("InvalidInput", 400, "ARN arn:aws:iam::aws:role/ReadOnlyAccess is not valid."),
    ),
    (
        "attach_{}_policy",
        {"PolicyArn": "arn:aws-cn:iam::aws:policy/ReadOnlyAccess"},
        ("ValidationError", 400, "Invalid ARN partition"),
    ),
    ("detach_{}_policy", {"PolicyArn": READ_ONLY}, ("NoSuchEntity", 404, f"Policy {READ_ONLY} was not found.")),
]


@pytest.mark.parametrize(("form", "parameters", "expected"), REFUSED)
def test_refusals(owner: Owner, form: str, parameters: dict[str, str], expected: tuple[str, int, str]) -> None:
    assert owner.refused(form, **parameters) == expected


def test_a_malformed_document_is_found_before_a_missing_owner(owner: Owner) -> None:
    syntax = ("MalformedPolicyDocument", 400, "Syntax errors in policy.")
    assert owner.refused("put_{}_policy", "nobody", PolicyName="p", PolicyDocument="{") == syntax


def test_the_policy_is_a_condition_key(stead: Stead, owner: Owner) -> None:
    """policy-evaluation.md 8.4: iam:PolicyARN when attaching and detaching."""
    action = f"iam:*{owner.noun.capitalize()}Policy"
    key = stead.user("eve", allow(action, Condition={"ArnEquals": {"iam:PolicyARN": READ_ONLY}}))
    eve = Owner(stead.client("iam", key), owner.noun)
    eve.ask("attach_{}_policy", PolicyArn=READ_ONLY)
    assert eve.refused("attach_{}_policy", PolicyArn=f"{AWS}AdministratorAccess").code == "AccessDenied"
    assert eve.refused("put_{}_policy", PolicyName="p", PolicyDocument=allow("*")).code == "AccessDenied"
    eve.ask("detach_{}_policy", PolicyArn=READ_ONLY)
    assert owner.ask("list_attached_{}_policies")["AttachedPolicies"] == []


@pytest.mark.both_stores
def test_an_owner_is_deleted_without_its_policies_only(owner: Owner) -> None:
    """And nothing of it comes back with the next of its name."""
    owner.ask("put_{}_policy", PolicyName="p", PolicyDocument=allow("*"))
    owner.ask("attach_{}_policy", PolicyArn=READ_ONLY)
    assert owner.refused("delete_{}") == ("DeleteConflict", 409, "Cannot delete entity, must detach all policies first.")
    owner.ask("detach_{}_policy", PolicyArn=READ_ONLY)
    assert owner.refused("delete_{}") == ("DeleteConflict", 409, "Cannot delete entity, must delete policies first.")
    owner.ask("delete_{}_policy", PolicyName="p")
    owner.ask("delete_{}")
    owner.ask("create_{}", **({"AssumeRolePolicyDocument": TRUST} if owner.noun == "role" else {}))
    assert owner.ask("list_{}_policies")["PolicyNames"] == owner.ask("list_attached_{}_policies")["AttachedPolicies"] == []


@pytest.mark.both_stores
@pytest.mark.parametrize("noun", ["user", "group"])
def test_policies_hold_from_the_next_request_on(stead: Stead, noun: str) -> None:
    """A group's bind its members as their own do."""
    key = stead.user("alice")
    iam, mine = stead.client("iam"), stead.client("iam", key)
    iam.create_group(GroupName="alice")
    iam.add_user_to_group(GroupName="alice", UserName="alice")
    owner = Owner(iam, noun)
    assert refusal(mine.get_user)[0] == "AccessDenied"
    owner.ask("attach_{}_policy", "alice", PolicyArn=READ_ONLY)
    mine.get_user()
    owner.ask("put_{}_policy", "alice", PolicyName="no", PolicyDocument=statement("Deny", "iam:GetUser"))
    assert " with an explicit deny in an identity-based policy" in refusal(mine.get_user)[2]
    owner.ask("delete_{}_policy", "alice", PolicyName="no")
    mine.get_user()
    owner.ask("detach_{}_policy", "alice", PolicyArn=READ_ONLY)
    assert refusal(mine.get_user)[0] == "AccessDenied"
