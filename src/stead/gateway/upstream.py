"""The neighbouring services as Stead reaches them (design D9): embedded, at a URL, or not at all.

What goes to a URL is signed with the credentials of one file and nothing else: no variable, profile, proxy or metadata service of the
surroundings is read, no redirect is followed, nothing is tried twice. AWS's own hosts are refused unless the operator allows them, so that
nobody's real account is touched by a misplaced setting.
"""

from __future__ import annotations

import configparser
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stead.aws.call import Call, Caller, CallerKind
from stead.aws.clock import now_ms
from stead.aws.models import SERVICES, operation_model, regions
from stead.linked_roles.usage import Unknown
from stead.neighbours import speech
from stead.neighbours.embedded.client import EmbeddedNeighbours
from stead.neighbours.messages import NeighbourReply, NeighbourRequest, NeighbourUnavailableError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


CONNECT_SECONDS, READ_SECONDS = 1, 3
FORWARD_SECONDS = 30  # what a customer's own call may take there
_CREDENTIALS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
_AWS_DOMAINS = ("amazonaws.com", "amazonaws.com.cn", "api.aws", "on.aws", "api.amazonwebservices.com.cn")
# botocore's settings whose values would otherwise come from the surroundings.
_CLOSED = {"profile": None, "config_file": os.devnull, "credentials_file": os.devnull, "ca_bundle": None}


class UpstreamError(ValueError):
    """The neighbours cannot be used as they are configured; the message is for the operator."""


class NoNeighbours:
    """Neighbours that were never used, or are switched off: they hold nothing."""

    def used_regions(self, service: str) -> Collection[str]:  # noqa: ARG002  # the same for every service
        """None."""
        return ()

    def ask(self, service: str, region: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002  # none answers
        """There is nobody to ask."""
        raise Unknown(f"no neighbour serves {service}:{operation} in {region}")

    def send(self, request: NeighbourRequest) -> NeighbourReply:
        """Likewise."""
        raise NeighbourUnavailableError(f"no neighbour serves {request.service}: Stead was started with --neighbours none")

    def forget(self) -> None:
        """There is nothing."""

    def close(self) -> None:
        """Nothing is open."""


class NeighboursAtUrl:
    """Whatever answers AWS's API at one URL, for every service and Region."""

    def __init__(self, url: str, credentials_file: str, *, allow_real_aws: bool = False) -> None:
        _check_host(url, allow_real_aws=allow_real_aws)
        self._url = url
        self._credentials = _read_credentials(credentials_file)
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()  # making clients is not thread-safe, using them is
        self._session: Any = None
        self._http_session: Any = None

    def used_regions(self, service: str) -> Collection[str]:  # noqa: ARG002  # the same for every service
        """Every Region: others use the neighbour too, so Stead cannot know where nothing is."""
        return regions()

    def ask(self, service: str, region: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """All pages of a read's answer as one; Unknown for everything that is not a whole answer."""
        try:
            return self._answer(self._client(service, region), operation, parameters)
        except Exception as error:  # refused, late, redirected, 5xx, unreadable: botocore has no common class for them
            raise Unknown(f"{service}:{operation} in {region} at {self._url}: {error}") from error

    def send(self, request: NeighbourRequest) -> NeighbourReply:
        """One HTTP request, signed with the file's credentials: the caller's own stay here (design, section 4)."""
        from botocore.exceptions import HTTPClientError  # noqa: PLC0415  # see _client

        try:
            answer = self._http().send(self._signed(request))
        except HTTPClientError as error:
            raise NeighbourUnavailableError(f"{request.service}:{request.operation} at {self._url}: {error}") from error
        if 300 <= answer.status_code < 400:
            raise NeighbourUnavailableError(f"{request.service}:{request.operation} at {self._url}: redirects are not followed")
        return NeighbourReply(answer.status_code, tuple(answer.headers.items()), answer.content)

    def forget(self) -> None:
        """What others hold is not Stead's to empty."""

    def close(self) -> None:
        """Let go of the connections."""
        if self._http_session is not None:
            self._http_session.close()

    def _http(self) -> Any:
        from botocore.httpsession import URLLib3Session  # noqa: PLC0415  # see _client

        with self._lock:
            if self._http_session is None:
                self._http_session = URLLib3Session(proxies={}, timeout=(CONNECT_SECONDS, FORWARD_SECONDS))
            return self._http_session

    def _signed(self, request: NeighbourRequest) -> Any:
        from botocore.auth import SigV4Auth  # noqa: PLC0415  # see _client
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415  # see _client
        from botocore.credentials import Credentials  # noqa: PLC0415  # see _client

        url = f"{self._url.rstrip('/')}{request.path or '/'}{f'?{request.query}' if request.query else ''}"
        outgoing = AWSRequest(method=request.method, url=url, data=request.body, headers=dict(request.headers))
        keys = Credentials(*(self._credentials.get(name) for name in _CREDENTIALS))
        SigV4Auth(keys, SERVICES[request.service].signs_as, request.region).add_auth(outgoing)
        return outgoing.prepare()

    def _answer(self, client: Any, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        from botocore import xform_name  # noqa: PLC0415  # see _client

        method = xform_name(operation)
        if client.can_paginate(method):
            pages: Mapping[str, Any] = client.get_paginator(method).paginate(**parameters).build_full_result()
            return pages
        answer: Mapping[str, Any] = getattr(client, method)(**parameters)
        return answer

    def _client(self, service: str, region: str) -> Any:
        from botocore.config import Config  # noqa: PLC0415  # only a Stead that asks its neighbours pays for botocore's clients

        with self._lock:
            found = self._clients.get((service, region))
            if found is None:
                options = Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=READ_SECONDS,
                    retries={"total_max_attempts": 1},
                    proxies={},
                    user_agent="stead",
                )
                found = self._clients[service, region] = self._botocore().create_client(
                    service, region, endpoint_url=self._url, config=options, **self._credentials
                )
            return found

    def _botocore(self) -> Any:
        from botocore.session import Session  # noqa: PLC0415  # as above

        if self._session is None:
            self._session = Session(session_vars={name: (None, None, value, None) for name, value in _CLOSED.items()})
        return self._session


class NeighboursWithin:
    """Embedded moto, which knows where it holds anything: in its own journal."""

    def __init__(self, directory: Path, account_id: str) -> None:
        self._embedded = EmbeddedNeighbours(directory)
        self._account_id = account_id

    def used_regions(self, service: str) -> Collection[str]:
        """Where something of ``service`` was ever changed."""
        return self._embedded.used_regions(service)

    def ask(self, service: str, region: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """A read's answer; moto gives the most that one page can have. Unknown for everything that is not an answer."""
        model = operation_model(service, operation)
        caller = Caller(CallerKind.SERVICE, self._account_id, "", "")
        try:
            request = speech.written(Call(service, operation, dict(parameters), caller, region, now_ms(), ""), model, read_only=True)
            return speech.read(service, model, self._embedded.send(request), speech.protocol_of(service))
        except Exception as error:  # as above
            raise Unknown(f"{service}:{operation} in {region}: {error}") from error

    def send(self, request: NeighbourRequest) -> NeighbourReply:
        """The child's answer."""
        return self._embedded.send(request)

    def forget(self) -> None:
        """As on the first day."""
        self._embedded.forget()

    def close(self) -> None:
        """End the child."""
        self._embedded.close()


def elsewhere(where: str, credentials_file: str, *, allow_real_aws: bool = False) -> NoNeighbours | NeighboursAtUrl:
    """The neighbours of the setting ``--neighbours`` when they are not embedded."""
    return NoNeighbours() if where == "none" else NeighboursAtUrl(where, credentials_file, allow_real_aws=allow_real_aws)


def _check_host(url: str, *, allow_real_aws: bool) -> None:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".").lower()
    if parts.scheme not in ("http", "https") or not host:
        raise UpstreamError(f"--neighbours {url} is neither embedded nor none nor an http(s) URL")
    if not allow_real_aws and any(host == domain or host.endswith(f".{domain}") for domain in _AWS_DOMAINS):
        raise UpstreamError(f"--neighbours {url} is AWS itself; say --allow-real-aws if that is meant")


def _read_credentials(path: str) -> dict[str, str]:
    """The ``[default]`` profile of an AWS shared-credentials file, in the words of botocore's ``create_client``."""
    names = _CREDENTIALS
    file = configparser.ConfigParser(interpolation=None)
    try:
        file.read_string(Path(path).read_text("utf-8"), path)
        found = {name: file["default"][name] for name in names if name in file["default"]}
    except (OSError, UnicodeDecodeError, KeyError, configparser.Error) as error:
        raise UpstreamError(f"--neighbours-credentials {path or '(not given)'} cannot be read: {error}") from error
    if len(found) < 2:
        raise UpstreamError(f"--neighbours-credentials {path} has no aws_access_key_id and aws_secret_access_key under [default]")
    return found
