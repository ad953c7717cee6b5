"""The township node (乡级): first review, and the host of villages that have no machine."""

from tiers import profile as p
from tiers.level import Level
from tiers.roles import Role, roles_at

_CLERK = Role.CLERK
_DESK = (_CLERK, Role.COORDINATOR)  # a hosted village's coordinator works at this node
_EVERYONE = (*_DESK, Role.ADMINISTRATOR)

TOWNSHIP = p.Profile(
    level=Level.TOWNSHIP,
    title="乡镇经办机构",
    purpose="初审各村上报的业务，并为没有设备的村代管节点",
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
    roles=roles_at(Level.TOWNSHIP),
    jobs=("network.report", "identity.sweep", "registry.regions"),
    navigation=(
        p.item(p.INBOX, *_DESK),
        p.item(p.CASES, *_DESK),
        p.item(p.WORKLISTS, *_DESK),
        p.item(p.REGISTRY, *_DESK),
        p.item(p.ROLLS, *_DESK),
        p.item(p.RECEIPTS, Role.COORDINATOR),
        p.item(p.ACCOUNTS, *_DESK),
        p.item(p.PAID_MONTH, *_DESK),
        p.item(p.NOTICES, *_DESK),
        p.item(p.POLICY, *_DESK),
        p.item(p.STATISTICS, *_DESK),
        p.item(p.NETWORK, *_EVERYONE),
        p.item(p.USERS, Role.ADMINISTRATOR),
    ),
    seal=p.LIGHT_SEAL,
    hosts=(Level.VILLAGE,),
)
