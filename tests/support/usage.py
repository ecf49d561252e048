"""A test's own account of what it did: who called which action of which service, where, and between which moments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from support.stead import Stead

GLOBAL = frozenset({"iam"})


class Did(NamedTuple):
    """One call; the moments are Stead's time in whole seconds, as answers show it."""

    who: str
    service: str
    action: str
    region: str
    after: int
    before: int

    def was_at(self, shown: datetime) -> bool:
        """Whether an answer's time is this call's."""
        return self.after <= int(shown.timestamp()) <= self.before


@dataclass
class Account:
    """Clients that write down what they do, before Stead sees it."""

    stead: Stead
    calls: list[Did] = field(default_factory=list)

    def client(self, who: str, service: str, key: Any = None, region: str = "us-east-1") -> Any:
        """A client of ``who`` (a name of the test's own)."""
        made = self.stead.client(service, key, region)
        seen = "us-east-1" if service in GLOBAL else region
        began: list[int] = []
        made.meta.events.register("before-call", lambda **_: began.append(self.now()))
        made.meta.events.register(
            "after-call",
            lambda model, **_: self.calls.append(Did(who, service, model.name, seen, began[-1], self.now())),
        )
        return made

    def now(self) -> int:
        """Stead's time in whole seconds."""
        return self.stead.app.now(self.stead.app.store.read()) // 1000

    def step(self) -> None:
        """Let a minute pass, so that two moments differ."""
        self.stead.advance(60)

    def last(self, *, who: str | None = None, service: str | None = None, action: str | None = None) -> Did | None:
        """The last call of these."""
        wanted = {"who": who, "service": service, "action": action}
        found = [one for one in self.calls if all(value in {None, getattr(one, name)} for name, value in wanted.items())]
        return found[-1] if found else None
