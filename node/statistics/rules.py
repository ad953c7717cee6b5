"""What the figures mean, and when two sets of them agree. Pure.

Definitions: business rules §11; domain §12.1. Amounts are fen; people are heads.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from node.core.i18n import _

Measures = Mapping[str, int]
MONTHS = 12


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of the statistics: its name in records, its title, whether it is money.

    A stock is what there is at the end of the period: the sum of every change up to then.
    """

    name: str
    title: str
    is_money: bool
    meaning: str
    is_stock: bool = False


MEASURES = (
    Measure("enrolled", _("参保人数"), False, _("期末仍有参保关系的人"), is_stock=True),
    Measure("joined", _("新增参保"), False, _("本期参保的人")),
    Measure("left", _("终止参保"), False, _("本期终止参保关系的人")),
    Measure("drawing", _("领取待遇人数"), False, _("待遇已核定并在发的人"), is_stock=True),
    Measure("payers", _("缴费人数"), False, _("本年度缴费已到账的人，按首次到账的月份")),
    Measure("contributions_fen", _("个人缴费"), True, _("本期记入个人账户的个人缴费")),
    Measure("subsidies_fen", _("政府补贴"), True, _("本期记入个人账户的省、市、县补贴")),
    Measure("interest_fen", _("计息"), True, _("本期记入个人账户的利息")),
    Measure("monthly_fen", _("月应发待遇"), True, _("在发待遇每月合计"), is_stock=True),
    Measure("balance_fen", _("个人账户余额"), True, _("期末个人账户累计储存额"), is_stock=True),
)
STOCKS = frozenset(measure.name for measure in MEASURES if measure.is_stock)
NAMES = tuple(measure.name for measure in MEASURES)


SHARED = ("enrolled", "payers", "drawing", "monthly_fen")
"""The figures that are also kept by what the people are."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """Something people differ in: its name in the cells, its title."""

    name: str
    title: str


DIMENSIONS = (
    Dimension("sex", _("性别")),
    Dimension("born", _("年龄段")),
    Dimension("category", _("人员类别")),
    Dimension("grade", _("缴费档次")),
)
UNKNOWN = ""
"""The value of whose person is not known here (yet), or who has no grade."""
BANDS = (16, 30, 45, 60, 70, 80)
"""Ages (周岁) at which a band begins: three of those who contribute, three of pension age."""


def band_of(born: int, year: int) -> int:
    """The band, by its number, of somebody born in a year: the age reached in the course of `year`.

    Who is younger than the first band (a fault of data) counts there, so that parts add up.
    """
    age = year - born
    return max((number for number, begins in enumerate(BANDS) if begins <= age), default=0)


def nothing() -> dict[str, int]:
    """Every figure at zero."""
    return dict.fromkeys(NAMES, 0)


def total(parts: Iterable[Measures]) -> dict[str, int]:
    """The sum of parts, figure by figure."""
    whole = nothing()
    for part in parts:
        for name in NAMES:
            whole[name] += part.get(name, 0)
    return whole


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A year, or a month of one (`month` 1–12); `month` 0 is the whole year."""

    year: int
    month: int = 0

    @property
    def last_month(self) -> int:
        """The month at whose end stocks are taken."""
        return self.month or MONTHS

    def before(self) -> "Period":
        """The period of the same length before this one."""
        if not self.month:
            return Period(self.year - 1)
        return (
            Period(self.year, self.month - 1) if self.month > 1 else Period(self.year - 1, MONTHS)
        )


def counts(measure: str, period: Period, year: int, month: int) -> bool:
    """Whether a change of a month belongs to the figure of a period."""
    if measure in STOCKS:
        return (year, month) <= (period.year, period.last_month)
    return year == period.year and period.month in (0, month)


def share(part: int, whole: int) -> int | None:
    """A rate in parts per million, half up; None when there is nothing to divide by."""
    return (part * 2_000_000 + whole) // (2 * whole) if whole > 0 else None


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that two computations do not agree on."""

    place: str
    measure: str
    reported: int
    recomputed: int


def differences(place: str, *, reported: Measures, recomputed: Measures) -> list[Difference]:
    """Every figure that differs; a figure missing on one side counts as different from any."""
    return [
        Difference(place, name, reported.get(name, -1), recomputed.get(name, -1))
        for name in NAMES
        if reported.get(name) != recomputed.get(name)
    ]
