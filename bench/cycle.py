"""The life of the ECS linked role over and over: create it, begin its deletion, ask until the task has SUCCEEDED.

One client on one connection; create and delete are signed once, each task's question once. The peers delete the role inside the call and
answer SUCCEEDED for any task: theirs is the shortest cycle that their form of it allows.
"""

from __future__ import annotations

import http.client
import re
import time
from typing import TYPE_CHECKING, NamedTuple

from load import Request, sign
from servers import Void

if TYPE_CHECKING:
    from servers import Key, Server

PATIENCE_SECONDS = 10


class Cycles(NamedTuple):
    """Whole cycles a second, and the seconds from each deletion's answer to SUCCEEDED."""

    rate: float
    waits: list[float]


def run(server: Server, key: Key, seconds: float) -> Cycles:
    """Cycle for ``seconds``. Raises Void for any answer but the expected."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_SECONDS)
    create = sign(server.port, key, "iam:CreateServiceLinkedRole", AWSServiceName="ecs.amazonaws.com")
    name = _member("RoleName", _ask(connection, create))
    delete = sign(server.port, key, "iam:DeleteServiceLinkedRole", RoleName=name)
    waits = [_delete(connection, server, key, delete)]
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        _ask(connection, create)
        waits.append(_delete(connection, server, key, delete))
    elapsed = time.perf_counter() - begun
    connection.close()
    return Cycles((len(waits) - 1) / elapsed, waits[1:])


def _delete(connection: http.client.HTTPConnection, server: Server, key: Key, delete: Request) -> float:
    task = _member("DeletionTaskId", _ask(connection, delete))
    answered = time.perf_counter()
    status = sign(server.port, key, "iam:GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task)
    while (state := _member("Status", _ask(connection, status))) != "SUCCEEDED":
        if state == "FAILED" or time.perf_counter() - answered > PATIENCE_SECONDS:
            raise Void(f"a deletion stands at {state}")
    return time.perf_counter() - answered


def _ask(connection: http.client.HTTPConnection, request: Request) -> str:
    connection.request("POST", "/", request.body, request.headers)
    reply = connection.getresponse()
    text = reply.read().decode()
    if reply.status != 200:
        raise Void(f"status {reply.status}: {text[:200]}")
    return text


def _member(name: str, text: str) -> str:
    found = re.search(f"<{name}>([^<]+)</{name}>", text)
    if found is None:
        raise Void(f"no {name} in {text[:200]}")
    return found[1]
