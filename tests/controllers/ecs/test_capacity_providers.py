"""Capacity providers at work: what an association makes under each era of the role's policy, what it does to the group, and what becomes of a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.documents import allow
from support.linked_role_policy import ECS, without
from support.refusals import refusal
from support.scaling import Groups

from stead.service_policy import set_default

if TYPE_CHECKING:
    from support.stead import Stead

SESSION = "ecs-capacity-providers"
UNPROTECTED = (
    "The managed termination protection setting for the capacity provider is invalid. To enable managed termination protection for a"
    " capacity provider, the Auto Scaling group must have instance protection from scale in enabled."
)


@pytest.fixture
def groups(acting: Stead) -> Groups:
    return Groups(acting)


@pytest.fixture
def later_policy(acting: Stead) -> None:
    """The role's policy as it was since managed draining."""
    set_default(ECS, "v24", acting.app.settings.data_dir)


def events(groups: Groups, *names: str) -> list[Any]:
    return [record for record in groups.calls(SESSION) if record["eventName"] in names]


def details(attachment: Any) -> dict[str, str]:
    return {one["name"]: one["value"] for one in attachment["details"]}


def test_the_group_is_marked_with_the_callers_rights(groups: Groups) -> None:
    made = groups.create_provider(targetCapacity=80)
    assert (made["status"], made["type"]) == ("ACTIVE", "EC2_AUTOSCALING")
    assert made["autoScalingGroupProvider"]["managedScaling"] == {
        "status": "ENABLED",
        "targetCapacity": 80,
        "minimumScalingStepSize": 1,
        "maximumScalingStepSize": 10000,
        "instanceWarmupPeriod": 300,
    }
    (tag,) = groups.described()["Tags"]
    assert (tag["Key"], tag["Value"], tag["PropagateAtLaunch"]) == ("AmazonECSManaged", "", True)


def test_a_caller_without_that_right_makes_no_provider(acting: Stead, groups: Groups) -> None:
    key = acting.user("bob", allow("ecs:*"))
    asked = {"name": groups.provider, "autoScalingGroupProvider": {"autoScalingGroupArn": groups.group}}
    code, status, message = refusal(acting.client("ecs", key).create_capacity_provider, **asked)
    assert (code, status) == ("ClientException", 400)
    assert "autoscaling:CreateOrUpdateTags" in message
    assert groups.described()["Tags"] == []


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"name": "fargate-of-mine"}, "The capacity provider name cannot begin with aws, ecs, or fargate."),
        (
            {"managedTerminationProtection": "ENABLED", "managedScaling": {"status": "ENABLED"}},
            UNPROTECTED,
        ),
        ({"managedScaling": {"targetCapacity": 101}}, "The targetCapacity must be from 1 to 100."),
    ],
)
def test_what_no_provider_can_be(groups: Groups, asked: dict[str, Any], message: str) -> None:
    name = asked.pop("name", groups.provider)
    provider = {"autoScalingGroupArn": groups.group, **asked}
    given = refusal(groups.ecs.create_capacity_provider, name=name, autoScalingGroupProvider=provider)
    assert given == ("InvalidParameterException", 400, message)


def test_a_provider_needs_the_role_and_a_group_of_its_own(acting: Stead, groups: Groups) -> None:
    groups.create_provider()
    again = {"autoScalingGroupProvider": {"autoScalingGroupArn": groups.group}}
    assert "already exists" in refusal(groups.ecs.create_capacity_provider, name=groups.provider, **again).message
    assert "already being used" in refusal(groups.ecs.create_capacity_provider, name="other", **again).message
    groups.ecs.delete_cluster(cluster="c")
    acting.client("iam").delete_service_linked_role(RoleName="AWSServiceRoleForECS")
    acting.settle()
    missing = "ECS Service Linked Role does not exist. Please create a Service linked role for ECS and try again."
    other = {"autoScalingGroupProvider": {"autoScalingGroupArn": "another"}}
    assert refusal(groups.ecs.create_capacity_provider, name="third", **other) == ("ClientException", 400, missing)


def test_the_plan_of_the_older_policy(acting: Stead, groups: Groups) -> None:
    groups.create_provider(targetCapacity=90)
    assert groups.associate(groups.provider)["attachmentsStatus"] == "UPDATE_IN_PROGRESS"
    acting.settle()
    cluster = groups.attachments()
    (attachment,) = cluster["attachments"]
    assert (attachment["type"], attachment["status"], cluster["attachmentsStatus"]) == ("asp", "CREATED", "UPDATE_COMPLETE")
    name = details(attachment)["scalingPlanName"]
    assert name.startswith("ECSManagedAutoScalingPlan-")
    plans = acting.client("autoscaling-plans").describe_scaling_plans(ScalingPlanNames=[name])["ScalingPlans"]
    (instruction,) = plans[0]["ScalingInstructions"]
    assert instruction["ResourceId"] == f"autoScalingGroup/{groups.group}"
    (policy,) = groups.scaling.describe_policies(AutoScalingGroupName=groups.group)["ScalingPolicies"]
    assert policy["TargetTrackingConfiguration"]["TargetValue"] == 90.0
    (record,) = events(groups, "CreateScalingPlan")
    assert record["userIdentity"]["invokedBy"] == "ecs.amazonaws.com"
    assert len(events(groups, "PutMetricAlarm")) == 2
    groups.associate()
    acting.settle()
    assert groups.attachments()["attachments"] == []
    assert acting.client("autoscaling-plans").describe_scaling_plans(ScalingPlanNames=[name])["ScalingPlans"] == []
    assert groups.scaling.describe_policies(AutoScalingGroupName=groups.group)["ScalingPolicies"] == []
    assert len(events(groups, "DeleteAlarms")) == 1


@pytest.mark.usefixtures("later_policy")
def test_the_policy_of_the_newer_one(acting: Stead, groups: Groups) -> None:
    groups.create_provider()
    groups.associate(groups.provider, "FARGATE")
    acting.settle()
    (attachment,) = groups.attachments()["attachments"]
    assert (attachment["type"], attachment["status"]) == ("as_policy", "CREATED")
    (policy,) = groups.scaling.describe_policies(AutoScalingGroupName=groups.group)["ScalingPolicies"]
    assert policy["PolicyName"] == details(attachment)["scalingPolicyName"]
    metric = policy["TargetTrackingConfiguration"]["CustomizedMetricSpecification"]
    assert (metric["MetricName"], metric["Namespace"]) == ("CapacityProviderReservation", "AWS/ECS/ManagedScaling")
    alarms = acting.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"TargetTracking-{groups.group}-")["MetricAlarms"]
    assert sorted(alarm["AlarmName"].removeprefix(f"TargetTracking-{groups.group}-")[:8] for alarm in alarms) == ["AlarmHig", "AlarmLow"]
    groups.ecs.update_capacity_provider(name=groups.provider, autoScalingGroupProvider={"managedScaling": {"targetCapacity": 50}})
    for _ in range(3):
        groups.look()
    (policy,) = groups.scaling.describe_policies(AutoScalingGroupName=groups.group)["ScalingPolicies"]
    assert policy["TargetTrackingConfiguration"]["TargetValue"] == 50.0
    (shown,) = groups.ecs.describe_capacity_providers(capacityProviders=[groups.provider])["capacityProviders"]
    assert shown["updateStatus"] == "UPDATE_COMPLETE"
    groups.associate()
    acting.settle()
    assert groups.scaling.describe_policies(AutoScalingGroupName=groups.group)["ScalingPolicies"] == []
    assert len(events(groups, "DeletePolicy")) == 1


def test_one_change_at_a_time_and_none_of_a_provider_in_use(groups: Groups, acting: Stead) -> None:
    groups.create_provider()
    groups.associate(groups.provider)
    busy = refusal(groups.ecs.put_cluster_capacity_providers, cluster="c", capacityProviders=[], defaultCapacityProviderStrategy=[])
    assert busy.code == "UpdateInProgressException"
    acting.settle()
    groups.small_definition()
    groups.ecs.run_task(cluster="c", taskDefinition="small")
    used = refusal(groups.ecs.put_cluster_capacity_providers, cluster="c", capacityProviders=[], defaultCapacityProviderStrategy=[])
    assert used == ("ResourceInUseException", 400, "The specified capacity provider is in use and cannot be removed")


def test_a_provider_is_deleted_when_no_cluster_has_it(groups: Groups, acting: Stead) -> None:
    groups.create_provider()
    groups.associate(groups.provider)
    acting.settle()
    assert groups.ecs.delete_capacity_provider(capacityProvider=groups.provider)["capacityProvider"]["updateStatus"] == "DELETE_IN_PROGRESS"
    acting.settle()
    (shown,) = groups.ecs.describe_capacity_providers(capacityProviders=[groups.provider])["capacityProviders"]
    assert (shown["status"], shown["updateStatus"]) == ("ACTIVE", "DELETE_FAILED")
    assert shown["updateStatusReason"] == (
        "The capacity provider cannot be deleted because it is associated with cluster: c."
        " Remove the capacity provider from the cluster and try again."
    )
    groups.associate()
    acting.settle()
    groups.ecs.delete_capacity_provider(capacityProvider=groups.provider)
    acting.settle()
    (shown,) = groups.ecs.describe_capacity_providers(capacityProviders=[groups.provider])["capacityProviders"]
    assert (shown["status"], shown["updateStatus"]) == ("INACTIVE", "DELETE_COMPLETE")
    names = [one["name"] for one in groups.ecs.describe_capacity_providers()["capacityProviders"]]
    assert names == ["FARGATE", "FARGATE_SPOT"]
    groups.create_provider()


@pytest.mark.both_stores
def test_waiting_tasks_make_the_group_grow_and_get_their_places(groups: Groups, acting: Stead) -> None:
    groups.create_provider()
    groups.associate(groups.provider)
    acting.settle()
    groups.small_definition()
    tasks = groups.ecs.run_task(cluster="c", taskDefinition="small", count=5)
    assert tasks["failures"] == []
    assert {task["lastStatus"] for task in tasks["tasks"]} == {"PROVISIONING"}
    groups.look()
    assert groups.described()["DesiredCapacity"] == 1  # of what size its instances are is not known yet
    (first,) = groups.instances()
    groups.register(first)
    for _ in range(3):
        groups.look()
    assert groups.described()["DesiredCapacity"] == 3  # five tasks, two to an instance
    for instance in groups.instances():
        if instance != first:
            groups.register(instance)
    for _ in range(3):
        groups.look()
    shown = groups.ecs.describe_tasks(cluster="c", tasks=[task["taskArn"] for task in tasks["tasks"]])["tasks"]
    assert {task["lastStatus"] for task in shown} == {"RUNNING"}
    assert len({task["containerInstanceArn"] for task in shown}) == 3
    assert events(groups, "UpdateAutoScalingGroup")
    metric = {"Name": "CapacityProviderName", "Value": groups.provider}
    published = acting.client("cloudwatch").list_metrics(Namespace="AWS/ECS/ManagedScaling", Dimensions=[metric])["Metrics"]
    assert {one["MetricName"] for one in published} == {"CapacityProviderReservation"}
    for task in shown:
        groups.stop(task["taskArn"])
    for _ in range(6):
        groups.look()
    assert groups.described()["DesiredCapacity"] == 0


def test_an_instance_with_tasks_is_protected(acting: Stead) -> None:
    groups = Groups(acting, 2, protects=True)
    groups.create_provider(protection=True)
    groups.associate(groups.provider)
    one, other = groups.instances()
    groups.register(one)
    groups.small_definition()
    acting.settle()
    (task,) = groups.ecs.run_task(cluster="c", taskDefinition="small")["tasks"]
    groups.look()
    protected = {each["InstanceId"]: each["ProtectedFromScaleIn"] for each in groups.described()["Instances"]}
    assert protected.get(one) is True
    assert protected.get(other) is not True
    groups.stop(task["taskArn"])
    groups.look()
    groups.look()
    assert all(each["ProtectedFromScaleIn"] is False for each in groups.described()["Instances"])
    assert {record["requestParameters"]["protectedFromScaleIn"] for record in events(groups, "SetInstanceProtection")} == {True, False}


def test_a_role_that_may_not_resize(groups: Groups, acting: Stead) -> None:
    groups.create_provider()
    groups.associate(groups.provider)
    acting.settle()
    groups.small_definition()
    with without(acting, "autoscaling:UpdateAutoScalingGroup"):
        (task,) = groups.ecs.run_task(cluster="c", taskDefinition="small")["tasks"]
        for _ in range(3):
            groups.look()
        assert groups.described()["DesiredCapacity"] == 0
        assert groups.task(task["taskArn"])["lastStatus"] == "PROVISIONING"
        assert groups.attachments()["attachmentsStatus"] == "UPDATE_COMPLETE"
    for _ in range(3):
        groups.look()
    assert groups.described()["DesiredCapacity"] == 1
    groups.stop(task["taskArn"])
    groups.look()
    assert groups.task(task["taskArn"])["lastStatus"] == "STOPPED"


@pytest.mark.parametrize("action", ["autoscaling:SetInstanceProtection", "autoscaling:DescribeAutoScalingGroups"])
def test_a_role_that_may_not_protect(acting: Stead, action: str) -> None:
    groups = Groups(acting, 1)
    groups.scaling.update_auto_scaling_group(AutoScalingGroupName=groups.group, NewInstancesProtectedFromScaleIn=True)
    groups.create_provider(protection=True)
    groups.associate(groups.provider)
    groups.register(groups.instances()[0])
    groups.small_definition()
    acting.settle()
    with without(acting, action):
        (task,) = groups.ecs.run_task(cluster="c", taskDefinition="small")["tasks"]
        for _ in range(2):
            groups.look()
        assert groups.task(task["taskArn"])["lastStatus"] == "RUNNING"
        assert [one["ProtectedFromScaleIn"] for one in groups.described()["Instances"]] == [False]
        assert any(record.get("errorCode") == "AccessDenied" for record in events(groups, action.partition(":")[2]))
    for _ in range(3):
        groups.look()
    assert [one["ProtectedFromScaleIn"] for one in groups.described()["Instances"]] == [True]


def test_a_service_waits_for_instances_too(groups: Groups, acting: Stead) -> None:
    groups.create_provider()
    groups.associate(groups.provider)
    acting.settle()
    groups.small_definition()
    strategy = [{"capacityProvider": groups.provider, "weight": 1}]
    groups.ecs.create_service(cluster="c", serviceName="s", taskDefinition="small", desiredCount=2, capacityProviderStrategy=strategy)
    for _ in range(3):
        groups.look()
    (instance,) = groups.instances()
    groups.register(instance)
    for _ in range(4):
        groups.look()
    (service,) = groups.ecs.describe_services(cluster="c", services=["s"])["services"]
    assert (service["runningCount"], service["pendingCount"]) == (2, 0)
    groups.ecs.update_service(cluster="c", service="s", desiredCount=0)
    for _ in range(3):
        groups.look()
    used = refusal(groups.ecs.put_cluster_capacity_providers, cluster="c", capacityProviders=[], defaultCapacityProviderStrategy=[])
    assert used.code == "ResourceInUseException"
    groups.ecs.delete_service(cluster="c", service="s")
    groups.look()
    groups.associate()


REFUSED = [
    "autoscaling-plans:CreateScalingPlan",
    "autoscaling:PutScalingPolicy",
    "cloudwatch:PutMetricAlarm",
    "autoscaling-plans:DescribeScalingPlans",
]


@pytest.mark.parametrize("action", REFUSED)
def test_an_association_that_the_role_may_not_make_fails_and_recovers(groups: Groups, acting: Stead, action: str) -> None:
    groups.create_provider()
    with without(acting, action):
        groups.associate(groups.provider)
        acting.settle()
        cluster = groups.attachments()
        assert [one["status"] for one in cluster["attachments"]] == ["FAILED"]
        assert cluster["attachmentsStatus"] == "UPDATE_FAILED"
        assert groups.scaling.describe_policies(AutoScalingGroupName=groups.group)["ScalingPolicies"] == [] or "Plan" in action
    acting.advance(10)
    acting.settle()
    cluster = groups.attachments()
    assert [one["status"] for one in cluster["attachments"]] == ["CREATED"]
    assert cluster["attachmentsStatus"] == "UPDATE_COMPLETE"


@pytest.mark.parametrize("action", ["autoscaling-plans:DeleteScalingPlan", "autoscaling:DeletePolicy", "cloudwatch:DeleteAlarms"])
def test_what_cannot_be_unmade_is_tried_again_and_keeps_the_role(groups: Groups, acting: Stead, action: str) -> None:
    groups.create_provider()
    groups.associate(groups.provider)
    acting.settle()
    with without(acting, action):
        groups.associate()
        acting.settle()
        assert groups.attachments()["attachmentsStatus"] == "UPDATE_FAILED"
        groups.ecs.delete_cluster(cluster="c")
        iam = acting.client("iam")
        task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForECS")["DeletionTaskId"]
        acting.settle()
        status = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
        assert status["Status"] == "FAILED"
        (usage,) = status["Reason"]["RoleUsageList"]
        assert usage["Resources"] == [f"arn:aws:ecs:us-east-1:123456789012:capacity-provider/{groups.provider}"]
    acting.advance(10)
    acting.settle()
    task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForECS")["DeletionTaskId"]
    acting.settle()
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    assert groups.scaling.describe_policies(AutoScalingGroupName=groups.group)["ScalingPolicies"] == []
