"""The registry of operations."""

from __future__ import annotations

import pytest

from stead.app import declare_operations
from stead.aws import operation as subject
from stead.aws.models import SERVICES, Service, operation_names, service_model

declare_operations()


def test_aws_has_every_declared_operation() -> None:
    assert [declared.action for declared in subject.all_operations() if declared.name not in operation_names(declared.service)] == []


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(ValueError, match="iam:GetRole is declared twice"):
        subject.operation("iam", "GetRole")


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_what_routes_a_request_agrees_with_the_model(service: Service) -> None:
    """Repeated in the table so that a request is routed before any model is loaded."""
    metadata = service_model(service.name).metadata
    stated = (service.signs_as, service.api_version, service.target_prefix)
    assert service.protocol in metadata["protocols"]
    assert stated == (
        metadata.get("signingName", metadata["endpointPrefix"]),
        metadata["apiVersion"],
        metadata.get("targetPrefix", ""),
    )
