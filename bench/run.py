"""`make bench`: Stead, its bare HTTP server, ministack and moto server, on one machine, in one run, in one table (README.md).

All servers are up at once and take turns, figure by figure and round by round, so that what else the machine does hits all alike; each
figure is the median of the rounds.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from http.client import HTTPException
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import account
import cycle
import table
from botocore.exceptions import BotoCoreError, ClientError
from load import Load, rate, sign, writes
from servers import BARE, BENCH, KINDS, ROOT, VENVS, Void, install, start
from table import Results, render

if TYPE_CHECKING:
    from collections.abc import Callable

    from servers import Key, Kind, Server

    Measure = Callable[[Server, Key, float], float]

SETTLE_SECONDS = 1  # before idle memory is read
WARM_SECONDS = 1.0  # before the rounds: caches filled, modules loaded, which some servers do with their first requests
HALF = 0.5  # of a round's seconds, where the client itself has to work
TROUBLE = (Void, OSError, HTTPException, BotoCoreError, ClientError)  # of one server, which is then named and missed; the rest goes on
README = BENCH / "README.md"
_MARKS = re.compile(r"(?<=<!-- result -->\n).*(?=<!-- end of result -->)", re.DOTALL)


def main() -> None:
    """Measure, print the table, and with --record put it into the README."""
    options = _options()
    if shutil.which("wrk") is None:
        sys.exit("bench: wrk is missing: apt-get install wrk")
    begun, loads, results = time.monotonic(), os.getloadavg(), Results()
    kinds, versions = _present(results)
    with tempfile.TemporaryDirectory(dir=VENVS, prefix="run-") as folder:  # beside the environments: on disk, and never committed
        _starts(kinds, Path(folder), options.starts, results)
        _figures(kinds, Path(folder), options, results)
    ends = f"load average {loads[0]:.2f} at the start, {os.getloadavg()[0]:.2f} at the end, {time.monotonic() - begun:.0f} s"
    report = render(results, [*_facts(versions, options), ends])
    print(report)
    if options.record:
        README.write_text(_MARKS.sub(lambda _: report + "\n", README.read_text()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Stead against its bare HTTP server, ministack and moto server")
    parser.add_argument("--seconds", type=int, default=4, help="of one run of wrk")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--record", action="store_true", help="put the result into bench/README.md")
    return parser.parse_args()


def _present(results: Results) -> tuple[list[Kind], list[str]]:
    """The servers that there are. A peer that cannot be installed is told of, and missed."""
    VENVS.mkdir(exist_ok=True)
    kinds, versions = [], []
    for kind in KINDS:
        try:
            if kind.peer:
                versions.append(f"{kind.name} {install(kind)}")
            kinds.append(kind)
        except TROUBLE as reason:
            results.reasons.append(f"{kind.name}: {reason}")
    return kinds, versions


def _starts(kinds: list[Kind], folder: Path, starts: int, results: Results) -> None:
    """Starting times, one server at a time; and in the first round what each holds in memory."""
    times: dict[tuple[str, str], list[float]] = {}
    for number in range(starts):
        for kind in list(kinds):
            _tell(f"start {number + 1} of {kind.name}")
            try:
                for figure, seconds in _start(kind, folder / f"{kind.name}-start-{number}", None if number else results).items():
                    times.setdefault((figure, kind.name), []).append(seconds)
            except TROUBLE as reason:
                results.reasons.append(f"{kind.name}: {reason}")
                kinds.remove(kind)
    results.values.update({figure: statistics.median(found) for figure, found in times.items()})


def _start(kind: Kind, folder: Path, weighed: Results | None) -> dict[str, float]:
    """One first start, with the memory into ``weighed``; of Stead also one in the directory that is then there."""
    server = start(kind, folder)
    try:
        if weighed is not None:
            _weigh(server, weighed)
    finally:
        server.stop()
    if not kind.is_stead:
        return {table.FIRST_START: server.start_seconds}
    again = start(kind, folder)
    again.stop()
    return {table.FIRST_START: server.start_seconds, table.LATER_START: again.start_seconds}


def _weigh(server: Server, results: Results) -> None:
    name = server.kind.name
    time.sleep(SETTLE_SECONDS)
    results.values[table.IDLE_RSS, name], results.values[table.IDLE_PSS, name] = server.memory()
    account.call(server, sign(server.port, ROOT, "sts:GetCallerIdentity"))
    results.values[table.CALLED_RSS, name], results.values[table.CALLED_PSS, name] = server.memory()


def _figures(kinds: list[Kind], folder: Path, options: argparse.Namespace, results: Results) -> None:
    """Rates and cycles, with all servers up."""
    with ExitStack() as stack:
        servers: dict[str, tuple[Server, Key]] = {}
        for kind in kinds:
            try:
                server = start(kind, folder / kind.name)
                stack.callback(server.stop)
                servers[kind.name] = server, ROOT if kind is BARE else account.prepare(server)
            except TROUBLE as reason:
                results.reasons.append(f"{kind.name}: {reason}")
        waits: dict[str, list[float]] = {}
        for figure, measure in _measures(waits).items():
            asked = {name: pair for name, pair in servers.items() if name != BARE.name or figure == table.CALLER}
            _median(figure, measure, asked, options, results)
        _quantiles(waits, results)


def _measures(waits: dict[str, list[float]]) -> dict[str, Measure]:
    """How each figure is found. ``waits`` takes what the cycles of each server waited."""

    def read(operation: str, **parameters: str) -> Measure:
        return lambda server, key, seconds: rate(server.port, Load([sign(server.port, key, operation, **parameters)]), seconds)

    def write(server: Server, key: Key, seconds: float) -> float:
        return rate(server.port, writes(server.port, key, f"w{time.monotonic_ns()}"), seconds * HALF)

    def cycles(server: Server, key: Key, seconds: float) -> float:
        done = cycle.run(server, key, seconds * HALF)
        waits.setdefault(server.kind.name, []).extend(done.waits)
        return done.rate

    return {
        table.CALLER: read("sts:GetCallerIdentity"),
        table.GET_ROLE: read("iam:GetRole", RoleName=account.ROLE_NAME),
        table.LIST_ROLES: read("iam:ListRoles", MaxItems=str(account.ROLES)),
        table.WRITES: write,
        table.CYCLES: cycles,
    }


def _median(figure: str, measure: Measure, servers: dict[str, tuple[Server, Key]], options: argparse.Namespace, results: Results) -> None:
    """The median of the rounds, of each server; a server is asked no more once its figure is void."""
    found: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(options.rounds + 1):
        for name in list(found):
            _tell(f"{figure}, round {number} of {options.rounds}, {name}")
            try:
                found[name].append(measure(*servers[name], options.seconds if number else WARM_SECONDS))
            except TROUBLE as reason:
                results.reasons.append(f"{figure}, {name}: {reason}")
                del found[name]
    results.values.update({(figure, name): statistics.median(rates[1:]) for name, rates in found.items()})


def _quantiles(waits: dict[str, list[float]], results: Results) -> None:
    for name, found in waits.items():
        twentieths = statistics.quantiles(found, n=20)
        results.values[table.P50, name], results.values[table.P95, name] = twentieths[9] * 1000, twentieths[18] * 1000


def _facts(peers: list[str], options: argparse.Namespace) -> list[str]:
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    size = f"{int(memory[1]) / 2**20:.0f} GB" if memory else ""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=BENCH).stdout.strip()
    own = [f"Stead {version('stead')} ({commit})", f"granian {version('granian')}", *peers, f"Python {platform.python_version()}"]
    return [
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC: {', '.join(own)}",
        f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} CPUs, {size}, {platform.system()} {platform.release()}",
        f"`bench/run.py --seconds {options.seconds} --rounds {options.rounds} --starts {options.starts}`",
    ]


def _tell(what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
