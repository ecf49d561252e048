"""A service's linked role, held against its deletion while new use of it is committed (design D18).

The deletion holds the account's row and the role's row alone before its last look. Whoever makes new use holds the role's row shared, or,
when there is no role, the account's row, which every write holds anyway: so a role that is found here stands at least until the commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from stead.linked_roles.rules import LINKED
from stead.store.tables import roles

if TYPE_CHECKING:
    from stead.linked_roles.catalog import LinkedService
    from stead.store.engine import Reader, Row, Writer

_ROLE = select(roles).where(roles.c.account_id == bindparam("account"), roles.c.name_key == bindparam("name_key"))
_HOLD = _ROLE.with_for_update(read=True)


def find(db: Reader, account_id: str, service: LinkedService) -> Row | None:
    """The service's linked role as it stands now, held by nobody."""
    return _linked(db.first(_ROLE, account=account_id, name_key=service.role_name.lower()), service)


def hold(db: Writer, account_id: str, service: LinkedService) -> Row | None:
    """The same, held shared until the end of the transaction."""
    return _linked(db.first(_HOLD, account=account_id, name_key=service.role_name.lower()), service)


def is_name_taken(db: Reader, account_id: str, service: LinkedService) -> bool:
    """Whether a role that is not the service's has its name, so that the service cannot make its own."""
    row = db.first(_ROLE, account=account_id, name_key=service.role_name.lower())
    return row is not None and _linked(row, service) is None


def _linked(row: Row | None, service: LinkedService) -> Row | None:
    """By the stored kind and service, never by the name (design D20)."""
    return row if row is not None and row.kind == LINKED and row.service == service.principal else None
