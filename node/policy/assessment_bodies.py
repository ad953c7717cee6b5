"""The bulletin about assessment: what is scored, what it weighs, where marks begin and are full.

Source: business §12 (考核); domain §11.4.
"""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from node.core.i18n import _
from node.core.titled import TitledEnum
from node.policy.body import Body, Rate

FULL_WEIGHT = 100


class Indicator(TitledEnum):
    """What an item is scored from: a rate of the statistics, or the city's own judgement."""

    PAYING = "paying", "缴费率"
    RENEWAL = "renewal", "续缴率"
    HIGH_GRADE = "high_grade", "高档次占比"
    ON_TIME = "on_time", "按时发放率"
    IN_FULL = "in_full", "足额发放率"
    CERTIFIED = "certified", "认证率"
    QUALITY = "quality", "数据质量得分"
    FINDINGS = "findings", "数据问题按期消除率"
    TOLD = "told", "用数摘要上报率"
    HAND = "hand", "人工评分"


class AssessmentItem(BaseModel):
    """One item: a value at `zero_ppm` or worse has no marks, one at `full_ppm` or better all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=20, pattern=r"\S+")] = Field(
        title=_("项目")
    )
    indicator: Indicator = Field(title=_("依据"))
    weight: Annotated[int, Field(strict=True, ge=1, le=FULL_WEIGHT)] = Field(title=_("分值"))
    zero_ppm: Rate = Field(title=_("零分（%）"))
    full_ppm: Rate = Field(title=_("满分（%）"))

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.zero_ppm == self.full_ppm:
            raise ValueError("零分和满分不能是同一个数")
        return self


class AssessmentScheme(Body):
    """考核办法: the items a city scores its counties by, each year; weights add up to a hundred."""

    kind = "assessment_scheme"
    title = "考核办法"

    items: Annotated[tuple[AssessmentItem, ...], Field(min_length=1, max_length=40)] = Field(
        title=_("考核项目"),
        description=_("每行一项：名称 依据 分值 零分 满分，例如 缴费率 paying 15 50 90"),
    )

    @model_validator(mode="after")
    def _a_hundred(self) -> Self:
        if len({item.name for item in self.items}) != len(self.items):
            raise ValueError("同一个项目只能写一行")
        if sum(item.weight for item in self.items) != FULL_WEIGHT:
            raise ValueError("各项分值之和须为 100")
        return self
