"""iam: which policies let an entity into a service, as they are now (service-linked-roles.md 5, recorded-aws.md 10).

Each document is judged alone. An action that AWS does not have counts like a real one; a Deny counts only for the whole service. Both are
unlike the access reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stead.aws import reference
from stead.aws.errors import AwsError, invalid_input
from stead.aws.operation import operation
from stead.policy.grants import grants_of
from stead.services.iam import access_entities, held_policies

if TYPE_CHECKING:
    from stead.aws.call import Parameters, Result
    from stead.store.context import Context
    from stead.store.engine import Row

_KINDS = frozenset({"user", "group", "role"})


@operation("iam", "ListPoliciesGrantingServiceAccess", target=access_entities.located)
def list_policies_granting_service_access(context: Context, request: Parameters) -> Result:
    """One entry for each service asked about, in the order asked. AWS's answers have one page for as many services as it takes (200)."""
    kind = access_entities.checked(context, request, _KINDS, _no_entity)
    namespaces = list(dict.fromkeys(request["ServiceNamespaces"]))
    unknown = [name for name in namespaces if name not in reference.service_names()]
    if unknown:
        raise invalid_input(f"Invalid service namespace: [{', '.join(unknown)}]")
    if "Marker" in request:  # none was ever given out
        raise invalid_input("The marker passed in the request was invalid.")
    held = _held(context, kind)
    entries = [{"ServiceNamespace": name, "Policies": [shape for shape, text in held if _lets_into(text, name)]} for name in namespaces]
    return {"PoliciesGrantingServiceAccess": entries, "IsTruncated": False}


def _no_entity(arn: str) -> AwsError:
    return invalid_input(f"Could not extract entity from ARN : {arn}")


def _held(context: Context, kind: str) -> list[tuple[dict[str, Any], str]]:
    """The entity's policies as the answer shows them, and their texts."""
    db, entity = context.db, context.row
    inline = [(_inline(row, kind, entity), row.text) for row in held_policies.inline(db, entity.id)]
    return inline + [
        ({"PolicyName": row.name, "PolicyType": "MANAGED", "PolicyArn": row.arn}, row.text) for row in held_policies.attached(db, entity.id)
    ]


def _inline(row: Row, kind: str, entity: Row) -> dict[str, Any]:
    owner = {"EntityType": "GROUP", "EntityName": row.group} if row.group else {"EntityType": kind.upper(), "EntityName": entity.name}
    return {"PolicyName": row.name, "PolicyType": "INLINE", **owner}


def _lets_into(text: str, namespace: str) -> bool:
    document, actions = grants_of(text), reference.actions(namespace)
    kinds = tuple({arn for action in actions.values() for arn in action.resources})
    named = document.names(namespace, kinds) or any(document.allows(f"{namespace}:{key}", one.resources) for key, one in actions.items())
    return named and not all(document.denies(f"{namespace}:{key}") for key in actions)
