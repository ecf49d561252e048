"""The pipeline: authorize, operate in one transaction, record. Every call takes it: the CLI's, the SDKs', the console's, Stead's own.

A read runs without a transaction. A write runs in one that begins with the account's row held, so that nobody's permissions change between
the decision and the commit (design D7), and ends with the event. A write that met another transaction (a deadlock, a lost race) is run again
from the start: nothing of the first try is left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stead.aws.errors import AwsError, not_implemented
from stead.aws.ids import new_uuid, ordered_uuid
from stead.aws.models import GLOBAL_REGION, SERVICES
from stead.aws.operation import Effect, Operation, find
from stead.gateway import access, decisions, forwarding
from stead.gateway.credentials import refuse_plain_session
from stead.gateway.event import Outcome, shows_answer
from stead.gateway.last_used import LastUsed
from stead.store.accounts import RAISE_GENERATION
from stead.store.context import Context
from stead.store.engine import Conflict

if TYPE_CHECKING:
    from stead.aws.call import Call, Caller, Parameters, Result, Target
    from stead.gateway.credentials import CredentialCheck
    from stead.gateway.record import Recorder
    from stead.gateway.standing import Standing
    from stead.neighbours.messages import Neighbours
    from stead.store.engine import Reader, Store
    from stead.store.keyring import KeyRing

MAX_ATTEMPTS = 20
_ALONE = frozenset({Effect.ADMINISTERS, Effect.PERMITS})


class Pipeline:
    """The one door behind the wire. Implements ``store.context.Gateway``."""

    def __init__(  # noqa: PLR0913  # the parts that App builds, once
        self,
        store: Store,
        standing: Standing,
        credentials: CredentialCheck,
        ring: KeyRing,
        recorder: Recorder,
        *,
        neighbours: Neighbours,
        rehearse_ms: int = 0,
        console: str = "",
    ) -> None:
        self.store = store
        self.standing = standing
        self.credentials = credentials
        self.ring = ring
        self.recorder = recorder
        self.neighbours = neighbours
        self.last_used = LastUsed()
        recorder.also.append(self.last_used)
        self._rehearse_ms = rehearse_ms
        # Only IAM adds the sentence that leads there (recorded-aws.md 2).
        self._details = {"iam": f"{console}#/authorization-details"}

    def run(self, call: Call) -> Result:
        """Do ``call``; its output members, or AwsError."""
        operation = find(call.service, call.operation)
        if operation is None:
            raise not_implemented(call.service, call.operation)
        refuse_plain_session(call)
        if operation.effect is Effect.READS:
            return self._read(operation, call)
        if operation.effect is Effect.FORWARDS:
            return self._forward(operation, call)
        for _ in range(MAX_ATTEMPTS):
            try:
                return self._write(operation, call)
            except Conflict:
                continue
        raise AwsError("ServiceUnavailable", "The request could not be completed because of concurrent changes. Try again.", 503)

    def call(self, caller: Caller, origin: Call, service: str, operation: str, parameters: Parameters) -> Result:
        """An operation that another one needs, in a transaction of its own (never inside the other's)."""
        region = GLOBAL_REGION if SERVICES[service].is_global else origin.region
        self.last_used.note(caller, SERVICES[service].prefix, operation, region, origin.now)
        own = replace(
            origin, caller=caller, region=region, request_id=new_uuid(), raw=None, protocol=""
        )  # nothing came over the wire for it
        return self.run(replace(own, service=service, operation=operation, parameters=parameters))

    def require(self, context: Context, action: str, target: Target) -> None:
        """Refuse unless the caller may also do ``action`` on ``target``."""
        access.check(self.standing, context, action, target)

    def forward(self, call: Call, *, read_only: bool) -> Result:
        """The neighbour's answer to ``call``."""
        return forwarding.send(self.neighbours, call, read_only=read_only)

    def session_caller(self, context: Context, token: str) -> Caller:
        """Who acts in the session that ``token`` carries."""
        return self.credentials.caller_of_token(context.db, token, context.now)

    def write_events(self) -> None:
        """Write what the recorder keeps for later, so that a caller finds what was refused a moment ago."""
        self.recorder.flush(self.store)

    def _read(self, operation: Operation, call: Call) -> Result:
        context = self._context(call, self.store.read())
        try:
            self._authorize(operation, context)
            if operation.before is not None:
                operation.before(context, call.parameters)
            result: Result = _done(operation, context)
        except AwsError as error:
            self._later(operation, context, error)
            raise
        self._later(operation, context, result=result if shows_answer(operation) else None)
        return result

    def _write(self, operation: Operation, call: Call) -> Result:
        context = self._context(call, self.store.read())
        try:
            if operation.before is not None:
                self._authorize(operation, context)
                operation.before(context, call.parameters)
            with self.store.write() as db:
                context.db = db
                result = self._in_transaction(operation, context)
        except AwsError as error:
            context.db = self.store.read()
            self._later(operation, context, error)
            raise
        self.recorder.relieve(self.store)
        return result

    def _forward(self, operation: Operation, call: Call) -> Result:
        """No transaction is open while a neighbour is asked (design D19); what it did is on record before the caller hears of it."""
        context = self._context(call, self.store.read())
        try:
            self._authorize(operation, context)
            result: Result = _done(operation, context)
        except AwsError as error:
            self._later(operation, context, error)
            raise
        outcome = Outcome(call, operation, context.target, result, None, context.event_id, decisions.of(context))
        with self.store.write() as db:
            self.recorder.now(db, outcome)
        self.recorder.relieve(self.store)
        return result

    def _in_transaction(self, operation: Operation, context: Context) -> Result:
        call, db = context.origin, context.writer
        self.standing.hold(db, alone=operation.effect in _ALONE)
        self.credentials.still_stands(db, call.caller)
        self._authorize(operation, context)
        result: Result = _done(operation, context)
        if operation.effect is Effect.PERMITS:
            db.run(RAISE_GENERATION, account=call.caller.account_id)
        self.recorder.now(db, Outcome(call, operation, context.target, result, None, context.event_id, decisions.of(context)))
        return result

    def _authorize(self, operation: Operation, context: Context) -> None:
        parameters = context.origin.parameters
        context.target = target = operation.locate(context, parameters)
        if operation.open:
            return
        context.asked.clear()  # a write with a `before` hook is judged again in its transaction, and only that counts
        access.check(self.standing, context, operation.action, target, self._details.get(operation.service, ""))
        if operation.also is not None:
            for action, other in operation.also(context, parameters):
                self.require(context, action, other)

    def _later(self, operation: Operation, context: Context, error: AwsError | None = None, result: Result | None = None) -> None:
        self.recorder.later(Outcome(context.origin, operation, context.target, result, error, context.event_id, decisions.of(context)))
        self.recorder.relieve(self.store)

    def _context(self, call: Call, db: Reader) -> Context:
        return Context(call, db, self, self.ring, rehearse_ms=self._rehearse_ms, event_id=ordered_uuid(call.now))


def _done(operation: Operation, context: Context) -> Result:
    result: Result | None = operation.run(context, context.origin.parameters)
    return {} if result is None else result  # a neighbour's empty answer is more than an empty dict
