"""From an access key id and a session token to a caller: the secret to verify the signature with, and who it proves.

Nothing here believes the access key id by itself: a :class:`Candidate` becomes a caller only once the signature is verified with its
secret (design, section 6). Every refusal has AWS's code and words (aws-behaviour.md 1.5).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from stead.aws.arn import assumed_role_arn, iam_arn, root_arn
from stead.aws.call import Caller, CallerKind
from stead.aws.errors import AwsError, access_denied
from stead.sigv4 import signing_key
from stead.store.keyring import SECRET_PURPOSE, CannotOpen
from stead.store.session_tokens import unseal

if TYPE_CHECKING:
    from stead.aws.call import Call
    from stead.gateway.standing import Standing
    from stead.sigv4 import Claim
    from stead.store.engine import Reader, Row
    from stead.store.keyring import KeyRing
    from stead.store.session_tokens import Credentials


class Candidate(NamedTuple):
    """Who the caller is if the signature verifies with ``key``."""

    caller: Caller
    key: bytes


class CredentialCheck:
    """Looks up credentials of one account."""

    def __init__(self, standing: Standing, ring: KeyRing) -> None:
        self._standing = standing
        # Keyed by the sealed secret or token itself, so no change of credentials can make an entry wrong.
        self._long_term_key = lru_cache(maxsize=4096)(
            lambda sealed, *scope: signing_key(ring.open(sealed, SECRET_PURPOSE).decode(), *scope)
        )
        self._unseal = lru_cache(maxsize=1024)(lambda token: unseal(ring, token))
        self._session_key = lru_cache(maxsize=4096)(signing_key)

    def candidate(self, db: Reader, claim: Claim, now: int) -> Candidate:
        """The caller that ``claim`` would prove; ``now`` is Stead's clock in milliseconds."""
        if claim.session_token is not None:
            return self._of_token(db, claim, now)
        key = self._standing.key(db, claim.access_key_id)
        if key is None or not key.active:
            raise _invalid("The security token included in the request is invalid.")
        known = self._standing.callers
        caller = known.get(claim.access_key_id)
        if caller is None:
            caller = known[claim.access_key_id] = self._user(db, key.user_id, claim.access_key_id)
        return Candidate(caller, self._long_term_key(key.sealed_secret, claim.date, claim.region, claim.service))

    def caller_of_token(self, db: Reader, token: str, now: int) -> Caller:
        """The caller of a session that Stead itself obtained (a service's session on its linked role)."""
        return self._session_caller(db, self._unseal(token), now)

    def still_stands(self, db: Reader, caller: Caller) -> None:
        """Refuse a caller whose key or entity went away since its request came in; called inside write transactions."""
        if caller.session is not None:
            gone = caller.entity_id and self._entity(db, caller.kind, caller.entity_id) is None
        else:
            key = self._standing.key(db, caller.access_key_id) if caller.access_key_id else None
            gone = caller.kind is not CallerKind.SERVICE and (key is None or not key.active)
        if gone:
            raise _invalid("The security token included in the request is invalid.")

    def _of_token(self, db: Reader, claim: Claim, now: int) -> Candidate:
        try:
            credentials = self._unseal(claim.session_token)
        except CannotOpen as error:
            raise _invalid("The security token included in the request is invalid") from error
        if credentials.access_key_id != claim.access_key_id:
            raise _invalid("The security token included in the request is invalid")
        caller = self._session_caller(db, credentials, now)
        return Candidate(caller, self._session_key(credentials.secret, claim.date, claim.region, claim.service))

    def _session_caller(self, db: Reader, credentials: Credentials, now: int) -> Caller:
        if credentials.session.expires <= now:
            raise AwsError("ExpiredToken", "The security token included in the request is expired", 403)
        if credentials.kind is not CallerKind.ROLE:
            return self._user(db, credentials.entity_id or None, credentials.access_key_id, credentials)
        role = self._standing.role(db, credentials.entity_id)
        if role is None:  # sessions do not outlive the role they came from (design, section 6)
            raise _invalid("The security token included in the request is invalid")
        return _role_session(role, credentials)

    def _user(self, db: Reader, user_id: str | None, access_key_id: str, credentials: Credentials | None = None) -> Caller:
        session = credentials.session if credentials else None
        account = self._standing.account_id
        if user_id is None:
            root = root_arn(account)
            return Caller(CallerKind.ROOT, account, root, account, entity_arn=root, access_key_id=access_key_id, session=session)
        user = self._standing.user(db, user_id)
        if user is None:
            raise _invalid("The security token included in the request is invalid.")
        arn = iam_arn(account, "user", user.path, user.name)
        return Caller(CallerKind.USER, account, arn, user.id, user.id, arn, user.name, access_key_id, session)

    def _entity(self, db: Reader, kind: CallerKind, entity_id: str) -> Row | None:
        return self._standing.role(db, entity_id) if kind is CallerKind.ROLE else self._standing.user(db, entity_id)


# policy-evaluation.md 2.3; the two Get... calls refuse every session in words of their own.
_STS_OF_PLAIN_SESSIONS = frozenset({"AssumeRole", "GetCallerIdentity", "GetSessionToken", "GetFederationToken"})


def refuse_plain_session(call: Call) -> None:
    """Without MFA, which Stead does not have yet, a GetSessionToken session calls no IAM, not through a service either, and little of STS."""
    caller = call.caller
    if caller.session is None or caller.kind is CallerKind.ROLE:
        return
    if call.service == "iam":
        raise _invalid("The security token included in the request is invalid")
    if call.service == "sts" and call.operation not in _STS_OF_PLAIN_SESSIONS:  # the text follows that of GetSessionToken
        raise access_denied(f"Cannot call {call.operation} with session credentials")


def _role_session(role: Row, credentials: Credentials) -> Caller:
    name = credentials.session.name
    return Caller(
        CallerKind.ROLE,
        role.account_id,
        assumed_role_arn(role.account_id, role.name, name),
        f"{role.id}:{name}",
        role.id,
        iam_arn(role.account_id, "role", role.path, role.name),
        role.name,
        credentials.access_key_id,
        credentials.session,
        is_linked_role=role.kind == "linked",
        invoked_by=role.service if role.kind == "linked" else None,
    )


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidClientTokenId", message, 403)
