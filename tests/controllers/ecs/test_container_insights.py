"""Container Insights: the log group with its day of retention, streams, events, and what becomes of a refusal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.ecs import Scene
from support.linked_role_policy import without
from support.stead import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.stead import Stead

SESSION = "ecs-container-insights"


class Watched(Scene):
    """A cluster of a name of its own, with Container Insights."""

    def __init__(self, stead: Stead) -> None:
        super().__init__(stead)
        self.logs = stead.client("logs")
        self.name = self.subnet
        self.group = f"/aws/ecs/containerinsights/{self.name}/performance"

    def create(self, value: str = "enabled") -> None:
        self.ecs.create_cluster(clusterName=self.name, settings=[{"name": "containerInsights", "value": value}])

    def groups(self) -> list[Any]:
        found: list[Any] = self.logs.describe_log_groups(logGroupNamePrefix=self.group)["logGroups"]
        return found

    def events(self, prefix: str) -> list[Any]:
        streams = self.logs.describe_log_streams(logGroupName=self.group, logStreamNamePrefix=prefix)["logStreams"]
        return [
            json.loads(event["message"])
            for stream in streams
            for event in self.logs.get_log_events(logGroupName=self.group, logStreamName=stream["logStreamName"])["events"]
        ]

    def rounds(self, count: int = 1) -> None:
        for _ in range(count):
            self.stead.advance(2)
            self.stead.settle()


@pytest.fixture
def watched(acting: Stead) -> Iterator[Watched]:
    made = Watched(acting)
    yield made
    for group in made.groups():
        made.logs.delete_log_group(logGroupName=group["logGroupName"])


@pytest.mark.parametrize("value", ["enabled", "enhanced"])
def test_a_cluster_with_the_setting(watched: Watched, value: str) -> None:
    watched.create(value)
    watched.rounds()
    (group,) = watched.groups()
    assert group["retentionInDays"] == 1
    (event,) = watched.events("ClusterTelemetry-")
    assert (event["Type"], event["ClusterName"], event["TaskCount"], event["ServiceCount"]) == ("Cluster", watched.name, 0, 0)
    assert event["CloudWatchMetrics"][0]["Namespace"] == "ECS/ContainerInsights"
    made = {record["eventName"]: record for record in watched.calls(SESSION)}
    assert {"CreateLogGroup", "PutRetentionPolicy", "CreateLogStream", "DescribeLogGroups", "DescribeLogStreams"} <= set(made)
    assert made["CreateLogGroup"]["userIdentity"]["invokedBy"] == "ecs.amazonaws.com"


def test_tasks_and_containers_are_told_of(watched: Watched) -> None:
    watched.create()
    watched.definition("insights")
    watched.ecs.run_task(
        cluster=watched.name, taskDefinition="insights", launchType="FARGATE", networkConfiguration=watched.network, count=2
    )
    watched.rounds(3)
    events = watched.events("FargateTelemetry-")
    assert {event["Type"] for event in events} == {"Task", "Container"}
    task = next(event for event in events if event["Type"] == "Task")
    assert (task["CpuReserved"], task["MemoryReserved"], task["TaskDefinitionFamily"]) == (256.0, 512.0, "insights")
    assert watched.events("ClusterTelemetry-")[-1]["TaskCount"] == 2


def test_it_begins_and_ends_with_the_setting(watched: Watched) -> None:
    watched.create("disabled")
    watched.rounds()
    assert watched.groups() == []
    watched.ecs.update_cluster_settings(cluster=watched.name, settings=[{"name": "containerInsights", "value": "enabled"}])
    watched.rounds(2)
    assert len(watched.events("ClusterTelemetry-")) == 2
    watched.ecs.update_cluster_settings(cluster=watched.name, settings=[{"name": "containerInsights", "value": "disabled"}])
    watched.rounds(2)
    assert len(watched.events("ClusterTelemetry-")) == 2
    watched.ecs.update_cluster_settings(cluster=watched.name, settings=[{"name": "containerInsights", "value": "enabled"}])
    watched.rounds()
    assert len(watched.events("ClusterTelemetry-")) == 3


def test_the_accounts_default_and_the_clusters_end(watched: Watched) -> None:
    watched.ecs.put_account_setting_default(name="containerInsights", value="enabled")
    watched.ecs.create_cluster(clusterName=watched.name)
    watched.rounds()
    assert len(watched.events("ClusterTelemetry-")) == 1
    watched.ecs.delete_cluster(cluster=watched.name)
    watched.rounds(2)
    assert len(watched.events("ClusterTelemetry-")) == 1
    watched.ecs.delete_cluster(cluster="c")
    iam = watched.stead.client("iam")
    task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForECS")["DeletionTaskId"]
    watched.stead.settle()
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"


def test_a_group_that_was_there_keeps_its_retention_and_one_that_was_deleted_is_made_again(watched: Watched) -> None:
    watched.logs.create_log_group(logGroupName=watched.group)
    watched.create()
    watched.rounds()
    assert "retentionInDays" not in watched.groups()[0]
    watched.logs.delete_log_group(logGroupName=watched.group)
    watched.rounds()
    assert watched.groups()[0]["retentionInDays"] == 1


ACTIONS = ["CreateLogGroup", "DescribeLogGroups", "PutRetentionPolicy", "CreateLogStream", "DescribeLogStreams", "PutLogEvents"]


@pytest.mark.parametrize("action", ACTIONS)
def test_what_the_role_may_not(watched: Watched, acting: Stead, action: str) -> None:
    with without(acting, f"logs:{action}"):
        watched.create()
        watched.rounds(2)
        refused = [record for record in watched.calls(SESSION) if record.get("errorCode") == "AccessDenied"]
        assert {record["eventName"] for record in refused} == {action}
        assert f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSServiceRoleForECS/{SESSION}" in refused[0]["errorMessage"]
        assert watched.groups() == [] or watched.events("ClusterTelemetry-") == []
    watched.rounds(3)
    assert watched.groups()[0]["retentionInDays"] == 1
    assert watched.events("ClusterTelemetry-")
