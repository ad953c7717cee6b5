"""参保登记: the matter by which a person enters the scheme.

Sources: 国发〔2014〕8号 §3 (who may enrol), §6 (from 60 on nobody contributes);
人社部发〔2014〕23号 §6 (the form).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field
from sqlalchemy import select

from node.cases.forms import Option, Shown
from node.cases.matter import Matter, Subject
from node.cases.models import Case
from node.core.divisions import table as divisions
from node.core.errors import Invalid, Refusal
from node.core.personal import keyring_of
from node.core.work import UnitOfWork
from node.policy.bodies import ContributionGrades
from node.policy.service import in_force
from node.registry.citizen_number import normal_number, number_problems, read_number
from node.registry.codes import ETHNICITIES, Category
from node.registry.door import Arrival, notices_many
from node.registry.enrol import NewEnrolment, enrol_many, enrolled_people, known_people
from node.registry.rules import (
    MINIMUM_AGE,
    Applicant,
    age_on,
    applicant_problems,
    category_rule_problems,
    grade_problems,
    migration_problems,
    normal_name,
    short_yuan,
)
from node.registry.service import person_of
from node.registry.typed import Notice, plain
from tiers import Level, RegionCode

CONTRIBUTING_AGES = range(MINIMUM_AGE, 60)
NO_GRADES = "省里的缴费档次文件还没有到本节点，暂不能选择档次"

WHO, WHERE, HOW = "本人", "户籍与联系方式", "参保选择"


class EnrolmentForm(BaseModel):
    """参保登记表. Sex and birth date are said by the number; a roll may state them to compare."""

    name: Annotated[str, Shown(width="10", group=WHO)] = Field("", title="姓名")
    citizen_number: Annotated[str, Shown("citizen", width="20", group=WHO, mask="citizen")] = Field(
        "", title="公民身份号码", description="18 位，末位可以是 X；性别和出生日期由号码得出"
    )
    sex: Annotated[str, Shown("hidden", optional=True)] = Field("", title="性别")
    born_on: Annotated[date | None, Shown("hidden", optional=True)] = Field(None, title="出生日期")
    enrolled_on: Annotated[date | None, Shown("hidden", optional=True)] = Field(
        None, title="原参保日期"
    )
    ethnicity: Annotated[str, Shown("select", width="10", group=WHO)] = Field("汉族", title="民族")
    village: Annotated[str, Shown("select", width="20", group=WHERE)] = Field(
        "", title="所在村（社区）"
    )
    household_address: Annotated[str, Shown(width="30", group=WHERE)] = Field(
        "", title="户籍地址", description="按户口簿填写", max_length=200
    )
    phone: Annotated[str, Shown("tel", width="14", group=WHERE, mask="tail", optional=True)] = (
        Field("", title="联系电话", description="手机号，或带区号的固定电话")
    )
    category: Annotated[Category, Shown("select", width="14", group=HOW)] = Field(
        Category.ORDINARY, title="人员类别", description="特殊群体须有相应证明"
    )
    grade_fen: Annotated[int | None, Shown("select", width="14", group=HOW)] = Field(
        None, title="缴费档次", description="每年缴费金额；年满 60 周岁不再缴费，可不选"
    )
    bank_card: Annotated[str, Shown(width="20", group=HOW, mask="tail", optional=True)] = Field(
        "", title="银行卡号", description="社会保障卡或本人银行卡，用于扣款和发放"
    )
    consent: Annotated[bool, Shown("checkbox", group=HOW)] = Field(
        False,
        title="本人同意并确认属实",
        description="自愿参保，同意为参保处理个人信息，确认以上内容属实",
    )

    def applicant(self) -> Applicant:
        """The form as the checks at the door want it."""
        return Applicant(
            name=self.name,
            citizen_number=self.citizen_number,
            sex=self.sex,
            born_on=self.born_on,
            ethnicity=self.ethnicity,
            household_address=self.household_address,
            phone=self.phone,
            bank_card=self.bank_card,
        )

    def arrival(self) -> Arrival:
        """The form as what to look at is found by."""
        return Arrival(self.applicant(), self.village, self.category, self.grade_fen)


class Enrolment(Matter[EnrolmentForm]):
    """参保登记. Approval registers the person and opens the enrolment."""

    code = "enrolment"
    title = "参保登记"
    paper_title = "城乡居民基本养老保险参保登记表"
    path = (Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY)
    form = EnrolmentForm

    def subject(self, form: EnrolmentForm) -> Subject:
        """The applicant."""
        return Subject(normal_name(form.name), normal_number(form.citizen_number))

    def village(self, form: EnrolmentForm) -> RegionCode:
        """Where the applicant's household is registered."""
        try:
            return RegionCode(form.village)
        except ValueError as error:
            raise Invalid("请选择所在村（社区）", field="village") from error

    def check_many(self, uow: UnitOfWork, forms: Sequence[EnrolmentForm]) -> list[list[Invalid]]:
        """The rules at the door, the grades in force, and nobody twice."""
        grades = grades_in_force(uow, uow.today)
        enrolled = _enrolled(uow, forms)
        found = []
        for form in forms:
            problems = [*_form_problems(form, on=uow.today, grades=grades)]
            problems += migration_problems(
                form.enrolled_on, on=uow.today, at_county=uow.level is Level.COUNTY
            )
            if normal_number(form.citizen_number) in enrolled:
                message = "此人已经参保，不能重复参保"
                problems.append(Invalid(message, field="citizen_number", already=True))
            found.append(problems)
        return found

    def notices(self, uow: UnitOfWork, form: EnrolmentForm) -> Iterator[Notice]:
        """What to look at: an odd phone or card, an address elsewhere, somebody very like."""
        yield from notices_many(uow, [form.arrival()])[0]

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """Ethnicities, the villages the actor works for, and the grades in force."""
        grades = [
            (str(fen), f"{short_yuan(fen)} 元") for fen in grades_in_force(uow, uow.today) or ()
        ]
        return {
            "ethnicity": [(name, name) for name in ETHNICITIES],
            "village": village_choices(uow),
            "grade_fen": [("", "请选择"), *grades],
        }

    def derived(self, form: EnrolmentForm) -> Sequence[tuple[str, str]]:
        """Sex and birth date, as the number says them."""
        return derived_of(form.citizen_number)

    def outcome_href(self, case: Case) -> str:
        """The page of the person."""
        return f"/registry/{case.outcome}" if case.outcome else ""

    def approve_many(
        self, uow: UnitOfWork, cases: Sequence[tuple[Case, EnrolmentForm]]
    ) -> Sequence[str | Refusal]:
        """Register everybody and open their enrolments."""
        return enrol_many(uow, [new_enrolment(case, form) for case, form in cases])


def derived_of(citizen_number: str) -> list[tuple[str, str]]:
    """What a number says of sex and birth; nothing when it cannot be one."""
    far = date(9999, 12, 31)  # whether it lies in the future is for the checks to say
    if any(number_problems(citizen_number, today=far)):
        return []
    number = read_number(citizen_number, today=far)
    return [("性别", str(number.sex)), ("出生日期", number.born_on.isoformat())]


def new_enrolment(case: Case, form: EnrolmentForm) -> NewEnrolment:
    return NewEnrolment(
        name=normal_name(form.name),
        citizen_number=normal_number(form.citizen_number),
        village=RegionCode(form.village),
        ethnicity=form.ethnicity,
        address=form.household_address.strip(),
        phone=plain(form.phone),
        category=form.category.value,
        grade_fen=form.grade_fen,
        bank_account=plain(form.bank_card),
        opened_on=form.enrolled_on,
        case_id=case.id,
    )


def _form_problems(
    form: EnrolmentForm, *, on: date, grades: Sequence[int] | None
) -> Iterator[Invalid]:
    yield from applicant_problems(form.applicant(), on=on)
    if form.ethnicity not in ETHNICITIES:
        yield Invalid("请从列表中选择民族", field="ethnicity")
    if not form.household_address.strip():
        yield Invalid("请填写户籍地址", field="household_address")
    yield from category_rule_problems(form.category, form.citizen_number, on=on)
    yield from _grade_problems(form, on=on, grades=grades)
    if not form.consent:
        yield Invalid("须经本人同意并确认内容属实", field="consent")


def _grade_problems(
    form: EnrolmentForm, *, on: date, grades: Sequence[int] | None
) -> Iterator[Invalid]:
    if form.grade_fen is None:
        if form.enrolled_on is None and _contributes(form.citizen_number, on):
            yield Invalid("请选择缴费档次", field="grade_fen")
    elif grades is None:
        yield Invalid(NO_GRADES, field="grade_fen")
    else:
        yield from grade_problems(form.grade_fen, grades=grades, field="grade_fen")


def _contributes(citizen_number: str, on: date) -> bool:
    """Whether the number says somebody of 16 to 59; a wrong one is a problem of its own."""
    if any(number_problems(citizen_number, today=on)):
        return False
    return age_on(read_number(citizen_number, today=on).born_on, on) in CONTRIBUTING_AGES


def grades_in_force(uow: UnitOfWork, on: date) -> tuple[int, ...] | None:
    """Yearly grades in fen by the bulletin in force; none when it has not arrived."""
    found = in_force(uow, ContributionGrades.kind, uow.node, on)
    if found is None or not isinstance(found.body, ContributionGrades):
        return None
    return found.body.grades_fen


def _enrolled(uow: UnitOfWork, forms: Sequence[EnrolmentForm]) -> set[str]:
    """Citizen numbers among the forms whose bearers are enrolled here already."""
    keyring = keyring_of(uow.connection)
    numbers = {keyring.index(n): n for n in (normal_number(f.citizen_number) for f in forms) if n}
    known = known_people(uow, list(numbers))
    enrolled = enrolled_people(uow, list(known.values()))
    return {numbers[index] for index, person_id in known.items() if person_id in enrolled}


def known_values(uow: UnitOfWork, person_id: str) -> dict[str, str]:
    """Name, number and village of a person known here, as a form of a matter begins with them.

    Raises:
        NotFound: there is no such person, or none the actor may see.
    """
    person = person_of(uow, person_id)
    return {
        "name": person.name,
        "citizen_number": person.citizen_number,
        "village": person.village,
    }


def places_of_county(uow: UnitOfWork) -> list[Option]:
    """Every village of the county, with its township's name before its own."""
    county = (uow.node.county or uow.node).prefix
    columns = (divisions.c.code, divisions.c.name, divisions.c.parent, divisions.c.valid_to)
    statement = select(*columns).where(divisions.c.code.startswith(county))
    rows = uow.connection.execute(statement.order_by(divisions.c.code)).all()
    names = {row.code: row.name for row in rows}
    return [
        (row.code, f"{names.get(row.parent, '')} {row.name}".strip())
        for row in rows
        if RegionCode(row.code).level is Level.VILLAGE and row.valid_to is None
    ]


def village_options(uow: UnitOfWork) -> list[Option]:
    """The villages the actor works for, with their names."""
    columns = (divisions.c.code, divisions.c.name)
    statement = select(*columns).where(
        divisions.c.level == str(Level.VILLAGE),
        divisions.c.valid_to.is_(None),
        divisions.c.code.startswith(uow.actor.scope.prefix),
    )
    rows = uow.connection.execute(statement.order_by(divisions.c.code))
    return [(row.code, row.name) for row in rows]


def village_choices(uow: UnitOfWork) -> list[Option]:
    """The same for a select; one who works for a single village need not choose."""
    scope = uow.actor.scope
    if scope.level is Level.VILLAGE:
        return village_options(uow) or [(str(scope), str(scope))]
    return [("", "请选择"), *village_options(uow)]
