"""Whether the event history stays quick when it is long: `PYTHONPATH=bench:tests .venv/bin/python bench/events/run.py`, about ten minutes.

On each database: the rates of a server without history; then at each size LookupEvents by each attribute, in one process without the HTTP
server (signature check and authorization included); then the rates with the whole history.
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
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from time import perf_counter, strftime
from typing import TYPE_CHECKING, Any, NamedTuple

import account
import load
import servers
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from seed import RARE, REGION, seed
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
Table = dict[str, dict[str, float | None]]


class Place(NamedTuple):
    """Where a Stead keeps its things: its folder, and its database if that is not SQLite in it."""

    folder: Path
    url: str


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--seconds", type=int, default=4, help="of one run of wrk")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only this one")
    options = parser.parse_args()
    print(f"- {strftime('%Y-%m-%d %H:%M')} UTC, {os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}")
    for name, place in {"sqlite": _sqlite, "postgresql": _postgresql}.items():
        if options.database in {None, name}:
            with place() as where:
                _print(name, *_measure(where, options))


@contextlib.contextmanager
def _sqlite() -> Iterator[Place]:
    servers.VENVS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=servers.VENVS, prefix="events-") as folder:  # on the disk of `make bench`
        yield Place(Path(folder), "")


@contextlib.contextmanager
def _postgresql() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="events-") as folder, postgres.server() as url:
        yield Place(Path(folder), url % "postgres")


def _measure(place: Place, options: argparse.Namespace) -> tuple[Table, Table]:
    columns = ["0", *map(_size, options.sizes)]
    rates: Table = defaultdict(lambda: dict.fromkeys(columns))
    key, found = _rates(place, options.seconds, "0")
    _enter(rates, "0", found)
    data = place.folder / "data"
    app = App(Settings(data_dir=data, database_url=place.url))
    lookups: Table = defaultdict(dict)
    stored = 0
    for number, size in enumerate(options.sizes):
        begun = perf_counter()
        seen = seed(app.store, size - stored, now_ms(), number)
        rates["seeded, events/s"][_size(size)] = (size - stored) / (perf_counter() - begun)
        if not place.url:
            app.store.read().connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            rates["database, MB"][_size(size)] = (data / "stead.db").stat().st_size / 1e6
        stored = size
        _lookups(app, seen, lookups, _size(size))
    app.close()
    _enter(rates, _size(stored), _rates(place, options.seconds, "full", key)[1])
    return rates, lookups


def _enter(table: Table, column: str, found: dict[str, float]) -> None:
    for name, figure in found.items():
        table[name][column] = figure


def _rates(place: Place, seconds: int, prefix: str, key: servers.Key | None = None) -> tuple[servers.Key, dict[str, float]]:
    """What wrk gets from `stead serve`; the first time the account is made."""
    more = ["--database-url", place.url] if place.url else []
    kind = replace(servers.STEAD, command=lambda port, folder: [*servers.STEAD.command(port, folder), *more])
    server = servers.start(kind, place.folder)
    try:
        key = key or account.prepare(server)
        asked = {
            "GetCallerIdentity, /s": load.Load([load.sign(server.port, key, "sts:GetCallerIdentity")]),
            "GetRole, /s": load.Load([load.sign(server.port, key, "iam:GetRole", RoleName=account.ROLE_NAME)]),
            "CreateRole and DeleteRole, /s": load.writes(server.port, key, prefix),
        }
        return key, {name: load.rate(server.port, requests, seconds) for name, requests in asked.items()}
    finally:
        server.stop()


def _lookups(app: App, seen: Any, table: Table, column: str) -> None:
    for name, attribute in {**FILTERS, "EventId": ("EventId", seen.id)}.items():
        asked: dict[str, Any] = {"LookupAttributes": [{"AttributeKey": attribute[0], "AttributeValue": attribute[1]}]} if attribute else {}
        table[name][column], first = _median(app, asked)
        if "NextToken" in first:
            _, _, filter_ = json.loads(base64.b64decode(first["NextToken"]))
            deep = base64.b64encode(json.dumps([seen.time, seen.id, filter_]).encode()).decode()
            table[f"{name}, 45 days back"][column], _ = _median(app, {**asked, "NextToken": deep})


def _median(app: App, asked: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Milliseconds of one page of fifty, and the page."""
    request = _signed(asked)
    spent, page = [], {}
    for _ in range(TIMES):
        begun = perf_counter()
        reply = app.answer(request)
        spent.append(perf_counter() - begun)
        page = json.loads(reply.body)
        assert reply.status == 200, page
    return statistics.median(spent) * 1000, page


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


def _print(database: str, rates: Table, lookups: Table) -> None:
    for title, table, digits in ((f"{database}", rates, 0), (f"{database}: LookupEvents, ms", lookups, 2)):
        columns = list(next(iter(table.values())))
        print(f"\n| {title} | {' | '.join(columns)} |\n| --- |{' ---: |' * len(columns)}")
        for name, row in table.items():
            print(
                f"| {name} | {' | '.join('' if (figure := row.get(column)) is None else f'{figure:,.{digits}f}' for column in columns)} |"
            )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
