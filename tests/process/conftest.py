"""What the tests of real processes share. Each Stead that a test starts is gone when the test is over."""

from __future__ import annotations

import os
from itertools import count
from typing import TYPE_CHECKING, Protocol

import pytest
from support import process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from support.process import Running


class Start(Protocol):
    """Starts a Stead and waits until it is ready."""

    def __call__(self, *arguments: str, env: Mapping[str, str] | None = None, ready: bool = True) -> Running: ...


@pytest.fixture(scope="session")
def kill_rounds(pytestconfig: pytest.Config) -> int:
    """How many kills: `--kill-rounds`; without it a hundred in CI and ten at a desk."""
    given: int | None = pytestconfig.getoption("--kill-rounds")
    return given or (100 if os.environ.get("CI") else 10)


@pytest.fixture(scope="session")
def root_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The root credentials of every test, as `--root-credentials` takes them from a file."""
    path = tmp_path_factory.mktemp("root") / "root"
    path.write_text(f"{process.KEY_ID}:{process.SECRET}\n")
    return f"@{path}"


@pytest.fixture
def start(tmp_path: Path, root_file: str) -> Iterator[Start]:
    """A function that starts `stead serve` on a free port, with the root credentials of every test."""
    started: list[Running] = []
    numbers = count()

    def begin(*arguments: str, env: Mapping[str, str] | None = None, ready: bool = True) -> Running:
        words = ["--port", "0", "--root-credentials", root_file, *arguments]
        running = process.start(tmp_path / f"run-{next(numbers)}", words, env)
        started.append(running)
        if ready:
            running.wait_ready()
        return running

    yield begin
    for running in started:
        if running.process.poll() is None:
            running.kill()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, root_file: str) -> Iterator[Running]:
    """One throw-away Stead for all tests of a module that leave it as they found it."""
    running = process.start(tmp_path_factory.mktemp("shared"), ["--port", "0", "--ephemeral", "--root-credentials", root_file])
    try:
        running.wait_ready()
        yield running
    finally:
        running.kill()
