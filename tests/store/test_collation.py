"""Names come in the same order from both databases, whatever the locale of PostgreSQL's (tests/support/postgres.py gives it one)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

NAMES = ("a", "A-b", "a.b", "a_c", "aa", "b", "b-a")
IN_ORDER = sorted(NAMES, key=str.lower)


@pytest.mark.both_stores
def test_pages_are_in_the_order_of_characters(stead: Any) -> None:
    iam = stead.client("iam")
    document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}}'
    for name in NAMES:
        iam.create_user(UserName=name)
        iam.create_policy(PolicyName=name, PolicyDocument=document)
        iam.attach_user_policy(UserName="a", PolicyArn=f"arn:aws:iam::123456789012:policy/{name}")
    pages = iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 2})
    assert [user["UserName"] for page in pages for user in page["Users"]] == IN_ORDER
    pages = iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 3})
    shown = [(policy["PolicyName"], policy["AttachmentCount"]) for page in pages for policy in page["Policies"]]
    assert shown == [(name, 1) for name in sorted(NAMES)]


OTHERS = text(
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'text'"
    " AND collation_name IS DISTINCT FROM 'C'"
)


@pytest.mark.both_stores
def test_every_text_is_compared_so(stead: Any) -> None:
    """Alembic's own comparison of tables and migrations does not look at collations."""
    store = stead.app.store
    if not store.is_sqlite:  # whose order is this one anyway
        assert store.read().connection.execute(OTHERS).all() == []
