"""What counts as use of a linked role, and how much of it a refused deletion tells (service-linked-roles.md 2.5; designs D15, D18).

Use has three sources. Stead's own rows (ACTIVE clusters, and service work under way) are read in the transaction that removes the role, so
nothing can come between the look and the removal. Neighbours are asked before it, because nobody may wait for a neighbour while a write
transaction is open. A neighbour that was never used has no resources, so its role can be deleted; one that does not answer is unknown, and
the role stays.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import jmespath
from sqlalchemy import bindparam, select

from stead.aws.arn import iam_arn
from stead.store.tables import clusters, role_usage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from stead.linked_roles.catalog import LinkedService, Probe
    from stead.store.engine import Reader, Row

ASK_SECONDS = 10  # for all probes of one role together: well under a lease (controllers/runner.py)
ASK_AT_ONCE = 8
IN_USE = "Role in use."  # recorded
INTERNAL_ERROR = "Role could not be deleted because of an internal error."  # recorded, with an empty list

_WORK = select(role_usage.c.region, role_usage.c.resource).where(role_usage.c.role_id == bindparam("role_id"), role_usage.c.ended.is_(None))
# What the probes' `own` names. An INACTIVE cluster is no use (recorded); capacity providers of Managed Instances are not implemented.
_OWN = {
    "ecs:cluster": select(clusters.c.region, clusters.c.arn.label("resource")).where(
        clusters.c.account_id == bindparam("account"), clusters.c.status == "ACTIVE"
    ),
    "ecs:capacity-provider": None,
}


class Unknown(Exception):  # noqa: N818  # not an error of anybody's: an answer to the question of use
    """A neighbour gave no answer that could be understood; what it holds is not known."""


class Use(NamedTuple):
    """One resource that needs the role."""

    region: str
    resource: str


class Asked(NamedTuple):
    """What neighbours answered; not ``complete`` when one of them did not."""

    use: frozenset[Use] = frozenset()
    complete: bool = True


class Neighbours(Protocol):
    """The neighbouring services, as far as probes ask them."""

    def used_regions(self, service: str) -> Collection[str]:
        """The Regions where ``service`` may hold anything: none if it was never used."""
        ...

    def ask(self, service: str, region: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """All pages of a read's answer as one; raises Unknown when there is no answer."""
        ...


def asks(neighbours: Neighbours, service: LinkedService) -> bool:
    """Whether any neighbour may hold what needs the role of ``service``."""
    return any(neighbours.used_regions(probe.service) for probe in service.probes if not probe.own)


def ask(neighbours: Neighbours, service: LinkedService, role: Row) -> frozenset[Use]:
    """What the neighbours hold that needs ``role``, in every Region; raises Unknown unless all of them answer."""
    arn = iam_arn(role.account_id, "role", role.path, role.name)
    questions = [
        (neighbours, probe, region, arn) for probe in service.probes if not probe.own for region in neighbours.used_regions(probe.service)
    ]
    pool = ThreadPoolExecutor(ASK_AT_ONCE, thread_name_prefix="stead-probe")  # starts no more threads than there are questions
    try:
        answers = as_completed([pool.submit(_ask_one, *question) for question in questions], timeout=ASK_SECONDS)
        return frozenset(use for answer in answers for use in answer.result())
    except TimeoutError as error:
        raise Unknown(f"no answer to every question within {ASK_SECONDS} s") from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def own(db: Reader, service: LinkedService, role: Row) -> frozenset[Use]:
    """What Stead itself holds that needs ``role``: resources, and service work that has not ended."""
    found = [*db.all(_WORK, role_id=role.id)]
    for probe in service.probes:
        statement = _OWN[probe.own] if probe.own else None
        found += [] if statement is None else db.all(statement, account=role.account_id)
    return frozenset(Use(row.region, row.resource) for row in found)


def reason(service: LinkedService, use: Iterable[Use]) -> dict[str, Any]:
    """Why the role stays, as GetServiceLinkedRoleDeletionStatus tells it: as much as the service reports (D15)."""
    if service.reports == "none":
        return {"Reason": IN_USE}
    most = service.report_limit or None
    by_region = groupby(sorted(use), key=lambda one: one.region)
    usage = [{"Region": region, "Resources": [one.resource for one in group][:most]} for region, group in by_region]
    return {"Reason": IN_USE, "RoleUsageList": usage}


def unknown_reason() -> dict[str, Any]:
    """The same when use could not be established."""
    return {"Reason": INTERNAL_ERROR, "RoleUsageList": []}


def _ask_one(neighbours: Neighbours, probe: Probe, region: str, role_arn: str) -> list[Use]:
    answer = neighbours.ask(probe.service, region, probe.operation, probe.parameters)
    resources = jmespath.search(probe.expression(role_arn, region), answer)
    # An answer without the member that the probe reads is not "none": it is something else that said 200.
    if not isinstance(resources, list) or not all(isinstance(resource, str) for resource in resources):
        raise Unknown(f"{probe.service}:{probe.operation} in {region} answered without its resources")
    return [Use(region, resource) for resource in resources]
