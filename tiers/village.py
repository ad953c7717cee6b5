"""The village node (村级): a light machine for one coordinator, for weeks without a network."""

from tiers import profile as p
from tiers.level import Level
from tiers.roles import Role, roles_at

_COORDINATOR = Role.COORDINATOR
_EVERYONE = roles_at(Level.VILLAGE)

VILLAGE = p.Profile(
    level=Level.VILLAGE,
    title="村级服务点",
    purpose="协管员帮助村民办理参保、缴费和待遇申请；没有网络时照常填写，联网后自动上报",
    capabilities=(
        "identity",
        "policy",
        "attachments",
        "cases",
        "notices",
        "registry",
        "accounts",
        "contributions",
        "benefits",
        "payroll",
        "transfers",
        "statistics",
        "network",
    ),
    roles=_EVERYONE,
    jobs=("network.report", "identity.sweep", "registry.regions"),
    navigation=(
        p.item(p.INBOX, _COORDINATOR),
        p.item(p.CASES, _COORDINATOR),
        p.item(p.WORKLISTS, _COORDINATOR),
        p.item(p.REGISTRY, _COORDINATOR),
        p.item(p.ROLLS, _COORDINATOR),
        p.item(p.RECEIPTS, _COORDINATOR),
        p.item(p.ACCOUNTS, _COORDINATOR),
        p.item(p.PAID_MONTH, _COORDINATOR),
        p.item(p.NOTICES, _COORDINATOR),
        p.item(p.POLICY, _COORDINATOR),
        p.item(p.STATISTICS, _COORDINATOR),
        p.item(p.NETWORK, *_EVERYONE),
        p.item(p.USERS, Role.ADMINISTRATOR),
    ),
    seal=p.LIGHT_SEAL,
)
