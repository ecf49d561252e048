"""What is to be simulated, read from the request and checked. The order of the checks is that of the recordings, where they show one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from stead.aws.arn import parse_arn
from stead.aws.errors import invalid_input
from stead.policy import CompiledDocument, Layers, MalformedPolicy, Policy, Principal, PrincipalKind, Request
from stead.policy.grammar import statements, values
from stead.policy.parse import parse_json
from stead.services.iam import authorization_reference, simulator_source
from stead.services.iam.simulator_context import context_of
from stead.services.iam.simulator_source import Held, simulated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stead.aws.call import Parameters
    from stead.policy import ContextValue
    from stead.store.context import Context

ANY = "*"
# SourcePolicyType in answers (recorded-aws.md 9); not the values of the model.
IDENTITY_TYPE, RESOURCE_TYPE, BOUNDARY_TYPE = "IAM Policy", "Resource Policy", "Permissions Boundary Policy"
_NOBODY = "STUB_PRINCIPAL_FOR_POLICY_SIMULATOR"
_ACCOUNT = re.compile(r"[0-9]{12}")
# The actions that have the options; resources may be missing, as AWS's own check does not see to it (recorded).
_HANDLING = {
    "ec2:runinstances": frozenset(
        {
            "EC2-Classic-EBS",
            "EC2-Classic-InstanceStore",
            "EC2-VPC-EBS",
            "EC2-VPC-EBS-Subnet",
            "EC2-VPC-InstanceStore",
            "EC2-VPC-InstanceStore-Subnet",
        }
    )
}
_TRUST_ACTIONS = frozenset(
    {"sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity", "sts:tagsession", "sts:setsourceidentity"}
)


class Simulation(NamedTuple):
    """A request to be simulated, but for its action. ``supplied`` are the keys that came with the call, in lower case."""

    layers: Layers
    principal: Principal
    context: dict[str, ContextValue]
    supplied: frozenset[str]
    resources: Sequence[str]
    owner: str

    @property
    def size(self) -> int:
        """How many statements one action is asked about, on all resources."""
        layers = self.layers
        policies = (
            *layers.identity,
            *filter(None, (layers.boundary, layers.resource)),
            *(policy for level in layers.scps for policy in level),
        )
        return len(self.resources) * max(1, sum(len(policy.document.statements) for policy in policies))

    def request(self, action: str, resource: str) -> Request:
        """One action on one resource."""
        return Request(action, resource, self.principal, self.context, self._account(resource))

    def layers_for(self, action: str) -> Layers:
        """The resource policy of an action that assumes a role is the role's trust policy (policy-evaluation.md 2.2)."""
        layers = self.layers
        trust = layers.resource is not None and action.lower() in _TRUST_ACTIONS
        return Layers(layers.identity, layers.boundary, resource=layers.resource, resource_is_trust=trust, scps=layers.scps)

    def _account(self, resource: str) -> str:
        """Who owns a resource. Without the resource's policy there is nothing to ask another account."""
        if self.layers.resource is None:
            return self.principal.account
        arn = parse_arn(resource)
        return arn.account if arn is not None and _ACCOUNT.fullmatch(arn.account) else self.owner


def read(context: Context, request: Parameters, held: Sequence[Held], boundary: Held | None) -> Simulation:
    """The simulation that a request asks for, with the stored policies ``held`` and the stored ``boundary``."""
    resources = request.get("ResourceArns") or [ANY]
    _check_actions(request["ActionNames"], resources)
    _check_resources(resources)
    _check_handling(request, resources)
    supplied = context_of(request.get("ContextEntries") or ())
    layers = _layers(request, held, boundary)
    principal = _principal(context, request.get("CallerArn"))
    simulation = Simulation(
        layers, principal, {**_defaults(principal), **supplied}, frozenset(supplied), resources, _owner(request, principal)
    )
    if layers.resource is not None:
        _check_resource_policy(simulation, layers.resource)
    return simulation


def document(text: str, place: str) -> CompiledDocument:
    """A document that came with the call. Only its shape is checked: IAM need not be willing to store it."""
    try:
        return simulated(text)
    except MalformedPolicy as error:
        raise invalid_input(f"{place} has invalid content") from error


def _check_actions(actions: Sequence[str], resources: Sequence[str]) -> None:
    if any(":" not in action for action in actions):
        raise invalid_input("The action is invalid since it is missing names")
    known = [action for action in actions if authorization_reference.is_known(action)]
    unknown = [action for action in actions if not authorization_reference.is_known(action)]
    if known and unknown and list(resources) != [ANY]:
        raise invalid_input(
            f"Invalid Input Actions: [{','.join(known)}] and [{','.join(unknown)}] require different authorization information. "
        )


def _check_resources(resources: Sequence[str]) -> None:
    for resource in resources:
        if resource == ANY and len(resources) == 1:
            return
        arn = parse_arn(resource)
        if arn is None or not (arn.partition and arn.service and arn.resource):
            raise invalid_input(f"ResourceNames are not in a valid ARN format: {resource}.")


def _check_handling(request: Parameters, resources: Sequence[str]) -> None:
    option = request.get("ResourceHandlingOption")
    if option is None or list(resources) == [ANY]:
        return
    for action in request["ActionNames"]:
        if option not in _HANDLING.get(action.lower(), ()):
            raise invalid_input(f"Invalid input resource handling options. Action does not support resource handling options: {action}.")


def _layers(request: Parameters, held: Sequence[Held], boundary: Held | None) -> Layers:
    stored = [Policy(policy.source_id, IDENTITY_TYPE, simulated(policy.text)) for policy in held]
    passed = _passed(request, "PolicyInputList", "Policy input list item", IDENTITY_TYPE)
    return Layers(
        identity=(*stored, *passed), boundary=_boundary(request, boundary), resource=_resource_policy(request), scps=tuple(_levels(request))
    )


def _boundary(request: Parameters, stored: Held | None) -> Policy | None:
    """The one that came with the call replaces the stored one."""
    passed = _passed(request, "PermissionsBoundaryPolicyInputList", "Permissions boundary policy input list item", BOUNDARY_TYPE)
    if len(passed) > 1:
        raise invalid_input("The list of Permissions Boundary policies cannot exceed 1 items.")
    if passed:
        return passed[0]
    return Policy(stored.source_id, BOUNDARY_TYPE, simulated(stored.text)) if stored is not None else None


def _passed(request: Parameters, member: str, place: str, kind: str) -> list[Policy]:
    texts = request.get(member) or ()
    return [Policy(f"{member}.{number}", kind, document(text, f"{place} {number}")) for number, text in enumerate(texts, 1)]


def _levels(request: Parameters) -> list[tuple[Policy, ...]]:
    levels = []
    for number, level in enumerate(request.get("OrderedOrganizationPolicyInputList") or (), 1):
        place = f"Organization policy at index {number}"
        texts = level.get("ServiceControlPolicyInputList")
        if not texts:
            raise invalid_input(f"{place} must contain at least one service control policy")
        levels.append(tuple(Policy("", "", document(text, place)) for text in texts))
    return levels


def _resource_policy(request: Parameters) -> Policy | None:
    text = request.get("ResourcePolicy")
    return None if text is None else Policy("ResourcePolicy", RESOURCE_TYPE, document(text, "Resource policy"))


def _principal(context: Context, arn: str | None) -> Principal:
    """Who is simulated. Without an ARN it is somebody of the caller's own account, whom no resource policy can mean."""
    if arn is None:
        return Principal(PrincipalKind.USER, context.account_id, "")
    entity = simulator_source.entity_of(arn)
    if entity is None:
        raise invalid_input("Invalid caller - Caller must be an IAM user, role or group in this context.")
    row = simulator_source.find(context, entity)
    user_id = row.id if row is not None else ""
    if entity.kind != "role":
        return Principal(PrincipalKind.USER, entity.account, arn, user_id)
    linked = row is not None and row.kind == "linked"
    return Principal(PrincipalKind.LINKED_ROLE if linked else PrincipalKind.ROLE, entity.account, arn, user_id, role_arn=arn)


def _defaults(principal: Principal) -> dict[str, ContextValue]:
    """The keys that a request has unless an entry says otherwise (recorded-aws.md 9; all but the user id from the same recordings)."""
    keys: dict[str, Any] = {"aws:principalaccount": principal.account, "aws:userid": principal.arn or _NOBODY}
    entity = simulator_source.entity_of(principal.arn)
    if entity is not None:
        keys["aws:principalarn"] = principal.arn
        if entity.kind == "user":
            keys["aws:username"] = entity.name
    return keys


def _owner(request: Parameters, principal: Principal) -> str:
    """The account of resources whose ARN names none, and of the resource policy. Any ARN of IAM's will do (recorded-aws.md 12)."""
    owner = request.get("ResourceOwner")
    if owner is None:
        return principal.account
    arn = parse_arn(owner)
    if arn is None or arn.service != "iam" or not _ACCOUNT.fullmatch(arn.account) or not arn.resource:
        raise invalid_input(f"'{owner}' is not a valid as a Resource Owner.")
    return arn.account


def _check_resource_policy(simulation: Simulation, policy: Policy) -> None:
    """A resource policy must be applicable to every resource asked about (policy-evaluation.md 10.1)."""
    if not simulation.principal.arn:
        raise invalid_input("Invalid caller - Caller cannot be null or empty.")
    if list(simulation.resources) == [ANY]:
        raise invalid_input(f"Invalid Entity Arn: {ANY} does not clearly define entity type and name.")
    if ANY in _resource_elements(policy.document.text):
        raise invalid_input(f"ResourceNames are not in a valid ARN format: {ANY}.")
    for resource in simulation.resources:
        if not any(statement.covers(resource, simulation.context) for statement in policy.document.statements):
            raise invalid_input(f"The resource policy is not applicable to the resource {resource}.")  # the text is inferred


def _resource_elements(text: str) -> set[str]:
    return {resource for path, statement in statements(parse_json(text)) for _, resource in values(statement, path, "Resource")}
