"""When a notice has done its work, as pure functions on dates.

Source: 人社部发〔2014〕23号 (公示 in the village before approval). The day of posting does not
count: seven days posted on the 16th end with the 23rd, and on the 24th the county may approve.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from node.core.errors import Conflict


class Phase(StrEnum):
    """Where a notice is."""

    ISSUED = "issued"
    HANGING = "hanging"
    DISPUTED = "disputed"
    OVER = "over"

    @property
    def title(self) -> str:  # type: ignore[override]  # str.title() is for Latin letters
        return _TITLES[self]


_TITLES = {
    Phase.ISSUED: "待张贴",
    Phase.HANGING: "公示中",
    Phase.DISPUTED: "有异议待处理",
    Phase.OVER: "公示结束",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A notice, or one line of it: since when it hangs, for how long, who objects."""

    posted_on: date | None
    days: int
    open_objections: int = 0
    upheld_objections: int = 0


def last_day(posted_on: date, days: int) -> date:
    """The last day a notice hangs."""
    return posted_on + timedelta(days=days)


def phase(standing: Standing, today: date) -> Phase:
    """Where a notice is on a day."""
    if standing.posted_on is None:
        return Phase.ISSUED
    if standing.open_objections:
        return Phase.DISPUTED
    over = today > last_day(standing.posted_on, standing.days)
    return Phase.OVER if over else Phase.HANGING


def refusal(standing: Standing | None, today: date) -> Conflict | None:
    """Why a case on this notice may not be approved yet; None when it may. None: on no notice."""
    if standing is None:
        return Conflict("须先在村里公示，还没有列入公示名单")
    if standing.posted_on is None:
        return Conflict("公示名单还没有张贴，张贴并期满后才能审批")
    if standing.upheld_objections:
        return Conflict("公示期间的异议成立，不能审批，请退回补正或作出不予办理的决定")
    if standing.open_objections:
        return Conflict("公示期间有异议尚未答复，答复后才能审批")
    until = last_day(standing.posted_on, standing.days)
    if today <= until:
        return Conflict("公示到 {until} 为止，期满后才能审批", until=until.isoformat())
    return None
