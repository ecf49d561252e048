"""Every way to refuse a signature, in AWS's words.

A text marked *reported* was seen from AWS in public threads and in emulators that quote its answers at the line (aws-behaviour.md 1.5;
DynamoDB and the query services answer alike, they share one front end); *inferred* ones follow the family's style where no answer of
AWS's is known. Codes and statuses are the query services'; the wire layer spells them for the JSON services (policy-evaluation.md 9.1).

No text repeats a signature, a token or a whole ``Authorization`` header: AWS shows the header's SHA-256 instead.
"""

from __future__ import annotations

import base64
import hashlib

from stead.aws.errors import AwsError

ALGORITHM = "AWS4-HMAC-SHA256"
_LONGEST_SHOWN = 128  # an answer must not grow with what a caller sends

# Reported: the IAM, STS and CloudWatch text; API Gateway alone leaves out "Request is".
MISSING = "Request is missing Authentication Token"
# Reported, aws-behaviour.md 1.5.
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)
# Reported.
BOTH_FORMS = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
HOST_UNSIGNED = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
DATE_MISSING = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
# Reported of EC2, the query service whose presigned requests are the most used.
EXPIRED = "Request has expired."
# Reported of S3; that the query services use the same words is inferred.
EXPIRES_NOT_A_NUMBER = "X-Amz-Expires should be a number"
EXPIRES_NEGATIVE = "X-Amz-Expires must be non-negative"
EXPIRES_TOO_LONG = "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
# Inferred.
REPEATED_AUTHORIZATION = "The 'Authorization' header must not be repeated."


def shown(value: bytes) -> str:
    """A caller's bytes as they may stand in an answer: printable, and not long."""
    text = value[:_LONGEST_SHOWN].decode("latin-1")
    return "".join(character if character.isprintable() else "?" for character in text)


def missing_authentication_token() -> AwsError:
    """Nothing in the request says who calls."""
    return AwsError("MissingAuthenticationToken", MISSING, 403)


def incomplete(message: str) -> AwsError:
    """The signature cannot be read: something is missing or malformed."""
    return AwsError("IncompleteSignature", message, 400)


def does_not_match(message: str = MISMATCH) -> AwsError:
    """The signature can be read and is not to be believed."""
    return AwsError("SignatureDoesNotMatch", message, 403)


def request_expired() -> AwsError:
    """A presigned request past the time that its signer gave it."""
    return AwsError("RequestExpired", EXPIRED, 400)


def unsupported_algorithm(name: str) -> AwsError:
    """Reported, with its trailing space. Signature Versions 2, 3 and 4a end here."""
    return incomplete(f"Unsupported AWS 'algorithm': '{name}' (only {ALGORITHM} for now). ")


def malformed_pair(authorization: bytes) -> AwsError:
    """Reported."""
    return incomplete(
        "Invalid key=value pair (missing equal-sign) in Authorization header "
        f"(hashed with SHA-256 and encoded with Base64): '{_hashed(authorization)}'."
    )


def authorization_lacks(sentences: list[str], authorization: bytes) -> AwsError:
    """Reported: one sentence for each thing that is missing, all at once."""
    sentences.append(f"(Hashed with SHA-256 and encoded with Base64) Authorization={_hashed(authorization)}")
    return incomplete(" ".join(sentences))


def query_lacks(names: list[str]) -> AwsError:
    """Reported: the same for a presigned request."""
    sentences = [f"AWS query-string parameters must include '{name}'." for name in names]
    return incomplete(" ".join([*sentences, "Re-examine the query-string parameters."]))


def repeated_parameter(name: bytes) -> AwsError:
    """Inferred: two values for one part of a signature; whichever were read, another reader might take the other."""
    return incomplete(f"'{shown(name)}' must not be repeated.")


def malformed_credential(credential: bytes) -> AwsError:
    """Reported."""
    return incomplete(
        f"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{shown(credential)}'"
    )


def malformed_date(value: bytes) -> AwsError:
    """Reported."""
    return incomplete(f"Date must be in ISO-8601 'basic format'. Got '{shown(value)}'. See http://en.wikipedia.org/wiki/ISO_8601")


def wrong_terminator(terminator: bytes) -> str:
    """Reported; the sentences about one scope stand together, so this is a sentence and not yet an error."""
    return f"Credential should be scoped with a valid terminator: 'aws4_request', not '{shown(terminator)}'. "


def wrong_date(scope_date: bytes, timestamp: bytes) -> str:
    """Reported; as above."""
    return (
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        f"'{shown(scope_date)}' != '{shown(timestamp[:8])}', from '{shown(timestamp)}'."
    )


def unsigned_header(name: bytes) -> AwsError:
    """Inferred from the reported text about ``Host``."""
    return does_not_match(f"'{shown(name)}' must be a 'SignedHeader' in the AWS Authorization.")


def payload_not_bound(value: bytes) -> AwsError:
    """Stead's own words; for why this is refused see ``claim.py``. AWS would answer :data:`MISMATCH`, which helps nobody."""
    return does_not_match(
        f"'x-amz-content-sha256' must be the SHA-256 of the request's body, not '{shown(value)}': "
        "unsigned and streaming payloads are not supported."
    )


def _hashed(authorization: bytes) -> str:
    return base64.b64encode(hashlib.sha256(authorization).digest()).decode()
