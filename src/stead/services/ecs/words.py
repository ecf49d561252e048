"""What ECS says of a word that is none of those a member takes, and of a page that is too long.

The wire checks only nulls for ECS (wire/constraints.py); ECS words the rest itself, as ``include should be one of [...]`` (recorded) and
``launch type should be one of [EC2,FARGATE]`` (aws-behaviour.md 10.1) show. The words of other members are inferred from these two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stead.aws.models import operation_model
from stead.services.ecs.names import invalid_parameter

if TYPE_CHECKING:
    from botocore.model import Shape

    from stead.aws.call import Parameters

MAX_RESULTS = 100


def without_nulls(value: Any) -> Any:
    """The same with every null left out: a member that is null is one that is not given."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value if item is not None]
    return value


def check_words(operation: str, request: Parameters) -> None:
    """Refuse the first word anywhere in ``request`` that is not in its member's list."""
    shape = operation_model("ecs", operation).input_shape
    assert shape is not None
    _check(shape, request, operation)


def page_size(request: Parameters) -> int:
    """How many items a page of a list may have."""
    count: int = MAX_RESULTS if request.get("maxResults") is None else request["maxResults"]
    if not 1 <= count <= MAX_RESULTS:  # documented; our wording
        raise invalid_parameter(f"maxResults must be between 1 and {MAX_RESULTS}.")
    return count


def _check(shape: Shape, value: Any, name: str) -> None:
    if isinstance(value, dict) and shape.type_name == "structure":
        for member, item in value.items():
            _check(shape.members[member], item, member)
    elif isinstance(value, list):
        for item in value:
            _check(shape.member, item, name)
    elif isinstance(value, str) and value not in (listed := shape.metadata.get("enum") or [value]):
        raise invalid_parameter(f"{name} should be one of [{','.join(listed)}]")
