"""What each kind of bulletin says, typed. Amounts are integer fen, rates parts per million.

To add a kind: one class here with `kind` and `title`, and one form in `forms.py`.
"""

from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fen = Annotated[int, Field(strict=True, ge=0, le=10**12)]


class Body(BaseModel):
    """The typed content of a bulletin."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: ClassVar[str]
    title: ClassVar[str]


class AccountInterestRate(Body):
    """个人账户记账利率, published by the province once a year (founding notice 三.五)."""

    kind = "account_interest_rate"
    title = "个人账户记账利率"

    year: Annotated[int, Field(strict=True, ge=2009, le=2200)]
    rate_ppm: Annotated[int, Field(strict=True, ge=0, le=200_000)]
    interest_lag_months: Annotated[int, Field(strict=True, ge=0, le=1)] = 1


class ContributionGrades(Body):
    """缴费档次: the yearly amounts a person may choose from, ascending."""

    kind = "contribution_grades"
    title = "缴费档次"

    grades_fen: Annotated[tuple[Fen, ...], Field(min_length=1, max_length=60)]

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if list(self.grades_fen) != sorted(set(self.grades_fen)):
            raise ValueError("缴费档次须从低到高，不能重复")
        return self


class GradeSubsidy(BaseModel):
    """缴费补贴 of one grade and who pays it; the shares add up to the whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    grade_fen: Fen
    fen: Fen
    province_fen: Fen
    city_fen: Fen
    county_fen: Fen

    @model_validator(mode="after")
    def _shares_add_up(self) -> Self:
        if self.province_fen + self.city_fen + self.county_fen != self.fen:
            raise ValueError("省、市、县分担之和须等于补贴金额")
        return self


class ContributionSubsidy(Body):
    """缴费补贴 by grade (入口补)."""

    kind = "contribution_subsidy"
    title = "缴费补贴"

    grades: Annotated[tuple[GradeSubsidy, ...], Field(min_length=1, max_length=60)]


class BasePension(Body):
    """基础养老金 a month."""

    kind = "base_pension"
    title = "基础养老金标准"

    monthly_fen: Fen


class PayoutDivisor(Body):
    """计发月数: the account balance is divided by it."""

    kind = "payout_divisor"
    title = "个人账户计发月数"

    divisor_months: Annotated[int, Field(strict=True, ge=1, le=600)]


BODIES: dict[str, type[Body]] = {
    body.kind: body
    for body in (
        AccountInterestRate,
        ContributionGrades,
        ContributionSubsidy,
        BasePension,
        PayoutDivisor,
    )
}
