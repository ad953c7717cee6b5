"""What each kind of bulletin says, typed. Amounts are integer fen, rates parts per million.

To add a kind: one class here with `kind` and `title`, named in `BODIES`. Its form, its words and
the difference between two of its versions are made from the fields: `title` is the label,
`description` the hint, and the type says what is typed (`Fen` yuan, `Rate` per cent, dates, codes
with titles, lists, and lists of smaller models, one line each).
"""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from node.core.i18n import _
from node.policy.assessment_bodies import AssessmentScheme
from node.policy.benefit_bodies import BENEFIT_BODIES
from node.policy.body import Body, Fen, Year
from node.policy.calendar_bodies import Deadlines, HolidayCalendar
from node.policy.contribution_bodies import CONTRIBUTION_BODIES
from node.policy.controls import SUMMED, Named, Unit
from node.policy.notice_bodies import PublicNotices
from node.policy.quality_bodies import QualityRules
from node.policy.region_bodies import RegionChange


class AccountInterestRate(Body):
    """个人账户记账利率, published by the province once a year (founding notice 三.五)."""

    kind = "account_interest_rate"
    title = "个人账户记账利率"
    has_cost = True

    year: Year = Field(title=_("年度"), description=_("四位数字，例如 2026"))
    rate_ppm: Annotated[int, Field(strict=True, ge=0, le=200_000), Unit.PERCENT] = Field(
        title=_("年利率（%）"), description=_("例如 2.75")
    )
    interest_lag_months: Annotated[
        int,
        Field(strict=True, ge=0, le=1),
        Named(((0, _("记账当月起息")), (1, _("记账次月起息")))),
    ] = Field(1, title=_("起息"))


class ContributionGrades(Body):
    """缴费档次: the yearly amounts a person may choose from, ascending."""

    kind = "contribution_grades"
    title = "缴费档次"
    has_cost = True

    grades_fen: Annotated[tuple[Fen, ...], Field(min_length=1, max_length=60)] = Field(
        title=_("档次（元）"), description=_("从低到高，用空格隔开")
    )

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if list(self.grades_fen) != sorted(set(self.grades_fen)):
            raise ValueError("缴费档次须从低到高，不能重复")
        return self


class GradeSubsidy(BaseModel):
    """缴费补贴 of one grade and who pays it; the shares add up to the whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    grade_fen: Fen = Field(title=_("档次"))
    fen: Annotated[Fen, SUMMED] = Field(title=_("补贴"))
    province_fen: Fen = Field(title=_("省级"))
    city_fen: Fen = Field(title=_("市级"))
    county_fen: Fen = Field(title=_("县级"))

    @model_validator(mode="before")
    @classmethod
    def _sum(cls, values: Any) -> Any:
        """Whoever types the shares need not add them up."""
        shares = ("province_fen", "city_fen", "county_fen")
        if not isinstance(values, dict) or "fen" in values:
            return values
        known = [values.get(share) for share in shares]
        return {**values, "fen": sum(known)} if all(type(v) is int for v in known) else values

    @model_validator(mode="after")
    def _shares_add_up(self) -> Self:
        if self.province_fen + self.city_fen + self.county_fen != self.fen:
            raise ValueError("省、市、县分担之和须等于补贴金额")
        return self


class ContributionSubsidy(Body):
    """缴费补贴 by grade (入口补)."""

    kind = "contribution_subsidy"
    title = "缴费补贴"
    has_cost = True

    grades: Annotated[tuple[GradeSubsidy, ...], Field(min_length=1, max_length=60)] = Field(
        title=_("各档补贴（元）"), description=_("每行一档，例如 200 15 5 10")
    )


class BasePension(Body):
    """基础养老金 a month. Cities and counties may add to it (国发〔2014〕8号 五)."""

    kind = "base_pension"
    title = "基础养老金标准"
    has_cost = True
    may_be_added_to = True

    monthly_fen: Fen = Field(title=_("每月标准（元）"), description=_("例如 113.00"))


class PayoutDivisor(Body):
    """计发月数: the account balance is divided by it."""

    kind = "payout_divisor"
    title = "个人账户计发月数"

    divisor_months: Annotated[int, Field(strict=True, ge=1, le=600)] = Field(
        title=_("计发月数"), description=_("例如 139")
    )


_OWN: tuple[type[Body], ...] = (
    AccountInterestRate,
    ContributionGrades,
    ContributionSubsidy,
    BasePension,
    PayoutDivisor,
    HolidayCalendar,
    Deadlines,
    RegionChange,
    QualityRules,
    PublicNotices,
    AssessmentScheme,
)

BODIES: dict[str, type[Body]] = {
    body.kind: body for body in (*_OWN, *CONTRIBUTION_BODIES, *BENEFIT_BODIES)
}
