"""sts: what an encoded authorization message says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stead.aws.errors import AwsError
from stead.aws.operation import operation
from stead.store.authorization_messages import decoded_message
from stead.store.keyring import CannotOpen

if TYPE_CHECKING:
    from stead.aws.call import Parameters, Result
    from stead.store.context import Context


@operation("sts", "DecodeAuthorizationMessage")
def decode_authorization_message(context: Context, request: Parameters) -> Result:
    """The message as JSON in a text."""
    try:
        return {"DecodedMessage": decoded_message(context.keys, context.account_id, request["EncodedMessage"], context.now)}
    except CannotOpen as error:  # AWS's text is not recorded
        raise AwsError("InvalidAuthorizationMessageException", "The authorization message is invalid or has expired.") from error
