"""The condition keys of a request (policy-evaluation.md section 8): what is known at once, and what is read only when a policy asks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from stead.aws.arn import parse_arn
from stead.aws.call import CallerKind
from stead.aws.clock import iso_seconds
from stead.aws.models import GLOBAL_REGION, SERVICES
from stead.store.tables import tags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stead.aws.call import Call, Caller, Target
    from stead.store.engine import Reader

    Value = str | tuple[str, ...]

TAGS_OF = select(tags.c.name, tags.c.value).where(tags.c.owner == bindparam("owner")).order_by(tags.c.tag_key)
PRINCIPAL_TYPES = {CallerKind.ROOT: "Account", CallerKind.USER: "User", CallerKind.ROLE: "AssumedRole"}
_RESOURCE_TAG = "aws:resourcetag/"
# A service's own spelling of the same, by kind of resource (policy-evaluation.md 8.4, 8.6).
_ECS_RESOURCES = ("capacity-provider", "cluster", "container-instance", "service", "task", "task-definition", "task-set")
_FORWARDED_TAGS = {"autoscaling", "ec2", "elasticloadbalancing", "ssm"}  # whose resources have a spelling of their own, whatever their kind
_OWN_RESOURCE_TAG = {("iam", kind): "iam:resourcetag/" for kind in ("user", "role")} | {
    ("ecs", kind): "ecs:resourcetag/" for kind in _ECS_RESOURCES
}
_TAG_KEYS = (_RESOURCE_TAG, *set(_OWN_RESOURCE_TAG.values()), *(f"{service}:resourcetag/" for service in sorted(_FORWARDED_TAGS)))
_PRINCIPAL_TAG = "aws:principaltag/"


class RequestContext(Mapping[str, "Value"]):
    """Keys in lower case. Most policies ask for none, so nothing is gathered before the first question, and no tag read before its own."""

    def __init__(self, db: Reader, call: Call, target: Target) -> None:
        self._db = db
        self._call = call
        self._target = target
        self._gathered: dict[str, Value] | None = None
        self._lists: dict[str, dict[str, str]] = {}

    def get(self, key: str, default: Value | None = None) -> Value | None:  # type: ignore[override]  # narrower than Mapping's
        """The value of ``key`` (lower case), or None when the request has no such key."""
        found = self._known().get(key)
        if found is None:
            found = self._tag(key)
        return default if found is None else found

    def __getitem__(self, key: str) -> Value:
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())

    def snapshot(self) -> tuple[dict[str, Value], dict[str, Value], tuple[str, ...]]:
        """For the record: the call's keys, this target's own, and the prefixes of tags that no policy asked for. Reads nothing."""
        own: dict[str, Value] = dict(self._target.keys)
        unread: list[str] = []
        lists = (
            (self._target.tags_of, _tag_prefixes(self._target.arn), self._resource_tags),
            (self._call.caller.entity_id, (_PRINCIPAL_TAG,), self._principal_tags),
        )
        for owner, prefixes, read in lists:
            if owner and owner not in self._lists:
                unread.extend(prefixes)
            else:
                own.update({f"{prefix}{name}": value for name, value in read().items() for prefix in prefixes})
        return _call_keys(self._call), own, tuple(unread)

    def _known(self) -> dict[str, Value]:
        if self._gathered is None:
            self._gathered = {**_call_keys(self._call), **self._target.keys}
        return self._gathered

    def _tag(self, key: str) -> str | None:
        if key.startswith(_TAG_KEYS):
            prefix, _, name = key.partition("/")
            return self._resource_tags().get(name) if f"{prefix}/" in _tag_prefixes(self._target.arn) else None
        if key.startswith(_PRINCIPAL_TAG):
            return self._principal_tags().get(key.removeprefix(_PRINCIPAL_TAG))
        return None

    def _resource_tags(self) -> dict[str, str]:
        target = self._target
        if target.read_tags is None or target.tags_of in self._lists:
            return self._tags(target.tags_of)
        found = self._lists[target.tags_of] = {name.lower(): value for name, value in target.read_tags().items()}
        return found

    def _principal_tags(self) -> dict[str, str]:
        """The entity's tags, overlaid by the session's (policy-evaluation.md 8.1)."""
        session = self._call.caller.session
        passed = {name.lower(): value for name, value in session.tags} if session else {}
        return {**self._tags(self._call.caller.entity_id), **passed}

    def _tags(self, owner: str) -> dict[str, str]:
        found = self._lists.get(owner)
        if found is None:
            rows = self._db.all(TAGS_OF, owner=owner) if owner else []
            found = self._lists[owner] = {row.name.lower(): row.value for row in rows}
        return found


@lru_cache(maxsize=1024)
def _tag_prefixes(arn: str) -> tuple[str, ...]:
    """The spellings in which policies see the tags of the resource ``arn``."""
    parsed = parse_arn(arn)
    if parsed is not None and parsed.service in _FORWARDED_TAGS:
        return (_RESOURCE_TAG, f"{parsed.service}:resourcetag/")
    own = parsed and _OWN_RESOURCE_TAG.get((parsed.service, parsed.resource.partition("/")[0]))
    return (_RESOURCE_TAG, own) if own else (_RESOURCE_TAG,)


def _call_keys(call: Call) -> dict[str, Value]:
    """What is the same for every check of a call."""
    now = call.now
    return {
        "aws:requestedregion": GLOBAL_REGION if SERVICES[call.service].is_global else call.region,
        "aws:currenttime": iso_seconds(now),
        "aws:epochtime": str(now // 1000),
        "aws:securetransport": "false",
        "aws:resourceaccount": call.caller.account_id,
        **_principal_keys(call.caller),
        **_request_keys(call),
    }


def _request_keys(call: Call) -> dict[str, Value]:
    """What the client sent. A service that acts shows its own name, and no address: its own is none of the caller's (policy-evaluation.md 8.1)."""
    if call.caller.invoked_by:
        sent = {"aws:useragent": call.caller.invoked_by}
    else:
        sent = {"aws:useragent": call.user_agent, "aws:referer": call.referer, "aws:sourceip": call.source_ip}
    keys: dict[str, Value] = {key: value for key, value in sent.items() if value}
    if call.caller.via:
        keys.update({"aws:calledvia": call.caller.via, "aws:calledviafirst": call.caller.via[0], "aws:calledvialast": call.caller.via[-1]})
    return keys


def _principal_keys(caller: Caller) -> dict[str, Value]:
    if caller.kind is CallerKind.SERVICE:
        return {
            "aws:principalisawsservice": "true",
            "aws:principalservicename": caller.name,
            "aws:principalservicenameslist": (caller.name,),
            "aws:viaawsservice": "false",
        }
    keys: dict[str, Value] = {
        "aws:principalarn": caller.entity_arn,
        "aws:principalaccount": caller.account_id,
        "aws:principaltype": PRINCIPAL_TYPES[caller.kind],
        "aws:userid": caller.unique_id,
        "aws:principalisawsservice": "false",
        "aws:viaawsservice": "true" if caller.via else "false",
    }
    if caller.kind is CallerKind.USER:
        keys["aws:username"] = caller.name
    if caller.session is not None:
        keys["aws:tokenissuetime"] = iso_seconds(caller.session.issued)
        keys["aws:multifactorauthpresent"] = "false"
        if caller.session.source_identity:
            keys["aws:sourceidentity"] = caller.session.source_identity
    return keys
