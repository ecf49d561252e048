"""The event history as a test looks at it: in the store itself, without LookupEvents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.stead import ACCOUNT

from stead.store.events import LATEST, all_between

if TYPE_CHECKING:
    from stead.store.engine import Reader
    from stead.store.events import Found


def recorded(db: Reader) -> list[Found]:
    """Every event, oldest first."""
    return [*all_between(db, ACCOUNT, 0, LATEST)][::-1]


def names(db: Reader) -> list[str]:
    """What happened, in order."""
    return [found.shape.name for found in recorded(db)]
