"""AWS Signature Version 4, the server's side: bytes in, values out. No I/O, no clock, no secret is looked up here.

``claim`` reads a request and says who claims to have signed it; the caller of this package finds that key's secret; ``verify`` says
whether the claim is true and ``check_time`` whether it still is. The order that AWS's answers show: claim, time, key, signature, token.
"""

from stead.sigv4.claim import Claim, claim
from stead.sigv4.verification import check_time, signing_key, verify

__all__ = ["Claim", "check_time", "claim", "signing_key", "verify"]
