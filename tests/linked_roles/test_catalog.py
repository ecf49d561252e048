"""The catalogue agrees with what was recorded and documented, and its reader refuses what it does not understand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jmespath
import pytest

from stead.aws.errors import AwsError
from stead.aws.models import operation_model, service_model
from stead.linked_roles import catalog
from stead.linked_roles.catalog import CatalogueError, LinkedService, Probe, Suffix

ACCOUNT = "123456789012"
REGION = "ap-northeast-1"


def lines(name: str) -> list[list[str]]:
    """The fields of each line of a table beside this file."""
    text = (Path(__file__).parent / name).read_text("utf-8")
    return [line.split() for line in text.splitlines() if not line.startswith("#")]


NOTATION = lines("catalogue_notation.txt")
RECORDED = lines("recorded_roles.txt")
ROW = 'role_name = "AWSServiceRoleForX", confidence = "A"'
PROBES = [(service, probe) for service in catalog.services().values() for probe in service.probes]
NEIGHBOUR_PROBES = [pytest.param(probe, id=f"{probe.service}:{probe.operation}") for _, probe in PROBES if probe.service]


def documented_policy(role: str, notation: str) -> str | None:
    if notation == "-":
        return None
    if notation in ("=", "AWS=", "Amazon="):
        return f"{notation.removesuffix('=')}{role}ServiceRolePolicy"
    return notation


def service_in(row: str) -> LinkedService:
    return catalog.load(f'"x.amazonaws.com" = {{ {row} }}')["x.amazonaws.com"]


@pytest.mark.parametrize("row", NOTATION, ids=lambda row: row[1])
def test_each_service_is_as_compiled(row: list[str]) -> None:
    confidence, principal, role, policy, *suffix = row
    service = catalog.services()[f"{principal}.amazonaws.com"]
    taken = Suffix.REQUIRED if role.endswith("*") else Suffix.OPTIONAL
    assert service.principal == f"{principal}.amazonaws.com"
    assert service.role_name == f"AWSServiceRoleFor{role}"
    assert service.policy_name == documented_policy(role, policy)
    assert service.confidence == confidence
    assert service.suffix == (taken if suffix == ["(s)"] else Suffix.REFUSED)


def test_nothing_else_is_in_the_catalogue() -> None:
    assert catalog.services().keys() == {f"{row[1]}.amazonaws.com" for row in NOTATION}
    assert len(catalog.services()) == len(NOTATION) == 216


@pytest.mark.parametrize("row", RECORDED, ids=lambda row: row[0])
def test_each_recorded_service_is_as_recorded(row: list[str]) -> None:
    principal, role_name, policy_name, suffix = row
    service = catalog.services()[principal]
    assert (service.role_name, service.policy_name, service.confidence) == (role_name, policy_name, "A")
    assert service.policy_arn == f"arn:aws:iam::aws:policy/aws-service-role/{policy_name}"
    assert service.path == f"/aws-service-role/{principal}/"
    assert service.suffix is (Suffix.OPTIONAL if suffix == "yes" else Suffix.REFUSED)


def test_all_71_recorded_services_are_compared() -> None:
    assert len(RECORDED) == 71


@pytest.mark.parametrize(
    "principal", ["logs.amazonaws.com", "resourcegroups.amazonaws.com", "ECS.amazonaws.com", "ecs", "ecs.amazonaws.com "]
)
def test_what_has_no_linked_role_is_not_found(principal: str) -> None:
    assert catalog.find(principal) is None


def test_a_linked_service_is_found() -> None:
    assert catalog.find("ecs.amazonaws.com") is catalog.services()["ecs.amazonaws.com"]


def test_a_service_without_a_documented_policy_has_no_arn() -> None:
    assert catalog.services()["s3.data-source.lustre.fsx.amazonaws.com"].policy_arn is None


@pytest.mark.parametrize(
    ("principal", "description"),
    [
        ("ecs.amazonaws.com", "Policy to enable Amazon ECS to manage your EC2 instances and related resources."),
        ("rds.amazonaws.com", "Allows Amazon RDS to manage AWS resources on your behalf"),
        ("ssm.amazonaws.com", "Provides access to AWS Resources managed or used by Amazon SSM."),
        ("cloudtrail.amazonaws.com", "This service linked role is used for supporting organization trail feature"),
        ("batch.amazonaws.com", None),
    ],
)
def test_the_description_that_a_service_gives_itself(principal: str, description: str | None) -> None:
    assert catalog.services()[principal].description == description


@pytest.mark.parametrize(
    ("principal", "suffix", "name"),
    [
        ("ecs.amazonaws.com", None, "AWSServiceRoleForECS"),
        ("autoscaling.amazonaws.com", None, "AWSServiceRoleForAutoScaling"),
        ("autoscaling.amazonaws.com", "abc", "AWSServiceRoleForAutoScaling_abc"),
        ("outposts.amazonaws.com", "op-1", "AWSServiceRoleForOutposts_op-1"),
    ],
)
def test_the_name_of_a_role(principal: str, suffix: str | None, name: str) -> None:
    assert catalog.services()[principal].name_with(suffix) == name


@pytest.mark.parametrize(
    ("principal", "suffix", "message"),
    [
        ("ecs.amazonaws.com", "abc", "Custom suffix is not allowed for ecs.amazonaws.com"),
        ("profile.amazonaws.com", None, "Custom suffix is required for profile.amazonaws.com"),
    ],
)
def test_a_suffix_against_the_rule_is_invalid_input(principal: str, suffix: str | None, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        catalog.services()[principal].name_with(suffix)
    assert (caught.value.code, caught.value.status, caught.value.message) == ("InvalidInput", 400, message)


def test_own_probes() -> None:
    assert {(service.principal, probe.own) for service, probe in PROBES if probe.own} == {
        ("ecs.amazonaws.com", "ecs:cluster"),
        ("ecs-compute.amazonaws.com", "ecs:capacity-provider"),
    }


@pytest.mark.parametrize("probe", NEIGHBOUR_PROBES)
def test_a_neighbour_probe_is_a_call_that_botocore_knows(probe: Probe) -> None:
    assert probe.operation in service_model(probe.service).operation_names
    members = operation_model(probe.service, probe.operation).input_shape.members
    assert probe.parameters.keys() <= members.keys()


def answers(probe: Probe, principal: str, suffix: str | None, answer: dict[str, Any]) -> list[str]:
    service = catalog.services()[principal]
    role_arn = f"arn:aws:iam::{ACCOUNT}:role{service.path}{service.name_with(suffix)}"
    found: list[str] = jmespath.search(probe.expression(role_arn, REGION), answer)
    return found


LINKED = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
GROUPS = {
    "AutoScalingGroups": [
        {"AutoScalingGroupARN": "arn:default", "ServiceLinkedRoleARN": LINKED},
        {"AutoScalingGroupARN": "arn:suffixed", "ServiceLinkedRoleARN": f"{LINKED}_abc"},
    ]
}
ELB = "elasticloadbalancing.amazonaws.com"
ECS_SCALING = "ecs.application-autoscaling.amazonaws.com"
CLASSIC_ARN = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/web"


@pytest.mark.parametrize(
    ("principal", "number", "suffix", "answer", "arns"),
    [
        ("autoscaling.amazonaws.com", 0, None, GROUPS, ["arn:default"]),
        ("autoscaling.amazonaws.com", 0, "abc", GROUPS, ["arn:suffixed"]),
        (ELB, 0, None, {"LoadBalancers": [{"LoadBalancerArn": "arn:v2"}]}, ["arn:v2"]),
        (ELB, 1, None, {"LoadBalancerDescriptions": [{"LoadBalancerName": "web"}]}, [CLASSIC_ARN]),
        (ELB, 1, None, {"LoadBalancerDescriptions": []}, []),
        (ECS_SCALING, 0, None, {"ScalableTargets": [{"ScalableTargetARN": "arn:target"}]}, ["arn:target"]),
    ],
)
def test_a_neighbour_probe_finds_the_resources_in_an_answer(
    principal: str, number: int, suffix: str | None, answer: dict[str, Any], arns: list[str]
) -> None:
    probe = catalog.services()[principal].probes[number]
    assert answers(probe, principal, suffix, answer) == arns
    output = operation_model(probe.service, probe.operation).output_shape
    (listed,) = answer
    (sample,) = answer[listed][:1] or [{}]
    assert sample.keys() <= output.members[listed].member.members.keys()


@pytest.mark.parametrize(
    ("row", "reports", "limit"),
    [(ROW, "all", 0), (f'{ROW}, reports = "some", report_limit = 3', "some", 3), (f'{ROW}, reports = "none"', "none", 0)],
)
def test_how_much_a_service_reports(row: str, reports: str, limit: int) -> None:
    service = service_in(row)
    assert (service.reports, service.report_limit) == (reports, limit)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f'{ROW}, polcy_name = "P"', "unknown polcy_name"),
        ('role_name = "AWSServiceRoleForX"', "lacks confidence"),
        ('role_name = "Admin", confidence = "A"', "role_name cannot be 'Admin'"),
        (f'role_name = "AWSServiceRoleFor{"X" * 48}", confidence = "A"', "role_name cannot be"),
        ('role_name = "AWSServiceRoleForX", confidence = "D"', "confidence cannot be 'D'"),
        (f"{ROW}, policy_name = 7", "policy_name cannot be 7"),
        (f'{ROW}, suffix = "maybe"', "suffix cannot be 'maybe'"),
        (f'{ROW}, suffix = "required"', "suffix is required exactly where role_name ends in a star"),
        ('role_name = "AWSServiceRoleForX_*", confidence = "A"', "suffix is required exactly where role_name ends in a star"),
        (f'{ROW}, reports = "few"', "reports cannot be 'few'"),
        (f'{ROW}, reports = "some"', "report_limit is a positive number exactly where reports is some, not 0"),
        (f'{ROW}, reports = "some", report_limit = true', "report_limit is a positive number exactly where reports is some, not True"),
        (f"{ROW}, report_limit = 3", "report_limit is a positive number exactly where reports is some, not 3"),
        (f'{ROW}, probes = "ecs:cluster"', "probes is not an array of tables"),
        (f'{ROW}, probes = [{{ own = "ecs:task" }}]', "probe 1: own cannot be 'ecs:task'"),
        (f'{ROW}, probes = [{{ own = "ecs:cluster", service = "ecs" }}]', "probe 1: unknown service"),
        (f'{ROW}, probes = [{{ service = "elb", operation = "DescribeLoadBalancers" }}]', "probe 1: lacks resources"),
        (f'{ROW}, probes = [{{ service = "e", operation = "D1", resources = "x", parameters = 1 }}]', "parameters is not a table"),
    ],
)
def test_a_row_that_cannot_be_true_is_refused(row: str, message: str) -> None:
    with pytest.raises(CatalogueError, match=message) as caught:
        service_in(row)
    assert str(caught.value).startswith("x.amazonaws.com: ")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ((f'"x.amazonaws.com" = {{ {ROW} }}',) * 2, "x.amazonaws.com: stands in the catalogue twice"),
        ((f'"x.amazonaws.com" = {{ {ROW} }}\n' * 2,), "not TOML, or a service twice: .*line 2"),
        (
            (f'"x.amazonaws.com" = {{ {ROW} }}', f'"y.amazonaws.com" = {{ {ROW.replace("ForX", "Forx")} }}'),
            "y.amazonaws.com: role_name AWSServiceRoleForx is that of x.amazonaws.com",
        ),
        ((f"x.amazonaws.com = {{ {ROW} }}",), "x: not a table named by a service principal in quotes"),
        (('"x.amazonaws.com" = 1',), "x.amazonaws.com: not a table"),
        (("?",), "not TOML"),
    ],
)
def test_a_catalogue_that_cannot_be_true_is_refused(texts: tuple[str, ...], message: str) -> None:
    with pytest.raises(CatalogueError, match=message):
        catalog.load(*texts)


def test_check_names_each_policy_that_the_data_lacks() -> None:
    have = {service.policy_name for service in catalog.services().values() if service.policy_name}
    assert catalog.check(have) == []
    assert catalog.check(have - {"BatchServiceRolePolicy"}) == ["batch.amazonaws.com: no managed policy BatchServiceRolePolicy"]
