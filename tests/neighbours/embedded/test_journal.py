"""What the journal brings back: the same ids and addresses, what overlays keep, intents; and what it leaves out."""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from support.neighbours import ECS

from stead.neighbours.embedded.overlays.interface_permissions import HOST_ACCOUNT

if TYPE_CHECKING:
    from pathlib import Path

    from support.neighbours import Embedded

EXEC = {"Target": "ecs:c_t_r", "DocumentName": "AmazonECS-ExecuteInteractiveCommand"}


class Busy:
    """Something of everything, made in one go."""

    def __init__(self, embedded: Embedded) -> None:
        self.call = call = embedded.call
        call("ec2", "DescribeVpcs", region="us-west-2")  # the first call of a Region is a read, which is not journaled
        self.vpc = call("ec2", "CreateVpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = call("ec2", "CreateSubnet", VpcId=self.vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        self.kept, self.gone = self.interface("kept"), self.interface("gone")
        permission = self.permit(self.kept)
        self.permit(self.gone)
        embedded.later(1)
        self.group = call("elbv2", "CreateTargetGroup", Name="web", Protocol="HTTP", Port=80, VpcId=self.vpc, TargetType="ip")
        self.arn = self.group["TargetGroups"][0]["TargetGroupArn"]
        call("elbv2", "RegisterTargets", TargetGroupArn=self.arn, Targets=[{"Id": "10.0.1.9", "Port": 80}])
        call("ssm", "StartSession", requester=ECS, **EXEC)
        call("servicediscovery", "CreatePrivateDnsNamespace", Name="web.local", Vpc=self.vpc)
        call("logs", "CreateLogGroup", logGroupName="/aws/ecs/x")
        self.permission = permission

    def interface(self, name: str) -> str:
        asked = {"SubnetId": self.subnet, "Description": name}
        made = self.call("ec2", "CreateNetworkInterface", requester=ECS, intent=f"{name}/create", **asked)["NetworkInterface"]
        self.call("ec2", "CreateTags", requester=ECS, Resources=[made["NetworkInterfaceId"]], Tags=[{"Key": "k", "Value": "v"}])
        return str(made["NetworkInterfaceId"])

    def permit(self, interface: str) -> str:
        asked = {"NetworkInterfaceId": interface, "AwsAccountId": HOST_ACCOUNT, "Permission": "INSTANCE-ATTACH"}
        given = self.call("ec2", "CreateNetworkInterfacePermission", requester=ECS, **asked)["InterfacePermission"]
        return str(given["NetworkInterfacePermissionId"])

    def unmake(self, interface: str) -> None:
        which = {"Filters": [{"Name": "network-interface-permission.network-interface-id", "Values": [interface]}]}
        (held,) = self.call("ec2", "DescribeNetworkInterfacePermissions", **which)["NetworkInterfacePermissions"]
        permission = held["NetworkInterfacePermissionId"]
        self.call("ec2", "DeleteNetworkInterfacePermission", requester=ECS, NetworkInterfacePermissionId=permission)
        self.call("ec2", "DeleteNetworkInterface", requester=ECS, NetworkInterfaceId=interface)

    def seen(self) -> list[Any]:
        """Everything that can be asked."""
        return [
            self.call("ec2", "DescribeVpcs", region="us-west-2"),
            self.call("ec2", "DescribeSubnets"),
            self.call("ec2", "DescribeNetworkInterfaces"),
            self.call("ec2", "DescribeNetworkInterfacePermissions"),
            self.call("elbv2", "DescribeTargetGroups"),
            self.call("elbv2", "DescribeTargetHealth", TargetGroupArn=self.arn),
            self.call("ssm", "DescribeSessions", State="Active"),
            self.call("servicediscovery", "ListNamespaces"),
            self.call("route53", "ListHostedZones"),
            self.call("logs", "DescribeLogGroups"),
        ]


def entries(path: Path) -> int:
    with sqlite3.connect(path) as db:
        count: int = db.execute("SELECT count(*) FROM journal").fetchone()[0]
    db.close()
    return count


def test_a_restart_changes_nothing(embedded: Embedded, caplog: pytest.LogCaptureFixture) -> None:
    busy = Busy(embedded)
    before = busy.seen()
    embedded.restart()
    assert busy.seen() == before
    assert caplog.records == []


def test_compaction_forgets_what_is_gone_and_nothing_else(embedded: Embedded, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    busy = Busy(embedded)
    full = entries(tmp_path / "neighbours.db")
    busy.unmake(busy.gone)
    assert entries(tmp_path / "neighbours.db") == full - 3  # created, tagged, permitted
    before = busy.seen()
    embedded.restart()
    assert busy.seen() == before
    assert caplog.records == []
    fresh = busy.interface("fresh")
    assert fresh not in (busy.kept, busy.gone)  # no seed is used twice


def test_an_intent_is_answered_once(embedded: Embedded) -> None:
    busy = Busy(embedded)
    asked = {"SubnetId": busy.subnet, "Description": "kept"}
    for _ in range(2):
        again = embedded.call("ec2", "CreateNetworkInterface", requester=ECS, intent="kept/create", **asked)["NetworkInterface"]
        assert again["NetworkInterfaceId"] == busy.kept
        embedded.restart()
    assert (
        len(
            embedded.call("ec2", "DescribeNetworkInterfaces", Filters=[{"Name": "subnet-id", "Values": [busy.subnet]}])["NetworkInterfaces"]
        )
        == 2
    )


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE journal SET request = substr(request, 1, 40) WHERE intent = 'kept/create'",
        "UPDATE journal SET seed = 'one' WHERE intent = 'kept/create'",
        "UPDATE journal SET reply = NULL WHERE intent = 'kept/create'",
        "UPDATE journal SET answer = x'00' WHERE intent = 'kept/create'",
        "UPDATE journal SET digest = x'ff' WHERE intent = 'kept/create'",
    ],
)
def test_a_damaged_entry_is_reported_and_left_out(
    embedded: Embedded, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    busy = Busy(embedded)
    with sqlite3.connect(tmp_path / "neighbours.db") as db:
        assert db.execute(damage).rowcount == 1
    db.close()
    embedded.restart()
    assert "of the neighbours' journal is damaged and left out" in caplog.text
    shown = {one["Description"] for one in embedded.call("ec2", "DescribeNetworkInterfaces")["NetworkInterfaces"]}
    assert shown == {"gone"}
    again = embedded.call("ec2", "CreateNetworkInterface", intent="kept/create", SubnetId=busy.subnet)["NetworkInterface"]
    assert again["NetworkInterfaceId"] != busy.kept  # its intent is free again


def test_what_another_moto_answers_otherwise_is_reported(embedded: Embedded, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    embedded.call("ec2", "CreateVpc", CidrBlock="10.0.0.0/16")
    embedded.call("ec2", "CreateVpc", CidrBlock="10.1.0.0/16")
    with sqlite3.connect(tmp_path / "neighbours.db") as db:
        db.execute("UPDATE journal SET moto = '1.0'")
        db.execute("DELETE FROM journal WHERE number = 1")
    db.close()
    embedded.call("ec2", "CreateSubnet", VpcId=embedded.call("ec2", "DescribeVpcs")["Vpcs"][-1]["VpcId"], CidrBlock="10.1.0.0/24")
    with sqlite3.connect(tmp_path / "neighbours.db") as db:
        db.execute("DELETE FROM journal WHERE number = 2")
    db.close()
    caplog.set_level(logging.WARNING)
    embedded.restart()
    assert "(ec2:CreateSubnet, moto " in caplog.text
    assert "was answered otherwise when played again" in caplog.text


def test_refused_calls_are_not_kept(embedded: Embedded, tmp_path: Path) -> None:
    embedded.refused("ec2", "DeleteSubnet", SubnetId="subnet-0")
    assert entries(tmp_path / "neighbours.db") == 0


def test_all_can_be_forgotten(embedded: Embedded) -> None:
    busy = Busy(embedded)
    embedded.server.forget()
    assert embedded.call("ec2", "DescribeNetworkInterfaces")["NetworkInterfaces"] == []
    assert embedded.refused("ec2", "DescribeSubnets", SubnetIds=[busy.subnet])[0] == "InvalidSubnetID.NotFound"
    assert embedded.call("ssm", "DescribeSessions", State="Active")["Sessions"] == []
