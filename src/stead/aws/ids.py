"""Identifiers in AWS's forms."""

from __future__ import annotations

import base64
import os
import re
import secrets
from itertools import count

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_AUTHORIZATION_ID_LENGTH = 25  # recorded-aws.md 2
_VARIANT = {digit: "89ab"[number % 4] for number, digit in enumerate("0123456789abcdef")}  # RFC 9562: the variant's two bits
_SECRET_BYTES = 30  # 30 bytes are 40 base64 characters, AWS's length of a secret access key
_ORDERED = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_sequence = count()
_ACCOUNT_OFFSET = 549755813888  # aws-behaviour.md 2.1: 8 base32 characters hold (account div 2) + 2**39


def unique_id(prefix: str, account_id: str, length: int = 21) -> str:
    """An IAM unique id such as ``AROA`` + 17 characters; the account is encoded in it as AWS encodes it (``aws-behaviour.md`` 2.1)."""
    half, odd = divmod(int(account_id), 2)
    number = half + _ACCOUNT_OFFSET
    encoded = "".join(_BASE32[(number >> shift) & 31] for shift in range(35, -1, -5))
    ninth = _BASE32[secrets.randbelow(16) + 16 * odd]
    rest = base64.b32encode(os.urandom(10)).decode()[: length - len(prefix) - 9]
    return f"{prefix}{encoded}{ninth}{rest}"


def account_of_key(access_key_id: str) -> str | None:
    """The account encoded in an access key id, or None when it has another form (sts:GetAccessKeyInfo)."""
    encoded = access_key_id[4:13]
    if len(encoded) < 9 or any(character not in _BASE32 for character in encoded):
        return None
    number = 0
    for character in encoded[:8]:
        number = number << 5 | _BASE32.index(character)
    account = (number - _ACCOUNT_OFFSET) * 2 + (_BASE32.index(encoded[8]) >= 16)
    return f"{account:012d}" if 0 <= account < 10**12 else None


def secret_access_key() -> str:
    """40 characters of the base64 alphabet."""
    return base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def new_uuid() -> str:
    """A random UUID (version 4) in the lower-case 8-4-4-4-12 form; every request needs one, so it is made without the uuid module's object."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:]}"


def authorization_id(uuid: str) -> str:
    """A UUID as IAM writes authorization ids: 25 lower-case letters and digits, which is just what its 128 bits need in base 36."""
    number, digits = int(uuid.replace("-", ""), 16), ""
    while number:
        number, digit = divmod(number, 36)
        digits = _BASE36[digit] + digits
    return digits.rjust(_AUTHORIZATION_ID_LENGTH, "0")


def uuid_of_authorization(text: str) -> str | None:
    """The UUID that an authorization id stands for, or None when it stands for none."""
    if len(text) != _AUTHORIZATION_ID_LENGTH or not set(text) <= set(_BASE36):
        return None
    digits = f"{int(text, 36):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}" if len(digits) == 32 else None


def ordered_uuid(milliseconds: int) -> str:
    """A UUID (version 7) that begins with a time, and within a millisecond with a number that counts up in this process: the order of making."""
    time, number, digits = f"{milliseconds:012x}", f"{next(_sequence) & 0xFFFFFF:06x}", os.urandom(6).hex()
    return f"{time[:8]}-{time[8:]}-7{number[:3]}-8{number[3:]}-{digits}"


def ordered_time(uuid: str) -> int | None:
    """The milliseconds that such a UUID begins with; None for any other text."""
    if not _ORDERED.fullmatch(uuid):
        return None
    return int(uuid[:8] + uuid[9:13], 16)
