"""The tables, once for both databases (design D3).

Rules. Only text, integers and bytes: no type needs a converter, so a statement can run on the bare driver. Times are milliseconds since
the epoch. A name that AWS compares without regard to case stands twice: as given (``name``) and folded (``name_key``), and the folded one
carries the unique constraint. Texts are compared by their characters' numbers on both databases, as Python does it, so that both give lists in
the same order whatever the locale of PostgreSQL's. Accounts and Regions are columns from the first day (design D11).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, UniqueConstraint
from sqlalchemy import Text as AnyText

from stead.aws.clock import DAY

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Text = AnyText().with_variant(AnyText(collation="C"), "postgresql")

# SQLite numbers rows only for a column declared exactly INTEGER PRIMARY KEY; PostgreSQL wants the eight bytes said.
SerialNumber = BigInteger().with_variant(Integer, "sqlite")
Milliseconds = BigInteger

meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("generation", BigInteger, nullable=False),  # design D7: grows with every change of who may do what; never lowered
    Column("clock_offset", Milliseconds, nullable=False),  # how far a test advanced Stead's clock (--ephemeral only)
    Column("created", Milliseconds, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("boundary_arn", Text),
    Column("created", Milliseconds, nullable=False),
    UniqueConstraint("account_id", "name_key"),
)

groups = Table(
    "groups",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("created", Milliseconds, nullable=False),
    UniqueConstraint("account_id", "name_key"),
)

group_members = Table(
    "group_members",
    metadata,
    Column("user_id", Text, ForeignKey("users.id"), primary_key=True),  # first: every request of a user asks for its groups
    Column("group_id", Text, ForeignKey("groups.id"), primary_key=True, index=True),
)

access_keys = Table(
    "access_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("user_id", Text, ForeignKey("users.id"), index=True),  # none: the root user's key
    Column("secret", LargeBinary, nullable=False),  # sealed by the key ring (design D6)
    Column("status", Text, nullable=False),
    Column("created", Milliseconds, nullable=False),
)

roles = Table(
    "roles",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("kind", Text, nullable=False),  # "customer" or "linked": privilege follows this, never the name (design D20)
    Column("service", Text),  # the linked service's principal
    Column("description", Text),
    Column("trust_hash", Text, ForeignKey("documents.hash"), nullable=False),
    Column("max_session_duration", Integer, nullable=False),
    Column("boundary_arn", Text),
    Column("created", Milliseconds, nullable=False),
    UniqueConstraint("account_id", "name_key"),
)

documents = Table(
    "documents",
    metadata,
    Column("hash", Text, primary_key=True),  # SHA-256 of the text: each policy text is stored once
    Column("text", Text, nullable=False),
)

# Which documents bound a call, by the hash of the content (store/policy_sets.py).
policy_sets = Table(
    "policy_sets",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("content", Text, nullable=False),  # JSON
)

policies = Table(
    "policies",
    metadata,
    Column("arn", Text, primary_key=True),
    Column("id", Text, nullable=False),
    Column("account_id", Text, nullable=False),  # "aws" owns the AWS managed policies
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("description", Text),
    Column("default_version", Text, nullable=False),
    Column("next_version", Integer, nullable=False),
    Column("created", Milliseconds, nullable=False),
    Column("updated", Milliseconds, nullable=False),
    UniqueConstraint("account_id", "name_key"),
)

policy_versions = Table(
    "policy_versions",
    metadata,
    Column("policy_arn", Text, ForeignKey("policies.arn"), primary_key=True),
    Column("version_id", Text, primary_key=True),
    Column("document_hash", Text, ForeignKey("documents.hash"), nullable=False),
    Column("created", Milliseconds, nullable=False),
)

# Owners are users, groups and roles by their unique id, so nothing of a deleted entity can attach itself to one made again under its name.
inline_policies = Table(
    "inline_policies",
    metadata,
    Column("owner_id", Text, primary_key=True),
    Column("name_key", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("document_hash", Text, ForeignKey("documents.hash"), nullable=False),
)

attachments = Table(
    "attachments",
    metadata,
    Column("owner_id", Text, primary_key=True),
    Column("policy_arn", Text, ForeignKey("policies.arn"), primary_key=True, index=True),
    Column("created", Milliseconds, nullable=False),
)

tags = Table(
    "tags",
    metadata,
    Column("owner", Text, primary_key=True),  # a unique id (IAM) or an ARN (ECS)
    Column("tag_key", Text, primary_key=True),  # folded where AWS ignores case (recorded-aws.md 5.2), as given elsewhere
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
)

instance_profiles = Table(
    "instance_profiles",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("role_id", Text, ForeignKey("roles.id"), index=True),
    Column("created", Milliseconds, nullable=False),
    UniqueConstraint("account_id", "name_key"),
)

# Design D18: each unit of service work under a linked role, written before its session is issued and ended with the work.
role_usage = Table(
    "role_usage",
    metadata,
    Column("id", Text, primary_key=True),
    Column("role_id", Text, nullable=False, index=True),
    Column("region", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("session_name", Text, nullable=False),
    Column("started", Milliseconds, nullable=False),
    Column("ended", Milliseconds),
)

deletion_tasks = Table(
    "deletion_tasks",
    metadata,
    Column("id", Text, primary_key=True),  # the whole DeletionTaskId
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("role_id", Text, nullable=False, index=True),  # no foreign key: the task outlives the role
    Column("role_name", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),  # JSON: the DeletionTaskFailureReasonType
    Column("created", Milliseconds, nullable=False),
    Column("finished", Milliseconds),
    # Design D4: when to look next (none: finished), who holds it until when, and the number that a stale holder fails on.
    Column("due", Milliseconds, index=True),
    Column("lease", BigInteger, nullable=False),
)

clusters = Table(
    "clusters",
    metadata,
    Column("arn", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("settings", Text, nullable=False),  # JSON, like the next ones: members of the Cluster shape as ECS answers them
    Column("configuration", Text),
    Column("capacity_providers", Text, nullable=False),
    Column("default_strategy", Text, nullable=False),
    Column("service_connect_defaults", Text),
    Column("request", Text, nullable=False),  # JSON: what CreateCluster was asked, to tell a repetition from a conflict
    Column("created", Milliseconds, nullable=False),
    Index(None, "account_id", "status", "region", "name"),
)

EVENTS_KEPT = 90 * DAY  # CloudTrail's event history

# The event history (store/events/). What was recorded last; in the order of its numbers it is packed into blocks.
event_tail = Table(
    "event_tail",
    metadata,
    Column("number", SerialNumber, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("time", Milliseconds, nullable=False),
    Column("id", Text, nullable=False),
    Column("request_id", Text),
    Column("name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("username", Text, nullable=False),
    Column("access_key_id", Text, nullable=False),
    Column("read_only", Integer, nullable=False),
    Column("resources", Text, nullable=False),  # JSON: [[type, name], ...], the ARN among the names
    Column("record", LargeBinary, nullable=False),  # JSON: the CloudTrail record
    Column("decided", LargeBinary),  # what the gate decided and why; none for a call that nobody judged
)

# Times of the earliest and the latest event are `first` and `last`; the rest is store/events/block.py.
event_blocks = Table(
    "event_blocks",
    metadata,
    Column("number", SerialNumber, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("first", Milliseconds, nullable=False),
    Column("last", Milliseconds, nullable=False),
    Column("entries", LargeBinary, nullable=False),
    Column("records", LargeBinary, nullable=False),
    Column("decided", LargeBinary),
)

# The one index of the history: of each block, each of its keys (store/events/keys.py).
event_keys = Table(
    "event_keys",
    metadata,
    Column("key", BigInteger, primary_key=True),
    Column("last", Milliseconds, primary_key=True),
    Column("first", Milliseconds, primary_key=True),
    Column("block", BigInteger, primary_key=True),
    sqlite_with_rowid=False,
)

LAST_USED_KEPT = 400 * DAY  # IAM's tracking period (service-linked-roles.md 5)

# The latest use by a user or role (``subject_id`` its unique id) of each action, by an access key (its id) of each service (action empty).
last_used = Table(
    "last_used",
    metadata,
    Column("subject_id", Text, primary_key=True),
    Column("service", Text, primary_key=True),  # the prefix of its actions
    Column("action", Text, primary_key=True),
    Column("time", Milliseconds, nullable=False),
    Column("region", Text, nullable=False),
)

access_reports = Table(
    "access_reports",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("owner", Text, nullable=False),  # who may read it: a user's id, or the access key id of one session
    Column("granularity", Text, nullable=False),
    Column("question", Text, nullable=False),  # JSON: the policies, entities and uses as they were when it was asked for
    Column("answer", Text),  # JSON: ServicesLastAccessed
    Column("created", Milliseconds, nullable=False),
    Column("finished", Milliseconds),
    Column("due", Milliseconds, index=True),  # design D4, as in deletion_tasks
    Column("lease", BigInteger, nullable=False),
)
