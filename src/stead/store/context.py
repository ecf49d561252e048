"""What an operation is given: its call, the database, and the two ways back into the pipeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from stead.aws.call import Call, Caller, Parameters, Result, Target
    from stead.store.decided import Asked
    from stead.store.engine import Reader, Writer
    from stead.store.keyring import KeyRing


class Gateway(Protocol):
    """The pipeline as an operation sees it: the same door that every request from outside takes."""

    def call(self, caller: Caller, origin: Call, service: str, operation: str, parameters: Parameters) -> Result:
        """Another operation, in a transaction of its own, as ``caller``; authorized and recorded like any other."""
        ...

    def require(self, context: Context, action: str, target: Target) -> None:
        """Refuse with AccessDenied unless the caller may also do ``action`` on ``target``."""
        ...

    def forward(self, call: Call, *, read_only: bool) -> Result:
        """The answer of the neighbour that serves ``call``, which was authorized."""
        ...

    def session_caller(self, context: Context, token: str) -> Caller:
        """The caller of a session that Stead itself obtained (a service's session on its linked role)."""
        ...

    def write_events(self) -> None:
        """Write the events that this process keeps in memory."""
        ...


@dataclass(slots=True)
class Context:
    """One operation at work. ``target`` is what its declaration located."""

    origin: Call
    db: Reader
    gateway: Gateway
    keys: KeyRing
    target: Target | None = None
    rehearse_ms: int = 0  # design D16: for how long new things cannot be used yet
    event_id: str = ""  # of the event that this call will be: made first, so that a refusal's text can name it
    asked: list[Asked] = field(default_factory=list)  # what the gate asked the policy engine about this call, and the answers
    noted: dict[str, Any] = field(default_factory=dict)  # what `before` found out for `run`

    @property
    def account_id(self) -> str:
        """The account that owns everything this call touches."""
        return self.origin.caller.account_id

    @property
    def caller(self) -> Caller:
        """Who calls."""
        return self.origin.caller

    @property
    def now(self) -> int:
        """Stead's clock, in milliseconds."""
        return self.origin.now

    def is_young(self, created: int) -> bool:
        """Whether what was made at ``created`` has not spread yet, as after a first deploy on AWS; never so unless rehearsed (design D16)."""
        return created + self.rehearse_ms > self.now

    @property
    def region(self) -> str:
        """The Region of the call."""
        return self.origin.region

    @property
    def writer(self) -> Writer:
        """The transaction; only operations declared as writing have one."""
        return cast("Writer", self.db)

    @property
    def row(self) -> Any:
        """The stored thing that the target names, or None."""
        return None if self.target is None else self.target.row

    def call(self, service: str, operation: str, parameters: Parameters, *, caller: Caller | None = None) -> Result:
        """Another operation through the pipeline, as the same caller unless another is given."""
        return self.gateway.call(caller or self.caller, self.origin, service, operation, parameters)

    def require(self, action: str, target: Target) -> None:
        """Refuse unless the caller may also do this (iam:PassRole and the like)."""
        self.gateway.require(self, action, target)
