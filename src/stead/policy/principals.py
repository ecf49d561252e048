"""Who calls, and whether a ``Principal`` element means them (policy-evaluation.md 3.4).

How an entry names the caller decides what its Allow is worth in the same account (policy-evaluation.md 2.2): the caller itself, the role or
user behind its session, or only its account.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class PrincipalKind(Enum):
    """The kinds of caller that policies tell apart (policy-evaluation.md 2.3)."""

    ROOT = "root"
    USER = "user"
    ROLE = "role"
    LINKED_ROLE = "linked-role"  # a session of a service-linked role: no organization binds it (2.7), otherwise it is a role
    FEDERATED_USER = "federated-user"
    FEDERATED = "federated"  # a caller with an identity provider's token, before any session
    SERVICE = "service"
    ANONYMOUS = "anonymous"


# These belong to no account: neither an account entry nor an identity policy speaks of them.
WITHOUT_ACCOUNT = frozenset({PrincipalKind.FEDERATED, PrincipalKind.SERVICE, PrincipalKind.ANONYMOUS})


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller.

    For a role session ``arn`` is the session's, ``role_arn`` the role's with its path, ``user_id`` ``AROA...:session``. A federation session
    has its user's ARN in ``parent_arn``; a caller with an identity provider's token has the provider in ``provider``.
    """

    kind: PrincipalKind
    account: str
    arn: str
    user_id: str = ""
    role_arn: str | None = None
    service: str | None = None
    parent_arn: str | None = None
    provider: str | None = None


class Grant(IntEnum):
    """How an entry names the caller, the strongest last."""

    NONE = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECT = 3


_ROOT_ARN = re.compile(r"arn:[^:]*:iam::([0-9]{12}):root")
_ACCOUNT = re.compile(r"[0-9]{12}")
_UNIQUE_ID = re.compile(r"A[A-Z0-9]{15,127}")


def account_of(entry: str) -> str | None:
    """The account that an ``AWS`` entry stands for as a whole, in either spelling."""
    if _ACCOUNT.fullmatch(entry):
        return entry
    root = _ROOT_ARN.fullmatch(entry)
    return root[1] if root else None


def is_unique_id(entry: str) -> bool:
    """Whether the entry is the id that IAM stores in place of a user's or role's ARN (``AIDA...``, ``AROA...``)."""
    return _UNIQUE_ID.fullmatch(entry) is not None


class PrincipalMatcher:
    """One ``Principal`` or ``NotPrincipal`` element; partial wildcards do not exist."""

    __slots__ = ("_accounts", "_everyone", "_names", "_providers", "_services", "negated")

    def __init__(self, entries: Mapping[str, Sequence[str]], *, negated: bool) -> None:
        named = entries.get("AWS", ())
        accounts = [account_of(entry) for entry in named]
        self.negated = negated
        self._everyone = "*" in named
        self._accounts = frozenset(account for account in accounts if account is not None)
        self._names = frozenset(entry for entry, account in zip(named, accounts, strict=True) if account is None)
        self._services = frozenset(entries.get("Service", ()))
        self._providers = frozenset(entries.get("Federated", ()))

    def grant(self, caller: Principal) -> Grant:
        """The strongest way in which the element means the caller; NotPrincipal means whom no entry names."""
        if not self.negated:
            return self._named(caller)
        return Grant.DIRECT if self._named(caller) is Grant.NONE else Grant.NONE

    def _named(self, caller: Principal) -> Grant:
        if self._everyone:
            return Grant.DIRECT
        if caller.kind in WITHOUT_ACCOUNT:
            outside = caller.service in self._services or caller.provider in self._providers
            return Grant.DIRECT if outside else Grant.NONE
        if self._names and (grant := self._entity(caller)):
            return grant
        return Grant.ACCOUNT if caller.account in self._accounts else Grant.NONE

    def _entity(self, caller: Principal) -> Grant:
        behind = caller.role_arn or caller.parent_arn
        # A role named as itself, as the simulator does, is a role and no session (policy-evaluation.md 2.2).
        if caller.arn in self._names and caller.arn != behind:
            return Grant.DIRECT
        if behind in self._names:
            return Grant.ROLE
        if caller.user_id.partition(":")[0] in self._names:
            return Grant.DIRECT if caller.kind is PrincipalKind.USER else Grant.ROLE
        return Grant.NONE
