"""Bulletins about public notices (公示): which decisions are posted first, for how many days."""

from typing import Annotated

from pydantic import Field

from node.core.i18n import _
from node.policy.body import Body

NoticeDays = Annotated[int, Field(strict=True, ge=0, le=60)]


class PublicNotices(Body):
    """公示办法: days a list hangs in the village before the county may approve; 0 for none.

    The list of a year's contributors hangs for everybody to see; nothing waits for it.

    Source: 人社部发〔2014〕23号 (posting in the village before approval); the days are local.
    """

    kind = "public_notice"
    title = "公示办法"

    enrolment: NoticeDays = Field(title=_("参保登记公示天数"), description=_("0 为不公示"))
    benefit_claim: NoticeDays = Field(
        title=_("待遇领取公示天数"), description=_("例如 7；0 为不公示")
    )
    category_grant: NoticeDays = Field(
        title=_("特殊群体认定公示天数"), description=_("例如 7；0 为不公示")
    )

    contribution_list: NoticeDays = Field(
        default=0, title=_("年度缴费名单公示天数"), description=_("例如 10；0 为不公示")
    )

    def days_of(self, matter_code: str) -> int:
        """Days for a matter; 0 for one that is not posted."""
        return int(getattr(self, matter_code, 0)) if matter_code in type(self).model_fields else 0
