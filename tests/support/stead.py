"""A Stead in this process, and what tests do with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import update
from support import clients

from stead.store.prepare import RootCredentials
from stead.store.tables import accounts

if TYPE_CHECKING:
    from stead.app import App

ACCOUNT = "123456789012"
ROOT = RootCredentials("AKIAROOTFORTESTS0001", "root-secret-for-tests")


@dataclass(slots=True)
class Stead:
    """A fresh Stead in this process, and what a test does with it."""

    app: App

    def client(self, service: str, key: Any = None, region: str = "us-east-1") -> Any:
        """A boto3 client; ``key`` is (id, secret[, token]), an AccessKey or Credentials answer, or None for root."""
        return clients.client(self.app.door, service, _key(key), region)

    def user(self, name: str, *documents: str) -> Any:
        """A new user with these inline policies; its access key."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        for number, document in enumerate(documents):
            iam.put_user_policy(UserName=name, PolicyName=f"policy-{number}", PolicyDocument=document)
        return iam.create_access_key(UserName=name)["AccessKey"]

    def advance(self, seconds: float) -> None:
        """Step Stead's clock."""
        with self.app.store.write() as db:
            db.run(update(accounts).values(clock_offset=accounts.c.clock_offset + int(seconds * 1000)))

    def settle(self) -> None:
        """Run due background work until none is left, and write the events that wait."""
        self.app.runner.settle()
        self.app.recorder.flush(self.app.store)


def _key(key: Any) -> tuple[str, str, str | None]:
    if key is None:
        return ROOT.access_key_id, ROOT.secret, None
    if isinstance(key, tuple):
        return (*key, None)[:3]
    return key["AccessKeyId"], key["SecretAccessKey"], key.get("SessionToken")
