"""The one error class that Stead raises at callers, and the errors that every service shares.

An :class:`AwsError` carries AWS's *short* code as the query services spell it (``NoSuchEntity``, not ``NoSuchEntityException``). The wire
layer, and only it, turns it into bytes and, for the JSON services, into their spelling of the shared codes (``wire/aws_json.py``).
"""

from __future__ import annotations


class AwsError(Exception):
    """An answer of AWS's that is not a success.

    ``code`` and ``message`` go to the caller word for word; ``status`` is the HTTP status of the query services. ``cause`` never leaves the
    process: it is for the log.
    """

    def __init__(self, code: str, message: str, status: int = 400, *, cause: str | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.cause = cause

    @property
    def fault(self) -> str:
        """Whose fault it is, as the XML error envelope says it: ``Sender`` or ``Receiver``."""
        return "Sender" if self.status < 500 else "Receiver"


def access_denied(message: str) -> AwsError:
    """The refusal of an authenticated caller (403; the JSON services say 400 ``AccessDeniedException``)."""
    return AwsError("AccessDenied", message, 403)


def validation_error(message: str) -> AwsError:
    """A parameter that breaks a constraint of the service model (IAM and STS: ``ValidationError``, 400)."""
    return AwsError("ValidationError", message)


def invalid_input(message: str) -> AwsError:
    """A parameter that breaks a rule of the service beyond its model."""
    return AwsError("InvalidInput", message)


def no_such_entity(message: str) -> AwsError:
    """IAM: the thing named is not there (404)."""
    return AwsError("NoSuchEntity", message, 404)


def entity_already_exists(message: str) -> AwsError:
    """IAM: the name is taken (409)."""
    return AwsError("EntityAlreadyExists", message, 409)


def limit_exceeded(message: str) -> AwsError:
    """IAM: a quota (409)."""
    return AwsError("LimitExceeded", message, 409)


def delete_conflict(message: str) -> AwsError:
    """IAM: something still hangs on what was to be deleted (409)."""
    return AwsError("DeleteConflict", message, 409)


def malformed_policy(message: str) -> AwsError:
    """A policy document that IAM would not store (400)."""
    return AwsError("MalformedPolicyDocument", message)


def not_implemented(service: str, operation: str) -> AwsError:
    """An operation that AWS has and Stead does not: said plainly, never a silent success."""
    return AwsError("NotImplemented", f"Stead does not implement {service}:{operation} yet.", 501)


def unknown_service(name: str) -> AwsError:
    """A service that Stead does not have at all."""
    return AwsError("UnknownService", f"Stead does not have the service '{name}'.", 501)
