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
from stead.wire.http import Door

if TYPE_CHECKING:
    from stead.config import Settings

# Importing a noun declares its operations (aws/operation.py).
SERVICES = {
    "iam": (),
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
