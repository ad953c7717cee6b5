"""关系转入, 关系转出: the two cases of a transfer, where a person comes to and where they leave.

Sources: 人社部发〔2014〕23号 (转入地提出申请, 接收函, 转出审批); 国发〔2014〕8号 §9.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from node.cases.forms import Option, Shown
from node.cases.matter import Area
from node.cases.models import Case
from node.cases.rules import State
from node.core.errors import Conflict, Invalid, Refusal
from node.core.i18n import sentence
from node.core.personal import keyring_of
from node.core.work import UnitOfWork
from node.registry.change_rules import past_day_problems
from node.registry.citizen_number import normal_number
from node.registry.codes import CloseReason, Standing
from node.registry.effects import Effect
from node.registry.enrol import NewEnrolment
from node.registry.known import Known
from node.registry.matters import Enrolment, EnrolmentForm, new_enrolment
from node.registry.person_matter import Decided, PersonForm, PersonMatter
from node.registry.typed import Notice
from node.transfers.barriers import Barriers, barriers
from node.transfers.counties import counties, name_of
from node.transfers.desk import open_letters
from node.transfers.intake import ask
from node.transfers.records import Row
from node.transfers.release import Leaving, letter_for, release
from node.transfers.rules import leaving_problems
from tiers import Level

MOVE, WHAT = "迁移", "转出"


class TransferInForm(EnrolmentForm):
    """城乡居民基本养老保险关系转入申请表."""

    from_county: Annotated[str, Shown("select", width="20", group=MOVE)] = Field(
        "", title="原参保县（市、区）", description="本省内原来参保的县"
    )
    moved_on: Annotated[date | None, Shown("date", width="14", group=MOVE)] = Field(
        None, title="户口迁入日期", description="以户口簿登记的日期为准"
    )


class TransferIn(Enrolment):
    """关系转入: taken where the household now is. Approval asks the old county by letter."""

    code = "transfer_in"
    area = Area.TRANSFER
    title = "关系转入"
    paper_title = "城乡居民基本养老保险关系转入申请表"
    path = (Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY)
    form = TransferInForm

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """The other counties of the province, besides what an enrolment asks."""
        others = [(code, name) for code, name in counties().items() if code != uow.node.county]
        return {**super().options(uow), "from_county": [("", "请选择"), *others]}

    def check_many(self, uow: UnitOfWork, forms: Sequence[EnrolmentForm]) -> list[list[Invalid]]:
        """What an enrolment asks, another county, a day of moving, nobody asked for twice."""
        found = super().check_many(uow, forms)
        letters = open_letters(uow, [normal_number(form.citizen_number) for form in forms])
        for form, problems in zip(forms, found, strict=True):
            assert isinstance(form, TransferInForm)  # noqa: S101  # narrows for mypy
            problems.extend(_move_problems(form, on=uow.today, here=str(uow.node.county)))
            if normal_number(form.citizen_number) in letters:
                message = "已经向原参保县发出接收函，不能重复申请"
                problems.append(Invalid(message, field="citizen_number"))
        return found

    def outcome_href(self, case: Case) -> str:
        """The page of the transfer."""
        return f"/transfers/{case.outcome}" if case.outcome else ""

    def approve_many(
        self, uow: UnitOfWork, cases: Sequence[tuple[Case, EnrolmentForm]]
    ) -> Sequence[str | Refusal]:
        """Write the letters; person and account follow when the old county has let go."""
        return ask(uow, [_asked(case, form) for case, form in cases])


def _move_problems(form: TransferInForm, *, on: date, here: str) -> Iterator[Invalid]:
    if form.from_county not in counties():
        yield Invalid("请选择原参保县（市、区）", field="from_county")
    elif form.from_county == here:
        message = "在本县内迁移不需要转移，请办理变更登记"
        yield Invalid(message, field="from_county")
    yield from past_day_problems(form.moved_on, today=on, title="户口迁入日期", field="moved_on")


def _asked(case: Case, form: EnrolmentForm) -> tuple[str, str, NewEnrolment]:
    assert isinstance(form, TransferInForm)  # noqa: S101  # narrows for mypy
    return case.id, form.from_county, new_enrolment(case, form)


class TransferOutForm(PersonForm):
    """城乡居民基本养老保险关系转出审批表."""

    is_checked: Annotated[bool, Shown("checkbox", group=WHAT)] = Field(
        False,
        title="已与本人核对",
        description="已核对接收函、本人身份、缴费年限和个人账户",
    )
    remark: Annotated[str, Shown(width="30", group=WHAT, optional=True)] = Field(
        "", title="说明", max_length=200
    )


class TransferOut(PersonMatter[TransferOutForm]):
    """关系转出: the old county's answer to a letter. Approval settles, lets go, sends all along."""

    code = "transfer_out"
    area = Area.TRANSFER
    title = "关系转出"
    paper_title = "城乡居民基本养老保险关系转出审批表"
    path = (Level.COUNTY,)
    days = MappingProxyType({State.REVIEW: 10, State.APPROVAL: 5, State.RETURNED: 5})
    form = TransferOutForm

    def fits(self, person: Known) -> bool:
        """Who contributes, or pauses."""
        return person.standing in (Standing.ACTIVE, Standing.INTERRUPTED)

    def problems_many(
        self, uow: UnitOfWork, forms: Sequence[TransferOutForm], people: Sequence[Known | None]
    ) -> list[list[Invalid]]:
        """A letter has come, nothing is under way, no pension is drawn or due."""
        known = [person for person in people if person is not None]
        barred = barriers(uow, known, but=self.code)
        return [
            [
                *([] if form.is_checked else [_UNCHECKED]),
                *(_leaving(uow, person, barred[person.person_id]) if person else ()),
            ]
            for form, person in zip(forms, people, strict=True)
        ]

    def notices(self, uow: UnitOfWork, form: TransferOutForm) -> Iterator[Notice]:
        """Where the person goes, by which letter."""
        letter = _letter(uow, form.citizen_number)
        if letter is not None:
            to, on = name_of(letter["to_county"]), letter["taken_on"]
            yield Notice(sentence("转往{to}，接收函 {on}", to=to, on=on), "citizen_number")

    def effects(self, uow: UnitOfWork, decided: Sequence[Decided]) -> Sequence[Effect]:
        """Everybody is let go, and the enrolment ends."""
        return [_let_go(uow, each) for each in decided]


_UNCHECKED = Invalid("请先与本人核对，再勾选", field="is_checked")


def _letter(uow: UnitOfWork, citizen_number: str) -> Row | None:
    index = keyring_of(uow.connection).index(normal_number(citizen_number))
    return letter_for(uow, index)


def _leaving(uow: UnitOfWork, person: Known, barred: Barriers) -> Iterator[Invalid]:
    if _letter(uow, person.citizen_number) is None:
        message = "没有收到转入地的接收函，请由本人在转入地申请"
        yield Invalid(message, field="citizen_number")
    yield from leaving_problems(
        person.standing,
        draws=barred.draws,
        is_due=barred.is_due,
        open_cases=barred.open_cases,
        money=barred.money,
    )


def _let_go(uow: UnitOfWork, decided: Decided) -> Effect:
    person = decided.person
    letter = _letter(uow, person.citizen_number)
    if letter is None:
        raise Conflict("接收函已经答复，或已由转入地撤回")
    release(uow, Leaving(person, letter, decided.case.id))
    return Effect(
        person=person,
        what=TransferOut.code,
        on=uow.today,
        told={"standing": (person.standing.title, Standing.CLOSED.title)},
        of_enrolment={
            "state": Standing.CLOSED.value,
            "closed_on": uow.today,
            "close_reason": CloseReason.TRANSFERRED.value,
        },
        reason=name_of(letter["to_county"]),
        case_id=decided.case.id,
    )
