"""The only way out of ECS's background work: a call by a session of the linked role, through the door that everybody takes.

A session is obtained by sts:AssumeRole as the service, one for each kind of work (its name is the kind's, as recorded), and used for a quarter of
an hour; after a refusal the next call asks for a new one. The call is authorized by the role's policy, recorded with ``invokedBy``, and sent on to
the neighbour with its intent (designs/neighbours.md). The work itself is counted as use of the role by ``linked_roles/work.py``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from stead.aws.arn import iam_arn
from stead.aws.call import Call, Caller, CallerKind
from stead.aws.clock import MINUTE, now_ms
from stead.aws.errors import AwsError
from stead.aws.ids import new_uuid
from stead.linked_roles import catalog, holding, session
from stead.store.context import Context

if TYPE_CHECKING:
    from stead.aws.call import Parameters, Result
    from stead.gateway.pipeline import Pipeline

PRINCIPAL = "ecs.amazonaws.com"
SESSION_MS = 15 * MINUTE
# Refused by the policy engine or for the session itself; every other code is the neighbour's own answer.
_DENIED = frozenset({"AccessDenied", "UnauthorizedOperation", "InvalidClientTokenId", "ExpiredToken", "RoleMissing"})


class Where(NamedTuple):
    """The account and Region that work is done in."""

    account_id: str
    region: str


class Refused(Exception):  # noqa: N818  # an answer to a wish, not an error of anybody's
    """The call was answered with an error, of the role's policy (``is_denied``) or of the neighbour."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(f"{operation}: {code}: {message}")
        self.operation = operation
        self.code = code
        self.message = message

    @property
    def is_denied(self) -> bool:
        """Whether ECS may not do it, as opposed to the neighbour not wanting to."""
        return self.code in _DENIED


class Away(Exception):  # noqa: N818  # as above
    """No answer: the neighbour is switched off, or cannot be reached. What was asked may have been done."""


class _Held(NamedTuple):
    role_id: str
    token: str
    until: int


class Behalf:
    """ECS acting for its customers, in this process."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._sessions: dict[tuple[Where, str], _Held] = {}

    def now(self) -> int:
        """Stead's time; it also brings what this process remembers of the account up to date."""
        return now_ms() + self._pipeline.standing.now(self._pipeline.store.read())

    def call(  # noqa: PLR0913  # as a call reads: where, as what, service, operation, parameters
        self, where: Where, session_name: str, service: str, operation: str, parameters: Parameters, *, intent: str = ""
    ) -> Result:
        """The answer of ``service:operation``; Refused or Away when there is none. ``intent`` is the idempotency key of a mutation.

        No transaction may be open (design D19).
        """
        now = self.now()
        try:
            origin = _origin(where, session.service_caller(PRINCIPAL, where.account_id), now, intent)
            caller = self._caller(origin, session_name)
            return self._pipeline.call(caller, origin, service, operation, parameters)
        except AwsError as error:
            if error.status == 503:
                raise Away(f"{service}:{operation}: {error.message}") from error
            if error.code in _DENIED:
                self._sessions.pop((where, session_name), None)
            raise Refused(f"{service}:{operation}", error.code, error.message) from error

    def as_service(self, where: Where, service: str, operation: str, parameters: Parameters) -> None:
        """What one AWS service tells another itself, such as its metrics: no customer's policy is asked about it, and no trail shows it."""
        origin = _origin(where, session.service_caller(PRINCIPAL, where.account_id), self.now(), "")
        try:
            self._pipeline.forward(replace(origin, service=service, operation=operation, parameters=parameters), read_only=False)
        except AwsError as error:
            raise Away(f"{service}:{operation}: {error.message}") from error

    def _caller(self, origin: Call, session_name: str) -> Caller:
        pipeline, key = self._pipeline, (Where(origin.caller.account_id, origin.region), session_name)
        db = pipeline.store.read()
        role = holding.find(db, origin.caller.account_id, _service())
        if role is None:
            raise AwsError(
                "RoleMissing", "Unable to assume the service linked role. Please verify that the ECS service linked role exists."
            )
        held = self._sessions.get(key)
        if held is None or held.role_id != role.id or held.until <= origin.now:
            context = Context(origin, db, pipeline, pipeline.ring)
            arn = iam_arn(role.account_id, "role", role.path, role.name)
            token = session.assume_linked_role(context, PRINCIPAL, arn, session_name)["Credentials"]["SessionToken"]
            held = self._sessions[key] = _Held(role.id, token, origin.now + SESSION_MS)
        return pipeline.credentials.caller_of_token(db, held.token, origin.now)


def _service() -> catalog.LinkedService:
    found = catalog.find(PRINCIPAL)
    assert found is not None
    return found


def _origin(where: Where, caller: Caller, now: int, intent: str) -> Call:
    """What the inner calls take account, Region, time and intent from."""
    assert caller.kind is CallerKind.SERVICE
    return Call("ecs", "", {}, caller, where.region, now, new_uuid(), source_ip=PRINCIPAL, user_agent=PRINCIPAL, intent=intent)
