"""Random documents and questions out of small alphabets, so that they meet; the seed is all there is to a world."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from policy.naive.decide import Question, Texts
from policy.policies import ACCOUNT, load

OTHER = "210987654321"
CALLERS: dict[str, dict[str, str]] = load("callers")
ROLE = "arn:aws:iam::123456789012:role/team/app"
USER = "arn:aws:iam::123456789012:user/alice"

ACTIONS = ["iam:GetRole", "iam:PassRole", "IAM:getrole", "sts:AssumeRole", "ecs:RunTask", "s3:Get"]
ACTION_PATTERNS = [
    "*",
    "*:*",
    "iam:*",
    "iam:Get*",
    "IAM:get?ole",
    "iam:*Role",
    "iam:PassRole",
    "sts:*",
    "sts:AssumeRole",
    "ecs:Run?ask",
    "s3:Get*",
    "s3:?",
]
RESOURCES = [
    "*",
    ROLE,
    USER,
    "arn:aws:iam::123456789012:role/a",
    "arn:aws:ecs:eu-west-1:123456789012:task/c/1",
    "arn:aws:s3:::b/alice/x",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/a:b:c",
    "arn:aws:s3:::b/\U0001f600",
    "arn:aws:sqs:eu-west-1:210987654321:q",
]
RESOURCE_PATTERNS = [
    "*",
    "**",
    "arn:aws:iam::*:role/*",
    ROLE,
    "arn:aws:iam::123456789012:role/A",
    "arn:*:iam::??????789012:*/a*",
    "arn:aws:iam",
    "arn:aws:s3",
    "arn:aws:sqs:eu-west-1",
    "arn:aws:ecs:*:*:task/*/?",
    "arn:aws:s3:::b/${aws:username}/*",
    "arn:aws:s3:::b/${aws:PrincipalTag/Team, 'alice'}*",
    "arn:aws:s3:::b/${*}",
    "arn:aws:s3:::b/?",
    "arn:aws:s3:::b/??",
    "arn:aws:s3:::b/${aws:b}",
    "arn:aws:s3:::*:*",
    "arn:aws:s3:::b/?:b:*",
    "arn:aws:sqs:*:${aws:a}:${aws:b, 'q'}",
    "arn:aws:sqs:*:${aws:missing, 'x:y'}:q",
    "arn:aws:s3:::b/${aws:username",
    "arn:aws:s3:::b/}${*}",
    "arn:aws:s3:::b/${${aws:username}}",
    "arn:aws:iam::*:role/${aws:a}?*",
]

KEYS = ["aws:a", "aws:a", "aws:b", "aws:list", "aws:LIST", "aws:username", "aws:PrincipalTag/Team", "AWS:A"]
STRINGS = [
    "",
    "a",
    "A",
    "b",
    "alice",
    "Alice",
    "*",
    "a*",
    "${*}",
    "${aws:a}",
    "x${aws:PrincipalTag/Team, 'alice'}",
    "${aws:list, 'a'}",
    "${aws:b}*",
    "?",
    "\U0001f600",
    "ΑΣ",
    "ας",
    "ß",
    "SS",
    "\u017f",
    "S",
    "Σ${aws:b}Σ",
    "${aws:missing}",
    "${aws:missing, ''}",
    "${aws:missing,'a'}",
    "${aws:missing, 'a', 'b'}",
    "${aws:a, b, 'c'}",
    "${aws:missing, '}'}",
    "${aws:a",
    "${${aws:a}}",
    "${}",
    "${AWS:A}",
    "${ aws:a }",
    "${?}${$}",
    "?$",
    "1",
    "true",
]
NUMBERS = ["0", "1", "01", "+1", "1.0", "-1", "1.5", "9007199254740993", "9007199254740992", "NaN", "one", "", "1e2", "100", ".5", "5."]
DATES = [
    "2026",
    "2026-01-01",
    "2026-01-01T00:00Z",
    "2026-01-01T01:00:00+01:00",
    "2026-01-01T00:00:00.001Z",
    "2026-01-01T00:00:00.0001Z",
    "1767225600",
    "1767225601",
    "0",
    "+1",
    "-5-1-1",
    "2026-9-1T1:2",
    "10000-01-01",
    "2026-01-01t00+01",
    "9223372036854775808",
    "2026-02-30",
    "2024-02-29",
    "2025-13",
    "2026-01-01T24:00Z",
    "not-a-date",
    "",
    "2025-12-31T23:59:60Z",
]
BOOLEANS = ["true", "false", "TRUE", "False", "yes", "1", ""]
BINARIES = ["YQ==", "YQ", "Yg==", "YWE=", "", "*", "YQ==YQ==", "Y Q=="]
ADDRESSES = [
    "192.0.2.1",
    "192.000.2.1",
    "192.0.2.0/24",
    "192.0.2.7/24",
    "192.0.2.1/32",
    "0.0.0.0/0",
    "::/0",
    "::ffff:192.0.2.1",
    "2001:db8::1",
    "2001:DB8:0::1",
    "2001:db8::/32",
    "2001:db8::5/64",
    "::ffff:0:0/96",
    "no",
    "192.0.2.256",
    "192.0.2.1/33",
    "fe80::1%eth0",
    "1::2::3",
    "",
]
ARNS = [
    ROLE,
    USER,
    "arn:aws:iam::*:role/*",
    "arn:aws:iam::123456789012:*",
    "arn:*:*:*:*:*",
    "no-arn",
    "arn:aws:iam",
    "*",
    "",
    "${aws:a}",
    "${aws:b, 'arn:aws:iam::1:x'}",
    "arn:aws:iam::123456789012:user/${aws:username}",
    "arn:aws:sns:::a:b",
    "arn:aws:sns:::a:?",
    "arn:aws:sns:::${*}",
    "arn:aws:iam::${aws:a}:role/x",
    "arn:aws:sns:::${aws:missing, 'a:b'}",
    "arn:aws:sns:::",
    "*:*:*:*:*:*",
]

_COMPARED = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
FAMILIES: list[tuple[list[str], list[str]]] = [
    (["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"], STRINGS),
    (["Numeric" + name for name in _COMPARED], NUMBERS),
    (["Date" + name for name in _COMPARED], DATES),
    (["Bool"], BOOLEANS),
    (["BinaryEquals"], BINARIES),
    (["IpAddress", "NotIpAddress"], ADDRESSES),
    (["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"], ARNS),
]

PRINCIPALS: list[Any] = [
    "*",
    {"AWS": "*"},
    {"AWS": ACCOUNT},
    {"AWS": f"arn:aws:iam::{OTHER}:root"},
    {"AWS": [ACCOUNT, USER]},
    {"AWS": [ROLE, "arn:aws:iam::210987654321:role/ext"]},
    {"AWS": "arn:aws:sts::123456789012:assumed-role/app/s1"},
    {"AWS": ["AROAQEXAMPLEAPP000001", "AIDAQEXAMPLEEVE000001"]},
    {"AWS": "arn:aws:sts::123456789012:federated-user/bob"},
    {"Service": ["ecs.amazonaws.com", "ecs-tasks.amazonaws.com"], "AWS": USER},
    {"Federated": "arn:aws:iam::123456789012:oidc-provider/idp.example"},
    {"AWS": "arn:aws:iam::123456789012:role/app"},
]


class World:
    """Documents of all layers for one caller, and questions about them."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.plain = self._odds(0.5)  # one layer, and all that matters are conditions: many questions fail before they come to those
        self.focus = self.random.choice([FAMILIES, [self.random.choice(FAMILIES)]])
        self.caller = CALLERS["alice" if self.plain else self.random.choice(list(CALLERS))]
        self.texts = self._plain_texts() if self.plain else self._texts()

    def question(self) -> Question:
        random = self.random
        account = ACCOUNT if self.plain else random.choice([ACCOUNT, ACCOUNT, OTHER])
        return Question(random.choice(ACTIONS), random.choice(RESOURCES), self.caller, self._context(), account)

    def _plain_texts(self) -> Texts:
        """An Allow under conditions, or a Deny under conditions beside an Allow: how the recordings were made."""
        everything = {"Action": "*", "Resource": "*"}
        tested = {**everything, "Effect": self.random.choice(["Allow", "Deny"]), "Condition": self._conditions()}
        beside = [{**everything, "Effect": "Allow"}] if tested["Effect"] == "Deny" else []
        return Texts(identity=[json.dumps({"Version": "2012-10-17", "Statement": [*beside, tested]})])

    def _texts(self) -> Texts:
        random, kind = self.random, self.caller["kind"]
        owns = kind not in ("root", "service", "anonymous", "federated")
        can_be_limited = owns and kind != "linked-role"
        trust = random.random() < 0.3
        return Texts(
            identity=self._documents(3) if owns else [],
            boundary=self._document() if can_be_limited and random.random() < 0.3 else None,
            session=self._documents(2) if can_be_limited and kind != "user" and random.random() < 0.4 else None,
            resource=self._document(principals=True, resources=not trust) if random.random() < 0.7 else None,
            resource_is_trust=trust,
            scps=self._levels(principal=None) if random.random() < 0.3 else [],
            rcps=self._levels(principal="*") if random.random() < 0.3 else [],
        )

    def _levels(self, principal: str | None) -> list[list[str]]:
        extra = {} if principal is None else {"Principal": principal}
        whole = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", **extra, "Action": "*", "Resource": "*"}})
        return [
            [*([whole] if self._odds(0.7) else []), *self._documents(2, extra=extra, short=False)] for _ in range(self.random.randint(1, 3))
        ]

    def _documents(self, most: int, **how: Any) -> list[str]:
        return [self._document(**how) for _ in range(self.random.randint(0, most))]

    def _document(self, **how: Any) -> str:
        statements = [self._statement(**how) for _ in range(self.random.choice([1, 1, 2, 3]))]
        version = self.random.choice([{"Version": "2012-10-17"}] * 4 + [{"Version": "2008-10-17"}, {}])
        return json.dumps({**version, "Statement": statements[0] if len(statements) == 1 and self._odds(0.5) else statements})

    def _statement(
        self, *, principals: bool = False, resources: bool = True, short: bool = True, extra: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        random = self.random
        made: dict[str, Any] = {"Effect": random.choice(["Allow", "Allow", "Allow", "Deny"]), **(extra or {})}
        if principals:
            made[random.choice(["Principal", "Principal", "Principal", "NotPrincipal"])] = random.choice(PRINCIPALS)
        made[random.choice(["Action", "Action", "Action", "NotAction"])] = self._some(ACTION_PATTERNS)
        if resources:
            patterns = [pattern for pattern in RESOURCE_PATTERNS if short or pattern.count(":") >= 5 or pattern.endswith("*")]
            made[random.choice(["Resource", "Resource", "Resource", "NotResource"])] = "*" if self._odds(0.4) else self._some(patterns)
        if self._odds(0.6):
            made["Condition"] = self._conditions()
        return made

    def _conditions(self) -> dict[str, dict[str, Any]]:
        block: dict[str, dict[str, Any]] = {}
        for _ in range(self.random.choice([1, 1, 1, 2, 3])):
            if self._odds(0.03):
                block.setdefault("Null", {})[self.random.choice(KEYS)] = self._some(["true", "false", "TRUE"])
                continue
            names, values = self.random.choice(self.focus)
            prefix = self.random.choice(["", "", "ForAllValues:", "ForAnyValue:", "forallvalues:"])
            suffix = self.random.choice(["", "", "", "IfExists"])
            block.setdefault(prefix + self.random.choice(names) + suffix, {})[self.random.choice(KEYS)] = self._some(values)
        return block

    def _context(self) -> dict[str, str | tuple[str, ...]]:
        context: dict[str, str | tuple[str, ...]] = {}
        for key in ("aws:a", "aws:b", "aws:list", "aws:username", "aws:principaltag/team"):
            if self._odds(0.25):
                continue
            _, values = self.random.choice(self.focus)
            several = tuple(self.random.choice(values) for _ in range(self.random.randint(0, 3)))
            listed = key == "aws:list" or self._odds(0.1)
            context[key] = several if listed else "alice" if key == "aws:username" else self.random.choice(values)
        return context

    def _some(self, of: list[str]) -> str | list[str]:
        if self._odds(0.6):
            return self.random.choice(of)
        return [self.random.choice(of) for _ in range(self.random.randint(1, 3))]

    def _odds(self, odds: float) -> bool:
        return self.random.random() < odds


Ask = Callable[[Question, Texts], tuple[str, str | None]]
