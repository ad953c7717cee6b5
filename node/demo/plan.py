"""The slice of Henan that the demo runs: which nodes, who works there, which village is which.

Ten processes: 河南省; 郑州市 with 中牟县, two townships, a village node each, one village hosted;
and 济源市, a county that reports straight to the province, with a township and a village.
"""

from dataclasses import dataclass, field
from pathlib import Path

from tiers import Level, RegionCode, Role

PROVINCE = RegionCode("410000000000")
CITY = RegionCode("410100000000")
ZHONGMU = RegionCode("410122000000")
JIYUAN = RegionCode("419001000000")
HANSI = RegionCode("410122101000")
GUANDU = RegionCode("410122102000")
KEJING = RegionCode("419001100000")
HANSI_VILLAGE = RegionCode("410122101205")
HANSI_HOSTED = RegionCode("410122101206")
GUANDU_VILLAGE = RegionCode("410122102201")
KEJING_VILLAGE = RegionCode("419001100201")

FIRST_PORT = 8410


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a login at a node."""

    login: str
    name: str
    roles: tuple[Role, ...]
    scope: RegionCode


@dataclass(frozen=True, slots=True)
class Post:
    """One node of the demo: where it stands, whom it reports to, who works there."""

    code: RegionCode
    parent: RegionCode | None
    port: int
    people: tuple[Person, ...]
    hosts: tuple[RegionCode, ...] = ()

    @property
    def url(self) -> str:
        """Where its pages are."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class VillagePlan:
    """A village of the demo: which node serves it, and whether its line is cut at first."""

    code: RegionCode
    node: RegionCode
    coordinator: str
    index: int
    starts_offline: bool = False


@dataclass(frozen=True)
class Plan:
    """The whole demo."""

    folder: Path
    posts: tuple[Post, ...]
    villages: tuple[VillagePlan, ...]
    password: str = field(repr=False, default="Wuji-2026-demo")

    def post(self, code: RegionCode) -> Post:
        """The node of a region."""
        return next(post for post in self.posts if post.code == code)

    def at(self, level: Level) -> list[Post]:
        """The nodes of a tier."""
        return [post for post in self.posts if post.code.level is level]


def _people(code: RegionCode, prefix: str) -> tuple[Person, ...]:
    titles: dict[Level, tuple[tuple[str, str, Role], ...]] = {
        Level.PROVINCE: (
            ("policy1", "郑拟稿", Role.POLICY_OFFICER),
            ("policy2", "方核发", Role.POLICY_OFFICER),
            ("stat", "何统计", Role.STATISTICIAN),
            ("admin", "省管理员", Role.ADMINISTRATOR),
        ),
        Level.CITY: (
            ("inspect", "林稽核", Role.INSPECTOR),
            ("admin", "市管理员", Role.ADMINISTRATOR),
        ),
        Level.COUNTY: (
            ("accept", "孙受理", Role.ACCEPTOR),
            ("review", "李复核", Role.REVIEWER),
            ("approve", "周审批", Role.APPROVER),
            ("account", "钱财务", Role.ACCOUNTANT),
            ("pay", "吴发放", Role.PAYROLL_OFFICER),
            ("admin", "县管理员", Role.ADMINISTRATOR),
        ),
        Level.TOWNSHIP: (
            ("clerk", "刘初审", Role.CLERK),
            ("admin", "乡管理员", Role.ADMINISTRATOR),
        ),
        Level.VILLAGE: (("coord", "张协办", Role.COORDINATOR),),
    }
    return tuple(
        Person(f"{prefix}-{login}", name, (role,), code) for login, name, role in titles[code.level]
    )


def make_plan(folder: Path, *, first_port: int = FIRST_PORT) -> Plan:
    """The demo's nodes on consecutive loopback ports."""
    layout: tuple[tuple[RegionCode, RegionCode | None, str], ...] = (
        (PROVINCE, None, "henan"),
        (CITY, PROVINCE, "zhengzhou"),
        (JIYUAN, PROVINCE, "jiyuan"),
        (ZHONGMU, CITY, "zhongmu"),
        (KEJING, JIYUAN, "kejing"),
        (HANSI, ZHONGMU, "hansi"),
        (GUANDU, ZHONGMU, "guandu"),
        (HANSI_VILLAGE, HANSI, "rongzhuang"),
        (GUANDU_VILLAGE, GUANDU, "guanducun"),
        (KEJING_VILLAGE, KEJING, "kejingcun"),
    )
    posts = tuple(
        Post(code, parent, first_port + number, _staff(code, prefix), _hosted(code))
        for number, (code, parent, prefix) in enumerate(layout)
    )
    villages = (
        VillagePlan(HANSI_VILLAGE, HANSI_VILLAGE, "rongzhuang-coord", 0),
        VillagePlan(HANSI_HOSTED, HANSI, "hansi-dahong", 1),
        VillagePlan(GUANDU_VILLAGE, GUANDU_VILLAGE, "guanducun-coord", 2, starts_offline=True),
        VillagePlan(KEJING_VILLAGE, KEJING_VILLAGE, "kejingcun-coord", 3),
    )
    return Plan(folder, posts, villages)


def _hosted(code: RegionCode) -> tuple[RegionCode, ...]:
    return (HANSI_HOSTED,) if code == HANSI else ()


def _staff(code: RegionCode, prefix: str) -> tuple[Person, ...]:
    people = _people(code, prefix)
    if code == HANSI:
        hosted = Person("hansi-dahong", "王协办", (Role.COORDINATOR,), HANSI_HOSTED)
        return (*people, hosted)
    return people
