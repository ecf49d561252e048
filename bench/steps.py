"""Where a request's time goes, step by step, in microseconds: `.venv/bin/python bench/steps.py`.

In one process, without the HTTP server: each request goes through ``App.answer``. The functions in STEPS are wrapped in a stopwatch that
counts what a step spends itself, not what another step spends inside it; "all else" is what the door, the pipeline and the store spend
around the steps, and the stopwatch itself, which costs a third of a microsecond a step. The total is measured without it. Events of reads are
written later, many in one transaction: the last row is the share of one. Each figure is a median.
"""

from __future__ import annotations

import re
import statistics
import sys
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from account import POLICIES, USER
from load import TRUST, sign
from servers import ROOT, VENVS, Key

import stead.sigv4
from stead.app import App
from stead.aws import operation
from stead.config import Settings
from stead.gateway.credentials import CredentialCheck
from stead.gateway.pipeline import Pipeline
from stead.gateway.record import Recorder
from stead.gateway.standing import Standing
from stead.store.engine import Writer
from stead.store.prepare import RootCredentials, prepare
from stead.wire import http
from stead.wire.messages import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PORT = 4566  # signed, never opened
TIMES = 1000
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["%s"],"Resource":"*"}]}'

# In the order in which a request meets them. A step may be several functions.
STEPS: tuple[tuple[str, tuple[tuple[Any, str], ...]], ...] = (
    ("route", ((http, "asked"), (http, "resolve"))),
    ("claim", ((stead.sigv4, "claim"),)),
    ("credentials", ((Standing, "now"), (CredentialCheck, "candidate"))),
    ("verify", ((stead.sigv4, "check_time"), (stead.sigv4, "verify"))),
    ("parse", ()),  # of the protocol's codec
    ("validate", ((http, "validate"),)),
    ("begin, hold the account", ((Writer, "begin"), (Standing, "hold"), (CredentialCheck, "still_stands"))),
    ("authorize", ((Pipeline, "_authorize"),)),
    ("operation", ()),  # of each operation, its own function
    ("event", ((Recorder, "now"), (Recorder, "later"))),
    ("commit to disk", ((Writer, "commit"),)),
    ("reply", ()),  # as parse
)
LATER, REST, TOTAL = "event, written later", "all else", "total"


class Stopwatch:
    """What each step has spent in the request at hand, in nanoseconds."""

    def __init__(self) -> None:
        self.spent: dict[str, int] = defaultdict(int)
        self._inner = [0]

    def wrap(self, label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, timed."""

        def timed(*arguments: Any, **named: Any) -> Any:
            self._inner.append(0)
            begun = perf_counter_ns()
            try:
                return function(*arguments, **named)
            finally:
                whole = perf_counter_ns() - begun
                self.spent[label] += whole - self._inner.pop()
                self._inner[-1] += whole

        return timed

    def install(self, app: App) -> None:
        """From now on every step is timed."""
        app.answer = self.wrap(REST, app.answer)  # type: ignore[method-assign]  # what is left of a whole request
        for label, functions in STEPS:
            for owner, name in functions:
                setattr(owner, name, self.wrap(label, getattr(owner, name)))
        query = http.PROTOCOLS["query"]
        http.PROTOCOLS["query"] = query._replace(parse=self.wrap("parse", query.parse), reply=self.wrap("reply", query.reply))
        Recorder.relieve = lambda *_: None  # type: ignore[method-assign]  # the batch that a request writes is the last row's
        for key, found in operation._operations.items():  # noqa: SLF001  # the registry has no way to replace one, and needs none
            operation._operations[key] = replace(found, run=self.wrap("operation", found.run))  # noqa: SLF001  # as above

    def take(self) -> dict[str, int]:
        """What was spent since the last time."""
        spent = dict(self.spent)
        self.spent.clear()
        return spent


def main() -> None:
    """Measure and print."""
    VENVS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=VENVS, prefix="steps-") as folder:  # on the disk of `make bench`
        app = _app(Path(folder))
        requests = _requests(_user(app))
        totals = {name: _times(app, made) for name, made in requests.items()}
        watch = Stopwatch()
        watch.install(app)
        columns = {name: _steps(app, watch, made, totals[name]) for name, made in requests.items()}
        app.close()
    _print(columns)


def _app(folder: Path) -> App:
    settings = Settings(data_dir=folder)
    prepare(settings.store_url, folder / "keys", settings.account_id, RootCredentials(*ROOT))
    return App(settings)


def _user(app: App) -> Key:
    """The benchmark's user, as in account.py; its key."""
    _answer(app, _signed(ROOT, "iam:CreateUser", UserName=USER))
    for name, actions in POLICIES.items():
        _answer(app, _signed(ROOT, "iam:PutUserPolicy", UserName=USER, PolicyName=name, PolicyDocument=POLICY % '","'.join(actions)))
    made = _answer(app, _signed(ROOT, "iam:CreateAccessKey", UserName=USER)).decode()
    found = re.search(r"<AccessKeyId>(.+?)</AccessKeyId>.*<SecretAccessKey>(.+?)</SecretAccessKey>", made, re.DOTALL)
    assert found
    return Key(found[1], found[2])


def _requests(key: Key) -> dict[str, Iterator[HttpRequest]]:
    """For each operation as many requests as one wants; a write is a new one each time."""

    def same(request: HttpRequest) -> Iterator[HttpRequest]:
        while True:
            yield request

    def roles() -> Iterator[HttpRequest]:
        for number in range(10**6):
            yield _signed(key, "iam:CreateRole", RoleName=f"role-{number}", AssumeRolePolicyDocument=TRUST)

    made = roles()
    return {
        "GetCallerIdentity": same(_signed(key, "sts:GetCallerIdentity")),
        "CreateRole": made,
        "GetRole": same(_signed(key, "iam:GetRole", RoleName="role-42")),
    }


def _signed(key: Key, name: str, **parameters: str) -> HttpRequest:
    request = sign(PORT, key, name, **parameters)
    headers = tuple((name.lower().encode(), value.encode()) for name, value in request.headers.items())
    return HttpRequest("POST", b"/", b"", headers, request.body.encode(), "127.0.0.1")


def _answer(app: App, request: HttpRequest) -> bytes:
    reply = app.answer(request)
    if reply.status != 200:
        sys.exit(f"steps: status {reply.status}: {reply.body!r}")
    return reply.body


def _times(app: App, requests: Iterator[HttpRequest]) -> float:
    """The median of whole requests."""
    return statistics.median(_time(app, next(requests)) for _ in range(TIMES))


def _time(app: App, request: HttpRequest) -> int:
    begun = perf_counter_ns()
    _answer(app, request)
    return perf_counter_ns() - begun


def _steps(app: App, watch: Stopwatch, requests: Iterator[HttpRequest], total: float) -> dict[str, float]:
    """The median of each step, and the share of one in writing the events that waited."""
    app.recorder.flush(app.store)
    watch.take()
    spent: dict[str, list[int]] = defaultdict(list)
    for _ in range(TIMES):
        _answer(app, next(requests))
        for label, nanoseconds in watch.take().items():
            spent[label].append(nanoseconds)
    medians = {label: statistics.median(found) for label, found in spent.items()}
    begun = perf_counter_ns()
    app.recorder.flush(app.store)
    written = perf_counter_ns() - begun
    later = {} if "commit to disk" in medians else {LATER: written / TIMES}
    return {**medians, TOTAL: total, **later}


def _print(columns: dict[str, dict[str, float]]) -> None:
    rows = [*(label for label, _ in STEPS), REST, TOTAL, LATER]
    print(f"| {'microseconds':24} | {' | '.join(f'{name:>17}' for name in columns)} |")
    print(f"| {'-' * 24} | {' | '.join('-' * 16 + ':' for _ in columns)} |")
    for label in rows:
        cells = (f"{columns[name][label] / 1000:17.1f}" if label in columns[name] else " " * 17 for name in columns)
        print(f"| {label:24} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
