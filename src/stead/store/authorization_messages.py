"""Encoded authorization messages: what EC2 adds to a refusal for those who may know more (sts:DecodeAuthorizationMessage).

A message carries its contents sealed by the key ring, like a session token: nothing is stored, nobody but this Stead can read it, and it can be
decoded within the account that was refused, for as long as the authorization details are kept (a day). The decoded JSON is in AWS's shape.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import TYPE_CHECKING, Any

import orjson

from stead.aws.clock import DAY
from stead.aws.condition_keys import spelt
from stead.store.keyring import CannotOpen
from stead.store.policy_sets import members

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stead.policy import Principal
    from stead.store.context import Context
    from stead.store.decided import Asked
    from stead.store.keyring import KeyRing

MAX_LENGTH = 10240  # sts:DecodeAuthorizationMessage takes no longer one
KEPT = DAY
_PURPOSE = "authorization message"


def encoded_message(context: Context, asked: Asked) -> str:
    """The message about one question of the gate; one that would be too long leaves out first the condition keys, then the statement."""
    whole = _described(asked)
    bare = {**whole, "context": {**whole["context"], "conditions": _items(())}}
    for described in (whole, bare, {**bare, "matchedStatements": _items(())}):
        message = _sealed(context, described)
        if len(message) <= MAX_LENGTH:
            break
    return message


def decoded_message(ring: KeyRing, account_id: str, message: str, now: int) -> str:
    """The JSON text in ``message``; raises CannotOpen for one that is not this account's, not this Stead's, or too old."""
    try:
        sealed = base64.b64decode(message + "=" * (-len(message) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise CannotOpen from error
    account, made, described = orjson.loads(zlib.decompress(ring.open(sealed, _PURPOSE)))
    if account != account_id or made + KEPT < now:
        raise CannotOpen
    return orjson.dumps(described).decode()


def _sealed(context: Context, described: dict[str, Any]) -> str:
    plain = orjson.dumps((context.account_id, context.now, described))
    return base64.urlsafe_b64encode(context.keys.seal(zlib.compress(plain), _PURPOSE)).rstrip(b"=").decode()


def _described(asked: Asked) -> dict[str, Any]:
    request, _, decision, _ = asked
    shared, own, _ = request.context.snapshot()  # type: ignore[attr-defined]  # the gate's requests have a RequestContext
    conditions = ({"key": spelt(key), "values": _values(value)} for key, value in sorted({**shared, **own}.items()))
    return {
        "allowed": decision.allowed,
        "explicitDeny": decision.effect == "explicitDeny",
        "matchedStatements": _items(_matched(asked)),
        "failures": _items(()),
        "context": {
            "principal": _principal(request.principal),
            "action": request.action,
            "resource": request.resource,
            "conditions": _items(conditions),
        },
    }


def _principal(principal: Principal) -> dict[str, str]:
    return {"id": principal.user_id, "name": principal.arn.rpartition("/")[2], "arn": principal.arn}


def _matched(asked: Asked) -> Iterable[dict[str, Any]]:
    """The statement that denied, in the members of the policy language."""
    request, layers, decision, _ = asked
    if decision.statement is None:
        return ()
    policy = next(policy for policy in members(layers) if policy.id == decision.policy)
    found = orjson.loads(policy.document.text)["Statement"]
    statement = (found if isinstance(found, list) else [found])[decision.statement.index]
    conditions = statement.get("Condition", {})
    return (
        {
            "statementId": statement.get("Sid", ""),
            "effect": statement["Effect"].upper(),
            "principals": _values(request.principal.user_id),
            "principalGroups": _items(()),
            "actions": _values(statement.get("Action", statement.get("NotAction"))),
            "resources": _values(statement.get("Resource", statement.get("NotResource", ()))),
            "conditions": _items({"key": key, "values": _values(wanted)} for test in conditions.values() for key, wanted in test.items()),
        },
    )


def _values(value: Any) -> dict[str, Any]:
    return _items({"value": one} for one in (value if isinstance(value, list | tuple) else [value]))


def _items(items: Iterable[Any]) -> dict[str, Any]:
    return {"items": list(items)}
