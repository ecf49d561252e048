"""What travels down the pipeline: who calls, in which session, and what is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Parameters = dict[str, Any]  # an operation's input members, as botocore's model names them
Result = dict[str, Any]  # its output members


class CallerKind(Enum):
    """The kinds of caller of policy-evaluation.md 2.3 that Stead has; the values are CloudTrail's ``userIdentity.type``."""

    ROOT = "Root"
    USER = "IAMUser"
    ROLE = "AssumedRole"
    SERVICE = "AWSService"


@dataclass(frozen=True, slots=True)
class Session:
    """Temporary credentials: when they were issued and what they carry. Times are milliseconds since the epoch."""

    issued: int
    expires: int
    name: str = ""  # the role session name
    policy: str | None = None  # the inline session policy
    policy_arns: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    transitive_tag_keys: tuple[str, ...] = ()
    source_identity: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call.

    ``arn`` is what error texts and GetCallerIdentity show (a role's *session* ARN); ``unique_id`` is its ``UserId``; ``entity_id`` is the
    stored user's or role's id (empty for root and services); ``entity_arn`` is ``aws:PrincipalArn`` (a role's own ARN, with its path).
    ``invoked_by`` is the service that acts, with its own session or with somebody's; ``via`` are the services through which a caller's
    own credentials came (``aws:CalledVia``), oldest first.
    """

    kind: CallerKind
    account_id: str
    arn: str
    unique_id: str
    entity_id: str = ""
    entity_arn: str = ""
    name: str = ""
    access_key_id: str = ""
    session: Session | None = None
    is_linked_role: bool = False  # by the stored kind of the role (design D20)
    invoked_by: str | None = None
    via: tuple[str, ...] = ()


class RawRequest(NamedTuple):
    """The HTTP request of a call that is forwarded, for the neighbour to read what the model may not know."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """One operation asked by one caller. ``now`` is Stead's clock at its arrival, in milliseconds.

    ``raw`` is what came, for the services that Stead forwards; calls of Stead's own have none. ``protocol`` is what it speaks. ``intent`` is the
    idempotency key of a controller's call to a neighbour (designs/neighbours.md).
    """

    service: str
    operation: str
    parameters: Parameters
    caller: Caller
    region: str
    now: int
    request_id: str
    source_ip: str = ""
    user_agent: str = ""
    referer: str = ""
    raw: RawRequest | None = None
    protocol: str = ""
    intent: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What a call acts on: the resource it is authorized on, and what was read to find that out.

    ``arn`` is the ARN that policies see (``*`` for an action without resource types); ``label`` is how AccessDenied texts name it
    (policy-evaluation.md 9.3), the ARN when empty. ``keys`` are condition keys of this call in lower case; ``tags_of`` owns the resource's
    tags, unless ``read_tags`` reads them from where they are. ``row`` is the stored thing, None when it does not exist, so that the operation need not read it again.
    """

    arn: str
    label: str = ""
    row: Any = None
    keys: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    tags_of: str = ""
    policy: str | None = None  # the resource's own policy, as text: a role's trust policy in sts:AssumeRole and its companions
    read_tags: Callable[[], Mapping[str, str]] | None = None
