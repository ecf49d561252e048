"""awsvpc: the task's network interface (ecs-on-your-behalf.md 1.1, 2).

Created in the task's subnet with the attachment's ARN as its description, tagged, then permitted to the account that Fargate's hosts are in, or
attached to the container instance; followed until it has an address; in reverse when the task ends. ``work["interface"]`` remembers ids. An
interface whose creation was asked for and whose id is not known is looked for by its description, so that nothing leaks.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from stead.controllers.ecs.behalf import Refused
from stead.services.ecs.task_rows import SESSION

if TYPE_CHECKING:
    from stead.aws.call import Parameters, Result
    from stead.controllers.ecs.behalf import Behalf
    from stead.controllers.ecs.pace import Pace
    from stead.controllers.ecs.task import Task, Wait

# The account that requested the recorded interfaces in us-east-1; that of other Regions is not known.
FARGATE_ACCOUNT = "578734482556"
_FIRST_INDEX = 1  # 0 is the instance's own interface
# In the order of ecs-on-your-behalf.md 2.2: the detail, and EC2's member for it.
_DETAILS = (
    ("subnetId", "SubnetId"),
    ("networkInterfaceId", "NetworkInterfaceId"),
    ("macAddress", "MacAddress"),
    ("privateDnsName", "PrivateDnsName"),
    ("privateIPv4Address", "PrivateIpAddress"),
)
_WORDS = {
    "ec2:CreateNetworkInterface": "Create Network Interface",
    "ec2:CreateTags": "Create Tags",
    "ec2:CreateNetworkInterfacePermission": "Create Network Interface Permission",
    "ec2:AttachNetworkInterface": "Attach Network Interface",
    "ec2:DetachNetworkInterface": "Detach Network Interface",
    "ec2:DeleteNetworkInterfacePermission": "Delete Network Interface Permission",
    "ec2:DeleteNetworkInterface": "Delete Network Interface",
}
UNABLE_TO_ASSUME = "Unable to assume the service linked role. Please verify that the ECS service linked role exists."


class NetworkInterfaces:
    """Implements ``task.Workflow`` for PROVISIONING and DEPROVISIONING."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    def concerns(self, task: Task) -> bool:
        """Only awsvpc tasks have an attachment."""
        return task.attachment() is not None

    def enter(self, behalf: Behalf, task: Task) -> Wait:
        """Create, tag, permit or attach, then see it in use."""
        made, attachment = _made(task), task.attachment()
        assert attachment is not None
        if left := task.wait("before_interface", self._pace.before_interface):
            return left
        _create(behalf, task, made)
        _tag(behalf, task, made)
        (_attach if task.work["ec2_instance_id"] else _permit)(behalf, task, made)
        attachment["status"] = "ATTACHING"
        if left := task.wait("attaching", self._pace.attaching):
            return left
        _show(task, attachment, _described(behalf, task, NetworkInterfaceIds=[made["id"]]))
        return task.wait("attached", self._pace.attached) or None

    def follow(self, behalf: Behalf, task: Task) -> Wait:
        """Nothing: nobody but ECS can change it (ecs-on-your-behalf.md 2.3)."""

    def leave(self, behalf: Behalf, task: Task) -> Wait:
        """Detach, take the permission back, delete."""
        made, attachment = _made(task), task.attachment()
        assert attachment is not None
        if _may_be_there(made) and (left := task.wait("before_delete", self._pace.before_delete)):
            return left
        if _find(behalf, task, made):
            attachment["status"] = "DETACHING"
            _detach(behalf, task, made)
            _forbid(behalf, task, made)
            _delete(behalf, task, made)
        attachment["status"] = "DELETED"
        return None

    def why(self, task: Task, refused: Refused) -> str:
        """The stopped reason; its form is reported for the creation, and inferred for the rest."""
        if refused.code in {"RoleMissing", "AccessDenied"}:  # EC2 refuses in another word, so it was the session
            return UNABLE_TO_ASSUME
        words = _WORDS.get(refused.operation, refused.operation)
        if refused.operation == "ec2:CreateNetworkInterface":
            public = (task.work["network"].get("assignPublicIp") or "DISABLED").lower()
            words += f" with public IP assignment {public} in subnet '{_subnet(task)}'"
        return f"Unexpected EC2 error while attempting to {words}: {refused.code}"


def _made(task: Task) -> dict[str, Any]:
    made: dict[str, Any] = task.work.setdefault("interface", {})
    return made


def _call(behalf: Behalf, task: Task, operation: str, parameters: Parameters, *, step: str = "") -> Result:
    attachment = task.attachment()
    assert attachment is not None
    intent = f"{attachment['id']}/{step}" if step else ""
    return behalf.call(task.where, SESSION, "ec2", operation, parameters, intent=intent)


def _arn(task: Task) -> str:
    attachment = task.attachment()
    assert attachment is not None
    return f"arn:aws:ecs:{task.where.region}:{task.where.account_id}:attachment/{attachment['id']}"


def _subnet(task: Task) -> str:
    attachment = task.attachment()
    assert attachment is not None
    return str(attachment["details"][0]["value"])


def _create(behalf: Behalf, task: Task, made: dict[str, Any]) -> None:
    if "id" in made:
        return
    description = _arn(task)
    asked = {
        "SubnetId": _subnet(task),
        "Description": description,
        "ClientToken": task.task_id + description.rpartition("/")[2].replace("-", ""),  # recorded
    }
    groups = task.work["network"].get("securityGroups")
    try:
        answer = _call(behalf, task, "CreateNetworkInterface", {**asked, "Groups": groups} if groups else asked, step="create")
    except Refused:
        made["refused"] = True  # so there is nothing to look for
        raise
    made["id"] = answer["NetworkInterface"]["NetworkInterfaceId"]


def _tag(behalf: Behalf, task: Task, made: dict[str, Any]) -> None:
    """Managed tags only; the task's own are not copied (ecs-on-your-behalf.md 2.3)."""
    if made.get("tagged") or not task.work["managed_tags"]:
        return
    tags = [{"Key": key, "Value": value} for key, value in task.work["managed_tags"].items()]
    _call(behalf, task, "CreateTags", {"Resources": [made["id"]], "Tags": tags}, step="tag")
    made["tagged"] = True


def _permit(behalf: Behalf, task: Task, made: dict[str, Any]) -> None:
    if "permission" in made:
        return
    asked = {"NetworkInterfaceId": made["id"], "AwsAccountId": FARGATE_ACCOUNT, "Permission": "INSTANCE-ATTACH"}
    answer = _call(behalf, task, "CreateNetworkInterfacePermission", asked, step="permit")
    made["permission"] = answer["InterfacePermission"]["NetworkInterfacePermissionId"]


def _attach(behalf: Behalf, task: Task, made: dict[str, Any]) -> None:
    if "attachment" in made:
        return
    instance = task.work["ec2_instance_id"]
    on_it = _call(behalf, task, "DescribeNetworkInterfaces", {"Filters": [{"Name": "attachment.instance-id", "Values": [instance]}]})
    taken = {one["Attachment"].get("DeviceIndex", 0) for one in on_it["NetworkInterfaces"] if one.get("Attachment")}
    index = next(number for number in range(_FIRST_INDEX, len(taken) + _FIRST_INDEX + 1) if number not in taken)
    asked = {"InstanceId": instance, "DeviceIndex": index, "NetworkInterfaceId": made["id"]}
    made["attachment"] = _call(behalf, task, "AttachNetworkInterface", asked, step="attach")["AttachmentId"]


def _described(behalf: Behalf, task: Task, **which: Any) -> dict[str, Any] | None:
    found: list[dict[str, Any]] = _call(behalf, task, "DescribeNetworkInterfaces", which).get("NetworkInterfaces") or []
    return found[0] if found else None


def _show(task: Task, attachment: dict[str, Any], interface: dict[str, Any] | None) -> None:
    """What DescribeTasks then says (ecs-on-your-behalf.md 2.1, 2.2)."""
    assert interface is not None  # EC2 refuses an id that it does not know
    attachment["details"] = [{"name": name, "value": interface[member]} for name, member in _DETAILS if interface.get(member)]
    attachment["status"] = "ATTACHED"
    task.document.setdefault("connectivity", "CONNECTED")
    task.document.setdefault("connectivityAt", task.now)
    task.document.setdefault("availabilityZone", interface.get("AvailabilityZone"))
    address = {"attachmentId": attachment["id"], "privateIpv4Address": interface["PrivateIpAddress"]}
    for container in task.document["containers"]:
        container["networkInterfaces"] = [address]


def _may_be_there(made: dict[str, Any]) -> bool:
    return "id" in made or not made.get("refused")


def _find(behalf: Behalf, task: Task, made: dict[str, Any]) -> bool:
    """Whether there is an interface to unmake; its id is known then."""
    if "id" not in made and not made.get("refused"):
        found = _described(behalf, task, Filters=[{"Name": "description", "Values": [_arn(task)]}])
        if found is not None:
            made["id"] = found["NetworkInterfaceId"]
    return "id" in made


def _detach(behalf: Behalf, task: Task, made: dict[str, Any]) -> None:
    if not task.work["ec2_instance_id"] or made.get("detached"):
        return
    if "attachment" not in made:
        _find_attachment(behalf, task, made)
    if made.get("attachment"):
        _unmake(partial(_call, behalf, task, "DetachNetworkInterface", {"AttachmentId": made["attachment"]}, step="detach"))
    made["detached"] = True


def _find_attachment(behalf: Behalf, task: Task, made: dict[str, Any]) -> None:
    interface = _described(behalf, task, Filters=[{"Name": "network-interface-id", "Values": [made["id"]]}])
    made["attachment"] = ((interface or {}).get("Attachment") or {}).get("AttachmentId", "")


def _forbid(behalf: Behalf, task: Task, made: dict[str, Any]) -> None:
    if task.work["ec2_instance_id"] or made.get("forbidden"):
        return
    if "permission" not in made:
        _find_permission(behalf, task, made)
    if made.get("permission"):
        asked = {"NetworkInterfacePermissionId": made["permission"]}
        _unmake(partial(_call, behalf, task, "DeleteNetworkInterfacePermission", asked, step="forbid"))
    made["forbidden"] = True


def _find_permission(behalf: Behalf, task: Task, made: dict[str, Any]) -> None:
    which = {"Filters": [{"Name": "network-interface-permission.network-interface-id", "Values": [made["id"]]}]}
    found = _call(behalf, task, "DescribeNetworkInterfacePermissions", which).get("NetworkInterfacePermissions") or []
    made["permission"] = found[0]["NetworkInterfacePermissionId"] if found else ""


def _delete(behalf: Behalf, task: Task, made: dict[str, Any]) -> None:
    _unmake(partial(_call, behalf, task, "DeleteNetworkInterface", {"NetworkInterfaceId": made["id"]}, step="delete"))


def _unmake(call: Any) -> None:
    """Something that is gone already was unmade before."""
    try:
        call()
    except Refused as refused:
        if not refused.code.endswith(".NotFound"):
            raise
