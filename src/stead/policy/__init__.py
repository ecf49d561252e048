"""The IAM policy language as a library: documents and a request in, a decision with its reason out. No I/O.

>>> from stead.policy import Layers, Policy, Principal, PrincipalKind, Request, authorize, compile_document
>>> alice = Principal(PrincipalKind.USER, "123456789012", "arn:aws:iam::123456789012:user/alice", "AIDAEXAMPLE")
>>> document = compile_document('''{
...     "Version": "2012-10-17",
...     "Statement": [
...         {"Effect": "Allow", "Action": "iam:Get*", "Resource": "arn:aws:iam::*:user/${aws:username}"},
...         {"Sid": "NoRoot", "Effect": "Deny", "Action": "*", "Resource": "arn:aws:iam::*:user/root*"}
...     ]
... }''')
>>> layers = Layers(identity=(Policy("own-user", "inline", document),))
>>> def ask(action, name):
...     arn = f"arn:aws:iam::123456789012:user/{name}"
...     return authorize(Request(action, arn, alice, {"aws:username": "alice"}, "123456789012"), layers)
>>> ask("iam:GetUser", "alice").allowed
True
>>> ask("iam:GetUser", "bob").clause("iam:GetUser")
' because no identity-based policy allows the iam:GetUser action'
>>> refused = ask("iam:GetUser", "root1")
>>> refused.effect, refused.policy, refused.statement
('explicitDeny', 'own-user', StatementReference(index=1, sid='NoRoot'))

The way of a document: ``document.py`` (validation: ``parse.py``, ``grammar.py``, ``*rules.py``), ``compile.py`` (matchers: ``actions.py``,
``arns.py``, ``principals.py``, ``patterns.py``, ``conditions/``). The way of a request: ``authorize.py`` over ``layers.py`` (who has a say),
``evaluate.py`` (one layer); ``explain.py`` tells all of it. The rules are those of policy-evaluation.md, corrected by recorded-aws.md.
"""

from __future__ import annotations

from stead.policy.authorize import authorize
from stead.policy.compile import CompiledDocument, Position, Request, Span, StatementReference, compile_document
from stead.policy.decision import Decision, Effect
from stead.policy.document import Document, DocumentKind, PrincipalEntry, validate
from stead.policy.evaluate import NearMiss, Policy
from stead.policy.explain import Explanation, LayerCheck, MatchedStatement, explain
from stead.policy.layers import Layer, Layers
from stead.policy.parse import MalformedPolicy
from stead.policy.patterns import Context, ContextValue
from stead.policy.principals import Grant, Principal, PrincipalKind

__all__ = [
    "CompiledDocument",
    "Context",
    "ContextValue",
    "Decision",
    "Document",
    "DocumentKind",
    "Effect",
    "Explanation",
    "Grant",
    "Layer",
    "LayerCheck",
    "Layers",
    "MalformedPolicy",
    "MatchedStatement",
    "NearMiss",
    "Policy",
    "Position",
    "Principal",
    "PrincipalEntry",
    "PrincipalKind",
    "Request",
    "Span",
    "StatementReference",
    "authorize",
    "compile_document",
    "explain",
    "validate",
]
