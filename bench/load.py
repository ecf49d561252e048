"""Requests signed beforehand with botocore, and wrk that sends them: the client costs next to nothing.

A signature is good for 15 minutes, so one signed request may be sent for a whole run. Writes come from a ring of signed requests: role ``k``
is created when role ``k - LAG`` is deleted, so each is a real write and the account stays small. LAG is many times the connections, hence
no deletion overtakes its creation; if one did, wrk would count an answer that is not 2xx, and the figure would be void.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from servers import Void

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servers import Key

CONNECTIONS = 16
LAG, RING = 256, 1024
VERSIONS = {"iam": "2010-05-08", "sts": "2011-06-15"}
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs.amazonaws.com"},"Action":"sts:AssumeRole"}]}'

_RING = """
local requests, at = {}, -1 -- wrk asks once for a request that it does not send
function init()
  for line in io.lines(%r) do
    local date, authorization, body = line:match("(.-)\\t(.-)\\t(.*)")
    wrk.headers["X-Amz-Date"], wrk.headers["Authorization"] = date, authorization
    requests[#requests + 1] = wrk.format("POST", "/", wrk.headers, body)
  end
end
function request()
  at = at < #requests and at + 1 or %d
  return requests[math.max(at, 1)]
end
"""


class Request(NamedTuple):
    """A signed POST to ``/``."""

    headers: dict[str, str]
    body: str


class Load(NamedTuple):
    """What wrk sends: ``requests`` in order, then again from the one at ``again``."""

    requests: Sequence[Request]
    again: int = 0


def sign(port: int, key: Key, operation: str, **parameters: str) -> Request:
    """The request ``operation`` (``iam:GetRole``) with ``parameters``, signed for the server on ``port``."""
    service, _, action = operation.partition(":")
    body = urlencode({"Action": action, "Version": VERSIONS[service], **parameters})
    headers = {"Host": f"127.0.0.1:{port}", "Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    request = AWSRequest("POST", f"http://127.0.0.1:{port}/", data=body, headers=headers)
    SigV4Auth(Credentials(*key), service, "us-east-1").add_auth(request)
    return Request({name: str(value) for name, value in request.headers.items()}, body)


def writes(port: int, key: Key, prefix: str) -> Load:
    """Roles of new names made and deleted, turn by turn, for ever. ``prefix`` keeps runs apart."""

    def create(k: int) -> Request:
        return sign(port, key, "iam:CreateRole", RoleName=f"{prefix}-{k % RING}", AssumeRolePolicyDocument=TRUST)

    def delete(k: int) -> Request:
        return sign(port, key, "iam:DeleteRole", RoleName=f"{prefix}-{k % RING}")

    first = [create(k) for k in range(RING - LAG, RING)]
    ring = [request for k in range(RING) for request in (create(k), delete(k - LAG))]
    return Load(first + ring, again=len(first))


def rate(port: int, load: Load, seconds: float) -> float:
    """Answers a second under ``load``. Raises Void unless every answer was 2xx."""
    with tempfile.TemporaryDirectory() as folder:
        script = f"{folder}/load.lua"
        with open(script, "w", encoding="utf-8") as file:  # noqa: PTH123  # a path for wrk, which wants a string
            file.write(_script(load, f"{folder}/requests"))
        duration = max(1, round(seconds))  # wrk takes whole seconds
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{duration}s", "--timeout", "10s", "-s", script, f"http://127.0.0.1:{port}/"]
        ended = subprocess.run(command, check=False, capture_output=True, text=True)
    if ended.returncode:
        raise Void(f"wrk: {ended.stderr.strip()}")
    return _judged(ended.stdout)


def _script(load: Load, path: str) -> str:
    """One request is wrk's own fast case; several are read from a file and kept ready to send."""
    first = load.requests[0]
    lines = ["wrk.method = 'POST'", f"wrk.body = [[{first.body}]]", *(f"wrk.headers['{k}'] = [[{v}]]" for k, v in first.headers.items())]
    if len(load.requests) > 1:
        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123  # as above
            file.writelines(f"{r.headers['X-Amz-Date']}\t{r.headers['Authorization']}\t{r.body}\n" for r in load.requests)
        lines.append(_RING % (path, load.again + 1))  # Lua counts from one
    return "\n".join(lines)


def _judged(said: str) -> float:
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    errors = re.search(r"Socket errors: connect (\d+), read \d+, write (\d+), timeout (\d+)", said)
    if wrong:
        raise Void(f"{wrong[1]} answers were errors")
    if errors and any(int(count) for count in errors.groups()):
        raise Void(errors[0])
    if not found or not float(found[1]):
        raise Void("no answers")
    return float(found[1])
