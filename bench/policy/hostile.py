"""A pattern of 2,000 and of 4,000 stars against a text that fails it only at its end: what the second costs of the first.

Prints one line of JSON: milliseconds, compiling included, by stars. Both sides grow, so twice the stars at twice the time is linear.
"""

from __future__ import annotations

import json
import time

from workload import ACCOUNT, CALLER

from stead.policy import Layers, Policy, Principal, PrincipalKind, Request, authorize, compile_document

SIZES, TIMES = (2_000, 4_000), 9
BUCKET = "arn:aws:s3:::"


def once(stars: int) -> float:
    """Milliseconds of one compilation and one decision."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": BUCKET + "*a" * stars + "b"}
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    caller = Principal(PrincipalKind.USER, ACCOUNT, CALLER, "AIDABENCH")
    request = Request("s3:GetObject", BUCKET + "a" * 2 * stars, caller, {}, ACCOUNT)
    begun = time.process_time()
    decision = authorize(request, Layers(identity=(Policy("hostile", "inline", compile_document(text)),)))
    spent = time.process_time() - begun
    assert not decision.allowed
    return spent * 1000


if __name__ == "__main__":
    print(json.dumps({stars: min(once(stars) for _ in range(TIMES)) for stars in SIZES}))
