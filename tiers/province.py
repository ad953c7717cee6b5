"""The province node (省级): publishes policy, aggregates, and supervises data quality."""

from tiers import profile as p
from tiers.level import Level
from tiers.roles import Role, roles_at

_QUALITY = (Role.QUALITY_SUPERVISOR,)
_BUSINESS = (Role.POLICY_OFFICER, Role.STATISTICIAN, *_QUALITY)

PROVINCE = p.Profile(
    level=Level.PROVINCE,
    title="省级经办机构",
    purpose="制定政策、每年公布记账利率；汇总统计；监督数据质量",
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
    roles=roles_at(Level.PROVINCE),
    jobs=("identity.sweep", "registry.regions", "statistics.refresh", "quality.check"),
    navigation=(
        p.item(p.POLICY, *_BUSINESS),
        p.item(p.REGISTRY, *_QUALITY),
        p.item(p.ACCOUNTS, *_QUALITY),
        p.item(p.BENEFITS, *_QUALITY),
        p.item(p.QUALITY, *_QUALITY, Role.STATISTICIAN),
        p.item(p.SUPERVISION, *_QUALITY),
        p.item(p.ASSESSMENT, *_QUALITY, Role.STATISTICIAN),
        p.item(p.PAYROLL, *_QUALITY),
        p.item(p.TRANSFERS, *_QUALITY),
        p.item(p.STATISTICS, *_BUSINESS),
        p.item(p.NETWORK, *_BUSINESS, Role.ADMINISTRATOR),
        p.item(p.USERS, Role.ADMINISTRATOR),
    ),
    seal=p.BULK_SEAL,
    database="postgres",
)
