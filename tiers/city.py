"""The city node (市级): guides, inspects and assesses its counties, on a replica of their facts."""

from tiers import profile as p
from tiers.level import Level
from tiers.roles import Role, roles_at

_INSPECTION = (Role.INSPECTOR, Role.QUALITY_SUPERVISOR)
_BUSINESS = (*_INSPECTION, Role.ASSESSOR)

CITY = p.Profile(
    level=Level.CITY,
    title="市级经办机构",
    purpose="指导、稽核、考核所辖各县（市、区）",
    capabilities=(
        "identity",
        "policy",
        "cases",
        "registry",
        "accounts",
        "contributions",
        "benefits",
        "payroll",
        "transfers",
        "statistics",
        "quality",
        "supervision",
        "assessment",
        "network",
    ),
    roles=roles_at(Level.CITY),
    jobs=(
        "network.report",
        "identity.sweep",
        "registry.regions",
        "statistics.refresh",
        "quality.check",
    ),
    navigation=(
        p.item(p.REGISTRY, *_INSPECTION),
        p.item(p.ACCOUNTS, *_INSPECTION),
        p.item(p.BENEFITS, *_INSPECTION),
        p.item(p.PAYROLL, *_INSPECTION),
        p.item(p.TRANSFERS, *_INSPECTION),
        p.item(p.POLICY, *_BUSINESS, Role.POLICY_OFFICER),
        p.item(p.QUALITY, *_INSPECTION),
        p.item(p.SUPERVISION, *_INSPECTION),
        p.item(p.ASSESSMENT, *_BUSINESS),
        p.item(p.STATISTICS, *_BUSINESS, Role.POLICY_OFFICER),
        p.item(p.NETWORK, *_BUSINESS, Role.ADMINISTRATOR),
        p.item(p.USERS, Role.ADMINISTRATOR),
    ),
    seal=p.BULK_SEAL,
)
