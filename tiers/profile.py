"""What a node of one level is made of. Each level's own page is a file beside this one."""

from collections.abc import Collection
from dataclasses import dataclass

from tiers.level import Level
from tiers.roles import Role


@dataclass(frozen=True, slots=True)
class NavigationItem:
    """One entry of the page head, for the posts that need it."""

    key: str
    title: str
    path: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class SealLimits:
    """When the outbox is sealed into a segment: at so many records or bytes, or so long idle."""

    records: int
    size_bytes: int
    idle_seconds: float


@dataclass(frozen=True, slots=True)
class Profile:
    """The make-up of a node: everything about a level that is not code."""

    level: Level
    title: str
    purpose: str
    capabilities: tuple[str, ...]
    roles: tuple[Role, ...]
    jobs: tuple[str, ...]
    navigation: tuple[NavigationItem, ...]
    seal: SealLimits
    hosts: tuple[Level, ...] = ()
    database: str = "sqlite"

    def navigation_for(self, roles: Collection[Role]) -> tuple[NavigationItem, ...]:
        """What somebody with these roles finds in the page head."""
        return tuple(item for item in self.navigation if item.roles & set(roles))


KIB = 1024
LIGHT_SEAL = SealLimits(records=100, size_bytes=256 * KIB, idle_seconds=1.0)
BULK_SEAL = SealLimits(records=1_000, size_bytes=1_024 * KIB, idle_seconds=1.0)

INBOX = ("inbox", "待办", "/inbox")
CASES = ("cases", "业务受理", "/cases")
REGISTRY = ("registry", "参保人", "/registry")
WORKLISTS = ("worklists", "工作清单", "/registry/worklists")
ROLLS = ("rolls", "花名册导入", "/registry/rolls")
NOTICES = ("notices", "公示", "/notices")
POLICY = ("policy", "政策", "/policy")
ACCOUNTS = ("accounts", "个人账户", "/accounts")
CONTRIBUTIONS = ("contributions", "缴费", "/contributions")
RECEIPTS = ("receipts", "代收", "/contributions/receipts")
BENEFITS = ("benefits", "待遇", "/benefits")
PAYROLL = ("payroll", "发放", "/payroll")
PAID_MONTH = ("paid_month", "本月发放", "/payroll/month")
TRANSFERS = ("transfers", "关系转移", "/transfers")
STATISTICS = ("statistics", "统计", "/statistics")
QUALITY = ("quality", "数据质量", "/quality")
ASSESSMENT = ("assessment", "考核", "/assessment")
SUPERVISION = ("supervision", "用数监督", "/supervision")
NETWORK = ("network", "网络", "/network")
USERS = ("users", "用户", "/identity/users")


def item(place: tuple[str, str, str], *roles: Role) -> NavigationItem:
    """A navigation entry for these roles."""
    key, title, path = place
    return NavigationItem(key, title, path, frozenset(roles))
