"""A task definition as it is asked for, stored and answered (recorded-aws.md 11.2).

Stored is the answer without what changes later: its status and the times. What was not given stays absent, except for the defaults here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from stead.services.ecs import container_rules, fargate
from stead.services.ecs.names import client_error, invalid_parameter
from stead.services.ecs.required_attributes import required
from stead.services.ecs.words import check_words, without_nulls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stead.aws.call import Parameters
    from stead.store.engine import Row

    Definition = Mapping[str, Any]

MAX_BYTES = 64 * 1024
MAX_CONSTRAINTS = 10
_LISTS = ("portMappings", "environment", "mountPoints", "volumesFrom", "systemControls")  # recorded
_TASK_LISTS = ("volumes", "placementConstraints")  # recorded
_HEALTH = {"interval": 30, "timeout": 5, "retries": 3}  # reported, eagletmt/hako#56
_NOT_STORED = ("tags",)
_SIZES = ("cpu", "memory")
_ROLES = ("taskRoleArn", "executionRoleArn")


def checked(request: Parameters) -> dict[str, Any]:
    """The definition with its defaults, or the error of the first thing that ECS refuses."""
    given = without_nulls({name: value for name, value in request.items() if name not in _NOT_STORED})
    _check_size(given)
    check_words("RegisterTaskDefinition", given)
    _check_family(given["family"])
    definition = _with_defaults(given)
    for sentence in container_rules.sentences(definition):
        raise client_error(sentence)
    _check_task(definition)
    if "FARGATE" in definition.get("requiresCompatibilities", []):
        for problem in fargate.problems(definition):
            raise problem
    return definition


def stored(definition: Definition, arn: str, revision: int, registered_by: str) -> str:
    """The document of the row."""
    attributes = required(definition)
    derived: dict[str, Any] = {"requiresAttributes": attributes} if attributes else {}  # absent when there are none (recorded)
    derived["compatibilities"] = compatibilities(definition)
    whole = {"taskDefinitionArn": arn, **definition, "revision": revision, **derived, "registeredBy": registered_by}
    return orjson.dumps(whole).decode()


def answer(row: Row) -> dict[str, Any]:
    """The TaskDefinition shape."""
    document: dict[str, Any] = orjson.loads(row.document)
    return {**document, "status": row.status, "registeredAt": row.registered, "deregisteredAt": row.deregistered}


def set_member(document: str, name: str, value: Any) -> str:
    """The document with one member more."""
    return orjson.dumps({**orjson.loads(document), name: value}).decode()


def compatibilities(definition: Definition) -> list[str]:
    """What could run it; the order is that of the recorded answers.

    Recorded are the two outcomes, a definition that Fargate takes and one that says nothing. That Managed Instances take what Fargate takes,
    and that servers outside of AWS have no network interfaces to give, is inferred from them and from the documents.
    """
    if not any(True for _ in fargate.problems(definition)):
        return ["EC2", "MANAGED_INSTANCES", "FARGATE"]
    return ["EC2"] if definition.get("networkMode") == "awsvpc" else ["EXTERNAL", "EC2"]


def _with_defaults(given: Definition) -> dict[str, Any]:
    definition = {**given, **{name: given.get(name, []) for name in _TASK_LISTS}}
    definition["containerDefinitions"] = [_container(item, given.get("networkMode")) for item in given["containerDefinitions"]]
    for name in (*_ROLES, *_SIZES):
        if name in _ROLES and not definition.get(name, "-"):  # deployment tools send "" for a role that there is not
            del definition[name]
        elif name in _SIZES and name in definition:
            definition[name] = str(fargate.units(name, definition[name]))
    return definition


def _container(given: Definition, mode: str | None) -> dict[str, Any]:
    container = {**given, "cpu": given.get("cpu", 0), "essential": given.get("essential", True)}
    container.update({name: given.get(name, []) for name in _LISTS})
    container["portMappings"] = [_mapping(item, mode) for item in container["portMappings"]]
    if "healthCheck" in given:
        container["healthCheck"] = {**_HEALTH, **given["healthCheck"]}
    return container


def _mapping(given: Definition, mode: str | None) -> dict[str, Any]:
    """Where the network is the task's or the host's own, a port is the same on both sides (recorded for awsvpc)."""
    mapping = {**given, "protocol": given.get("protocol", "tcp")}
    if "containerPort" in given:
        mapping.setdefault("hostPort", given["containerPort"] if mode in ("awsvpc", "host") else 0)
    return mapping


def _check_family(family: str) -> None:
    if not family:
        raise client_error("Family should not be null or empty.")  # as of a container's name
    if not container_rules.NAME.fullmatch(family):
        raise client_error("Family contains invalid characters.")  # reported, aws/amazon-ecs-cli#37


def _check_task(definition: Definition) -> None:
    names = [volume.get("name") for volume in definition["volumes"]]
    if not all(names) or len(set(names)) < len(names):  # our wording
        raise client_error("Volumes must have names, and these must be unique within a Task Definition.")
    if len(definition["placementConstraints"]) > MAX_CONSTRAINTS:  # documented; our wording
        raise invalid_parameter(f"A task definition can have at most {MAX_CONSTRAINTS} placement constraints.")
    proxy = definition.get("proxyConfiguration", {}).get("containerName")
    if proxy is not None and proxy not in {container["name"] for container in definition["containerDefinitions"]}:
        raise client_error(f"Unknown container '{proxy}'.")


def _check_size(given: Definition) -> None:
    """First of all, so that every other check costs little; limit and sentence are reported by many."""
    size = len(orjson.dumps(given))
    if size > MAX_BYTES:
        raise client_error(f"Actual length: '{size}'. Max allowed length is '{MAX_BYTES}' bytes.")
