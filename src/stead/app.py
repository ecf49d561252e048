"""Builds everything, with the lists that show the whole program: what a request passes, which services there are, what runs by itself."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from stead.gateway.credentials import CredentialCheck
from stead.gateway.pipeline import Pipeline
from stead.gateway.record import Recorder
from stead.gateway.standing import Standing
from stead.store.engine import Store
from stead.store.keyring import load_or_create
from stead.wire.asgi import Adapter
from stead.wire.http import Door
from stead.wire.internal import Internal

if TYPE_CHECKING:
    from stead.config import Settings
    from stead.wire.messages import HttpReply, HttpRequest

# Importing a noun declares its operations (aws/operation.py).
SERVICES = {
    "iam": ("users", "user_policies", "access_keys", "roles", "role_policies", "instance_profiles"),
    "sts": ("identity",),
    "ecs": (),
    "cloudtrail": (),
}


def declare_operations() -> None:
    """Import every noun of every service."""
    for service, nouns in SERVICES.items():
        for noun in nouns:
            import_module(f"stead.services.{service}.{noun}")


class App:
    """One process's Stead: the parts, put together once."""

    def __init__(self, settings: Settings) -> None:
        declare_operations()
        self.settings = settings
        self.store = Store(settings.store_url)
        self.ring = load_or_create(settings.data_dir / "keys", may_create=False)
        self.recorder = Recorder()
        self.standing = Standing(settings.account_id)
        self.credentials = CredentialCheck(self.standing, self.ring)
        self.pipeline = Pipeline(self.store, self.standing, self.credentials, self.ring, self.recorder)
        self.door = Door(self.pipeline)
        self.internal = Internal(self.store, settings.host, ephemeral=settings.ephemeral)

    def answer(self, request: HttpRequest) -> HttpReply:
        """Any request to the port."""
        return self.internal.answer(request) if request.path.startswith(b"/_stead/") else self.door.answer(request)

    def asgi(self) -> Adapter:
        """The application for the HTTP server."""
        return Adapter(self.answer, on_pool=not self.store.is_sqlite)

    def start(self) -> None:
        """Begin the background work of this process."""

    def close(self) -> None:
        """End the background work; what waits in memory is written."""
        self.recorder.flush(self.store)
        self.store.close()
