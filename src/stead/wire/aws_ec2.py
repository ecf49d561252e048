"""EC2's dialect of the query protocol. Stead only forwards EC2 (designs/neighbours.md), so it words no answers but refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.wire.messages import HttpReply
from stead.wire.query_form import parse
from stead.wire.query_xml import escape

if TYPE_CHECKING:
    from botocore.model import ServiceModel

    from stead.aws.errors import AwsError

__all__ = ["parse", "refuse"]

# EC2's own words for what the door refuses (its list of common errors); other codes stay as they are.
CODES = {
    "AccessDenied": "UnauthorizedOperation",
    "InvalidClientTokenId": "AuthFailure",
    "SignatureDoesNotMatch": "AuthFailure",
    "MissingAuthenticationToken": "MissingAuthenticationToken",
    "ExpiredToken": "RequestExpired",
    "InternalFailure": "InternalError",
}


def refuse(_service: ServiceModel, error: AwsError, request_id: str) -> HttpReply:
    """The answer to a call that failed."""
    code = CODES.get(error.code, error.code)
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Response><Errors><Error><Code>{escape(code)}</Code><Message>{escape(error.message)}</Message></Error></Errors>"
        f"<RequestID>{request_id}</RequestID></Response>"
    )
    headers = ((b"content-type", b"text/xml;charset=UTF-8"), (b"x-amzn-requestid", request_id.encode()))
    return HttpReply(error.status, headers, body.encode())
