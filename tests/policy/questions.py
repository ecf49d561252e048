"""Every kind of caller asks a document everything, in every layer: what the fuzzers do with documents that are accepted."""

from __future__ import annotations

from policy.policies import ACCOUNT, CALLERS

from stead.policy import (
    CompiledDocument,
    DocumentKind,
    Layers,
    MalformedPolicy,
    Policy,
    Request,
    authorize,
    compile_document,
    explain,
    validate,
)

_CONTEXTS: list[dict[str, str | tuple[str, ...]]] = [
    {},
    {
        "aws:a": "1",
        "aws:b": "192.0.2.1",
        "aws:currenttime": "2026-01-01T00:00:00Z",
        "aws:sourcearn": "arn:aws:sns:::t",
        "aws:username": "alice",
    },
    {"aws:a": ("1", ""), "aws:b": (), "aws:currenttime": "x", "aws:sourcearn": "\U0001f600", "aws:sourceip": "::ffff:192.0.2.1"},
]
_REQUESTS = [
    Request(action, resource, CALLERS[caller], context, ACCOUNT)
    for action, resource in (
        ("iam:GetRole", "arn:aws:iam::123456789012:role/a"),
        ("sts:AssumeRole", "*"),
        ("s3:Get", "arn:aws:s3:::b/\U0001f600"),
    )
    for caller in ("alice", "app_session", "federated", "outsider", "ecs_tasks")
    for context in _CONTEXTS
]


def accepted_or_refused(text: str, kind: DocumentKind) -> None:
    """Never anything else; what is accepted compiles, and what compiles, stored documents and simulated ones among it, can be asked."""
    try:
        validate(text, kind).principals()
        accepted = True
    except MalformedPolicy:
        accepted = False
    try:
        document = compile_document(text)
    except MalformedPolicy:
        assert not accepted
        return
    ask_everything(document)


def ask_everything(document: CompiledDocument) -> None:
    """Each answer is one; the explanation, which reads positions too, agrees."""
    policy = Policy("p", "inline", document)
    everywhere = Layers((policy,), policy, (policy,), policy, resource_is_trust=False, scps=((policy,),), rcps=((policy,),))
    for request in _REQUESTS:
        for layers in (Layers((policy,)), everywhere, Layers(resource=policy, resource_is_trust=True)):
            decision = authorize(request, layers)
            assert decision.effect in ("allowed", "explicitDeny", "implicitDeny")
            assert explain(request, layers).decision == decision
    for index in range(len(document.statements)):
        document.span(index)
