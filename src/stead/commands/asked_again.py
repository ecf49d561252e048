"""A refusal as IAM Toolbox tells it, asked again: the API's answer has no near misses, but everything that is needed to find them.

It speaks to the public API only, so it explains whatever endpoint answers as AWS's model says.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from stead.aws.ids import authorization_id
from stead.policy import Explanation, Layers, Policy, Principal, PrincipalKind, Request, compile_document, explain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stead.policy import ContextValue

_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_AUTHORIZATION = re.compile(r"\b[0-9a-z]{25}\b")
_TRUST_ACTIONS = ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
_KINDS = {"Account": PrincipalKind.ROOT, "User": PrincipalKind.USER, "AssumedRole": PrincipalKind.ROLE}
_BEFORE_TEXT = b'{"policyDocument":'


class Evaluation(NamedTuple):
    """One question to the policy engine: what was answered then, and all that can be said about it."""

    request: Request
    effect: str  # in the API's words
    explained: Explanation


class Answer(NamedTuple):
    """What became of one call."""

    keys: dict[str, ContextValue]
    evaluations: list[Evaluation]
    policies: dict[str, Policy]  # by URI


def id_in(text: str) -> str | None:
    """The authorization id in ``text``: itself, a whole error message, a link, or an event's id."""
    event = _UUID.search(text)
    if event:
        return authorization_id(event[0])
    found = _AUTHORIZATION.findall(text)
    return found[-1] if found else None


def ask(client: Any, identifier: str) -> Answer:
    """Everything about one call; botocore's errors pass."""
    pages = [client.get_request_authorization_details(authorizationId=identifier)]
    while pages[-1].get("nextToken"):
        pages.append(client.get_request_authorization_details(authorizationId=identifier, nextToken=pages[-1]["nextToken"]))
    infos = pages[0]["policies"]
    policies = _documents(client, identifier, infos)
    keys = _keys(pages[0]["requestContext"])
    told = [one for page in pages for one in page["evaluations"]]
    return Answer(keys, [_evaluation(one, keys, infos, policies) for one in told], policies)


def _documents(client: Any, identifier: str, infos: Sequence[Mapping[str, Any]]) -> dict[str, Policy]:
    """The policies with their documents as they were written, line by line: botocore gives the value, the body has the text."""
    bodies: list[bytes] = []
    keep = lambda response_dict, **_: bodies.append(response_dict["body"])  # noqa: E731  # a handler is told what it is told by name
    client.meta.events.register("before-parse", keep)
    found = {}
    for info in infos:
        answer = client.get_request_authorization_policy(authorizationId=identifier, policyUri=info["uri"])
        found[info["uri"]] = Policy(info["uri"], info["type"], compile_document(_text(bodies[-1], answer["policyDocument"])))
    client.meta.events.unregister("before-parse", keep)
    return found


def _text(body: bytes, value: Any) -> str:
    text = body.removeprefix(_BEFORE_TEXT)[:-1].decode() if body.startswith(_BEFORE_TEXT) else ""
    try:
        return text if json.loads(text) == value else json.dumps(value, indent=2)
    except ValueError:
        return json.dumps(value, indent=2)


def _keys(told: Mapping[str, Any]) -> dict[str, ContextValue]:
    return {key.lower(): tuple(value) if isinstance(value, list) else value for key, value in told.items()}


def _evaluation(
    told: Mapping[str, Any], shared: Mapping[str, ContextValue], infos: Sequence[Mapping[str, Any]], policies: Mapping[str, Policy]
) -> Evaluation:
    context = {**shared, **_keys(told.get("context", {}))}
    resource = told["resource"] or "*"
    request = Request(told["action"], resource, _principal(context), context, str(context.get("aws:resourceaccount", "")))
    return Evaluation(request, told["evaluatedEffect"], explain(request, _layers(request, infos, policies)))


def _principal(keys: Mapping[str, ContextValue]) -> Principal:
    account, arn, user_id = (str(keys.get(f"aws:{name}", "")) for name in ("principalaccount", "principalarn", "userid"))
    service = str(keys.get("aws:principalservicename", "")) or None
    if service:
        return Principal(PrincipalKind.SERVICE, account, arn, user_id, service=service)
    kind = _KINDS.get(str(keys.get("aws:principaltype")), PrincipalKind.USER)
    if kind is not PrincipalKind.ROLE:
        return Principal(kind, account, arn, user_id)
    session = f"arn:aws:sts::{account}:assumed-role/{arn.rpartition('/')[2]}/{user_id.partition(':')[2]}"
    return Principal(kind, account, session, user_id, role_arn=arn)


def _layers(request: Request, infos: Sequence[Mapping[str, Any]], policies: Mapping[str, Policy]) -> Layers:
    def of(kind: str) -> tuple[Policy, ...]:
        return tuple(policies[info["uri"]] for info in infos if info["type"] == kind)

    at_resource = [info["uri"] for info in infos if info["type"] == "RESOURCE_BASED_POLICY" and _is_at(info, request.resource)]
    boundary, session = of("PERMISSIONS_BOUNDARY"), of("SESSION_POLICY")
    return Layers(
        identity=of("IDENTITY_BASED_POLICY"),
        boundary=boundary[0] if boundary else None,
        session=session or None,
        resource=policies[at_resource[0]] if at_resource else None,
        resource_is_trust=bool(at_resource) and request.action in _TRUST_ACTIONS,
    )


def _is_at(info: Mapping[str, Any], resource: str) -> bool:
    return any(entity.get("arn") == resource for entity in info.get("attachedTo", ()))
