"""Session Manager as ECS Exec uses it (ecs-on-your-behalf.md 7): sessions start, are listed, and end; no data flows through them."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.moto_api._internal import mock_random
from moto.ssm.models import ssm_backends

from stead.neighbours.embedded.overlay import Asked, Refused, kept, overlay

if TYPE_CHECKING:
    from collections.abc import Callable

    from stead.neighbours.messages import NeighbourReply

EXEC_DOCUMENT = "AmazonECS-ExecuteInteractiveCommand"
_IDLE_MS = 20 * 60_000  # the idle timeout, which cannot be configured; nothing is ever typed here
_PAGE = 50
_TOKEN_BYTES = 96


@dataclass(slots=True)
class Session:
    """Milliseconds; ``ended`` is 0 while nobody ended it."""

    name: str
    target: str
    document: str
    owner: str
    reason: str
    started: int
    ended: int = 0

    def end(self, now: int) -> int:
        """When it ended, 0 if it has not."""
        return self.ended or (self.started + _IDLE_MS if now >= self.started + _IDLE_MS else 0)


_FILTERS: dict[str, Callable[[Session, int, str], bool]] = {
    "InvokedAfter": lambda session, _, value: _shown(session.started).isoformat() >= value.replace("Z", "+00:00"),
    "InvokedBefore": lambda session, _, value: _shown(session.started).isoformat() <= value.replace("Z", "+00:00"),
    "Target": lambda session, _, value: session.target == value,
    "Owner": lambda session, _, value: session.owner == value,
    "Status": lambda session, now, value: _status(session, now) == value,
    "SessionId": lambda session, _, value: session.name == value,
}


@overlay("ssm", "StartSession")
def start(asked: Asked) -> NeighbourReply:
    """In a task's container. No agent runs on moto's instances, so none of them is connected."""
    target, document = str(asked.parameters.get("Target")), str(asked.parameters.get("DocumentName") or "SSM-SessionManagerRunShell")
    if not target.startswith("ecs:"):
        raise Refused("TargetNotConnected", f"{target} is not connected.")
    if document != EXEC_DOCUMENT:
        raise Refused("InvalidDocument", f"Document with name {document} does not exist.")
    name = f"ecs-execute-command-0{mock_random.get_random_hex(16)}"
    owner = asked.request.requester or f"arn:aws:iam::{asked.request.account_id}:root"
    _sessions(asked)[name] = Session(name, target, document, owner, str(asked.parameters.get("Reason") or ""), asked.now)
    return asked.answer(_opened(asked, name))


@overlay("ssm", "ResumeSession")
def resume(asked: Asked) -> NeighbourReply:
    """A new token for one that has not ended."""
    session = _session(asked)
    if session.end(asked.now):
        raise Refused("DoesNotExistException", f"Session {session.name} does not exist.")
    return asked.answer(_opened(asked, session.name))


@overlay("ssm", "TerminateSession")
def terminate(asked: Asked) -> NeighbourReply:
    """Once more is no error."""
    session = _session(asked)
    session.ended = session.end(asked.now) or asked.now
    return asked.answer({"SessionId": session.name})


@overlay("ssm", "DescribeSessions")
def describe(asked: Asked) -> NeighbourReply:
    """The open ones, or those that ended; the newest first."""
    ended = asked.parameters.get("State") == "History"
    filters = asked.parameters.get("Filters") or ()
    found = [
        session
        for session in reversed(_sessions(asked).values())
        if bool(session.end(asked.now)) is ended and all(_passes(session, asked.now, each) for each in filters)
    ]
    start, most = _start(asked), int(asked.parameters.get("MaxResults") or _PAGE)
    rest = {"NextToken": str(start + most)} if start + most < len(found) else {}
    return asked.answer({"Sessions": [_described(one, asked.now) for one in found[start : start + most]], **rest})


def _start(asked: Asked) -> int:
    token = str(asked.parameters.get("NextToken") or "0")
    if not token.isdecimal():
        raise Refused("InvalidNextToken", "The specified token is not valid.")
    return int(token)


def _opened(asked: Asked, name: str) -> dict[str, Any]:
    token = base64.b64encode(mock_random.randbytes(_TOKEN_BYTES)).decode()
    url = f"wss://ssmmessages.{asked.request.region}.amazonaws.com/v1/data-channel/{name}?role=publish_subscribe"
    return {"SessionId": name, "StreamUrl": url, "TokenValue": token}


def _described(session: Session, now: int) -> dict[str, Any]:
    ended = session.end(now)
    shown = {
        "SessionId": session.name,
        "Target": session.target,
        "Status": _status(session, now),
        "StartDate": _shown(session.started),
        "DocumentName": session.document,
        "Owner": session.owner,
        "Reason": session.reason or None,
        "EndDate": _shown(ended) if ended else None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _status(session: Session, now: int) -> str:
    return "Terminated" if session.end(now) else "Connected"


def _shown(moment: int) -> datetime:
    return datetime.fromtimestamp(moment / 1000, UTC)


def _passes(session: Session, now: int, each: dict[str, Any]) -> bool:
    test = _FILTERS.get(str(each.get("key")))
    if test is None:
        raise Refused("InvalidFilterKey", f"The filter key {each.get('key')} is not valid.")
    return test(session, now, str(each.get("value")))


def _session(asked: Asked) -> Session:
    name = str(asked.parameters.get("SessionId"))
    found = _sessions(asked).get(name)
    if found is None:
        raise Refused("DoesNotExistException", f"Session {name} does not exist.")
    return found


def _sessions(asked: Asked) -> dict[str, Session]:
    held: dict[str, Session] = kept(asked.backend(ssm_backends), "sessions")
    return held
