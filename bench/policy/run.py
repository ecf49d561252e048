"""`make bench-policy`: the policy engine against three others on the same questions, in one run, in one table (README.md).

Each measurement is a fresh process, and the engines take turns round by round, so that what else the machine does hits all alike. A ratio is
the median of the ratios of the rounds, each of which compares neighbours in time.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cedar
from workload import ACCOUNT, CALLER, scenarios

if TYPE_CHECKING:
    from workload import Scenario

HERE = Path(__file__).parent
VENVS = HERE.parent / ".venvs"
CEDAR, NODE = VENVS / "policy-cedarpy", VENVS / "policy-node"
README = HERE / "README.md"
_MARKS = re.compile(r"(?<=<!-- result -->\n).*(?=<!-- end of result -->)", re.DOTALL)


class Engine(NamedTuple):
    """One column: its name, and how its runner is started, scenario and seconds coming after the second word."""

    name: str
    command: list[str]
    words: tuple[str, ...] = ()


STEAD = Engine("Stead", [sys.executable, "run_stead.py"])
ENGINES = (
    STEAD,
    Engine("moto", [sys.executable, "run_moto.py"]),
    Engine("cedarpy", [str(CEDAR / "bin/python"), "run_cedar.py"]),
    Engine("cedarpy, batch", [str(CEDAR / "bin/python"), "run_cedar.py"], ("batch",)),
    Engine("iam-simulate", ["node", "run_iam_simulate.mjs"], (str(NODE),)),
)
# How many times the fastest peer Stead must be; on (b) and (c) only a peer that answers everything right is one.
DUE = {"a": 1.5, "b": 50, "c": 10}


class Measured(NamedTuple):
    """An engine on a scenario: decisions a CPU second, round by round, and how many answers were wrong."""

    rates: list[float]
    wrong: int

    @property
    def median(self) -> float:
        """The figure of the table."""
        return statistics.median(self.rates)


Results = dict[str, dict[str, Measured]]  # by scenario, by engine


def main() -> None:
    """Measure, print the report, and with --record put it into the README."""
    options = _options()
    begun, load = time.monotonic(), os.getloadavg()[0]
    _install()
    results = _measure(options.rounds, options.seconds)
    facts = _facts(options)
    facts.append(f"load average {load:.2f} at the start, {os.getloadavg()[0]:.2f} at the end, {time.monotonic() - begun:.0f} s")
    report = "\n\n".join(["\n".join(f"- {fact}" for fact in facts), _rates(results), _ratios(results), _sizes()])
    print(report)
    if options.record:
        README.write_text(_MARKS.sub(lambda _: report + "\n", README.read_text()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Stead's policy engine against moto, cedarpy and iam-simulate")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of CPU time, of one measurement")
    parser.add_argument("--record", action="store_true", help="put the result into bench/policy/README.md")
    return parser.parse_args()


def _install() -> None:
    """The peers that the locks name, in environments of their own; moto is in Stead's own lock. Once: `make clean` removes them."""
    VENVS.mkdir(exist_ok=True)
    if not (CEDAR / "ready").exists():
        _quietly(sys.executable, "-m", "venv", str(CEDAR))
        _quietly(str(CEDAR / "bin/pip"), "install", "--quiet", "--require-hashes", "-r", str(HERE / "requirements.txt"))
        (CEDAR / "ready").touch()
    if not (NODE / "ready").exists():
        NODE.mkdir(exist_ok=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / name, NODE / name)
        _quietly("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(NODE))
        (NODE / "ready").touch()


def _quietly(*command: str) -> None:
    ended = subprocess.run(command, check=False, capture_output=True, text=True, cwd=VENVS)
    if ended.returncode:
        sys.exit(f"bench-policy: {' '.join(command)}: {ended.stderr.strip()}")


def _measure(rounds: int, seconds: float) -> Results:
    found: Results = {}
    with tempfile.TemporaryDirectory() as folder:
        for scenario in scenarios():
            file = Path(folder) / f"{scenario.name}.json"
            file.write_text(json.dumps(_given(scenario)))
            mine = found[scenario.name] = {engine.name: Measured([], int(_ask(engine, file, 0)["wrong"])) for engine in ENGINES}
            for number in range(rounds):
                for engine in ENGINES:
                    _tell(f"({scenario.name}), round {number + 1} of {rounds}, {engine.name}")
                    mine[engine.name].rates.append(_ask(engine, file, seconds)["rate"])
    return found


def _given(scenario: Scenario) -> dict[str, object]:
    """A scenario as every runner reads it."""
    return {
        "account": ACCOUNT,
        "caller": CALLER,
        "documents": scenario.documents(),
        "asks": [ask._asdict() for ask in scenario.asks],
        "cedar": {"policies": cedar.policies(scenario), "requests": [cedar.request(ask) for ask in scenario.asks]},
    }


def _ask(engine: Engine, file: Path, seconds: float) -> dict[str, float]:
    return _run(*engine.command, str(file), str(seconds), *engine.words)


def _run(program: str, script: str, *words: str) -> dict[str, float]:
    """The line of JSON that a script of this folder prints."""
    ended = subprocess.run([program, str(HERE / script), *words], check=True, capture_output=True, text=True, cwd=HERE)
    said: dict[str, float] = json.loads(ended.stdout)
    return said


def _rates(results: Results) -> str:
    """Decisions a CPU second with the spread of the rounds, and the wrong answers."""
    rows = [["decisions per CPU second", "questions", *(engine.name for engine in ENGINES)]]
    for scenario in scenarios():
        measured = [results[scenario.name][engine.name] for engine in ENGINES]
        rows.append([f"({scenario.name}) {scenario.title}", str(len(scenario.asks)), *(f"{one.median:,.0f}" for one in measured)])
        rows.append(["spread of the rounds", "", *(f"{min(one.rates):,.0f} to {max(one.rates):,.0f}" for one in measured)])
        rows.append(["wrong answers", "", *(str(one.wrong) if not one.wrong else f"**{one.wrong}**" for one in measured)])
    return _table(rows)


def _ratios(results: Results) -> str:
    rows = [["Stead : fastest right peer", "peer", "due", "measured", "spread", "holds"]]
    for name, by_engine in results.items():
        mine = by_engine[STEAD.name]
        peers = {peer: measured for peer, measured in by_engine.items() if peer != STEAD.name and not measured.wrong}
        peer, theirs = max(peers.items(), key=lambda pair: pair[1].median)
        found = [a / b for a, b in zip(mine.rates, theirs.rates, strict=True)]
        holds = not mine.wrong and statistics.median(found) >= DUE[name]
        spread = f"{min(found):.1f} to {max(found):.1f}"
        rows.append([f"({name})", peer, f"{DUE[name]:g}", f"{statistics.median(found):.1f}", spread, "yes" if holds else "**no**"])
    return _table(rows)


def _sizes() -> str:
    """Memory, and the hostile pattern."""
    _tell("memory and the hostile pattern")
    weighed = {own: _run(sys.executable, "memory.py", str(own)) for own in (0, 2)}
    hostile = _run(sys.executable, "hostile.py")
    rows = [["10,000 principals, 10 policies each", "all RSS, MB", "of it the principals", "after 20 questions each", "due", "holds"]]
    for own, mb in weighed.items():
        title = "all drawn from 500 managed ones" if not own else f"{10 - own} drawn from 500 managed ones, {own} of its own"
        figures = (f"{mb[key]:.0f}" for key in ("total", "built", "asked"))
        rows.append([title, *figures, "under 500", "yes" if mb["total"] < 500 else "**no**"])
    times = ", ".join(f"{int(stars):,} `*`: {ms:.1f} ms" for stars, ms in hostile.items())
    return f"{_table(rows)}\n\nA hostile pattern, compiled and asked: {times}."


def _facts(options: argparse.Namespace) -> list[str]:
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=HERE).stdout.strip()
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    locked = {
        name.rpartition("/")[2]: entry.get("version")
        for name, entry in json.loads((HERE / "package-lock.json").read_text())["packages"].items()
    }
    pinned = (HERE / "requirements.in").read_text().strip().replace("==", " ")
    own = [f"Stead {version('stead')} ({commit})", f"moto {version('moto')}", pinned, f"iam-simulate {locked['iam-simulate']}"]
    return [
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC: {', '.join(own)}; Python {platform.python_version()}, Node {node}",
        f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}",
        f"`bench/policy/run.py --rounds {options.rounds} --seconds {options.seconds:g}`",
    ]


def _table(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rule = ["-" * (width - 1) + (":" if column else "-") for column, width in enumerate(widths)]
    fitted = (
        [cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(zip(row, widths, strict=True))]
        for row in [rows[0], rule, *rows[1:]]
    )
    return "\n".join(f"| {' | '.join(row)} |" for row in fitted)


def _tell(what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
