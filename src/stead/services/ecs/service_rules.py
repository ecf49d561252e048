"""What CreateService and UpdateService refuse before anything is looked up, and what they refuse of a task definition.

Texts without a mark are recorded (ecs-on-your-behalf.md 8.3) or reported (aws-behaviour.md 3.6, 10.1); those of our wording say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stead.aws.errors import AwsError
from stead.services.ecs.names import client_error, invalid_parameter
from stead.services.ecs.words import check_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stead.aws.call import Parameters

    Definition = Mapping[str, Any]

MAX_TOKEN, MAX_TARGET_GROUPS, MAX_SUBNETS, MAX_SECURITY_GROUPS = 36, 5, 16, 5
_WORDS = (  # of members that have words of their own
    ("schedulingStrategy", ("REPLICA", "DAEMON"), invalid_parameter, "Scheduling strategy should be one of [REPLICA,DAEMON]"),
    ("launchType", ("EC2", "FARGATE", "EXTERNAL"), client_error, "launch type should be one of [EC2,FARGATE]"),
)
# What Stead leaves for later (SCOPE.md): the member, and the values of it that change nothing.
_LATER: dict[str, tuple[Any, ...]] = {
    "volumeConfigurations": ([],),
    "vpcLatticeConfigurations": ([],),
    "gatewayConnectors": ([],),
    "monitoring": ({},),
    "schedulingStrategy": ("REPLICA",),
    "deploymentController": ({}, {"type": "ECS"}),
}
_LATER_OF_DEPLOYMENTS: dict[str, tuple[Any, ...]] = {
    "strategy": ("ROLLING",),
    "bakeTimeInMinutes": (0,),
    "lifecycleHooks": ([],),
    "linearConfiguration": ({},),
    "canaryConfiguration": ({},),
    "earlySuccessCriteria": ({},),
}


def check(operation: str, request: Parameters) -> None:
    """The rules that the request alone can break, whichever of the two calls it is."""
    _check_own_words(request)
    check_words(operation, {name: value for name, value in request.items() if value is not None})
    if len(request.get("clientToken") or "") > MAX_TOKEN:
        raise invalid_parameter("idempotency token longer than 36.")
    _check_count(operation, request)
    _check_launch(request)
    _check_percentages(request.get("deploymentConfiguration") or {})
    _check_lists(request)
    _check_later(operation, request)


def check_definition(wish: Mapping[str, Any], definition: Definition) -> None:
    """The rules between a service, as it is to be, and its task definition."""
    for sentence in (*_of_network(wish, definition), *_of_launch(wish, definition), *_of_containers(wish, definition)):
        raise sentence


def needs_linked_role(wish: Mapping[str, Any], definition: Definition) -> bool:
    """Whether the service is one that a customer's role cannot serve (service-linked-roles.md 2.3)."""
    return is_awsvpc(definition) or bool(wish.get("serviceRegistries")) or len(wish.get("loadBalancers") or []) > 1


def is_awsvpc(definition: Definition) -> bool:
    """Whether each of its tasks has a network interface."""
    return bool(definition.get("networkMode") == "awsvpc")


def check_role(request: Parameters, definition: Definition) -> None:
    """The ``role`` parameter (users-want.md 6): only for a load balancer, and only where no linked role is required."""
    if not request.get("role"):
        return
    if needs_linked_role(request, definition):
        raise invalid_parameter("You cannot specify an IAM role for services that require a service linked role.")
    if not request.get("loadBalancers"):  # documented; our wording
        raise invalid_parameter("You cannot specify an IAM role for services that do not use a load balancer.")


def _check_own_words(request: Parameters) -> None:
    for member, words, error, text in _WORDS:
        if request.get(member) is not None and request[member] not in words:
            raise error(text)


def _check_count(operation: str, request: Parameters) -> None:
    count = request.get("desiredCount")
    if request.get("schedulingStrategy") == "DAEMON" and count is not None:
        raise invalid_parameter(
            "The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and try again"
        )
    if count is None and operation == "CreateService" and request.get("schedulingStrategy") != "DAEMON":
        raise invalid_parameter("DesiredCount is missing")
    if count is not None and count < 0:
        raise invalid_parameter("DesiredCount can not be lesser than 0")


def _check_launch(request: Parameters) -> None:
    if request.get("launchType") and request.get("capacityProviderStrategy"):
        raise invalid_parameter("Specify either Launch Type or Capacity Provider Strategy, but not both.")
    if (request.get("healthCheckGracePeriodSeconds") or 0) < 0:  # our wording
        raise invalid_parameter("healthCheckGracePeriodSeconds can not be lesser than 0")


def _check_percentages(configuration: Mapping[str, Any]) -> None:
    if (maximum := configuration.get("maximumPercent")) is not None and maximum < 100:
        raise invalid_parameter("maximumPercent must be at least 100")
    minimum = configuration.get("minimumHealthyPercent")
    if minimum is not None and minimum > 100:
        raise invalid_parameter("minimumHealthyPercent must be at most 100")
    if minimum is not None and minimum < 0:  # our wording
        raise invalid_parameter("minimumHealthyPercent must be at least 0")


def _check_lists(request: Parameters) -> None:
    balancers = request.get("loadBalancers") or []
    for balancer in balancers:
        if not balancer.get("containerName"):
            raise invalid_parameter("Container Name can not be blank.")  # reported, aws/amazon-ecs-cli#359
        if not balancer.get("targetGroupArn") and not balancer.get("loadBalancerName"):
            raise invalid_parameter("loadBalancerName and targetGroupArn cannot both be empty.")  # our wording
        if balancer.get("targetGroupArn") and balancer.get("loadBalancerName"):
            raise invalid_parameter("loadBalancerName and targetGroupArn cannot both be specified. You must specify either one.")
    classic = [balancer for balancer in balancers if balancer.get("loadBalancerName")]
    if len(balancers) > MAX_TARGET_GROUPS or (classic and len(balancers) > 1):  # the numbers are documented; our wording
        raise invalid_parameter(f"load balancers can have at most {1 if classic else MAX_TARGET_GROUPS} items.")
    if len(request.get("serviceRegistries") or []) > 1:  # documented; our wording
        raise invalid_parameter("service registries can have at most 1 items.")
    _check_network((request.get("networkConfiguration") or {}).get("awsvpcConfiguration"))


def _check_network(network: Mapping[str, Any] | None) -> None:
    if network is None:
        return
    if not network.get("subnets"):
        raise invalid_parameter("subnets can not be empty.")
    limits = (("subnets", MAX_SUBNETS), ("securityGroups", MAX_SECURITY_GROUPS))
    for member, limit in limits:
        if len(network.get(member) or []) > limit:  # the numbers are the model's; the wording follows that of clusters
            raise invalid_parameter(f"{member} can have at most {limit} items.")


def _check_later(operation: str, request: Parameters) -> None:
    configuration = request.get("deploymentConfiguration") or {}
    later = [name for name, same in _LATER.items() if request.get(name) is not None and request[name] not in same]
    later += [
        name for name, same in _LATER_OF_DEPLOYMENTS.items() if configuration.get(name) is not None and configuration[name] not in same
    ]
    if (configuration.get("alarms") or {}).get("enable"):
        later.append("alarms")
    if (request.get("serviceConnectConfiguration") or {}).get("enabled"):
        later.append("serviceConnectConfiguration")
    if later:
        raise AwsError("NotImplemented", f"Stead does not implement '{later[0]}' of ecs:{operation} yet.", 501)


def _of_network(wish: Mapping[str, Any], definition: Definition) -> Iterator[AwsError]:
    network = (wish.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    if is_awsvpc(definition) and network is None:
        yield invalid_parameter("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    if not is_awsvpc(definition) and network is not None:  # reported, boltops-tools/ufo#112
        yield invalid_parameter("Network Configuration is not valid for the given networkMode of this task definition.")
    if network is not None and network.get("assignPublicIp") == "ENABLED" and wish.get("launchType") == "EC2":
        yield invalid_parameter("Assign public IP is not supported for this launch type.")  # reported


def _of_launch(wish: Mapping[str, Any], definition: Definition) -> Iterator[AwsError]:
    launch_type = wish.get("launchType")
    if launch_type is not None and launch_type not in definition.get("compatibilities", ["EC2"]):
        yield invalid_parameter(f"Task definition does not support launch_type {launch_type}.")  # reported


def _of_containers(wish: Mapping[str, Any], definition: Definition) -> Iterator[AwsError]:
    ports = {
        one["name"]: {port.get("containerPort") for port in one.get("portMappings") or []} for one in definition["containerDefinitions"]
    }
    for balancer in wish.get("loadBalancers") or []:
        name, port = balancer["containerName"], balancer.get("containerPort")
        if name not in ports:
            yield invalid_parameter(f"The container {name} does not exist in the task definition.")  # reported
        elif port not in ports[name]:
            yield invalid_parameter(f"The container {name} did not have a container port {port} defined.")  # reported
    for registry in wish.get("serviceRegistries") or []:
        yield from _of_registry(registry, definition)


def _of_registry(registry: Mapping[str, Any], definition: Definition) -> Iterator[AwsError]:
    named = bool(registry.get("containerName") and registry.get("containerPort"))
    if not is_awsvpc(definition) and not named:  # reported, techservicesillinois/terraform-aws-ecs-service#16
        yield invalid_parameter(
            "When specifying 'host' or 'bridge' for networkMode, values for 'containerName' and 'containerPort' must be specified"
            f" from the task definition. Registry: {registry.get('registryArn', '')}"
        )
    if named and registry.get("port"):  # reported, cloudposse/terraform-aws-ecs-web-app#208
        yield invalid_parameter(
            "Specify a value for either 'port' or the 'containerName' and 'containerPort' combination, but not both. Remove one and retry."
        )
