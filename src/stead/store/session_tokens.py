"""Temporary credentials as sealed tokens (design D5): STS writes nothing to the database, and every worker can read every token.

A token carries its own access key id and secret, whom it stands for by unique id (never by name), and the whole session. Everything is
inside the authenticated encryption: changing any bit makes it unreadable.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import TYPE_CHECKING, NamedTuple

import orjson

from stead.aws.call import CallerKind, Session
from stead.store.keyring import CannotOpen

if TYPE_CHECKING:
    from stead.store.keyring import KeyRing

_FORMAT = 1
_PURPOSE = "session token"
MAX_TOKEN_LENGTH = 4096  # design D5: a token fits a header


class Credentials(NamedTuple):
    """What a token holds. ``entity_id`` is the role's or user's unique id; ``kind`` is whose session it is."""

    access_key_id: str
    secret: str
    account_id: str
    kind: CallerKind
    entity_id: str
    session: Session
    mfa: bool = False


def seal(ring: KeyRing, credentials: Credentials) -> str:
    """The token as clients carry it, base64."""
    session = credentials.session
    fields = (
        _FORMAT,
        *credentials[:3],
        credentials.kind.value,
        credentials.entity_id,
        credentials.mfa,
        (
            session.issued,
            session.expires,
            session.name,
            session.policy,
            session.policy_arns,
            session.tags,
            session.transitive_tag_keys,
            session.source_identity,
        ),
    )
    return base64.b64encode(ring.seal(zlib.compress(orjson.dumps(fields)), _PURPOSE)).decode()


def unseal(ring: KeyRing, token: str) -> Credentials:
    """The credentials in ``token``; raises CannotOpen for anything that this ring did not seal."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise CannotOpen
    try:
        sealed = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CannotOpen from error
    form, key_id, secret, account, kind, entity, mfa, session = orjson.loads(zlib.decompress(ring.open(sealed, _PURPOSE)))
    if form != _FORMAT:
        raise CannotOpen
    issued, expires, name, policy, arns, tags, transitive, identity = session
    carried = Session(issued, expires, name, policy, tuple(arns), tuple((k, v) for k, v in tags), tuple(transitive), identity)
    return Credentials(key_id, secret, account, CallerKind(kind), entity, carried, mfa)
