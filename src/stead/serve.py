"""`stead serve`: from settings to a running server, and its orderly end.

Order. The data directory is claimed and the port proven free. Then a short-lived child migrates the store and makes keys and root
credentials (so this process stays small, and has no engine or thread when a worker starts), while the workers import what they need; they
open the store only when the child is done. Each worker watches its parent and ends with it: a granian worker otherwise lives on and answers.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gc
import multiprocessing
import multiprocessing.util
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from granian.constants import HTTPModes, Interfaces
from granian.server.mp import MPServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.synchronize import Event

    from stead.app import App
    from stead.config import Settings

STOP_SECONDS = 3  # a worker that has not ended by then is killed: SIGTERM ends Stead within 5 seconds
PORT_PATIENCE_SECONDS = 2  # after a SIGKILL of the main process its workers need a moment to notice
READY_POLL_SECONDS = 0.01
CRASH_SECONDS, CRASHES = 2.0, 5  # so many workers that ended so young, one after the other: starting more is no help


class ServeError(Exception):
    """Stead cannot start; the message is for the operator."""


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT. Raises ServeError when it cannot start."""
    os.umask(0o077)  # everything in the data directory is its owner's alone
    with _data_dir(settings) as data_dir, _claimed(data_dir):
        address, port = _free_port(settings.host, settings.port)
        say("every request is verified and authorized: there is no magic key and no way to switch it off")
        _Server(replace(settings, data_dir=data_dir, port=port), address, say).run()


class _Preparation:
    """The child that prepares the store, and how workers learn that it is done."""

    def __init__(self, settings: Settings) -> None:
        # The workers' own way to start (granian knows only these two), else they could not be given the events.
        forks = multiprocessing.get_start_method() == "fork"
        context = multiprocessing.get_context("fork") if forks else multiprocessing.get_context("spawn")
        self.over, self.good = context.Event(), context.Event()
        self.child = context.Process(target=_prepare, args=(settings, self.over, self.good))

    def wait(self) -> bool:
        """Wait for the child, in the parent; whether it succeeded. One that was killed said nothing, so the workers are told here."""
        self.child.join()
        self.over.set()
        return self.good.is_set()


class _Server(MPServer):
    """granian's own supervisor, told to keep replacing workers that die and to say when the first one answers."""

    def __init__(self, settings: Settings, address: str, say: Callable[[str], None]) -> None:
        super().__init__(
            "stead",
            address=address,
            port=settings.port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            workers=settings.workers,
            log_enabled=False,
            respawn_failed_workers=True,
            workers_kill_timeout=STOP_SECONDS,
        )
        self._settings = settings
        self._say = say
        self._preparation = _Preparation(settings)
        self._problem: str | None = None  # why it had to end by itself; empty when that was said already
        self._young_deaths = 0

    def run(self) -> None:
        """Serve until a signal ends it."""
        preparation = self._preparation
        preparation.child.start()
        with contextlib.suppress(SystemExit):  # granian takes workers that ended by the same Ctrl-C for failures
            self.serve(target_loader=partial(_load, self._settings, preparation.over, preparation.good), wrap_loader=False)
        if self._problem is not None:
            raise ServeError(self._problem)

    def _give_up(self, problem: str) -> None:
        self._problem = problem
        self.signal_handler_interrupt()  # type: ignore[no-untyped-call]  # granian has no annotations

    def _spawn_workers(self, *args: Any) -> None:
        super()._spawn_workers(*args)  # type: ignore[no-untyped-call]  # as above
        threading.Thread(target=self._announce, daemon=True).start()

    def _announce(self) -> None:
        """Say that Stead is ready once a worker answers; end it all when the store cannot be prepared."""
        if not self._preparation.wait():
            self._give_up("")  # the child has said why
            return
        while not _answers(self.bind_addr, self._settings.port):
            time.sleep(READY_POLL_SECONDS)
        self._say(f"Stead is ready on http://{self._settings.url_host}:{self._settings.port}")

    def _respawn_workers(self, workers: list[int], *args: Any, **options: Any) -> None:
        """Replace workers however often they are killed; granian stops at two deaths within seconds. Only workers that never start end Stead."""
        self._young_deaths = self._young_deaths + 1 if any(_failed_young(self.wrks[index]) for index in workers) else 0
        if self._young_deaths >= CRASHES:
            self._give_up("the workers end as soon as they start; see the messages above")
            return
        super()._respawn_workers(workers, *args, **options)
        self.respawned_wrks.clear()


def _failed_young(worker: Any) -> bool:
    young: bool = time.monotonic() - worker.birth < CRASH_SECONDS
    return young and worker.inner.exitcode != -signal.SIGKILL


def _load(settings: Settings, over: Event, good: Event) -> Any:
    """In the worker: the application. Runs after the fork, so nothing it opens is shared."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # until the loop has its own: the parent's handler, inherited, would swallow it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches everybody; the parent answers it
    _end_with_parent()
    from stead.app import App, declare_operations  # noqa: PLC0415  # the parent never needs it, and stays small
    from stead.store.engine import StoreError  # noqa: PLC0415  # as above

    declare_operations()
    over.wait()
    if not good.is_set():
        os._exit(0)
    try:
        app = App(settings)
    except StoreError as error:
        sys.exit(f"stead: {error}")
    multiprocessing.util.Finalize(None, _leave, args=(app,), exitpriority=10)  # what runs at a worker's end
    app.start()
    _collect_seldom()
    return app.asgi()


def _collect_seldom() -> None:
    """What is loaded stays, so the garbage collector need not look at it again; a request's own objects go by reference counting."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _leave(app: App) -> None:
    app.close()
    os._exit(0)  # the interpreter's own end would meet the server's threads, which still run


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)  # at once: nobody supervises this worker any more, and the store needs no farewell

    threading.Thread(target=watch, daemon=True).start()


def _prepare(settings: Settings, over: Event, good: Event) -> None:
    """In a child of its own: the store made ready, the root credentials written."""
    from stead.credentials_file import parse, write  # noqa: PLC0415  # see _load
    from stead.gateway.upstream import elsewhere  # noqa: PLC0415
    from stead.store.engine import StoreError  # noqa: PLC0415
    from stead.store.prepare import prepare  # noqa: PLC0415

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer; this ends by itself
    try:
        if settings.neighbours != "embedded":  # what is wrong with them is said here, not by workers
            elsewhere(settings.neighbours, settings.neighbours_credentials, allow_real_aws=settings.allow_real_aws)
        wanted = parse(settings.root_credentials)
        credentials = prepare(settings.store_url, settings.data_dir / "keys", settings.account_id, wanted)
        write(settings.data_dir / "credentials", credentials, settings)
        good.set()
    except (StoreError, OSError, ValueError) as error:
        sys.exit(f"stead: {error}")
    finally:
        over.set()


def _answers(address: str, port: int) -> bool:
    try:
        with socket.create_connection((_reachable(address), port), timeout=1) as connection:
            connection.sendall(b"GET /_stead/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False


def _reachable(address: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104  # where to ask, not where to listen


def _free_port(host: str, port: int) -> tuple[str, int]:
    """The numeric address and a port that are free. Bound exclusively for a moment: granian alone would share a busy port silently."""
    deadline = time.monotonic() + PORT_PATIENCE_SECONDS
    while True:
        try:
            return _bind(host, port)
        except OSError as error:
            if time.monotonic() > deadline or error.errno != errno.EADDRINUSE:
                raise ServeError(f"cannot listen on {host}:{port}: {error.strerror or error}. Choose another {_other(error)}") from error
            time.sleep(READY_POLL_SECONDS)


def _other(error: OSError) -> str:
    return "--port" if error.errno in {errno.EADDRINUSE, errno.EACCES} else "--host"


def _bind(host: str, port: int) -> tuple[str, int]:
    family, _, _, _, where = min(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))  # IPv4 first, as clients look for `localhost`
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that are just ending are no listener
        probe.bind(where)
        probe.listen()
        return str(where[0]), int(probe.getsockname()[1])


@contextlib.contextmanager
def _data_dir(settings: Settings) -> Iterator[Path]:
    """The data directory made and writable; a temporary one, removed at the end, when ephemeral."""
    if settings.ephemeral:
        folder = Path(tempfile.mkdtemp(prefix="stead-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    with _writable(settings.data_dir):
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        (settings.data_dir / ".gitignore").write_text("*\n")
    yield settings.data_dir


@contextlib.contextmanager
def _writable(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ServeError(f"cannot write to the data directory {data_dir}: {error.strerror} ({error.filename})") from error


@contextlib.contextmanager
def _claimed(data_dir: Path) -> Iterator[None]:
    """An exclusive lock on the directory that names its holder. A POSIX record lock: workers do not inherit it, a kill frees it."""
    with _writable(data_dir):
        descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(descriptor, 20).decode().strip() or "unknown"
        os.close(descriptor)
        raise ServeError(f"the data directory {data_dir} is in use by the process {holder}") from error
    os.truncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    try:
        yield
    finally:
        os.close(descriptor)
