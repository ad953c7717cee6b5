"""The bulletin by which places are renamed, merged and divided (行政区划调整)."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from node.core.i18n import _
from node.core.titled import TitledEnum
from node.policy.body import Body
from tiers import Level, RegionCode, RegionError


class RegionStepKind(TitledEnum):
    """What happens to a place."""

    RENAMED = "更名", "更名"
    MERGED = "并入", "并入"
    DIVIDED = "分设", "分设"


class RegionStep(BaseModel):
    """One place and what comes of it.

    Renamed: it keeps its code (`successor` is the code itself) and bears `name` from now on.
    Merged: it ends and everybody belongs to `successor`. Divided: a new place `successor` of this
    `name` begins beside it; who belongs there is said person by person (变更登记).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Annotated[str, Field(min_length=12, max_length=12)] = Field(title=_("原代码"))
    change: RegionStepKind = Field(title=_("调整"))
    successor: Annotated[str, Field(min_length=12, max_length=12)] = Field(title=_("现代码"))
    name: Annotated[str, Field(min_length=2, max_length=40)] = Field(title=_("现名称"))

    @model_validator(mode="after")
    def _possible(self) -> Self:
        try:
            before, after = RegionCode(self.code), RegionCode(self.successor)
        except RegionError as error:
            raise ValueError(f"{self.code} 或 {self.successor} 不是行政区划代码") from error
        if before.level not in (Level.TOWNSHIP, Level.VILLAGE) or after.level is not before.level:
            raise ValueError("只能调整村（社区）或乡镇（街道），调整前后须是同一级")
        if before.county != after.county:
            raise ValueError("调整前后须在同一个县（市、区）内，跨县的请办理关系转移")
        if (self.change is RegionStepKind.RENAMED) != (before == after):
            raise ValueError("更名的代码不变，并入和分设的代码不同")
        if self.change is RegionStepKind.MERGED and before.level is Level.TOWNSHIP:
            raise ValueError("乡镇撤并请逐村列出各村并入或更换的代码")
        return self


class RegionChange(Body):
    """行政区划调整: what was decided about places, in the order in which it is done."""

    kind = "region_change"
    title = "行政区划调整"

    steps: Annotated[tuple[RegionStep, ...], Field(min_length=1, max_length=500)] = Field(
        title=_("调整事项"),
        description=_("每行一处，例如 410122101206 并入 410122101205 荣庄村委会"),
    )
