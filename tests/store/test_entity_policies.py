"""Documents are compiled once for all who hold them."""

from __future__ import annotations

import gc
import json
import weakref

from stead.store.entity_policies import compiled


def text_of(number: int) -> str:
    statement = {"Sid": f"Number{number}", "Effect": "Allow", "Action": "iam:GetRole", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def test_a_document_that_is_held_is_never_compiled_again() -> None:
    """However many others pass by: ten thousand principals share their managed policies."""
    held = compiled(text_of(0))
    for number in range(1, 5000):
        compiled(text_of(number))
    assert compiled(text_of(0)) is held


def test_documents_that_nobody_holds_are_forgotten() -> None:
    forgotten = weakref.ref(compiled(text_of(-1)))
    for number in range(5000, 10_000):
        compiled(text_of(number))
    gc.collect()
    assert forgotten() is None
