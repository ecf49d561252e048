"""Interfaces that a service requested, their permissions, and what they hold (ecs-on-your-behalf.md 2.3, recorded)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.neighbours import ECS

from stead.neighbours.embedded.overlays.interface_permissions import HOST_ACCOUNT

if TYPE_CHECKING:
    from support.neighbours import Embedded

NOT_YOURS = ("AuthFailure", "You do not have permission to access the specified resource.")


class Network:
    """A VPC, a subnet and a group, and an interface that ECS requested in them."""

    def __init__(self, embedded: Embedded) -> None:
        self.call = embedded.call
        self.vpc = self.call("ec2", "CreateVpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.call("ec2", "CreateSubnet", VpcId=self.vpc, CidrBlock="10.0.1.0/28")["Subnet"]["SubnetId"]
        self.group = self.call("ec2", "CreateSecurityGroup", GroupName="web", Description="web", VpcId=self.vpc)["GroupId"]
        asked = {"SubnetId": self.subnet, "Groups": [self.group], "Description": "arn:aws:ecs:eu-west-1:123456789012:attachment/a"}
        self.made = self.call("ec2", "CreateNetworkInterface", requester=ECS, **asked)["NetworkInterface"]
        self.id = self.made["NetworkInterfaceId"]

    def permit(self) -> str:
        """Give Fargate's account the interface; the permission's id."""
        asked = {"NetworkInterfaceId": self.id, "AwsAccountId": HOST_ACCOUNT, "Permission": "INSTANCE-ATTACH"}
        given = self.call("ec2", "CreateNetworkInterfacePermission", requester=ECS, **asked)["InterfacePermission"]
        assert given["PermissionState"]["State"] == "granted"
        return str(given["NetworkInterfacePermissionId"])

    def shown(self) -> Any:
        """As DescribeNetworkInterfaces shows it."""
        return self.call("ec2", "DescribeNetworkInterfaces", NetworkInterfaceIds=[self.id])["NetworkInterfaces"][0]


@pytest.fixture
def network(embedded: Embedded) -> Network:
    return Network(embedded)


def test_marked_as_requested_by_a_service(network: Network) -> None:
    for shown in (network.made, network.shown()):
        assert shown["RequesterManaged"] is True
        assert shown["RequesterId"] == "578734482556"
        assert (shown["Status"], shown["InterfaceType"], shown["SourceDestCheck"]) == ("available", "interface", True)


def test_a_customers_own_is_not(network: Network) -> None:
    assert network.call("ec2", "CreateNetworkInterface", SubnetId=network.subnet)["NetworkInterface"]["RequesterManaged"] is False


def test_attached_by_a_host_of_fargates_once_permitted(network: Network) -> None:
    network.permit()
    attachment = network.shown()["Attachment"]
    assert "InstanceId" not in attachment
    assert attachment["AttachmentId"].startswith("eni-attach-")
    assert {name: attachment[name] for name in ("DeviceIndex", "NetworkCardIndex", "InstanceOwnerId", "DeleteOnTermination", "Status")} == {
        "DeviceIndex": 1,
        "NetworkCardIndex": 0,
        "InstanceOwnerId": HOST_ACCOUNT,
        "DeleteOnTermination": False,
        "Status": "attached",
    }
    assert network.shown()["Status"] == "in-use"


def test_let_go_when_the_permission_is_taken_back(network: Network) -> None:
    permission = network.permit()
    described = network.call("ec2", "DescribeNetworkInterfacePermissions", NetworkInterfacePermissionIds=[permission])
    assert [one["NetworkInterfaceId"] for one in described["NetworkInterfacePermissions"]] == [network.id]
    network.call("ec2", "DeleteNetworkInterfacePermission", requester=ECS, NetworkInterfacePermissionId=permission)
    assert "Attachment" not in network.shown()
    assert network.call("ec2", "DescribeNetworkInterfacePermissions").get("NetworkInterfacePermissions", []) == []
    network.call("ec2", "DeleteNetworkInterface", requester=ECS, NetworkInterfaceId=network.id)
    network.call("ec2", "DeleteSecurityGroup", GroupId=network.group)
    network.call("ec2", "DeleteSubnet", SubnetId=network.subnet)
    network.call("ec2", "DeleteVpc", VpcId=network.vpc)


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("ModifyNetworkInterfaceAttribute", {"Description": {"Value": "mine"}}),
        ("ModifyNetworkInterfaceAttribute", {"SourceDestCheck": {"Value": False}}),
        ("AssignPrivateIpAddresses", {"SecondaryPrivateIpAddressCount": 1}),
        ("CreateNetworkInterfacePermission", {"AwsAccountId": "111122223333", "Permission": "INSTANCE-ATTACH"}),
    ],
)
def test_its_customer_cannot_change_it(embedded: Embedded, network: Network, operation: str, parameters: dict[str, Any]) -> None:
    before = network.shown()
    assert embedded.refused("ec2", operation, NetworkInterfaceId=network.id, **parameters) == NOT_YOURS
    assert network.shown() == before


def test_its_customer_can_neither_detach_nor_delete_it(embedded: Embedded, network: Network) -> None:
    assert embedded.refused("ec2", "DeleteNetworkInterface", NetworkInterfaceId=network.id) == NOT_YOURS
    network.permit()
    attachment = network.shown()["Attachment"]["AttachmentId"]
    assert embedded.refused("ec2", "DetachNetworkInterface", AttachmentId=attachment) == NOT_YOURS
    in_use = ("InvalidParameterValue", f"Network interface '{network.id}' is currently in use.")
    assert embedded.refused("ec2", "DeleteNetworkInterface", NetworkInterfaceId=network.id) == in_use
    assert embedded.refused("ec2", "DeleteNetworkInterface", requester=ECS, NetworkInterfaceId=network.id) == in_use


def test_its_customer_may_tag_it(network: Network) -> None:
    network.call("ec2", "CreateTags", Resources=[network.id], Tags=[{"Key": "team", "Value": "web"}])
    assert network.shown()["TagSet"] == [{"Key": "team", "Value": "web"}]


def test_it_holds_its_subnet_its_group_and_its_vpc(embedded: Embedded, network: Network) -> None:
    held = f"The subnet '{network.subnet}' has dependencies and cannot be deleted."
    assert embedded.refused("ec2", "DeleteSubnet", SubnetId=network.subnet) == ("DependencyViolation", held)
    held = f"resource {network.group} has a dependent object"
    assert embedded.refused("ec2", "DeleteSecurityGroup", GroupId=network.group) == ("DependencyViolation", held)
    held = f"The vpc '{network.vpc}' has dependencies and cannot be deleted."
    assert embedded.refused("ec2", "DeleteVpc", VpcId=network.vpc) == ("DependencyViolation", held)


def test_a_group_that_another_groups_rule_names_stays(embedded: Embedded, network: Network) -> None:
    other = network.call("ec2", "CreateSecurityGroup", GroupName="db", Description="db", VpcId=network.vpc)["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": other}]}
    network.call("ec2", "AuthorizeSecurityGroupIngress", GroupId=network.group, IpPermissions=[rule])
    assert embedded.refused("ec2", "DeleteSecurityGroup", GroupId=other)[0] == "DependencyViolation"
    network.call("ec2", "RevokeSecurityGroupIngress", GroupId=network.group, IpPermissions=[rule])
    network.call("ec2", "DeleteSecurityGroup", GroupId=other)


def test_every_address_of_a_subnet_is_given_once(embedded: Embedded, network: Network) -> None:
    """A /28 has 16 addresses, of which EC2 keeps 5; the network's interface has one of the rest."""
    given = {network.made["PrivateIpAddress"]}
    for _ in range(10):
        given.add(network.call("ec2", "CreateNetworkInterface", SubnetId=network.subnet)["NetworkInterface"]["PrivateIpAddress"])
    assert given == {f"10.0.1.{number}" for number in range(4, 15)}
    assert network.call("ec2", "DescribeSubnets", SubnetIds=[network.subnet])["Subnets"][0]["AvailableIpAddressCount"] == 0
    text = f"There are not enough free addresses in subnet '{network.subnet}' to satisfy the requested number of addresses."
    assert embedded.refused("ec2", "CreateNetworkInterface", SubnetId=network.subnet) == ("InsufficientFreeAddressesInSubnet", text)
    assert (
        len(
            network.call("ec2", "DescribeNetworkInterfaces", Filters=[{"Name": "subnet-id", "Values": [network.subnet]}])[
                "NetworkInterfaces"
            ]
        )
        == 11
    )


def test_an_unknown_group_is_refused_and_not_made(embedded: Embedded, network: Network) -> None:
    text = "The security group 'sg-0123' does not exist"
    assert embedded.refused("ec2", "CreateNetworkInterface", SubnetId=network.subnet, Groups=["sg-0123"]) == ("InvalidGroup.NotFound", text)


def test_on_an_instance_of_the_customers(network: Network) -> None:
    """The EC2 launch type: attached and detached by ECS with the instance's id."""
    image = network.call("ec2", "DescribeImages", Owners=["amazon"])["Images"][0]["ImageId"]
    asked = {"ImageId": image, "MinCount": 1, "MaxCount": 1, "SubnetId": network.subnet, "InstanceType": "t3.micro"}
    instance = network.call("ec2", "RunInstances", **asked)["Instances"][0]["InstanceId"]
    attached = network.call(
        "ec2", "AttachNetworkInterface", requester=ECS, NetworkInterfaceId=network.id, InstanceId=instance, DeviceIndex=1
    )
    assert network.shown()["Attachment"]["InstanceId"] == instance
    network.call("ec2", "DetachNetworkInterface", requester=ECS, AttachmentId=attached["AttachmentId"])
    network.call("ec2", "DeleteNetworkInterface", requester=ECS, NetworkInterfaceId=network.id)
    network.call("ec2", "TerminateInstances", InstanceIds=[instance])
    network.call("ec2", "DeleteSubnet", SubnetId=network.subnet)
