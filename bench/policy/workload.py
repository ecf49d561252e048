"""The scenarios: policies, and requests whose right answers are known because each request is made from the statement that answers it.

No engine is asked what is right: a request is built to be covered by known statements alone, or to miss them in one point. All is drawn from
fixed seeds, so every run asks the same questions.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

ACCOUNT = "123456789012"
CALLER = f"arn:aws:iam::{ACCOUNT}:user/alice"

Statement = dict[str, Any]
Context = dict[str, Any]


class Ask(NamedTuple):
    """One request, and whether it must be allowed."""

    action: str
    resource: str
    context: Context
    allowed: bool


class Scenario(NamedTuple):
    """The policies of one caller, and what it asks."""

    name: str
    title: str
    policies: list[list[Statement]]
    asks: list[Ask]

    def documents(self) -> list[dict[str, Any]]:
        """The policies as IAM writes them."""
        return [{"Version": "2012-10-17", "Statement": statements} for statements in self.policies]


def scenarios() -> list[Scenario]:
    """All three."""
    return [small(), managed(), conditional()]


_BUCKET = "arn:aws:s3:::reports"


def small() -> Scenario:
    """(a): one policy of three statements."""
    policy = [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": [f"{_BUCKET}/*"]},
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [_BUCKET]},
        {"Effect": "Deny", "Action": ["s3:Delete*"], "Resource": [f"{_BUCKET}/final/*"]},
    ]
    asks = [
        ("s3:GetObject", f"{_BUCKET}/2026/november.csv", True),
        ("s3:PutObject", f"{_BUCKET}/final/q3.csv", True),
        ("s3:DeleteObject", f"{_BUCKET}/draft/q3.csv", True),
        ("s3:ListBucket", _BUCKET, True),
        ("s3:DeleteObject", f"{_BUCKET}/final/q3.csv", False),
        ("s3:GetObject", "arn:aws:s3:::payroll/2026.csv", False),
        ("s3:ListBucket", "arn:aws:s3:::payroll", False),
        ("s3:GetBucketAcl", _BUCKET, False),
    ]
    return Scenario("a", "1 policy, 3 statements", [policy], [Ask(action, resource, {}, allowed) for action, resource, allowed in asks * 5])


STATEMENTS, OF_A_POLICY = 200, 20
_VERBS = ("Get", "List", "Describe", "Create", "Update", "Delete", "Put", "Tag")
_SERVICES = ("ec2", "s3", "ecs", "dynamodb", "sqs", "sns", "rds", "lambda", "ssm", "glue")


def managed() -> Scenario:
    """(b): ten managed policies of 20 statements, each of ten action patterns on the resources of a team.

    Services and verbs recur in every policy; noun and team tell statements apart. Every tenth statement is a Deny, which takes away in one
    corner what the statement before it gives.
    """
    draw, numbers = random.Random("managed"), range(STATEMENTS)
    statements = [_deny(number - 1) if number % 10 == 9 else _allow(number) for number in numbers]
    asks = [ask for number in numbers for ask in _managed_asks(number, statements[number], draw)]
    draw.shuffle(asks)
    policies = [statements[start : start + OF_A_POLICY] for start in numbers[::OF_A_POLICY]]
    return Scenario("b", "10 policies, 200 statements, 2,000 action patterns", policies, asks)


def _allow(number: int) -> Statement:
    """Five exact actions, three prefixes, two patterns with a star inside."""
    service, noun, team = _parts(number)
    prefixes = [f"{service}:{verb}{noun}*" for verb in _VERBS[5:]]
    actions = [*(f"{service}:{verb}{noun}" for verb in _VERBS[:5]), *prefixes, f"{service}:*{noun}Tags", f"{service}:Batch*{noun}"]
    return {"Effect": "Allow", "Action": actions, "Resource": [f"arn:aws:{service}:*:{ACCOUNT}:{team}/*"]}


def _deny(number: int) -> Statement:
    service, noun, team = _parts(number)
    actions = [*(f"{service}:{verb}{noun}" for verb in _VERBS), f"{service}:*{noun}Tags", f"{service}:Batch*{noun}"]
    return {"Effect": "Deny", "Action": actions, "Resource": [f"arn:aws:{service}:*:{ACCOUNT}:{team}/kept/*"]}


def _parts(number: int) -> tuple[str, str, str]:
    return _SERVICES[number % len(_SERVICES)], f"Thing{number:03}", f"team-{number // 10}"


def _managed_asks(number: int, statement: Statement, draw: random.Random) -> list[Ask]:
    """An action of the statement on its own resource and on that of no team; and an action that nothing covers."""
    action, is_allow = draw.choice(statement["Action"]).replace("*", "Get"), statement["Effect"] == "Allow"
    service, team = action.partition(":")[0], f"team-{number // 10}"
    resource = f"arn:aws:{service}:eu-west-1:{ACCOUNT}:{team}/{'free' if is_allow else 'kept'}/x{number}"
    return [
        Ask(action, resource, {}, is_allow),
        Ask(action, resource.replace("team-", "nobody-"), {}, False),
        Ask(f"{service}:Reboot{_VERBS[number % 8]}", resource, {}, False),
    ]


RULES, CONDITIONS = 20, 6
_TEAM, _STAGE = ("StringEquals", "aws:PrincipalTag/team"), ("StringEquals", "aws:RequestTag/stage")


def conditional() -> Scenario:
    """(c): 20 statements that cover the same action and resource; six conditions each, in an order of its own, decide.

    An Allow means one team. Every fifth statement is a Deny, which takes the live stage from the team of the statement before it.
    """
    draw = random.Random("conditional")
    statements = [_conditional(number, draw) for number in range(RULES)]
    asks = [ask for number, statement in enumerate(statements) for ask in _conditional_asks(number, statement, draw)]
    draw.shuffle(asks)
    return Scenario("c", "20 statements of 6 conditions each on one action", [statements], asks)


def _conditional(number: int, draw: random.Random) -> Statement:
    is_deny = number % 5 == 4
    team = number - is_deny
    fixed = [(*_TEAM, f"team-{team}")] + [(*_STAGE, "live")] * is_deny
    others = [
        ("StringEquals", "aws:RequestTag/owner", "${aws:PrincipalTag/owner}"),
        ("StringLike", "aws:PrincipalTag/site", [f"site-{team}-*", f"*-hq-{team}"]),
        ("IpAddress", "aws:SourceIp", [f"10.{team}.0.0/16", "192.168.0.0/24"]),
        ("NumericLessThan", "aws:MultiFactorAuthAge", str(600 + team)),
        ("DateGreaterThan", "aws:CurrentTime", "2026-01-01T00:00:00Z"),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["team", "stage", f"key{team}"]),
        ("Bool", "aws:SecureTransport", "true"),
    ]
    conditions: dict[str, Context] = {}
    drawn = fixed + draw.sample(others, CONDITIONS - len(fixed))
    for operator, key, values in draw.sample(drawn, CONDITIONS):
        conditions.setdefault(operator, {})[key] = values
    return {"Effect": "Deny" if is_deny else "Allow", "Action": ["ecs:*"], "Resource": ["*"], "Condition": conditions}


# One value for each key that satisfies no statement which asks for the key.
_BROKEN = {
    "aws:PrincipalTag/team": "team-none",
    "aws:RequestTag/owner": "bob",
    "aws:PrincipalTag/site": "site-none-north",
    "aws:SourceIp": "172.16.0.1",
    "aws:MultiFactorAuthAge": "700",
    "aws:CurrentTime": "2025-12-31T23:59:59Z",
    "aws:TagKeys": ["team", "nobody"],
    "aws:SecureTransport": "false",
}


def _conditional_asks(number: int, statement: Statement, draw: random.Random) -> list[Ask]:
    """What satisfies a statement; and for an Allow what misses one of its conditions, for a Deny what misses its stage."""
    if statement["Effect"] == "Deny":
        return [_asked(_satisfying(number - 1, "live"), allowed=False), _asked(_satisfying(number - 1, "test"), allowed=True)]
    context = _satisfying(number, draw.choice(("test", "pilot")))
    key = draw.choice([key for keys in statement["Condition"].values() for key in keys])
    return [_asked(context, allowed=True), _asked({**context, key: _BROKEN[key]}, allowed=False)]


def _asked(context: Context, *, allowed: bool) -> Ask:
    return Ask("ecs:RunTask", f"arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/web:1", context, allowed)


def _satisfying(team: int, stage: str) -> Context:
    return {
        "aws:PrincipalTag/team": f"team-{team}",
        "aws:PrincipalTag/owner": "alice",
        "aws:PrincipalTag/site": f"site-{team}-north",
        "aws:RequestTag/stage": stage,
        "aws:RequestTag/owner": "alice",
        "aws:SourceIp": f"10.{team}.7.9",
        "aws:MultiFactorAuthAge": "300",
        "aws:CurrentTime": "2026-11-24T08:00:00Z",
        "aws:TagKeys": ["team", "stage"],
        "aws:SecureTransport": "true",
        "aws:RequestedRegion": "eu-west-1",
    }
