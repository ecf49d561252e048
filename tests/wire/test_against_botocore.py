"""Both directions against botocore's own serialisers and parsers, with values made from the shapes of every operation of four services."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from stead.aws.models import OWN_SERVICES, operation_model, operation_names
from stead.wire import aws_json, aws_query

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

CODECS = {"query": aws_query, "json": aws_json}
# What XML carries; a carriage return too, but what a parser makes of a bare one is not the codec's doing.
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=6)
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(lambda time: time.replace(microsecond=0))  # noqa: DTZ001 # bounds are naive
SCALARS = {
    "string": TEXT,
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**53), 2**53),
    "boolean": st.booleans(),
    "float": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "double": st.floats(allow_nan=False, allow_infinity=False),  # botocore leaves those of an answer as text
    "timestamp": TIMES,
    "blob": st.binary(max_size=6),
}


def values(shape: Shape, depth: int = 3) -> st.SearchStrategy[Any]:
    """Values of ``shape``; structures lose their aggregates below ``depth``, so that recursive ones end."""
    if shape.type_name == "structure":
        if shape.is_document_type:
            return st.just({"any": [1, "x"]})
        members = {n: values(m, depth - 1) for n, m in shape.members.items() if depth or m.type_name in SCALARS}
        if shape.is_tagged_union:
            return st.one_of([st.fixed_dictionaries({name: member}) for name, member in members.items()] or [st.nothing()])
        return st.fixed_dictionaries({}, optional=members)
    if shape.type_name == "list":
        return st.lists(values(shape.member, depth), max_size=2)
    if shape.type_name == "map":
        return st.dictionaries(TEXT, values(shape.value, depth), max_size=2)
    return SCALARS[shape.type_name]


def sayable(value: Any) -> Any:
    """``value`` without what a query request cannot say: empty structures and maps (an empty list it can)."""
    if isinstance(value, dict):
        kept = {name: sayable(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item != {}}
    if isinstance(value, list):
        return [item for item in map(sayable, value) if item != {}]
    return value


# rest-json, whose members stand in path and query too, has AWS's own protocol suites instead (test_protocol_suites.py).
OPERATIONS = [
    (name, operation) for name, service in OWN_SERVICES.items() if service.protocol in CODECS for operation in sorted(operation_names(name))
]
each_operation = pytest.mark.parametrize(("service", "name"), OPERATIONS)
few = settings(
    deadline=None,
    max_examples=6,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@each_operation
@few
@given(st.data())
def test_what_a_client_sends_is_what_is_read(service: str, name: str, data: st.DataObject) -> None:
    model = operation_model(service, name)
    protocol = model.metadata["protocol"]
    parameters = data.draw(values(model.input_shape)) if model.input_shape else {}
    if protocol == "query":
        parameters = sayable(parameters)
    assert CODECS[protocol].parse(model, sent(model, parameters)) == parameters


def sent(model: OperationModel, parameters: dict[str, Any]) -> bytes:
    request = create_serializer(model.metadata["protocol"], include_validation=False).serialize_to_request(parameters, model)
    body = request["body"]
    return body if isinstance(body, bytes) else urlencode(body).encode()


@each_operation
@few
@given(st.data())
def test_what_is_answered_is_what_a_client_reads(service: str, name: str, data: st.DataObject) -> None:
    model = operation_model(service, name)
    shape = model.output_shape
    result = data.draw(values(shape)) if shape else {}
    reply = CODECS[model.metadata["protocol"]].reply(model, result, "id-1")
    response = {"body": reply.body, "status_code": reply.status, "headers": {"x-amzn-requestid": "id-1"}}
    parsed = create_parser(model.metadata["protocol"]).parse(response, shape)
    assert parsed.pop("ResponseMetadata")["RequestId"] == "id-1"
    assert parsed == result
