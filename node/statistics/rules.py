"""What the figures mean, and when two sets of them agree. Pure.

Definitions: business rules §11; domain §12.1. Amounts are fen; people are heads.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from node.core.i18n import _

Measures = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of the statistics: its name in records, its title, whether it is money."""

    name: str
    title: str
    is_money: bool
    meaning: str


MEASURES = (
    Measure("enrolled", _("参保人数"), False, _("年末仍有参保关系的人")),
    Measure("drawing", _("领取待遇人数"), False, _("待遇已核定并在发的人")),
    Measure("payers", _("缴费人数"), False, _("本年度缴费已到账的人")),
    Measure("contributions_fen", _("个人缴费"), True, _("本年记入个人账户的个人缴费")),
    Measure("subsidies_fen", _("政府补贴"), True, _("本年记入个人账户的省、市、县补贴")),
    Measure("interest_fen", _("计息"), True, _("本年记入个人账户的利息")),
    Measure("monthly_fen", _("月应发待遇"), True, _("在发待遇每月合计")),
    Measure("balance_fen", _("个人账户余额"), True, _("年末个人账户累计储存额")),
)
NAMES = tuple(measure.name for measure in MEASURES)


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
