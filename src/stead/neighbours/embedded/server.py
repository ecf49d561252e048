"""What the child does: plays the journal, then answers one call at a time over a socket that only its owner can open."""

from __future__ import annotations

import logging
import threading
from multiprocessing.connection import Connection, Listener
from typing import TYPE_CHECKING, Any, NamedTuple

import moto

from stead.neighbours.embedded import overlays, player, words
from stead.neighbours.embedded.compaction import about, gone
from stead.neighbours.embedded.journal import Journal, digest_of
from stead.neighbours.embedded.overlay import Asked, Refused, overlay_of
from stead.neighbours.embedded.place import JOURNAL, SOCKET, address
from stead.neighbours.messages import FORGET, NeighbourReply, NeighbourRequest, pack_reply, unpack_request

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("stead.neighbours")

BACKLOG = 64

overlays.declare()


class Server:
    """moto and its journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._one_at_a_time = threading.Lock()

    def restore(self) -> None:
        """Play the journal; what does not go as it went is reported, and goes as it does."""
        for entry in self._journal.entries():
            played = _perform(entry.request, entry.seed)
            if digest_of(played.reply) != entry.answer:
                request = entry.request
                text = "entry %d of the neighbours' journal (%s:%s, moto %s) was answered otherwise when played again (moto %s)"
                log.warning(text, entry.number, request.service, request.operation, entry.moto, moto.__version__)

    def answer(self, request: NeighbourRequest) -> NeighbourReply:
        """Play one call; journaled before it is answered if it changed anything."""
        with self._one_at_a_time:
            if request.read_only:
                return _perform(request, None).reply
            known = self._journal.answered(request.intent) if request.intent else None
            return known or self._mutate(request)

    def forget(self) -> None:
        """Everything."""
        with self._one_at_a_time:
            self._journal.clear()
            player.forget()

    def _mutate(self, request: NeighbourRequest) -> NeighbourReply:
        seed = self._journal.next_seed()
        reply, concerns = _perform(request, seed)
        if reply.status < 400 or reply.status == 500:  # a refused call changed nothing; one that moto broke off may have
            self._journal.add(seed, moto.__version__, request, reply, about(request, reply, concerns))
        if reply.status < 400:
            self._journal.forget(gone(request, concerns))
        return reply


class Played(NamedTuple):
    """An answer, and what the overlay says that the call was about."""

    reply: NeighbourReply
    concerns: str = ""


def _perform(request: NeighbourRequest, seed: int | None) -> Played:
    around = overlay_of(request.service, request.operation)
    asked = Asked(request, player.play)
    try:
        with player.at(request, seed):
            return Played(player.play(request) if around is None else around(asked), asked.concerns)
    except Refused as refused:
        return Played(words.written(request, refused))
    except Exception:  # moto's own, for what it did not expect: no reason to end
        log.exception("moto cannot play %s:%s", request.service, request.operation)
        return Played(NeighbourReply(500, (), b""))


def serve(directory: Path) -> None:
    """Play the journal in ``directory``, then answer there for ever."""
    server = Server(Journal(directory / JOURNAL))
    server.restore()
    (directory / SOCKET).unlink(missing_ok=True)
    with address(directory) as where, Listener(where, "AF_UNIX", backlog=BACKLOG) as listener:
        while True:
            connection = listener.accept()
            threading.Thread(target=_converse, args=(server, connection), daemon=True).start()


def _converse(server: Server, connection: Connection[Any, Any]) -> None:
    with connection:
        while True:
            try:
                asked = connection.recv_bytes()
                connection.send_bytes(_answer(server, asked))
            except (EOFError, OSError):  # it went away, with or without its answer
                return


def _answer(server: Server, asked: bytes) -> bytes:
    if asked != FORGET:
        return pack_reply(server.answer(unpack_request(asked)))
    server.forget()
    return pack_reply(NeighbourReply(200, (), b""))
