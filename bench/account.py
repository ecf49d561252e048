"""The same small account on every server: a user with two short policies and a hundred roles; and the proof that authorization is on."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

import boto3  # type: ignore[import-untyped]  # ships no annotations
from botocore.config import Config
from load import TRUST, Request, sign
from servers import MOTO, ROOT, Key, Void

if TYPE_CHECKING:
    from servers import Server

ROLES = 100
USER = "bench"
ROLE_NAME = "bench-role-042"
POLICIES = {
    "roles": ["sts:GetCallerIdentity", "iam:GetRole", "iam:ListRoles", "iam:CreateRole", "iam:DeleteRole"],
    "linked-roles": ["iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:GetServiceLinkedRoleDeletionStatus"],
}


def prepare(server: Server) -> Key:
    """Make the account; the user's key. Raises Void when the server lets through what it must refuse."""
    iam = _client(server)
    iam.create_user(UserName=USER)
    for name, actions in POLICIES.items():
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        iam.put_user_policy(UserName=USER, PolicyName=name, PolicyDocument=json.dumps(document))
    for number in range(ROLES):
        iam.create_role(RoleName=f"bench-role-{number:03}", AssumeRolePolicyDocument=TRUST)
    made = iam.create_access_key(UserName=USER)["AccessKey"]
    key = Key(made["AccessKeyId"], made["SecretAccessKey"])
    if server.kind is MOTO:  # from now on, its documented switch: no more calls without authorization
        _expect(200, _post(server, "/moto-api/reset-auth", b"0"))
    _prove(server, key)
    return key


def call(server: Server, request: Request) -> tuple[int, bytes]:
    """One signed call on a connection of its own."""
    return _post(server, "/", request.body.encode(), request.headers)


def _prove(server: Server, key: Key) -> None:
    """A permitted call passes; the same with a wrong secret, and one that no policy permits, are refused."""
    _expect(200, call(server, sign(server.port, key, "iam:GetRole", RoleName=ROLE_NAME)))
    _expect(403, call(server, sign(server.port, Key(key.id, "wrong"), "iam:GetRole", RoleName=ROLE_NAME)))
    _expect(403, call(server, sign(server.port, key, "iam:ListUsers")))


def _expect(status: int, answer: tuple[int, bytes]) -> None:
    if answer[0] != status:
        raise Void(f"answered {answer[0]} where {status} was due: {answer[1][:200]!r}")


def _post(server: Server, path: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("POST", path, body, headers or {})
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def _client(server: Server) -> Any:
    session = boto3.Session(*ROOT, region_name="us-east-1")
    config = Config(retries={"max_attempts": 0})
    return session.client("iam", endpoint_url=f"http://127.0.0.1:{server.port}", config=config)
