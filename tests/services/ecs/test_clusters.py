from __future__ import annotations

from typing import Any

import pytest
from support.documents import allow
from support.refusals import Refusal, refusal

ACCOUNT = "123456789012"
HOME = f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/"
NOT_FOUND = Refusal("ClusterNotFoundException", 400, "Cluster not found.")
DISABLED = [{"name": "containerInsights", "value": "disabled"}]
ENABLED = [{"name": "containerInsights", "value": "enabled"}]
TAGS = [{"key": "Team", "value": "blue"}]
COUNTS = dict.fromkeys(("registeredContainerInstancesCount", "runningTasksCount", "pendingTasksCount", "activeServicesCount"), 0)
EMPTY = {"statistics": [], "tags": [], "capacityProviders": [], "defaultCapacityProviderStrategy": []}
COUNTERS = [
    "runningEC2TasksCount",
    "runningFargateTasksCount",
    "pendingEC2TasksCount",
    "pendingFargateTasksCount",
    "runningExternalTasksCount",
    "pendingExternalTasksCount",
    "runningManagedInstancesTasksCount",
    "pendingManagedInstancesTasksCount",
    "activeEC2ServiceCount",
    "activeFargateServiceCount",
    "drainingEC2ServiceCount",
    "drainingFargateServiceCount",
    "activeExternalServiceCount",
    "drainingExternalServiceCount",
    "activeManagedInstancesServiceCount",
    "drainingManagedInstancesServiceCount",
]


def invalid(message: str) -> Refusal:
    return Refusal("InvalidParameterException", 400, message)


def only(answer: Any) -> Any:
    (cluster,) = answer["clusters"]
    return cluster


@pytest.mark.both_stores
def test_the_life_of_a_cluster(stead: Any) -> None:
    """ecs-on-your-behalf.md 8.1, recorded-aws.md 11.1."""
    ecs = stead.client("ecs")
    core = {"clusterArn": f"{HOME}default", "clusterName": "default", **COUNTS, **EMPTY}
    assert ecs.create_cluster()["cluster"] == {**core, "status": "ACTIVE", "settings": DISABLED}
    assert only(ecs.describe_clusters()) == {**core, "status": "ACTIVE", "settings": []}
    assert ecs.list_clusters()["clusterArns"] == [f"{HOME}default"]
    for reference in ("default", f"{HOME}default"):  # the second time it is INACTIVE already
        assert ecs.delete_cluster(cluster=reference)["cluster"] == {**core, "status": "INACTIVE", "settings": DISABLED}
    assert only(ecs.describe_clusters(clusters=["default"])) == {**core, "status": "INACTIVE", "settings": []}
    assert ecs.list_clusters()["clusterArns"] == []


def test_what_is_shown_when_it_is_asked_for(stead: Any) -> None:
    ecs = stead.client("ecs")
    configuration = {"executeCommandConfiguration": {"logging": "DEFAULT"}}
    ecs.create_cluster(clusterName="c", settings=ENABLED, configuration=configuration, tags=TAGS)
    every = ["ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "STATISTICS", "TAGS"]
    shown = only(ecs.describe_clusters(clusters=["c"], include=every))
    assert (shown["settings"], shown["configuration"], shown["tags"], shown["attachments"]) == (ENABLED, configuration, TAGS, [])
    assert [(item["name"], item["value"]) for item in shown["statistics"]] == [(name, "0") for name in COUNTERS]
    ecs.delete_cluster(cluster="c")
    shown = only(ecs.describe_clusters(clusters=["c"], include=every))
    assert (shown["settings"], shown["configuration"], shown["tags"]) == (ENABLED, configuration, TAGS)


def test_the_count_is_on_the_wire(stead: Any) -> None:
    """Undocumented and recorded; botocore's parser drops it, the event keeps it."""
    stead.client("ecs").create_cluster(clusterName="c")
    stead.client("ecs").delete_cluster(cluster="c")
    events = stead.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": "c"}])["Events"]
    assert ['"clusterCount":0' in events[0]["CloudTrailEvent"], '"clusterCount":1' in events[1]["CloudTrailEvent"]] == [True, True]


INCONSISTENT = invalid("Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
MORE_TAGS = [*TAGS, {"key": "a", "value": "b"}]


@pytest.mark.both_stores
def test_a_repetition_says_the_same_or_nothing(stead: Any) -> None:
    ecs = stead.client("ecs")
    first = ecs.create_cluster(clusterName="c", settings=ENABLED, tags=MORE_TAGS)["cluster"]
    assert ecs.create_cluster(clusterName="c")["cluster"] == first
    assert ecs.create_cluster(clusterName="c", tags=MORE_TAGS[::-1], settings=ENABLED)["cluster"] == first
    for other in ({"settings": DISABLED, "tags": MORE_TAGS}, {"settings": ENABLED}, {"tags": TAGS}):
        assert refusal(ecs.create_cluster, clusterName="c", **other) == INCONSISTENT
    assert only(ecs.describe_clusters(clusters=["c"], include=["TAGS"]))["tags"] == first["tags"]


def test_a_name_used_again_starts_clean(stead: Any) -> None:
    ecs = stead.client("ecs")
    ecs.create_cluster(clusterName="c", settings=ENABLED, tags=TAGS, configuration={"executeCommandConfiguration": {"logging": "NONE"}})
    ecs.delete_cluster(cluster="c")
    again = ecs.create_cluster(clusterName="c", capacityProviders=["FARGATE"])["cluster"]
    assert (again["settings"], again["tags"], "configuration" in again) == (DISABLED, [], False)
    assert again["capacityProviders"] == ["FARGATE"]


@pytest.mark.both_stores
def test_clusters_belong_to_their_region(stead: Any) -> None:
    for region in ("us-east-1", "eu-west-1"):
        stead.client("ecs", region=region).create_cluster(clusterName=f"in-{region}")
    elsewhere = stead.client("ecs", region="eu-west-1")
    assert elsewhere.list_clusters()["clusterArns"] == [f"arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/in-eu-west-1"]
    assert elsewhere.describe_clusters(clusters=["in-us-east-1"])["failures"] == [
        {"arn": f"arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/in-us-east-1", "reason": "MISSING"}
    ]


@pytest.mark.both_stores
def test_lists_come_in_pages(stead: Any) -> None:
    ecs = stead.client("ecs")
    names = sorted(f"{letter}-{number}" for letter in ("a", "B", "c") for number in range(3))
    for name in names:
        ecs.create_cluster(clusterName=name)
    pages = list(ecs.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 4}))
    assert [len(page["clusterArns"]) for page in pages] == [4, 4, 1]
    assert {arn for page in pages for arn in page["clusterArns"]} == {HOME + name for name in names}


ELSEWHERE = f"arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/stands"
OTHER_REGION = invalid("Invalid Region in ARN")  # reported, aws/aws-cli#3175
CASES = [
    ("create_cluster", {"clusterName": "a b"}, invalid(r"Cluster must match ^[a-zA-Z0-9\-_]{1,255}$, but was a b")),
    ("create_cluster", {"clusterName": "n" * 256}, invalid(rf"Cluster must match ^[a-zA-Z0-9\-_]{{1,255}}$, but was {'n' * 256}")),
    ("create_cluster", {"settings": [{"name": "containerInsights", "value": "maybe"}]}, invalid("Invalid setting 'value'")),
    ("create_cluster", {"settings": [{"name": "other", "value": "enabled"}]}, invalid("Invalid setting 'name'")),
    (
        "create_cluster",
        {"configuration": {"executeCommandConfiguration": {"logging": "LOUD"}}},
        invalid("logging should be one of [NONE,DEFAULT,OVERRIDE]"),
    ),
    (
        "create_cluster",
        {"capacityProviders": ["mine"]},
        invalid("The specified capacity provider was not found. Specify a valid capacity provider and try again."),
    ),
    (
        "create_cluster",
        {"capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]},
        invalid(
            "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. "
            "Associate the capacity provider with the cluster and try again."
        ),
    ),
    ("create_cluster", {"tags": [{"key": "aws:x", "value": "y"}]}, invalid("Tag keys beginning with aws: are reserved for system use.")),
    ("create_cluster", {"tags": [{"key": "x"}]}, Refusal("ClientException", 400, "Tag value can not be null.")),
    (
        "describe_clusters",
        {"include": ["EVERYTHING"]},
        invalid("include should be one of [ATTACHMENTS,CONFIGURATIONS,SETTINGS,STATISTICS,TAGS]"),
    ),
    ("describe_clusters", {"clusters": [""]}, invalid("Clusters can not be blank.")),
    ("describe_clusters", {"clusters": [f"arn:aws:ecs:us-east-1:{ACCOUNT}:service/c/s"]}, invalid("Unsupported resource type: service")),
    ("describe_clusters", {"clusters": ["gone", ELSEWHERE]}, OTHER_REGION),
    ("delete_cluster", {"cluster": ELSEWHERE}, OTHER_REGION),
    ("update_cluster", {"cluster": ELSEWHERE}, OTHER_REGION),
    ("tag_resource", {"resourceArn": ELSEWHERE, "tags": TAGS}, OTHER_REGION),
    ("list_tags_for_resource", {"resourceArn": ELSEWHERE}, OTHER_REGION),
    ("list_clusters", {"maxResults": 101}, invalid("maxResults must be between 1 and 100.")),
    ("list_clusters", {"nextToken": "%"}, invalid("Invalid token.")),
    ("delete_cluster", {"cluster": "missing"}, NOT_FOUND),
    ("update_cluster", {"cluster": "missing"}, NOT_FOUND),
    ("update_cluster_settings", {"cluster": "missing", "settings": ENABLED}, NOT_FOUND),
    ("update_cluster", {"cluster": "gone"}, Refusal("ClientException", 400, "Cluster was not ACTIVE.")),
    (
        "put_cluster_capacity_providers",
        {"cluster": "gone", "capacityProviders": [], "defaultCapacityProviderStrategy": []},
        Refusal("ClientException", 400, "Cluster was not ACTIVE."),
    ),
    ("tag_resource", {"resourceArn": "x", "tags": TAGS}, invalid("The ARN provided is invalid.")),
    ("tag_resource", {"resourceArn": f"{HOME}missing", "tags": TAGS}, NOT_FOUND),
    (
        "list_tags_for_resource",
        {"resourceArn": f"{HOME}gone"},
        invalid("The specified cluster is inactive. Specify an active cluster and try again."),
    ),
]


@pytest.mark.parametrize(("call", "parameters", "expected"), CASES)
def test_refusals(stead: Any, call: str, parameters: dict[str, Any], expected: Refusal) -> None:
    ecs, elsewhere = stead.client("ecs"), stead.client("ecs", region="eu-west-1")
    elsewhere.create_cluster(clusterName="stands")
    ecs.create_cluster(clusterName="gone")
    ecs.delete_cluster(cluster="gone")
    assert refusal(getattr(ecs, call), **parameters) == expected
    assert ecs.list_clusters()["clusterArns"] == []
    assert elsewhere.list_clusters()["clusterArns"] == [ELSEWHERE]


def test_updates(stead: Any) -> None:
    ecs = stead.client("ecs")
    ecs.create_cluster(clusterName="c", tags=TAGS)
    configuration = {"executeCommandConfiguration": {"logging": "NONE"}}
    updated = ecs.update_cluster(cluster="c", settings=ENABLED, configuration=configuration)["cluster"]
    assert (updated["settings"], updated["configuration"], updated["attachments"]) == (ENABLED, configuration, [])
    assert (updated["tags"], updated["statistics"]) == ([], [])  # recorded
    kept = ecs.update_cluster_settings(cluster="c", settings=DISABLED)["cluster"]
    assert (kept["settings"], kept["configuration"]) == (DISABLED, configuration)
    strategy = [{"capacityProvider": "FARGATE", "weight": 1}]
    put = ecs.put_cluster_capacity_providers(cluster="c", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=strategy)[
        "cluster"
    ]
    assert put["capacityProviders"] == ["FARGATE"]
    assert put["defaultCapacityProviderStrategy"] == [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}]  # base: recorded


@pytest.mark.both_stores
def test_tags_have_case(stead: Any) -> None:
    ecs = stead.client("ecs")
    arn = ecs.create_cluster(clusterName="c", tags=TAGS)["cluster"]["clusterArn"]
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "team", "value": ""}, {"key": "Team", "value": "red"}])
    assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "Team", "value": "red"}, {"key": "team", "value": ""}]
    ecs.untag_resource(resourceArn=arn, tagKeys=["Team", "absent"])
    assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "team", "value": ""}]
    many = [{"key": str(number), "value": "v"} for number in range(50)]
    assert refusal(ecs.tag_resource, resourceArn=arn, tags=many).code == "InvalidParameterException"
    assert len(ecs.list_tags_for_resource(resourceArn=arn)["tags"]) == 1


def denied(action: str, resource: str) -> Refusal:
    reason = f"because no identity-based policy allows the {action} action"
    text = f"User: arn:aws:iam::{ACCOUNT}:user/alice is not authorized to perform: {action} on resource: {resource} {reason}"
    return Refusal("AccessDeniedException", 400, text)


def test_each_call_is_authorized_on_its_cluster(stead: Any) -> None:
    root = stead.client("ecs")
    root.create_cluster(clusterName="mine", tags=TAGS)
    key = stead.user(
        "alice",
        allow(["ecs:Describe*", "ecs:CreateCluster"], f"{HOME}mine*"),
        allow("ecs:DeleteCluster", Condition={"StringEquals": {"ecs:ResourceTag/Team": "blue"}}),
        allow("ecs:TagResource", Condition={"StringEquals": {"ecs:CreateAction": "CreateCluster", "aws:RequestTag/cost": "1"}}),
    )
    ecs = stead.client("ecs", key)
    assert only(ecs.describe_clusters(clusters=["mine"]))["status"] == "ACTIVE"
    assert refusal(ecs.describe_clusters, clusters=["mine", "other"]) == denied("ecs:DescribeClusters", f"{HOME}other")
    assert refusal(ecs.list_clusters) == denied("ecs:ListClusters", "*")
    assert refusal(ecs.create_cluster, clusterName="mine-2", tags=TAGS) == denied("ecs:TagResource", f"{HOME}mine-2")
    assert ecs.create_cluster(clusterName="mine-2", tags=[{"key": "cost", "value": "1"}])["cluster"]["status"] == "ACTIVE"
    assert refusal(ecs.delete_cluster, cluster="mine-2") == denied("ecs:DeleteCluster", f"{HOME}mine-2")
    assert ecs.delete_cluster(cluster="mine")["cluster"]["status"] == "INACTIVE"


def test_capacity_providers_are_condition_keys(stead: Any) -> None:
    wanted = {"ForAllValues:StringLike": {"ecs:capacity-provider": "*/FARGATE_SPOT"}, "Null": {"ecs:capacity-provider": "false"}}
    ecs = stead.client("ecs", stead.user("alice", allow("ecs:CreateCluster", Condition=wanted), allow("iam:CreateServiceLinkedRole")))
    assert ecs.create_cluster(clusterName="c", capacityProviders=["FARGATE_SPOT"])["cluster"]["status"] == "ACTIVE"
    assert refusal(ecs.create_cluster, clusterName="d", capacityProviders=["FARGATE"]) == denied("ecs:CreateCluster", f"{HOME}d")
