"""How a test states that a call is refused: AWS's code, HTTP status and message, word for word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable


class Refusal(NamedTuple):
    """An error answer."""

    code: str
    status: int
    message: str


def refusal(call: Callable[..., Any], **parameters: Any) -> Refusal:
    """The refusal of ``call(**parameters)``; fails when it is not refused."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    return Refusal(answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], plain(answer["Error"]["Message"]))


def plain(message: str) -> str:
    """A message without the sentence that IAM may add, which names the authorization (recorded-aws.md 2: compare by prefix)."""
    return message.partition(". Go to http")[0]
