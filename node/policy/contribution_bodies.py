"""Bulletins about paying in: who is paid for, which years may be made up, which ways are open.

Grades and subsidies stand in `bodies.py`. Amounts are integer fen.
"""

from datetime import date
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from node.core.i18n import _
from node.core.titled import TitledEnum
from node.policy.body import Body, Fen, Year


class SpecialGroup(TitledEnum):
    """The special groups (特殊群体) a government may pay for; codes are those of registration."""

    SEVERELY_DISABLED = "severely_disabled", "重度残疾"
    MINIMUM_LIVING = "minimum_living", "低保"
    EXTREME_POVERTY = "extreme_poverty", "特困"
    REGISTERED_POOR = "registered_poor", "建档立卡"
    POVERTY_MONITORED = "poverty_monitored", "返贫致贫监测对象"
    FAMILY_PLANNING = "family_planning", "计生家庭"
    LAND_EXPROPRIATED = "land_expropriated", "被征地"
    DEMOBILISED = "demobilised", "退役军人"


class GroupPaidFor(BaseModel):
    """What is paid for one group, at which grade at least, and which tier pays how much of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: SpecialGroup = Field(title=_("特殊群体"))
    grade_fen: Fen = Field(title=_("最低档次"))
    province_fen: Fen = Field(title=_("省级"))
    city_fen: Fen = Field(title=_("市级"))
    county_fen: Fen = Field(title=_("县级"))

    @property
    def fen(self) -> int:
        """What the governments pay together."""
        return self.province_fen + self.city_fen + self.county_fen

    @model_validator(mode="after")
    def _within_the_grade(self) -> Self:
        if not 0 < self.fen <= self.grade_fen:
            raise ValueError("各级代缴之和须大于零，不超过最低档次")
        return self


class PaidOnBehalf(Body):
    """政府代缴 for special groups: part or all of the lowest grade (国发〔2014〕8号 三)."""

    kind = "paid_on_behalf"
    title = "困难群体代缴标准"

    groups: Annotated[tuple[GroupPaidFor, ...], Field(min_length=1, max_length=20)] = Field(
        title=_("各群体代缴（元）"),
        description=_("每行一类，例如 severely_disabled 200 50 20 30"),
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        groups = [line.group for line in self.groups]
        if len(groups) != len(set(groups)):
            raise ValueError("同一群体只能写一行")
        return self


class MakeUpYears(Body):
    """补缴办法: which past years may still be paid, and at which grade at least."""

    kind = "make_up_years"
    title = "补缴办法"

    first_year: Year = Field(title=_("最早可补缴的年度"), description=_("例如 2012"))
    least_fen: Fen = Field(title=_("最低档次（元）"), description=_("例如 200"))
    most_years: Annotated[int, Field(strict=True, ge=1, le=60)] = Field(
        title=_("一次最多补缴几年"), description=_("例如 15")
    )


class Way(TitledEnum):
    """A way to pay."""

    BANK = "bank", "银行扣款"
    COUNTER = "counter", "窗口缴费"
    COORDINATOR = "coordinator", "协管员代收"


class OpenWay(BaseModel):
    """One way, where it is open and from which day of the year to which."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    way: Way = Field(title=_("方式"))
    region: Annotated[str, Field(pattern=r"^[0-9]{12}$")] = Field(title=_("行政区划代码"))
    first: Annotated[str, Field(pattern=r"^[0-9]{2}-[0-9]{2}$")] = Field(title=_("开始"))
    last: Annotated[str, Field(pattern=r"^[0-9]{2}-[0-9]{2}$")] = Field(title=_("结束"))

    @model_validator(mode="after")
    def _days(self) -> Self:
        try:
            first, last = (date.fromisoformat(f"2024-{day}") for day in (self.first, self.last))
        except ValueError as error:
            raise ValueError("开始和结束应写成 03-01 的样子") from error
        if last < first:
            raise ValueError("结束日期早于开始日期")
        return self


class CollectionWays(Body):
    """缴费方式开放安排: which ways are open where and when; cash by coordinators is often not."""

    kind = "collection_ways"
    title = "缴费方式和集中缴费期"

    ways: Annotated[tuple[OpenWay, ...], Field(min_length=1, max_length=500)] = Field(
        title=_("开放的方式"),
        description=_("每行一项，例如 bank 410000000000 03-01 12-25"),
    )


CONTRIBUTION_BODIES: tuple[type[Body], ...] = (PaidOnBehalf, MakeUpYears, CollectionWays)
