"""Neighbours of a real Stead: one child for all workers, that ends with them and loses nothing; or another endpoint; or none."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError
from support.clients import boto3_session
from support.documents import allow
from support.process import KEY_ID, SECRET, alive, children, until

if TYPE_CHECKING:
    from support.process import Running

CHILD = b"stead.neighbours.embedded.child"
CHILD_SECONDS = 60  # moto is large, and the machine may be busy
REGION = "eu-west-1"
ROUNDS, CLIENTS, EACH = 2, 3, 12


def childs(running: Running) -> list[int]:
    """The children of workers: the one that serves, and those that wait for its place."""
    of_workers = [pid for worker in running.workers() for pid in children(worker)]
    return [pid for pid in of_workers if CHILD in Path(f"/proc/{pid}/cmdline").read_bytes()]


def serving(running: Running) -> list[int]:
    """The one that has loaded moto: it is the large one."""
    return [pid for pid in childs(running) if _resident_kib(pid) > 80_000]


def _resident_kib(pid: int) -> int:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1])
    return 0


def vpcs(running: Running) -> set[str]:
    """Their address ranges, asked until somebody answers."""

    def ask() -> Any:
        with contextlib.suppress(ClientError, HTTPClientError):
            listed = running.client("ec2", region=REGION).describe_vpcs()["Vpcs"]
            return {one["CidrBlock"] for one in listed}
        return None

    found: set[str] = until(ask, CHILD_SECONDS)
    return found


def test_workers_share_one_child_and_outlive_its_parent(start: Any) -> None:
    running = start("--ephemeral", "--workers", "2")
    running.client("ec2", region=REGION).create_vpc(CidrBlock="10.0.0.0/16")
    with ThreadPoolExecutor(8) as pool:  # enough connections that both workers were asked
        seen = list(pool.map(lambda _: vpcs(running), range(24)))
    assert all("10.0.0.0/16" in one for one in seen)
    (child,) = serving(running)
    (parent,) = [worker for worker in running.workers() if child in children(worker)]
    os.kill(parent, signal.SIGKILL)
    until(lambda: not alive(child), CHILD_SECONDS)
    assert "10.0.0.0/16" in vpcs(running)
    everybody = childs(running)
    running.kill()
    until(lambda: not any(alive(pid) for pid in everybody), CHILD_SECONDS)


def test_the_child_ends_with_an_orderly_stop(start: Any) -> None:
    running = start("--ephemeral")
    vpcs(running)
    (child,) = serving(running)
    assert running.stop() == 0
    until(lambda: not alive(child))
    assert "Traceback" not in running.complained()


def test_a_child_killed_at_work_loses_nothing_that_was_answered(start: Any) -> None:
    running = start("--ephemeral", "--workers", "2")
    vpcs(running)
    chance = random.Random(20261124)
    made: list[str] = []

    def work(client: int) -> None:
        ec2 = running.client("ec2", region=REGION)
        for number in range(EACH):
            block = f"10.{client}.{number * 16}.0/28"
            with contextlib.suppress(ClientError, EndpointConnectionError, HTTPClientError):  # may have been done: not acknowledged
                ec2.create_vpc(CidrBlock=block)
                made.append(block)

    for turn in range(ROUNDS):
        with ThreadPoolExecutor(CLIENTS) as pool:
            ends = [pool.submit(work, turn * CLIENTS + client) for client in range(CLIENTS)]
            aim = len(made) + chance.randrange(1, 2 * EACH)
            until(lambda aim=aim, ends=ends: len(made) >= aim or all(end.done() for end in ends), CHILD_SECONDS)
            for child in serving(running):
                os.kill(child, signal.SIGKILL)
        for end in ends:
            end.result()
    assert len(made) >= EACH
    listed = running.client("ec2", region=REGION).describe_vpcs()["Vpcs"] if vpcs(running) else []
    blocks = [one["CidrBlock"] for one in listed]
    assert [block for block in made if blocks.count(block) != 1] == []
    assert "was answered otherwise" not in running.complained()
    assert "Traceback" not in running.complained()


def test_the_same_after_a_restart(start: Any, tmp_path: Path) -> None:
    """In a directory whose path is longer than a socket's may be."""
    data = tmp_path / ("long" * 30) / "data"
    running = start("--data-dir", str(data))
    ec2 = running.client("ec2", region=REGION)
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]  # of the default VPC, which no call made
    ec2.create_network_interface(SubnetId=subnet)
    made = ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert (data / "neighbours.sock").stat().st_mode & 0o077 == 0
    assert (data / "neighbours.db").stat().st_mode & 0o077 == 0
    running.kill()
    again = start("--data-dir", str(data), env={"AWS_PROFILE": "nobody", "MOTO_ACCOUNT_ID": "999999999999"}).client("ec2", region=REGION)
    assert again.describe_network_interfaces()["NetworkInterfaces"] == made


def test_a_reset_empties_them_and_their_time_is_steads(start: Any) -> None:
    running = start("--ephemeral")
    logs = running.client("logs", region=REGION)
    logs.create_log_group(logGroupName="one")
    assert running.ask("POST", "/_stead/clock", b'{"advance": 86400}')[0] == 200
    logs.create_log_group(logGroupName="two")
    first, second = (group["creationTime"] for group in logs.describe_log_groups()["logGroups"])
    assert 86_400_000 <= second - first < 86_400_000 + CHILD_SECONDS * 1000
    assert running.ask("POST", "/_stead/reset")[0] == 200
    assert logs.describe_log_groups()["logGroups"] == []


def test_none_says_so(start: Any) -> None:
    running = start("--ephemeral", "--neighbours", "none")
    with pytest.raises(ClientError) as error:
        running.client("ec2", region=REGION).describe_vpcs()
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert "Stead was started with --neighbours none" in str(error.value)
    assert childs(running) == []


def test_another_stead_as_the_neighbour(start: Any, tmp_path: Path) -> None:
    """Signed with the file's credentials alone: a session's own token would be refused there."""
    behind = start("--ephemeral")
    (tmp_path / "neighbour").write_text(f"[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n")
    where = ("--neighbours", behind.url, "--neighbours-credentials", str(tmp_path / "neighbour"))
    front = start("--ephemeral", *where, env={"AWS_ACCESS_KEY_ID": "AKIASURROUNDINGS", "AWS_SECRET_ACCESS_KEY": "wrong"})
    iam = front.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    iam.put_role_policy(RoleName="reader", PolicyName="p", PolicyDocument=allow("ec2:*"))
    iam.create_user(UserName="alice")
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=allow("sts:AssumeRole"))
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    alice = front.client("sts", (key["AccessKeyId"], key["SecretAccessKey"]))
    given = alice.assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="reading")["Credentials"]
    session = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    front.client("ec2", session, REGION).create_vpc(CidrBlock="10.9.0.0/16")
    assert "10.9.0.0/16" in vpcs(behind)
    with pytest.raises(ClientError, match="elasticloadbalancing:DescribeLoadBalancers"):
        front.client("elbv2", session, REGION).describe_load_balancers()
    with pytest.raises(ClientError, match="InvalidSubnetID"):
        front.client("ec2", session, REGION).describe_subnets(SubnetIds=["subnet-0"])
    assert childs(front) == []


def test_no_bytes_to_a_neighbour_are_an_internal_error(start: Any) -> None:
    """Signed requests with any body: a 4xx, or 501 where moto gives up; never 500, nor a silent end."""
    running = start("--ephemeral")
    vpcs(running)
    chance = random.Random(20261125)
    seen: dict[int, int] = {}
    for _ in range(150):
        status = _odd_call(running, chance)
        seen[status] = seen.get(status, 0) + 1
    assert not set(seen) & {500, 502, 503, 504}, seen
    assert "10.0.0.0/16" not in vpcs(running)


ODD = (
    ("ec2", "CreateNetworkInterface", {"SubnetId": "%", "PrivateIpAddress": "%"}),
    ("ec2", "CreateNetworkInterfacePermission", {"NetworkInterfaceId": "%", "AwsAccountId": "%", "Permission": "%"}),
    ("ec2", "DescribeNetworkInterfaces", {"Filters": [{"Name": "%", "Values": ["%"]}]}),
    ("elbv2", "DescribeTargetHealth", {"TargetGroupArn": "%"}),
    ("elbv2", "CreateTargetGroup", {"Name": "%", "Protocol": "%", "Port": 80}),
    ("elb", "DescribeInstanceHealth", {"LoadBalancerName": "%"}),
    ("autoscaling", "PutScalingPolicy", {"AutoScalingGroupName": "%", "PolicyName": "%", "PolicyType": "%"}),
    ("autoscaling-plans", "DescribeScalingPlans", {"NextToken": "%"}),
    ("servicediscovery", "RegisterInstance", {"ServiceId": "%", "InstanceId": "%", "Attributes": {"%": "%"}}),
    ("route53", "GetHostedZone", {"Id": "%"}),
    ("logs", "PutRetentionPolicy", {"logGroupName": "%", "retentionInDays": 2}),
    ("ssm", "StartSession", {"Target": "%", "DocumentName": "%"}),
    ("events", "PutRule", {"Name": "%", "ScheduleExpression": "%"}),
    ("cloudwatch", "PutMetricAlarm", {"AlarmName": "%", "ComparisonOperator": "%", "EvaluationPeriods": 1}),
)


def _odd_call(running: Running, chance: random.Random) -> int:
    service, operation, parameters = chance.choice(ODD)
    odd = "".join(chance.choice("aZ9-_/:%&=<>'\"{}[]\\ \t\u00e9\u4e2d\U0001f600\u0000arn") for _ in range(chance.randrange(1, 40)))
    config = Config(retries={"max_attempts": 0}, parameter_validation=False, read_timeout=CHILD_SECONDS)
    client: Any = boto3_session((KEY_ID, SECRET), REGION).client(service, endpoint_url=running.url, config=config)  # type: ignore[call-overload]
    try:
        answer = client._make_api_call(operation, _filled(parameters, odd))
    except ClientError as error:
        answer = error.response
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


def _filled(value: Any, odd: str) -> Any:
    if isinstance(value, dict):
        return {odd if name == "%" else name: _filled(item, odd) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, odd) for item in value]
    return odd if value == "%" else value
