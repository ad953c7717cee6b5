"""The bulletin about data quality: which rules are used, and how (business §10)."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from node.core.i18n import _
from node.core.titled import TitledEnum
from node.policy.body import Body


class Severity(TitledEnum):
    """How much a finding about the data matters."""

    ERROR = "error", "错误"
    WARNING = "warning", "疑点"
    NOTICE = "notice", "提示"


class QualityRule(BaseModel):
    """How one rule of the catalogue of data quality is used."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Annotated[str, Field(min_length=1, max_length=40, pattern=r"[a-z_]+")] = Field(
        title=_("规则代码")
    )
    severity: Severity = Field(title=_("等级"))
    days: Annotated[int, Field(strict=True, ge=1, le=365)] = Field(title=_("办理天数"))
    is_on: bool = Field(title=_("启用"))


class QualityRules(Body):
    """数据质量规则: which rules are used, how grave, how many days; others as the program says."""

    kind = "quality_rules"
    title = "数据质量规则"

    rules: Annotated[tuple[QualityRule, ...], Field(min_length=1, max_length=200)] = Field(
        title=_("规则"), description=_("每行一条，例如 underage error 10 1")
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({one.rule for one in self.rules}) != len(self.rules):
            raise ValueError("同一条规则只能写一行")
        return self
