"""投诉、举报、咨询: what somebody wants answered, anonymous if they wish.

It goes from any desk to the county; the opinion of the approval is the answer.
Sources: 社会保险经办条例 §51 (举报、投诉), §32 (咨询).
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, Field

from node.cases.forms import Option, Shown
from node.cases.matter import Area, Matter, Subject
from node.cases.models import Case
from node.cases.rules import State
from node.core.errors import Invalid, Refusal
from node.core.titled import TitledEnum
from node.core.work import UnitOfWork
from node.registry.citizen_number import normal_number, number_problems
from node.registry.matters import village_choices
from node.registry.rules import name_problems, normal_name, phone_problems
from tiers import Level, RegionCode

WHAT, FROM = "事由", "来人"
SHORTEST = 5
ANONYMOUS = "匿名"


class Concern(TitledEnum):
    """What it is."""

    QUESTION = "question", "咨询"
    COMPLAINT = "complaint", "投诉"
    REPORT = "report", "举报"
    PROPOSAL = "proposal", "建议"


class ComplaintForm(BaseModel):
    """投诉举报登记表."""

    kind: Annotated[Concern, Shown("select", width="10", group=WHAT)] = Field(
        Concern.QUESTION, title="类别"
    )
    content: Annotated[str, Shown("textarea", width="40", group=WHAT)] = Field(
        "", title="内容", description="时间、地点、涉及的人和事", max_length=1000
    )
    village: Annotated[str, Shown("select", width="20", group=WHAT)] = Field(
        "", title="涉及的村（社区）"
    )
    is_anonymous: Annotated[bool, Shown("checkbox", group=FROM, optional=True)] = Field(
        False, title="匿名，不留姓名和号码"
    )
    name: Annotated[str, Shown(width="10", group=FROM, optional=True)] = Field("", title="姓名")
    citizen_number: Annotated[
        str, Shown("citizen", width="20", group=FROM, mask="citizen", optional=True)
    ] = Field("", title="公民身份号码", description="涉及本人参保或待遇的填写")
    phone: Annotated[str, Shown("tel", width="14", group=FROM, mask="tail", optional=True)] = Field(
        "", title="联系电话", description="用于答复"
    )


class Complaint(Matter[ComplaintForm]):
    """投诉、举报、咨询. Approval is the answer; nothing else changes."""

    code = "complaint"
    area = Area.COMPLAINT
    title = "投诉、举报、咨询"
    path = (Level.VILLAGE, Level.COUNTY)
    days = MappingProxyType({State.REVIEW: 10, State.APPROVAL: 5, State.RETURNED: 5})
    form = ComplaintForm

    def subject(self, form: ComplaintForm) -> Subject:
        """Who asks; nobody in particular when they stay anonymous."""
        if form.is_anonymous:
            return Subject(ANONYMOUS, "")
        return Subject(normal_name(form.name), normal_number(form.citizen_number))

    def village(self, form: ComplaintForm) -> RegionCode:
        """The place it concerns."""
        try:
            return RegionCode(form.village)
        except ValueError as error:
            raise Invalid("请选择涉及的村（社区）", field="village") from error

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """The villages the actor works for."""
        return {"village": village_choices(uow)}

    def check_many(self, uow: UnitOfWork, forms: Sequence[ComplaintForm]) -> list[list[Invalid]]:
        """Words enough to act on, and a name unless anonymous."""
        return [complaint_problems(form, uow) for form in forms]

    def approve_many(
        self,
        uow: UnitOfWork,  # noqa: ARG002  # an answer changes nothing else
        cases: Sequence[tuple[Case, ComplaintForm]],
    ) -> Sequence[str | Refusal]:
        """The answer stands in the opinion."""
        return ["" for _ in cases]


def complaint_problems(form: ComplaintForm, uow: UnitOfWork) -> list[Invalid]:
    """What is missing, or stands where nothing should."""
    found: list[Invalid] = []
    if len(form.content.strip()) < SHORTEST:
        found.append(Invalid(f"请写明内容，至少 {SHORTEST} 个字", field="content"))
    if form.is_anonymous:
        if form.name or form.citizen_number:
            found.append(Invalid("匿名的不填姓名和号码，请清空", field="name"))
    else:
        found += name_problems(form.name)
        if form.citizen_number:
            found += number_problems(form.citizen_number, today=uow.today)
    found += phone_problems(form.phone)
    return found
