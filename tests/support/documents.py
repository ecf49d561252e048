"""Policy documents that tests use."""

from __future__ import annotations

import json


def statement(effect: str, action: str | list[str], resource: str | list[str] = "*", **more: object) -> str:
    """An identity policy of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": effect, "Action": action, "Resource": resource, **more}})


def allow(action: str | list[str], resource: str | list[str] = "*", **more: object) -> str:
    """An identity policy that allows."""
    return statement("Allow", action, resource, **more)


def of_size(characters: int, spaces: int = 0) -> str:
    """A valid identity policy of just so many characters without white space, and so many blanks beside them."""
    frame = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Sid":""}}'
    return frame.replace('"Sid":""', '"Sid":"' + "s" * (characters - len(frame)) + '"' + " " * spaces)
