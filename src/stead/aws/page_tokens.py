"""Page tokens: the last sort key of a page in base64. They hold nothing to protect, and the server keeps no state for them."""

from __future__ import annotations

import base64


def token(key: str) -> str:
    """The token of a page that ends at ``key``."""
    return base64.b64encode(key.encode()).decode()


def key_of(text: str) -> str:
    """The key that a token holds; ValueError for a text that is no token."""
    key = base64.b64decode(text, validate=True).decode()
    if "\0" in key:  # no stored text has this character, and PostgreSQL refuses to compare with one that does
        raise ValueError(text)
    return key
