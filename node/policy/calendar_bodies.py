"""The bulletins of time: which days are worked, and how many of them a step may take."""

from datetime import date, timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from node.core.i18n import _
from node.policy.body import Body, Year

SATURDAY = 5
LONGEST_HOLIDAY = timedelta(14)


class DaysOff(BaseModel):
    """A holiday: its days off, the first and the last, that are no ordinary weekend."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(title=_("节日"), min_length=1, max_length=20)
    first: date = Field(title=_("首日"))
    last: date = Field(title=_("末日"))

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not timedelta(0) <= self.last - self.first <= LONGEST_HOLIDAY:
            raise ValueError("假期末日须在首日之后，最多 15 天")
        return self

    @property
    def days(self) -> list[date]:
        """Every day of it."""
        return [self.first + timedelta(n) for n in range((self.last - self.first).days + 1)]


class HolidayCalendar(Body):
    """节假日安排 of a year by the State Council's notice: days off, and weekend days worked."""

    kind = "holiday_calendar"
    title = "节假日安排"

    year: Year = Field(title=_("年度"), description=_("四位数字，例如 2026"))
    off: Annotated[tuple[DaysOff, ...], Field(min_length=1, max_length=30)] = Field(
        title=_("放假"), description=_("每行一个假期，例如 春节 2026-02-15 2026-02-23")
    )
    worked: Annotated[tuple[date, ...], Field(max_length=60)] = Field(
        (), title=_("调休上班的周末"), description=_("例如 2026-02-14 2026-02-28，没有的留空")
    )

    @model_validator(mode="after")
    def _of_the_year(self) -> Self:
        off = self.days_off
        if any(day.year != self.year for day in (*off, *self.worked)):
            raise ValueError("日期须在所填年度内")
        if off & set(self.worked):
            raise ValueError("同一天不能既放假又上班")
        if any(day.weekday() < SATURDAY for day in self.worked):
            raise ValueError("调休上班的日期须是周六或周日")
        return self

    @property
    def days_off(self) -> set[date]:
        """Every day off."""
        return {day for holiday in self.off for day in holiday.days}


class Deadlines(Body):
    """业务时限: how many working days agencies have for what no case counts."""

    kind = "deadlines"
    title = "业务时限"

    transfer_days: Annotated[int, Field(strict=True, ge=1, le=60)] = Field(
        title=_("关系转移每一步几个工作日"), description=_("收到接收函、转移信息或款项后，例如 15")
    )
