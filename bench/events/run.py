"""Whether the event history stays quick when it is long: `PYTHONPATH=bench:tests .venv/bin/python bench/events/run.py`, about ten minutes.

On each database: at each size LookupEvents by each attribute, in one process without the HTTP server (signature check and authorization
included); then the rates of a server without a history and of one with the whole of it, by turns.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from time import perf_counter, strftime, thread_time
from typing import TYPE_CHECKING, Any, NamedTuple

import account
import load
import servers
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from seed import RARE, REGION, Seen, seed
from support import postgres

from stead.app import App
from stead.aws.clock import now_ms
from stead.config import Settings
from stead.wire.messages import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (200_000, 1_000_000, 2_000_000)
TIMES = 60
TARGET = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"
FILTERS = {
    "nothing": (),
    "EventName, common": ("EventName", "GetRole"),
    "EventName, one in a thousand": ("EventName", RARE),
    "EventName, none": ("EventName", "Nothing"),
    "Username": ("Username", "user-7"),
    "ResourceName": ("ResourceName", "role-77"),
    "ResourceName, an ARN": ("ResourceName", "arn:aws:iam::123456789012:role/role-77"),
    "ResourceType": ("ResourceType", "AWS::IAM::Role"),
    "EventSource": ("EventSource", "sts.amazonaws.com"),
    "AccessKeyId": ("AccessKeyId", "AKIAQAAAAAAAEVENTS07"),
    "ReadOnly": ("ReadOnly", "false"),
}
Table = dict[str, list[float]]  # rows of figures


class Place(NamedTuple):
    """Where a Stead keeps its things: its folder, and its database if that is not SQLite in it."""

    folder: Path
    url: str


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--rounds", type=int, default=3, help="in which the two servers take turns")
    parser.add_argument("--seconds", type=int, default=4, help="of one run of wrk")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only this one")
    options = parser.parse_args()
    print(f"- {strftime('%Y-%m-%d %H:%M')} UTC, {os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}")
    for name, place in {"sqlite": _sqlite, "postgresql": _postgresql}.items():
        if options.database in {None, name}:
            with place("empty") as empty, place("full") as full:
                _measure(name, empty, full, options)


@contextlib.contextmanager
def _sqlite(_name: str) -> Iterator[Place]:
    servers.VENVS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=servers.VENVS, prefix="events-") as folder:  # on the disk of `make bench`
        yield Place(Path(folder), "")


@contextlib.contextmanager
def _postgresql(_name: str) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="events-") as folder, postgres.server() as url:
        yield Place(Path(folder), url % "postgres")


def _measure(name: str, empty: Place, full: Place, options: argparse.Namespace) -> None:
    """One database: the account made twice; one of the two gets a history."""
    keys = [_account(place) for place in (empty, full)]
    data = full.folder / "data"
    app = App(Settings(data_dir=data, database_url=full.url))
    sizes = [_size(size) for size in options.sizes]
    waits, works, sums = ({} for _ in range(3))
    stored = 0
    for number, size in enumerate(options.sizes):
        begun = perf_counter()
        seen = seed(app.store, size - stored, now_ms(), number)
        sums.setdefault("seeded, events/s", []).append((size - stored) / (perf_counter() - begun))
        stored = size
        if not full.url:
            app.store.read().connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            sums.setdefault("database, MB", []).append((data / "stead.db").stat().st_size / 1e6)
        _lookups(app, seen, waits, works)
    app.close()
    _print(f"{name}: one page of LookupEvents, p50, ms", sizes, waits, 1)
    _print(f"{name}: of it, time of Stead's processor, ms", sizes, works, 1)
    _print(name, sizes, sums, 0)
    _print(f"{name}: requests a second with a history of", ["0", sizes[-1], "ratio"], _rates((empty, full), keys, options), 2)


def _serve(place: Place) -> servers.Server:
    more = ["--database-url", place.url] if place.url else []
    return servers.start(replace(servers.STEAD, command=lambda port, folder: [*servers.STEAD.command(port, folder), *more]), place.folder)


def _account(place: Place) -> servers.Key:
    server = _serve(place)
    try:
        return account.prepare(server)
    finally:
        server.stop()


def _rates(places: tuple[Place, Place], keys: list[servers.Key], options: argparse.Namespace) -> Table:
    """Both servers are up and take turns, so that what else the machine does hits both; medians, and the median of the ratios."""
    running = [_serve(place) for place in places]
    try:
        found: dict[str, list[list[float]]] = {}
        for turn in range(options.rounds):
            for server, key in zip(running, keys, strict=True):
                for name, requests in _asked(server.port, key, f"turn-{turn}").items():
                    found.setdefault(name, [[] for _ in range(options.rounds)])[turn].append(
                        load.rate(server.port, requests, options.seconds)
                    )
    finally:
        for server in running:
            server.stop()
    return {
        name: [
            *(statistics.median(column) for column in zip(*turns, strict=True)),
            statistics.median(full / empty for empty, full in turns),
        ]
        for name, turns in found.items()
    }


def _asked(port: int, key: servers.Key, prefix: str) -> dict[str, load.Load]:
    return {
        "GetCallerIdentity": load.Load([load.sign(port, key, "sts:GetCallerIdentity")]),
        "GetRole": load.Load([load.sign(port, key, "iam:GetRole", RoleName=account.ROLE_NAME)]),
        "CreateRole and DeleteRole": load.writes(port, key, prefix),
    }


def _lookups(app: App, seen: Seen, waits: Table, works: Table) -> None:
    """A column of both tables."""
    for name, attribute in {**FILTERS, "EventId": ("EventId", seen.id)}.items():
        asked: dict[str, Any] = {"LookupAttributes": [{"AttributeKey": attribute[0], "AttributeValue": attribute[1]}]} if attribute else {}
        first = _enter(app, name, asked, waits, works)
        if "NextToken" in first:
            _, _, filter_ = json.loads(base64.b64decode(first["NextToken"]))
            deep = base64.b64encode(json.dumps([seen.time, seen.id, filter_]).encode()).decode()
            _enter(app, f"{name}, 45 days back", {**asked, "NextToken": deep}, waits, works)


def _enter(app: App, name: str, asked: dict[str, Any], waits: Table, works: Table) -> dict[str, Any]:
    """The medians of one page of fifty go into the tables; the page."""
    request = _signed(asked)
    spent = []
    for _ in range(TIMES):
        begun, work = perf_counter(), thread_time()
        reply = app.answer(request)
        spent.append((perf_counter() - begun, thread_time() - work))
        if reply.status != 200:
            sys.exit(f"events: {reply.body!r}")
    for table, figures in zip((waits, works), zip(*spent, strict=True), strict=True):
        table.setdefault(name, []).append(statistics.median(figures) * 1000)
    page: dict[str, Any] = json.loads(reply.body)
    return page


def _signed(asked: dict[str, Any]) -> HttpRequest:
    body = json.dumps(asked)
    headers = {"Host": "127.0.0.1:4566", "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": TARGET}
    request = AWSRequest("POST", "http://127.0.0.1:4566/", data=body, headers=headers)
    SigV4Auth(Credentials(*servers.ROOT), "cloudtrail", REGION).add_auth(request)
    return HttpRequest(
        "POST", b"/", b"", tuple((k.lower().encode(), str(v).encode()) for k, v in request.headers.items()), body.encode(), "127.0.0.1"
    )


def _size(count: int) -> str:
    return f"{count / 1e6:g} million"


def _print(title: str, columns: list[str], table: Table, digits: int) -> None:
    print(f"\n| {title} | {' | '.join(columns)} |\n| --- |{' ---: |' * len(columns)}")
    for name, figures in table.items():
        print(f"| {name} | {' | '.join(f'{figure:,.{digits if figure < 100 else 0}f}' for figure in figures)} |")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
