"""What the catalogue says of one linked service, as values; the keys of its TOML rows are the fields here."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from stead.aws.arn import parse_arn
from stead.aws.errors import invalid_input

if TYPE_CHECKING:
    from collections.abc import Mapping


class Suffix(Enum):
    """Whether CreateServiceLinkedRole takes a CustomSuffix for the service."""

    REFUSED = "refused"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How the use of a linked role is found in one Region: by rows of Stead's own, or by asking a neighbour.

    ``own`` names rows of the store (``ecs:cluster``: the ACTIVE clusters). Otherwise ``operation`` of the botocore client ``service`` is
    called with ``parameters``, all pages of it, and the JMESPath ``resources`` picks the ARNs; there ``{role_arn}``, ``{region}`` and
    ``{account_id}`` stand for those of the role and the call.
    """

    own: str = ""
    service: str = ""
    operation: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    resources: str = ""

    def expression(self, role_arn: str, region: str) -> str:
        """``resources`` for one role and Region; not by ``str.format``, for braces are JMESPath's too."""
        arn = parse_arn(role_arn)
        assert arn is not None, role_arn
        filled = self.resources.replace("{role_arn}", role_arn).replace("{region}", region)
        return filled.replace("{account_id}", arn.account)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedService:
    """One service that has a service-linked role.

    ``confidence`` is that of service-linked-roles.md 9 (A recorded, B documented together, C matched by name). ``description`` is what the
    service writes when it makes the role itself. ``reports`` says how much a refused deletion tells (D15); ``report_limit`` is the most
    resources named in a Region when that is ``some``, and 0 otherwise.
    """

    principal: str
    role_name: str
    policy_name: str | None = None
    suffix: Suffix = Suffix.REFUSED
    confidence: Literal["A", "B", "C"]
    description: str | None = None
    reports: Literal["all", "some", "none"] = "all"
    report_limit: int = 0
    probes: tuple[Probe, ...] = ()

    @property
    def path(self) -> str:
        """The path of every role of this service; no other role may stand there."""
        return f"/aws-service-role/{self.principal}/"

    @property
    def policy_arn(self) -> str | None:
        """The one managed policy attached to the role, None where AWS documents none."""
        return self.policy_name and f"arn:aws:iam::aws:policy/aws-service-role/{self.policy_name}"

    def may_name(self, key: str) -> bool:
        """Whether a role of this service can have the name of which ``key`` is the lower-case form."""
        start = self.role_name.lower().removesuffix("*")
        if self.suffix is Suffix.REQUIRED:
            return key.startswith(start) and key != start
        return key == start or (self.suffix is Suffix.OPTIONAL and key.startswith(f"{start}_"))

    def name_with(self, suffix: str | None) -> str:
        """The name of the role made with ``suffix``: after an underscore, or in place of the star (aws-behaviour.md 3.1)."""
        if suffix is None:
            if self.suffix is Suffix.REQUIRED:
                raise invalid_input(f"Custom suffix is required for {self.principal}")  # our wording: AWS's is not recorded
            return self.role_name
        if self.suffix is Suffix.REFUSED:
            raise invalid_input(f"Custom suffix is not allowed for {self.principal}")
        if self.suffix is Suffix.REQUIRED:
            return self.role_name.replace("*", suffix)
        return f"{self.role_name}_{suffix}"
