"""The embedded neighbours without their process: moto, Stead's overlays and the journal, played in the test's own."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from stead.aws.call import Call, Caller, CallerKind
from stead.aws.models import operation_model
from stead.neighbours import speech
from stead.neighbours.embedded import player
from stead.neighbours.embedded.journal import Journal
from stead.neighbours.embedded.server import Server

if TYPE_CHECKING:
    from pathlib import Path

REGION = "eu-west-1"
START = 1_790_000_000_000
ECS = "ecs.amazonaws.com"
_ACCOUNTS = itertools.count(100_000_000_001)
_READS = ("Describe", "Get", "List", "Discover")


class Embedded:
    """Moto as the child has it, in an account of its own. ``now`` is the time of the next call."""

    def __init__(self, directory: Path) -> None:
        self.account = str(next(_ACCOUNTS))
        self.now = START
        self._path = directory / "neighbours.db"
        self.journal = Journal(self._path)
        self.server = Server(self.journal)

    def call(self, service: str, operation: str, *, requester: str = "", intent: str = "", region: str = REGION, **parameters: Any) -> Any:
        """The members of the answer; RefusedByNeighbourError for a refusal."""
        caller = Caller(CallerKind.USER, self.account, f"arn:aws:iam::{self.account}:user/alice", "AIDAEXAMPLE")
        model = operation_model(service, operation)
        call = Call(service, operation, parameters, caller, region, self.now, "request")
        reads = operation.startswith(_READS)
        request = speech.written(call, model, read_only=reads, intent=intent, requester=requester)
        return speech.read(service, model, self.server.answer(request), speech.protocol_of(service))

    def refused(self, service: str, operation: str, **options: Any) -> tuple[str, str]:
        """Code and message of the refusal."""
        try:
            answer = self.call(service, operation, **options)
        except speech.RefusedByNeighbourError as error:
            return error.code, error.message
        raise AssertionError(f"{service}:{operation} was not refused but answered {answer}")

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.now += int(seconds * 1000)

    def restart(self) -> None:
        """Forget what is in memory, as a process that ends, and play the journal."""
        self.journal.close()
        player.forget()
        self.journal = Journal(self._path)
        self.server = Server(self.journal)
        self.server.restore()
