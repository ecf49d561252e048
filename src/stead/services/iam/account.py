"""iam: the account's summary: every key that AWS has, what Stead stores counted, what it does not store yet as none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select

from stead.aws.operation import operation
from stead.services.iam import policy_uses
from stead.services.iam.access_keys import MAX_KEYS
from stead.services.iam.groups import MAX_GROUPS, MAX_GROUPS_OF_USER
from stead.services.iam.owners import GROUP, ROLE, USER
from stead.services.iam.policies import MAX_POLICIES
from stead.services.iam.policy_versions import MAX_SIZE, MAX_VERSIONS
from stead.services.iam.roles import MAX_ROLES
from stead.services.iam.trust_policies import MAX_SIZE as TRUST_SIZE
from stead.services.iam.users import MAX_USERS
from stead.store.tables import access_keys, groups, instance_profiles, policies, policy_versions, roles, users

if TYPE_CHECKING:
    from sqlalchemy import Table

    from stead.aws.call import Parameters, Result
    from stead.store.context import Context

# Quotas of AWS's that no operation here enforces are AWS's defaults (policy-evaluation.md 7.2, and the IAM quotas page).
QUOTAS = {
    "UsersQuota": MAX_USERS,
    "GroupsQuota": MAX_GROUPS,
    "RolesQuota": MAX_ROLES,
    "PoliciesQuota": MAX_POLICIES,
    "InstanceProfilesQuota": 1000,
    "ServerCertificatesQuota": 20,
    "UserPolicySizeQuota": USER.inline_size,
    "GroupPolicySizeQuota": GROUP.inline_size,
    "RolePolicySizeQuota": ROLE.inline_size,
    "PolicySizeQuota": MAX_SIZE,
    "AssumeRolePolicySizeQuota": TRUST_SIZE,
    "PolicyVersionsInUseQuota": 10000,
    "VersionsPerPolicyQuota": MAX_VERSIONS,
    "AttachedPoliciesPerUserQuota": USER.attached,
    "AttachedPoliciesPerGroupQuota": GROUP.attached,
    "AttachedPoliciesPerRoleQuota": ROLE.attached,
    "GroupsPerUserQuota": MAX_GROUPS_OF_USER,
    "AccessKeysPerUserQuota": MAX_KEYS,
    "SigningCertificatesPerUserQuota": 2,
}
# Stead does not have them.
NONE_YET = (
    "ServerCertificates",
    "Providers",
    "MFADevices",
    "MFADevicesInUse",
    "AccountMFAEnabled",
    "AccountPasswordPresent",
    "AccountSigningCertificatesPresent",
)


def _number(table: Table) -> Any:
    return select(func.count()).select_from(table).where(table.c.account_id == bindparam("account")).scalar_subquery()


_VERSIONS = (
    select(func.count())
    .select_from(policy_versions)
    .join(policies, policies.c.arn == policy_versions.c.policy_arn)
    .where(policies.c.account_id == bindparam("account"))
    .scalar_subquery()
)
_ROOT_KEYS = (
    select(func.count())
    .select_from(access_keys)
    .where(access_keys.c.account_id == bindparam("account"), access_keys.c.user_id.is_(None))
    .scalar_subquery()
)
_COUNTS = select(
    _number(users).label("Users"),
    _number(groups).label("Groups"),
    _number(roles).label("Roles"),
    _number(policies).label("Policies"),
    _number(instance_profiles).label("InstanceProfiles"),
    _VERSIONS.label("versions"),
    _ROOT_KEYS.label("root_keys"),
)


@operation("iam", "GetAccountSummary")
def get_account_summary(context: Context, _request: Parameters) -> Result:
    """Counts and quotas. Versions in use: the account's own and, of AWS's policies, the ones that somebody uses (inferred)."""
    counted = context.db.first(_COUNTS, account=context.account_id)
    assert counted is not None
    summary = {
        **dict.fromkeys(NONE_YET, 0),
        **QUOTAS,
        "Users": counted.Users,
        "Groups": counted.Groups,
        "Roles": counted.Roles,
        "Policies": counted.Policies,
        "InstanceProfiles": counted.InstanceProfiles,
        "PolicyVersionsInUse": counted.versions + policy_uses.aws_policies_in_use(context),
        "AccountAccessKeysPresent": int(counted.root_keys > 0),
        "GlobalEndpointTokenVersion": 1,
    }
    return {"SummaryMap": summary}
