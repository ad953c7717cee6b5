"""Bulletins about pensions: supplements, the funeral grant, who pays what, certification, pay day.

The base pension and the divisor stand in `bodies.py`. Amounts are integer fen, rates parts per
million.
"""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from node.core.i18n import _
from node.core.titled import TitledEnum
from node.policy.body import Body, Fen, Rate

WHOLE = 1_000_000
Age = Annotated[int, Field(strict=True, ge=60, le=120)]
WorkingDays = Annotated[int, Field(strict=True, ge=0, le=30)]


class YearsSupplement(Body):
    """缴费年限加发: so much a month for every paid year over a threshold."""

    kind = "years_supplement"
    title = "缴费年限加发标准"

    threshold_years: Annotated[int, Field(strict=True, ge=0, le=60)] = Field(
        title=_("超过的年数"), description=_("例如 15")
    )
    per_year_fen: Fen = Field(title=_("每满一年每月（元）"), description=_("例如 3.00"))


class AgeBandLine(BaseModel):
    """From this age on, so much a month; the highest band reached counts alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    from_age: Age = Field(title=_("年满周岁"))
    fen: Fen = Field(title=_("每月"))


class AgeSupplement(Body):
    """高龄加发 by age."""

    kind = "age_supplement"
    title = "高龄加发标准"

    bands: Annotated[tuple[AgeBandLine, ...], Field(min_length=1, max_length=20)] = Field(
        title=_("各年龄段每月加发（元）"),
        description=_("每行一档，例如 65 5.00；不累加，取最高一档"),
    )

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        ages = [band.from_age for band in self.bands]
        if ages != sorted(set(ages)):
            raise ValueError("年龄须从低到高，不能重复")
        return self


class FuneralGrant(Body):
    """丧葬补助金: months of the base pension (国发〔2014〕8号 §6); no bulletin, no grant."""

    kind = "funeral_grant"
    title = "丧葬补助金标准"

    months_of_base: Annotated[int, Field(strict=True, ge=0, le=60)] = Field(
        title=_("基础养老金的月数"), description=_("例如 12")
    )


class FundedPart(TitledEnum):
    """What the treasuries pay together. The account itself pays its part; what a city or a county
    adds to the base pension it pays alone.
    """

    BASE = "base", "基础养老金"
    YEARS = "years", "年限加发"
    AGE = "age", "高龄加发"
    MAKEUP = "makeup", "个人账户支完后的养老金"
    FUNERAL = "funeral", "丧葬补助金"


class FundingShare(BaseModel):
    """Who pays one part; the four shares are the whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    part: FundedPart = Field(title=_("项目"))
    central_ppm: Rate = Field(title=_("中央"))
    province_ppm: Rate = Field(title=_("省级"))
    city_ppm: Rate = Field(title=_("市级"))
    county_ppm: Rate = Field(title=_("县级"))

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.central_ppm + self.province_ppm + self.city_ppm + self.county_ppm != WHOLE:
            raise ValueError("各级分担比例之和须为百分之百")
        return self


class FundingShares(Body):
    """资金分担办法 of what is paid out."""

    kind = "funding_shares"
    title = "待遇资金分担办法"

    shares: Annotated[tuple[FundingShare, ...], Field(min_length=1, max_length=10)] = Field(
        title=_("各项目分担比例（%）"), description=_("每行一项，例如 base 80 10 5 5")
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        parts = [share.part for share in self.shares]
        if len(parts) != len(set(parts)):
            raise ValueError("同一项目只能写一行")
        return self


class Certification(Body):
    """待遇领取资格认证 (生存认证): how long one holds, and what follows when it has run out."""

    kind = "certification"
    title = "待遇领取资格认证办法"

    valid_months: Annotated[int, Field(strict=True, ge=1, le=60)] = Field(
        title=_("认证有效期（月）"), description=_("例如 12")
    )
    remind_days: Annotated[int, Field(strict=True, ge=0, le=365)] = Field(
        title=_("到期前多少天提醒"), description=_("例如 60")
    )
    grace_months: Annotated[int, Field(strict=True, ge=0, le=24)] = Field(
        title=_("到期后多少个月暂停发放"), description=_("0 为到期次月起暂停")
    )


class PayCalendar(Body):
    """发放日历: the pay day, and how many working days before it each step has to be done."""

    kind = "pay_calendar"
    title = "养老金发放日历"

    pay_day: Annotated[int, Field(strict=True, ge=1, le=28)] = Field(
        title=_("每月发放日"), description=_("例如 15")
    )
    computed_before: WorkingDays = Field(title=_("提前几个工作日编制"), description=_("例如 10"))
    reviewed_before: WorkingDays = Field(title=_("提前几个工作日复核"), description=_("例如 9"))
    approved_before: WorkingDays = Field(title=_("提前几个工作日审批"), description=_("例如 8"))
    funded_before: WorkingDays = Field(title=_("提前几个工作日资金到账"), description=_("例如 4"))
    sent_before: WorkingDays = Field(title=_("提前几个工作日报送银行"), description=_("例如 2"))

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        steps = (
            self.computed_before,
            self.reviewed_before,
            self.approved_before,
            self.funded_before,
            self.sent_before,
        )
        if list(steps) != sorted(steps, reverse=True):
            raise ValueError("各步骤须按先后排列，越早的步骤提前越多")
        return self


BENEFIT_BODIES: tuple[type[Body], ...] = (
    YearsSupplement,
    AgeSupplement,
    FuneralGrant,
    FundingShares,
    Certification,
    PayCalendar,
)
