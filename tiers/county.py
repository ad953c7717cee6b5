"""The county node (县级): the authority over people, accounts, benefits and payments."""

from tiers import profile as p
from tiers.level import Level
from tiers.roles import Role, roles_at

_PATH = (Role.ACCEPTOR, Role.REVIEWER, Role.APPROVER)
_MONEY = (Role.ACCOUNTANT, Role.PAYROLL_OFFICER)
_WATCH = (Role.AUDITOR, Role.ARCHIVIST)
_BUSINESS = (*_PATH, *_MONEY, *_WATCH)

COUNTY = p.Profile(
    level=Level.COUNTY,
    title="县级经办机构",
    purpose="受理、复核、审批业务；管理个人账户和基金；核定并发放待遇",
    capabilities=(
        "identity",
        "policy",
        "attachments",
        "cases",
        "notices",
        "registry",
        "accounts",
        "banking",
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
    roles=roles_at(Level.COUNTY),
    jobs=(
        "banking.exchange",
        "contributions.orders",
        "network.report",
        "statistics.report",
        "statistics.refresh",
        "quality.check",
        "supervision.digest",
        "identity.sweep",
        "registry.regions",
    ),
    navigation=(
        p.item(p.INBOX, *_BUSINESS),
        p.item(p.CASES, *_PATH, *_WATCH),
        p.item(p.WORKLISTS, *_PATH),
        p.item(p.REGISTRY, *_BUSINESS),
        p.item(p.CONTRIBUTIONS, Role.ACCOUNTANT, Role.REVIEWER, Role.APPROVER, Role.AUDITOR),
        p.item(p.ACCOUNTS, *_BUSINESS),
        p.item(p.BENEFITS, *_PATH, *_MONEY, Role.AUDITOR),
        p.item(p.PAYROLL, Role.REVIEWER, Role.APPROVER, *_MONEY, Role.AUDITOR),
        p.item(p.TRANSFERS, *_PATH, Role.ACCOUNTANT, Role.AUDITOR),
        p.item(p.NOTICES, *_PATH),
        p.item(p.POLICY, *_BUSINESS, Role.POLICY_OFFICER),
        p.item(p.QUALITY, *_PATH, *_WATCH),
        p.item(p.SUPERVISION, Role.AUDITOR),
        p.item(p.ASSESSMENT, Role.AUDITOR),
        p.item(p.STATISTICS, *_BUSINESS, Role.POLICY_OFFICER),
        p.item(p.NETWORK, *_BUSINESS, Role.ADMINISTRATOR),
        p.item(p.USERS, Role.ADMINISTRATOR),
    ),
    seal=p.BULK_SEAL,
    database="postgres",
)
