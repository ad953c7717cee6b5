"""转往外省或职工养老保险, 由外省或职工养老保险转入: the other side writes on paper.

Sources: 国发〔2014〕8号 §9 (跨地区转移); 人社部发〔2014〕17号 §3–§7 (制度衔接);
人社部发〔2014〕23号 (申请表, 联系函, 信息表).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import select

from node.accounts.service import numbers_of
from node.accounts.sources import Source
from node.cases.forms import Option, Shown
from node.cases.matter import Area
from node.cases.models import Case
from node.contributions.carried import principal_of
from node.core.errors import Conflict, Invalid, Refusal
from node.core.i18n import sentence
from node.core.money import parse_yuan, yuan
from node.core.work import UnitOfWork
from node.registry.change_rules import past_day_problems
from node.registry.citizen_number import normal_number
from node.registry.codes import CloseReason, Standing
from node.registry.effects import Effect
from node.registry.known import Known, find_known
from node.registry.matters import Enrolment, EnrolmentForm, new_enrolment
from node.registry.person_matter import Decided, PersonForm, PersonMatter
from node.registry.typed import Notice
from node.transfers.barriers import Barriers, barriers
from node.transfers.bridge_rules import (
    Way,
    crossing_problems,
    overlap_refund,
    required_months,
    years_added,
)
from node.transfers.intake import Sheet, take_sheet
from node.transfers.records import steps
from node.transfers.release import Leaving, release
from node.transfers.rules import Elsewhere, Step, leaving_problems
from node.transfers.typed_sheets import read_months, read_years
from tiers import Level

LETTER, SHEET, MONEY = "联系函", "信息表", "个人账户储存额"
_WHERE: list[Option] = [("", "请选择"), *((each.value, each.title) for each in Elsewhere)]
_MONTHS_HINT = "按职工养老保险信息表填写，例如 2011:12、2012:6"


class TransferAwayForm(PersonForm):
    """城乡居民基本养老保险关系转出申请表（省外、制度衔接）."""

    to: Annotated[Elsewhere | None, Shown("select", width="20", group=LETTER)] = Field(
        None, title="转往"
    )
    agency: Annotated[str, Shown(width="30", group=LETTER)] = Field(
        "", title="转入地经办机构", max_length=60
    )
    letter_number: Annotated[str, Shown(width="20", group=LETTER)] = Field(
        "", title="联系函编号", max_length=60
    )
    letter_on: Annotated[date | None, Shown("date", width="14", group=LETTER)] = Field(
        None, title="联系函日期"
    )
    is_of_age: Annotated[bool, Shown("checkbox", group=SHEET, optional=True)] = Field(
        False, title="已达到职工养老保险法定退休年龄", description="转往职工养老保险的须满足"
    )
    total_months: Annotated[int | None, Shown("number", width="6", group=SHEET, optional=True)] = (
        Field(None, title="职工养老保险缴费月数", description="含延长缴费", ge=0, le=720)
    )
    double_months: Annotated[str, Shown(width="30", group=SHEET, optional=True)] = Field(
        "", title="重复缴费时段各年月数", description=_MONTHS_HINT, max_length=300
    )


class TransferAway(PersonMatter[TransferAwayForm]):
    """关系转往外省或职工养老保险. Approval settles, gives back what was paid twice, lets go."""

    code = "transfer_away"
    area = Area.TRANSFER
    title = "转往外省或职工养老保险"
    paper_title = "城乡居民基本养老保险关系转出（制度衔接）申请表"
    path = (Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY)
    form = TransferAwayForm

    def fits(self, person: Known) -> bool:
        """Who contributes, or pauses."""
        return person.standing in (Standing.ACTIVE, Standing.INTERRUPTED)

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """Villages, and where to."""
        return {**super().options(uow), "to": _WHERE}

    def problems_many(
        self, uow: UnitOfWork, forms: Sequence[TransferAwayForm], people: Sequence[Known | None]
    ) -> list[list[Invalid]]:
        """A letter, nothing under way, no pension; for the employees' scheme its own conditions."""
        known = [person for person in people if person is not None]
        barred = barriers(uow, known, but=self.code)
        return [
            [
                *_letter_problems(form, today=uow.today),
                *(_leaving(form, person, barred[person.person_id], uow.today) if person else ()),
            ]
            for form, person in zip(forms, people, strict=True)
        ]

    def notices(self, uow: UnitOfWork, form: TransferAwayForm) -> Iterator[Notice]:  # noqa: ARG002
        """That months paid in both schemes go back to the person."""
        if form.double_months.strip() and form.to is Elsewhere.EMPLOYEES:
            message = "重复缴费时段的个人缴费和集体补助审批后退还本人"
            yield Notice(message, "double_months")

    def effects(self, uow: UnitOfWork, decided: Sequence[Decided]) -> Sequence[Effect]:
        """Everybody is let go, and the enrolment ends."""
        return [_let_go(uow, each) for each in decided]


def _letter_problems(form: TransferAwayForm, *, today: date) -> Iterator[Invalid]:
    if form.to is None:
        yield Invalid("请选择转往哪里", field="to")
    if not form.agency.strip():
        yield Invalid("请填写转入地经办机构", field="agency")
    if not form.letter_number.strip():
        yield Invalid("请填写联系函编号", field="letter_number")
    yield from past_day_problems(form.letter_on, today=today, title="联系函日期", field="letter_on")


def _leaving(
    form: TransferAwayForm, person: Known, barred: Barriers, today: date
) -> Iterator[Invalid]:
    to_employees = form.to is Elsewhere.EMPLOYEES
    yield from leaving_problems(
        person.standing,
        draws=barred.draws,
        is_due=barred.is_due and not to_employees,
        open_cases=barred.open_cases,
        money=barred.money,
    )
    if to_employees:
        for each in crossing_problems(
            Way.TO_EMPLOYEES,
            employee_months=form.total_months or 0,
            required_months=required_months(today.year),
            is_of_age=form.is_of_age,
            draws=False,
        ):
            yield _beside(each, {"employee_months": "total_months"})
        try:
            read_months(form.double_months, field="double_months")
        except Invalid as problem:
            yield problem


def _let_go(uow: UnitOfWork, decided: Decided) -> Effect:
    form, person = decided.form, decided.person
    leaving = Leaving(
        person,
        {"id": decided.case.id, "to_county": form.to.value},
        decided.case.id,
        refund=_refund(uow, form, person),
        reference=form.letter_number.strip(),
        agency=form.agency.strip(),
    )
    release(uow, leaving)
    return Effect(
        person=person,
        what=TransferAway.code,
        on=uow.today,
        told={"standing": (person.standing.title, Standing.CLOSED.title)},
        of_enrolment={
            "state": Standing.CLOSED.value,
            "closed_on": uow.today,
            "close_reason": CloseReason.TRANSFERRED.value,
        },
        reason=form.agency.strip(),
        case_id=decided.case.id,
    )


def _refund(uow: UnitOfWork, form: TransferAwayForm, person: Known) -> dict[Source, int]:
    """What goes back for years paid in both schemes, by source."""
    months = read_months(form.double_months, field="double_months")
    if form.to is not Elsewhere.EMPLOYEES or not months:
        return {}
    number = numbers_of(uow, [person.person_id]).get(person.person_id)
    paid = principal_of(uow, number) if number is not None else {}
    found: dict[Source, int] = {}
    for parts in overlap_refund(paid, months).values():
        for source, fen in parts.items():
            found[source] = found.get(source, 0) + fen
    return found


_MONEY = (
    ("individual", Source.INDIVIDUAL),
    ("collective", Source.COLLECTIVE),
    ("subsidy", Source.SUBSIDY_PROVINCE),
    ("other", Source.OTHER),
)


class TransferFromForm(EnrolmentForm):
    """城乡居民基本养老保险关系转入申请表（省外、制度衔接）."""

    origin: Annotated[Elsewhere | None, Shown("select", width="20", group=LETTER)] = Field(
        None, title="转自"
    )
    agency: Annotated[str, Shown(width="30", group=LETTER)] = Field(
        "", title="转出地经办机构", max_length=60
    )
    sheet_number: Annotated[str, Shown(width="20", group=LETTER)] = Field(
        "", title="信息表编号", max_length=60
    )
    years: Annotated[str, Shown(width="30", group=SHEET, optional=True)] = Field(
        "", title="缴费年度", description="外省居民养老保险，例如 2012-2020、2022", max_length=300
    )
    months: Annotated[str, Shown(width="30", group=SHEET, optional=True)] = Field(
        "", title="职工养老保险各年月数", description=_MONTHS_HINT, max_length=600
    )
    is_of_age: Annotated[bool, Shown("checkbox", group=SHEET, optional=True)] = Field(
        False, title="已达到职工养老保险法定退休年龄", description="由职工养老保险转入的须满足"
    )
    individual: Annotated[str, Shown(width="10", unit="元", group=MONEY, optional=True)] = Field(
        "", title="个人缴费"
    )
    collective: Annotated[str, Shown(width="10", unit="元", group=MONEY, optional=True)] = Field(
        "", title="集体补助"
    )
    subsidy: Annotated[str, Shown(width="10", unit="元", group=MONEY, optional=True)] = Field(
        "", title="政府补贴"
    )
    other: Annotated[str, Shown(width="10", unit="元", group=MONEY, optional=True)] = Field(
        "", title="其他"
    )

    def balance(self) -> dict[Source, int]:
        """What comes, in fen by source.

        Raises:
            Invalid: an amount cannot be read.
        """
        typed: dict[str, str] = {name: getattr(self, name) for name, _ in _MONEY}
        read = {
            source: parse_yuan(typed[name], field=name)
            for name, source in _MONEY
            if typed[name].strip()
        }
        return {source: fen for source, fen in read.items() if fen}


class TransferFrom(Enrolment):
    """由外省或职工养老保险转入. Approval enrols, takes the account in and keeps the years."""

    code = "transfer_from"
    area = Area.TRANSFER
    title = "由外省或职工养老保险转入"
    paper_title = "城乡居民基本养老保险关系转入（制度衔接）申请表"
    form = TransferFromForm

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """Where from, besides what an enrolment asks."""
        return {**super().options(uow), "origin": _WHERE}

    def check_many(self, uow: UnitOfWork, forms: Sequence[EnrolmentForm]) -> list[list[Invalid]]:
        """What an enrolment asks, a sheet that can be read, the conditions of the scheme. Who comes
        from the employees' scheme may be enrolled here already.
        """
        found = super().check_many(uow, forms)
        known = find_known(uow, [form.citizen_number for form in forms])
        for form, problems in zip(forms, found, strict=True):
            assert isinstance(form, TransferFromForm)  # noqa: S101  # narrows for mypy
            person = known.get(normal_number(form.citizen_number))
            draws = person is not None and person.standing in _DRAWS
            if form.origin is Elsewhere.EMPLOYEES:
                problems[:] = [each for each in problems if not each.details.get("already")]
            problems.extend(_sheet_problems(form, today=uow.today, draws=draws))
        return found

    def notices(self, uow: UnitOfWork, form: EnrolmentForm) -> Iterator[Notice]:
        """The sum, to be compared with the money that comes."""
        yield from super().notices(uow, form)
        assert isinstance(form, TransferFromForm)  # noqa: S101  # narrows for mypy
        try:
            fen = sum(form.balance().values())
        except Invalid:
            return
        yield Notice(sentence("转入储存额合计 {sum} 元", sum=yuan(fen)), "individual")

    def outcome_href(self, case: Case) -> str:
        """The page of the transfer."""
        return f"/transfers/{case.outcome}" if case.outcome else ""

    def approve_many(
        self, uow: UnitOfWork, cases: Sequence[tuple[Case, EnrolmentForm]]
    ) -> Sequence[str | Refusal]:
        """Take each in; a sheet that was taken in before is refused."""
        return [self._take_in(uow, case, form) for case, form in cases]

    def _take_in(self, uow: UnitOfWork, case: Case, form: Any) -> str | Refusal:
        known = select(steps.c.id).where(
            steps.c.county_code == str(uow.node),
            steps.c.step == Step.RECEIVED.value,
            steps.c.from_county == form.origin.value,
            steps.c.reference == form.sheet_number.strip(),
            steps.c.reason == form.agency.strip(),
        )
        if uow.connection.execute(known).first():
            return Conflict("这份信息表已经接收过", field="sheet_number")
        sheet = Sheet(
            origin=form.origin.value,
            agency=form.agency.strip(),
            number=form.sheet_number.strip(),
            balance=form.balance(),
            years=lambda here: _years(form, here),
        )
        take_sheet(uow, new_enrolment(case, form), sheet, case_id=case.id)
        return case.id


_DRAWS = (Standing.DRAWING, Standing.SUSPENDED)


def _sheet_problems(form: TransferFromForm, *, today: date, draws: bool) -> Iterator[Invalid]:
    if form.origin is None:
        yield Invalid("请选择转自哪里", field="origin")
    if not form.agency.strip():
        yield Invalid("请填写转出地经办机构", field="agency")
    if not form.sheet_number.strip():
        yield Invalid("请填写信息表编号", field="sheet_number")
    months: dict[int, int] = {}
    try:
        form.balance()
        read_years(form.years, field="years")
        months = read_months(form.months, field="months")
    except Invalid as problem:
        yield problem
        return
    if form.origin is Elsewhere.EMPLOYEES:
        for each in crossing_problems(
            Way.FROM_EMPLOYEES,
            employee_months=sum(months.values()),
            required_months=required_months(today.year),
            is_of_age=form.is_of_age,
            draws=draws,
        ):
            yield _beside(each, {"employee_months": "months"})


def _beside(problem: Invalid, fields: Mapping[str, str]) -> Invalid:
    """A problem of the law beside the field of a form."""
    field = fields.get(problem.field or "", problem.field)
    return Invalid(problem.message, field=field)


def _years(form: TransferFromForm, here: Sequence[int]) -> list[int]:
    """The calendar years that count from now on, given those that count here already."""
    if form.origin is Elsewhere.EMPLOYEES:
        return years_added(here, read_months(form.months, field="months"))
    return read_years(form.years, field="years")
