"""The servers that are compared: how each is started with its authorization on, known to be ready, weighed, and ended by its process id."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

BENCH = Path(__file__).parent
VENVS = BENCH / ".venvs"
START_SECONDS, STOP_SECONDS = 60, 10  # bounds of a broken run, not promises
POLL_SECONDS = 0.005
KIB = 1024


class Void(Exception):  # noqa: N818  # not an error of the program: a measurement that says nothing
    """A figure, or all of a server's, cannot be had; the message says why."""


class Key(NamedTuple):
    """Credentials."""

    id: str
    secret: str


ROOT = Key("AKIABENCHROOT0000001", "the-root-secret-of-the-benchmark")


class Memory(NamedTuple):
    """Megabytes of a process tree. RSS counts a page once per process that maps it, PSS once in all."""

    rss: float
    pss: float


@dataclass(frozen=True)
class Kind:
    """One kind of server. ``health`` answers 200 when it is ready; Stead says a line instead (design, section 4)."""

    name: str
    command: Callable[[int, Path], list[str]]
    environment: Callable[[int, Path], dict[str, str]]
    health: str = ""
    peer: str = ""  # the package in an environment of its own

    @property
    def is_stead(self) -> bool:
        """Whether this is what the benchmark is about."""
        return not self.health


@dataclass
class Server:
    """One started server."""

    kind: Kind
    port: int
    folder: Path
    process: subprocess.Popen[str]
    start_seconds: float = 0

    def wait_ready(self, begun: float) -> None:
        """Until it answers (or, Stead, says so); remember how long that took since ``begun``."""
        ready = self._says_ready if self.kind.is_stead else self._answers
        while not ready():
            if self.process.poll() is not None or time.perf_counter() - begun > START_SECONDS:
                raise Void(f"does not start: {' '.join(self.kind.command(self.port, self.folder))}")
            time.sleep(POLL_SECONDS)
        self.start_seconds = time.perf_counter() - begun

    def stop(self) -> None:
        """End it in order, by its process id; kill what is left of it after that."""
        tree = self.tree()
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        for pid in tree:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        self.process.wait()

    def tree(self) -> list[int]:
        """Its processes."""
        found = [self.process.pid]
        for pid in found:  # grows while it is walked
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found += [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
        return found

    def memory(self) -> Memory:
        """What its processes hold now."""
        held = [_kilobytes(pid) for pid in self.tree()]
        return Memory(sum(one["Rss"] for one in held) / KIB, sum(one["Pss"] for one in held) / KIB)

    def _says_ready(self) -> bool:
        assert self.process.stdout is not None
        return self.process.stdout.readline().startswith("Stead is ready on")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", self.kind.health)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def start(kind: Kind, folder: Path) -> Server:
    """Start a server in ``folder`` on a free port of loopback; returns when it is ready."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "root").write_text(":".join(ROOT))
    port = _free_port()
    begun = time.perf_counter()
    output = subprocess.PIPE if kind.is_stead else subprocess.DEVNULL
    environment = {**_environment(), **kind.environment(port, folder)}
    process = subprocess.Popen(kind.command(port, folder), env=environment, cwd=folder, stdout=output, stderr=subprocess.DEVNULL, text=True)
    server = Server(kind, port, folder, process)
    try:
        server.wait_ready(begun)
    except BaseException:
        server.stop()
        raise
    return server


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("STEAD_", "AWS_", "MOTO_", "PYTHON"))}


def _kilobytes(pid: int) -> dict[str, int]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return {"Rss": 0, "Pss": 0}
    return {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _nothing(_port: int, _folder: Path) -> dict[str, str]:
    return {}


def _stead(workers: int) -> Callable[[int, Path], list[str]]:
    """Not ephemeral: SQLite in a data directory on disk, every commit flushed to it."""

    def command(port: int, folder: Path) -> list[str]:
        stead = str(Path(sys.executable).with_name("stead"))
        where = ["--port", str(port), "--data-dir", str(folder / "data"), "--root-credentials", f"@{folder / 'root'}"]
        return [stead, "serve", *where, "--workers", str(workers)]

    return command


def _bare(port: int, _folder: Path) -> list[str]:
    return [sys.executable, str(BENCH / "bare.py"), str(port)]


def _moto(port: int, _folder: Path) -> list[str]:
    """Its authorization is switched on once the benchmark's user exists (``account.py``): before that, anybody may do anything."""
    return [str(VENVS / "moto/bin/moto_server"), "-H", "127.0.0.1", "-p", str(port)]


def _ministack(_port: int, _folder: Path) -> list[str]:
    return [str(VENVS / "ministack/bin/ministack")]


def _ministack_environment(port: int, folder: Path) -> dict[str, str]:
    """``AUTH=true`` verifies signatures and evaluates policies. Quiet logs are to its advantage."""
    files = {"TMPDIR": str(folder), "STATE_DIR": str(folder / "state"), "S3_DATA_DIR": str(folder / "s3")}
    root = {"AWS_ACCESS_KEY_ID": ROOT.id, "AWS_SECRET_ACCESS_KEY": ROOT.secret}
    return {"AUTH": "true", "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "LOG_LEVEL": "WARNING", **root, **files}


BARE = Kind("bare", _bare, _nothing, health="/")
STEAD = Kind("Stead", _stead(1), _nothing)
STEAD_2 = Kind("Stead, 2 workers", _stead(2), _nothing)
MOTO = Kind("moto server", _moto, _nothing, health="/moto-api/", peer="moto[server]")
MINISTACK = Kind("ministack", _ministack, _ministack_environment, health="/_ministack/health", peer="ministack")
KINDS = (BARE, STEAD, STEAD_2, MINISTACK, MOTO)


def install(kind: Kind) -> str:
    """Make a peer's own environment on the first run; its version. Void says why there is none."""
    name = kind.peer.partition("[")[0]
    venv = VENVS / name
    version = [str(venv / "bin/python"), "-c", f"import importlib.metadata as m; print(m.version({name!r}))"]
    try:
        return _output(version)
    except (OSError, subprocess.CalledProcessError):
        print(f"installing {kind.peer} in bench/.venvs/{name} ...", file=sys.stderr, flush=True)
    try:
        shutil.rmtree(venv, ignore_errors=True)
        _output([sys.executable, "-m", "venv", str(venv)])
        _output([str(venv / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", kind.peer])
        return _output(version)
    except OSError as error:
        raise Void(f"cannot be installed: {error}") from error
    except subprocess.CalledProcessError as error:
        raise Void(f"cannot be installed: {(error.stderr or str(error)).strip().splitlines()[-1]}") from error


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
