"""The constraints of the service models, and the errors of those that are broken.

All broken constraints of a request are told in one message, ``N validation errors detected: ...`` (aws-behaviour.md 1.4, recorded-aws.md 3):

- a field is the path of parameter names, each with a small first letter; an element of a list of structures is ``tags.1.member``;
- the members of a structure come in the *reverse* of the model's order. Recorded is value before key; answers quoted in public
  (writeCapacityUnits before readCapacityUnits, subjectAlternativeNames before domainName) agree, none found contradicts;
- elements come in order; of one value the pattern comes before the length; at most ten items are listed and counted;
- a null structure in a list counts as an empty one, so that its required members are what is missing (recorded);
- a broken scalar in a list is told once, at the list, with all constraints of an element (``Member must satisfy constraint: [...]``,
  reported of ACM and Lambda).

Checks are compiled from the shapes, on first use; a valid value costs no allocation. ECS words everything itself: of it only nulls are checked.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from stead.aws.errors import AwsError
from stead.wire.patterns import matcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from botocore.model import OperationModel, ServiceModel, Shape


class Failure(NamedTuple):
    """One broken constraint; ``path`` is relative to the value that was checked."""

    path: str
    value: object
    constraint: str


Check: TypeAlias = "Callable[[Any], Sequence[Failure]]"


class Manner(NamedTuple):
    """How a service words a broken constraint."""

    code: str
    shows_value: bool
    lists_enum: bool


# Members that AWS takes although its model's pattern has no wildcards: recorded-aws.md 9, inline exclusions. The operation checks them.
_UNCHECKED = frozenset({("InlinePolicyIdentifierType", "PolicyName"), ("InlinePolicyIdentifierType", "AttachmentName")})

MANNERS = {
    "iam": Manner("ValidationError", shows_value=False, lists_enum=False),
    "sts": Manner("ValidationError", shows_value=True, lists_enum=True),
}
_OTHERS = Manner("ValidationException", shows_value=True, lists_enum=True)  # CloudTrail by the likeness of events, lambda (recorded)

NOT_NULL = "Member must not be null"
_ITEM_LIMIT = 10
_BAD_PATH = (
    "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."
)

ECS_WORDS = {
    "tasks": ("InvalidParameterException", "Tasks cannot be empty."),
    "containerInstances": ("InvalidParameterException", "Container Instances cannot be empty."),
    "services": ("InvalidParameterException", "Services cannot be empty."),
}
"""What ECS says of a missing list (aws-behaviour.md 10.1); of anything else the form recorded for a tag, ``Tag value can not be null.``"""


def validate(model: OperationModel, service: str, parameters: Mapping[str, Any]) -> None:
    """Refuse ``parameters`` that break a constraint of ``model``, in the words of ``service``."""
    failures = _check(model, service)(parameters)
    if failures:
        raise _ecs_error(failures) if service == "ecs" else _error(MANNERS.get(service, _OTHERS), service, failures)


@cache
def _check(model: OperationModel, service: str) -> Check:
    shape = model.input_shape
    return (_checks(model.service_model, service).of(shape) if shape else None) or (lambda _: ())


def _error(manner: Manner, service: str, failures: Sequence[Failure]) -> AwsError:
    if service == "iam" and len(failures) == 1 and failures[0].path == "path" and "pattern" in failures[0].constraint:
        return AwsError(manner.code, _BAD_PATH)  # reported, aws-behaviour.md 1.4: not of the family
    items = [_item(manner, failure) for failure in failures[:_ITEM_LIMIT]]
    plural = "" if len(items) == 1 else "s"
    return AwsError(manner.code, f"{len(items)} validation error{plural} detected: {'; '.join(items)}")


def _item(manner: Manner, failure: Failure) -> str:
    value = f" {_shown(failure.value)}" if manner.shows_value else ""
    return f"Value{value} at '{failure.path}' failed to satisfy constraint: {failure.constraint}"


def _shown(value: object) -> str:
    return "null" if value is None else f"'{_java(value)}'"


def _java(value: object) -> str:
    """``value`` as Java prints it."""
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return f"[{', '.join(map(_java, value))}]"
        case dict():
            return f"{{{', '.join(f'{key}={_java(item)}' for key, item in value.items())}}}"
        case None:
            return "null"
    return str(value)


def _ecs_error(failures: Sequence[Failure]) -> AwsError:
    path = failures[-1].path  # the first in the model's order
    *_, owner, name = ("", *(part for part in path.split(".") if part != "member" and not part.isdigit()))
    if name in ECS_WORDS and not owner:
        return AwsError(*ECS_WORDS[name])
    words = f"{owner.removesuffix('s')} {name}".strip()
    return AwsError("ClientException", f"{words[:1].upper()}{words[1:]} can not be null.")


class _Checks:
    """The checks of one service's shapes; structures are kept, so that recursive shapes end and operations share them."""

    def __init__(self, manner: Manner, *, nulls_only: bool) -> None:
        self._manner = manner
        self._nulls_only = nulls_only
        self._structures: dict[str, Check] = {}

    def of(self, shape: Shape) -> Check | None:
        """The check of ``shape``, None when no value can fail."""
        match shape.type_name:
            case "structure":
                return self._structures.get(shape.name) or self._structure(shape)
            case "list" if shape.member.type_name in ("structure", "list", "map"):
                return _joined(self._length(shape), _list_of_aggregates(self.of(shape.member)))
            case "list":
                return _joined(self._length(shape), self._list_of_scalars(shape))
            case "map":
                return _joined(self._length(shape), self._map(shape))
        return _scalar(self._constraints(shape))

    def _structure(self, shape: Shape) -> Check:
        members: list[tuple[str, str, bool, Check | None]] = []

        def check(value: Mapping[str, Any]) -> Sequence[Failure]:
            failures: list[Failure] = []
            for name, field, required, inside in members:
                item = value.get(name)
                if item is None:
                    if required:
                        failures.append(Failure(field, None, NOT_NULL))
                elif inside is not None and (found := inside(item)):
                    failures.extend(_below(field, found))
            return failures

        self._structures[shape.name] = check
        for name, member in reversed(shape.members.items()):
            inside = None if (shape.name, name) in _UNCHECKED else self.of(member)
            required = name in shape.required_members
            if inside is not None or required:
                members.append((name, name[:1].lower() + name[1:], required, inside))
        return check

    def _list_of_scalars(self, shape: Shape) -> Check:
        constraints = self._constraints(shape.member)
        element = _scalar(constraints)
        texts = [text for text, _ in sorted(constraints, key=lambda constraint: "pattern" in constraint[0])]  # lengths stand first here
        told = f"Member must satisfy constraint: [{', '.join((*texts, NOT_NULL))}]"

        def check(values: list[Any]) -> Sequence[Failure]:
            for value in values:
                if value is None or (element is not None and element(value)):
                    return (Failure("", values, told),)
            return ()

        return check

    def _map(self, shape: Shape) -> Check:
        keys, values = _scalar(key_constraints := self._constraints(shape.key)), self.of(shape.value)
        told = f"Map keys must satisfy constraint: [{', '.join(text for text, _ in key_constraints)}]"

        def check(entries: dict[str, Any]) -> Sequence[Failure]:
            failures: list[Failure] = []
            for key, value in entries.items():
                if keys is not None and keys(key):
                    failures.append(Failure("", entries, told))
                if value is None:
                    failures.append(Failure(f"{key}.member", None, NOT_NULL))
                elif values is not None:
                    failures.extend(_below(f"{key}.member", values(value)))
            return failures

        return check

    def _length(self, shape: Shape) -> Check | None:
        return _scalar(self._constraints(shape))

    def _constraints(self, shape: Shape) -> list[tuple[str, Callable[[Any], object]]]:
        return [] if self._nulls_only else list(_constraints(shape, self._manner))


def _constraints(shape: Shape, manner: Manner) -> Iterator[tuple[str, Callable[[Any], object]]]:
    """Each constraint's text, and what is true of a value that keeps it."""
    limits, of_value = shape.metadata, shape.type_name in ("integer", "long", "float", "double")
    measure, measured = (_itself, "value") if of_value else (len, "length")
    if "pattern" in limits:
        yield f"Member must satisfy regular expression pattern: {limits['pattern']}", matcher(limits["pattern"])
    if limits.get("enum"):
        listed = f": [{', '.join(limits['enum'])}]" if manner.lists_enum else ""
        yield f"Member must satisfy enum value set{listed}", frozenset(limits["enum"]).__contains__
    if "max" in limits:
        yield f"Member must have {measured} less than or equal to {limits['max']}", _at_most(measure, limits["max"])
    if "min" in limits:
        yield f"Member must have {measured} greater than or equal to {limits['min']}", _at_least(measure, limits["min"])


def _itself(value: Any) -> Any:
    return value


def _at_most(measure: Callable[[Any], Any], limit: float) -> Callable[[Any], bool]:
    return lambda value: bool(measure(value) <= limit)


def _at_least(measure: Callable[[Any], Any], limit: float) -> Callable[[Any], bool]:
    return lambda value: bool(measure(value) >= limit)


def _scalar(constraints: Sequence[tuple[str, Callable[[Any], object]]]) -> Check | None:
    if not constraints:
        return None
    tests = [test for _, test in constraints]

    def check(value: Any) -> Sequence[Failure]:
        for test in tests:
            if not test(value):
                return [Failure("", value, text) for text, kept in constraints if not kept(value)]
        return ()

    return check


def _list_of_aggregates(element: Check | None) -> Check:
    def check(values: list[Any]) -> Sequence[Failure]:
        failures: list[Failure] = []
        for number, value in enumerate(values, 1):
            if value is None:
                found = (element({}) if element else ()) or (Failure("", None, NOT_NULL),)
            elif element is None or not (found := element(value)):
                continue
            failures.extend(_below(f"{number}.member", found))
            if len(failures) >= _ITEM_LIMIT:
                break
        return failures

    return check


def _joined(first: Check | None, second: Check | None) -> Check | None:
    if first is None or second is None:
        return first or second
    return lambda value: [*first(value), *second(value)]


def _below(prefix: str, failures: Sequence[Failure]) -> Iterator[Failure]:
    for path, value, constraint in failures:
        yield Failure(f"{prefix}.{path}" if path else prefix, value, constraint)


@cache
def _checks(service_model: ServiceModel, service: str) -> _Checks:
    del service_model  # it is part of the cache's key: shape names mean something within one service only
    return _Checks(MANNERS.get(service, _OTHERS), nulls_only=service == "ecs")
