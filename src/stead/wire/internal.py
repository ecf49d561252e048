"""Stead's own paths, ``/_stead/*``: health for everybody; reset, clock and container for throw-away Steads only (design, section 4).

``POST /_stead/container`` says what becomes of a simulated container, which does nothing by itself: ``{"task": ARN, "container": NAME}`` with
``"health": "HEALTHY" | "UNHEALTHY" | "UNKNOWN"``, or ``"exitCode": NUMBER`` for its end.

They are no part of AWS's API and need no signature, so they refuse what a web page could send: a Host that is neither loopback nor
configured, and for the others any request that carries ``Origin`` or ``Sec-Fetch-Site``.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, delete, select, update

from stead import __version__
from stead.neighbours.messages import NeighbourUnavailableError
from stead.services.ecs import simulation
from stead.store import ecs_tables
from stead.store.tables import (
    access_keys,
    access_reports,
    accounts,
    attachments,
    clusters,
    deletion_tasks,
    event_blocks,
    event_keys,
    event_tail,
    group_members,
    groups,
    inline_policies,
    instance_profiles,
    last_used,
    policies,
    policy_versions,
    role_usage,
    roles,
    tags,
    users,
)
from stead.wire.messages import HttpReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from stead.store.engine import Reader, Store
    from stead.wire.messages import HttpRequest

_JSON = ((b"content-type", b"application/json"),)
_FROM_A_PAGE = frozenset({b"origin", b"sec-fetch-site"})
MAX_ADVANCE_SECONDS = 10 * 365 * 86400
MAX_OFFSET_MS = 100 * 365 * 86_400_000  # steps add up; beyond the year 9999 no client reads a time

_ROOT_KEY = select(access_keys.c.id).where(access_keys.c.user_id.is_(None)).order_by(access_keys.c.created).limit(1).scalar_subquery()
# Children before parents. The first root key, the AWS managed policies and the texts (shared, by hash) stay.
_EMPTY = (
    *(
        delete(table)
        for table in (
            last_used,
            access_reports,
            event_blocks,
            event_keys,
            event_tail,
            role_usage,
            deletion_tasks,
            ecs_tables.ecs_tasks,
            ecs_tables.ecs_services,
            ecs_tables.ecs_families,
            ecs_tables.task_definitions,
            ecs_tables.container_instances,
            ecs_tables.ecs_attributes,
            ecs_tables.capacity_providers,
            ecs_tables.cluster_attachments,
            ecs_tables.insights,
            ecs_tables.ecs_account_settings,
            clusters,
            tags,
            attachments,
            inline_policies,
            group_members,
        )
    ),
    delete(instance_profiles),
    delete(access_keys).where(access_keys.c.id != _ROOT_KEY),
    update(access_keys).values(status="Active"),
    delete(users),
    delete(groups),
    delete(roles),
    delete(policy_versions).where(policy_versions.c.policy_arn.not_like("arn:aws:iam::aws:policy/%")),
    delete(policies).where(policies.c.account_id != "aws"),
    update(accounts).values(generation=accounts.c.generation + 1, clock_offset=0),  # never lowered (design D7)
)
_ADVANCE = (
    update(accounts)
    .where(accounts.c.clock_offset <= MAX_OFFSET_MS - bindparam("advance"))
    .values(clock_offset=accounts.c.clock_offset + bindparam("advance"))
)


class Internal:
    """Answers ``/_stead/*``."""

    def __init__(  # noqa: PLR0913  # what App gives it, once
        self,
        store: Store,
        host: str,
        forget_events: Callable[[], None],
        now: Callable[[Reader], int],
        *,
        forget_neighbours: Callable[[], None] = lambda: None,
        ephemeral: bool,
    ) -> None:
        self._store = store
        self._now = now
        self._forget_events = forget_events
        self._forget_neighbours = forget_neighbours
        self._host = host
        self._routes: dict[tuple[str, bytes], Callable[[HttpRequest], HttpReply]] = {("GET", b"/_stead/health"): _health}
        if ephemeral:
            own = {b"/_stead/reset": self._reset, b"/_stead/clock": self._clock, b"/_stead/container": self._container}
            self._routes |= {("POST", path): route for path, route in own.items()}

    def answer(self, request: HttpRequest) -> HttpReply:
        """The reply; 404 for a path that this Stead does not serve."""
        headers = dict(request.headers)
        if not self._is_ours(headers.get(b"host", b"").decode("latin-1")):
            return _problem(403, "this Host is not allowed here")
        route = self._routes.get((request.method, request.path))
        if route is None and any(path == request.path for _, path in self._routes):
            return _problem(405, "another method: health is read with GET, the others are done with POST")
        if route is None:
            return _problem(404, "no such path; all but /_stead/health exist only with --ephemeral")
        if request.method == "POST" and _FROM_A_PAGE & headers.keys():
            return _problem(403, "not from a web page")
        return route(request)

    def _is_ours(self, host: str) -> bool:
        name = host.rsplit(":", 1)[0].strip("[]") if not host.endswith("]") else host.strip("[]")
        return name in {"localhost", self._host} or _is_loopback(name)

    def _reset(self, _request: HttpRequest) -> HttpReply:
        self._forget_events()
        with self._store.write() as db:
            for statement in _EMPTY:
                db.run(statement)
        try:
            self._forget_neighbours()  # after the rows, so that no controller makes anything there for one of them
        except NeighbourUnavailableError as error:
            return _problem(503, str(error))
        return _reply(200, {"status": "reset"})

    def _clock(self, request: HttpRequest) -> HttpReply:
        try:
            seconds = orjson.loads(request.body)["advance"]
        except (orjson.JSONDecodeError, TypeError, KeyError):
            seconds = None
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= MAX_ADVANCE_SECONDS:
            return _problem(400, 'the body must be {"advance": SECONDS} with a number that is not negative')
        with self._store.write() as db:
            stepped = db.run(_ADVANCE, advance=int(seconds * 1000))
        if not stepped:
            return _problem(400, "all steps together must not exceed a hundred years; reset the clock first")
        return _reply(200, {"status": "advanced", "seconds": seconds})

    def _container(self, request: HttpRequest) -> HttpReply:
        try:
            told = orjson.loads(request.body)
            with self._store.write() as db:
                known = simulation.tell(db, told["task"], told["container"], told.get("health"), told.get("exitCode"), self._now(db))
        except (orjson.JSONDecodeError, TypeError, KeyError, ValueError):
            return _problem(400, 'the body must be {"task": ARN, "container": NAME} with "health" or "exitCode"')
        return _reply(200, {"status": "told"}) if known else _problem(404, "no such container runs")


def _health(_request: HttpRequest) -> HttpReply:
    return _reply(200, {"status": "ok", "version": __version__})


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _problem(status: int, message: str) -> HttpReply:
    return _reply(status, {"message": message})


def _reply(status: int, body: dict[str, Any]) -> HttpReply:
    return HttpReply(status, _JSON, orjson.dumps(body))
