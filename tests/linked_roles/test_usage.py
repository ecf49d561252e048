"""How much a refused deletion tells: one catalogue entry of each kind (design D15); and what is asked, where."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import pytest
from support.linked_roles import Answers

from stead.linked_roles import catalog, usage
from stead.linked_roles.usage import Unknown, Use

PRINCIPAL = "x.amazonaws.com"
PROBE = 'probes = [{ service = "x", operation = "DescribeX", resources = "Xs[].Arn" }]'
IN_USE = [Use("us-east-1", f"arn:{n}") for n in (3, 1, 2)] + [Use("eu-west-1", "arn:4")]
REPORTS: dict[str, tuple[str, Any]] = {
    "all": (
        'reports = "all"',
        [{"Region": "eu-west-1", "Resources": ["arn:4"]}, {"Region": "us-east-1", "Resources": ["arn:1", "arn:2", "arn:3"]}],
    ),
    "some": (
        'reports = "some", report_limit = 2',
        [{"Region": "eu-west-1", "Resources": ["arn:4"]}, {"Region": "us-east-1", "Resources": ["arn:1", "arn:2"]}],
    ),
    "none": ('reports = "none"', None),
}


class Role(NamedTuple):
    """The columns of a role that finding its use reads."""

    id: str = "AROA1"
    account_id: str = "123456789012"
    path: str = f"/aws-service-role/{PRINCIPAL}/"
    name: str = "AWSServiceRoleForX"


def service(row: str = "") -> catalog.LinkedService:
    rows = ", ".join(filter(None, ['role_name = "AWSServiceRoleForX", confidence = "A"', PROBE, row]))
    return catalog.load(f'"{PRINCIPAL}" = {{ {rows} }}')[PRINCIPAL]


@pytest.mark.parametrize("case", REPORTS.values(), ids=REPORTS)
def test_how_much_is_told(case: tuple[str, Any]) -> None:
    row, expected = case
    reason = usage.reason(service(row), IN_USE)
    assert reason.pop("Reason") == "Role in use."
    assert reason == ({} if expected is None else {"RoleUsageList": expected})


def test_every_region_is_asked() -> None:
    held = {region: {"Xs": [{"Arn": f"arn:{region}"}]} for region in ("a", "b", "c")}
    found = usage.ask(Answers({("x", "DescribeX"): held}, regions=held), service(), Role())
    assert found == {Use(region, f"arn:{region}") for region in held}


def test_a_neighbour_that_was_never_used_is_not_asked() -> None:
    assert usage.ask(Answers({}), service(), Role()) == frozenset()


def test_one_region_unknown_is_unknown() -> None:
    held = {"a": {"Xs": [{"Arn": "arn:a"}]}, "b": Unknown("late")}
    with pytest.raises(Unknown, match="late"):
        usage.ask(Answers({("x", "DescribeX"): held}, regions=held), service(), Role())


def test_answers_that_come_too_late_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "ASK_SECONDS", 0.05)
    answered = threading.Event()

    class Slow(Answers):
        def ask(self, *_question: Any) -> dict[str, Any]:
            answered.wait(20)
            return {"Xs": []}

    with pytest.raises(Unknown, match="within"):
        usage.ask(Slow({("x", "DescribeX"): {}}), service(), Role())
    answered.set()


@pytest.mark.parametrize("probe", sorted({probe.own for entry in catalog.services().values() for probe in entry.probes if probe.own}))
def test_each_kind_of_own_rows_is_known(probe: str) -> None:
    assert probe in usage._OWN


NAMES = {
    "AWSServiceRoleForECS": "ecs.amazonaws.com",
    "awsserviceroleforecs": "ecs.amazonaws.com",
    "AWSServiceRoleForECSCompute": "ecs-compute.amazonaws.com",
    "AWSServiceRoleForECS_x": None,
    "AWSServiceRoleForAutoScaling": "autoscaling.amazonaws.com",
    "AWSServiceRoleForAutoScaling_x": "autoscaling.amazonaws.com",
    "AWSServiceRoleForAutoScalingPlans_EC2AutoScaling": "autoscaling-plans.amazonaws.com",
    "AWSServiceRoleForAutoScaling_": "autoscaling.amazonaws.com",
    "AWSServiceRoleForLexV2Bots_x": "lexv2.amazonaws.com",
    "AWSServiceRoleForProfile_": None,
    "AWSServiceRoleForProfile_x": "profile.amazonaws.com",
    "AWSServiceRoleFor": None,
    "nobody": None,
}


@pytest.mark.parametrize(("name", "principal"), NAMES.items())
def test_whose_role_has_a_name(name: str, principal: str | None) -> None:
    found = catalog.find_by_role_name(name)
    assert (found and found.principal) == principal
