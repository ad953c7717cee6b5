"""补缴: the matter by which somebody pays for past years.

Source: 国发〔2014〕8号 六 (years short may be made up). Which years, at which grade and how many at
once is for the bulletin to say (补缴办法).
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from node.accounts.service import numbers_of
from node.cases.forms import Option, Shown
from node.cases.matter import Area
from node.contributions.make_up import (
    Asked,
    allowed_years,
    first_year_of,
    problems_of,
    write_orders,
)
from node.contributions.payers import Payer, find_payers, paid_years
from node.contributions.rules import NO_MAKE_UP, make_up_years, read_years, years_in_words
from node.core.errors import Invalid
from node.core.i18n import sentence
from node.core.money import yuan
from node.core.work import UnitOfWork
from node.registry.citizen_number import normal_number
from node.registry.codes import Standing
from node.registry.effects import Effect
from node.registry.known import Known
from node.registry.matters import grades_in_force
from node.registry.person_matter import Decided, PersonForm, PersonMatter
from node.registry.rules import short_yuan
from tiers import Level

WHAT = "补缴"


class MakeUpForm(PersonForm):
    """补缴申请表."""

    years: Annotated[str, Shown(width="30", group=WHAT)] = Field(
        "", title="补缴年度", description="例如 2019、2021-2023", max_length=200
    )
    grade_fen: Annotated[int | None, Shown("select", width="14", group=WHAT)] = Field(
        None, title="缴费档次", description="每个年度都按这个档次缴，没有缴费补贴"
    )


class MakeUp(PersonMatter[MakeUpForm]):
    """补缴. Approval makes an order for each year; paying it is what pays any other."""

    code = "make_up"
    area = Area.CONTRIBUTION
    title = "补缴"
    path = (Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY)
    form = MakeUpForm

    def fits(self, person: Known) -> bool:
        """Who contributes."""
        return person.standing is Standing.ACTIVE

    def beginning(self, uow: UnitOfWork, person_id: str) -> Mapping[str, str] | None:
        """The person, and the latest years not paid that may be made up at once."""
        values = super().beginning(uow, person_id)
        allowed = allowed_years(uow)
        number = numbers_of(uow, [person_id]).get(person_id)
        if values is None or allowed is None or number is None:
            return values
        payer = find_payers(uow, account_nos=[number], citizen_numbers=[]).by_account[number]
        open_years = make_up_years(
            paid_years=paid_years(uow, [number])[number],
            first_year=first_year_of(payer, allowed),
            this_year=uow.today.year,
        )
        return {**values, "years": years_in_words(open_years[-allowed.most_years :])}

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """Villages, and the grades the bulletin allows."""
        allowed = allowed_years(uow)
        least = allowed.least_fen if allowed else 0
        grades = [fen for fen in grades_in_force(uow, uow.today) or () if fen >= least]
        return {
            **super().options(uow),
            "grade_fen": [("", "请选择"), *((str(fen), f"{short_yuan(fen)} 元") for fen in grades)],
        }

    def derived(self, form: MakeUpForm) -> Sequence[tuple[str, str]]:
        """Sex and birth date, and what it comes to."""
        found = list(super().derived(form))
        try:
            years = read_years(form.years)
        except Invalid:
            return found
        if years and form.grade_fen:
            words = sentence(
                "{count} 年 × {grade} 元 ＝ {total} 元",
                count=len(years),
                grade=short_yuan(form.grade_fen),
                total=yuan(len(years) * form.grade_fen),
            )
            found.append(("应缴合计", words))
        return found

    def problems_many(
        self, uow: UnitOfWork, forms: Sequence[MakeUpForm], people: Sequence[Known | None]
    ) -> list[list[Invalid]]:
        """Years the bulletin allows, at a grade it allows, by somebody who contributes."""
        payers = _payers(uow, people)
        found: list[list[Invalid]] = []
        asked: list[Asked] = []
        places: list[int] = []
        for place, (form, person) in enumerate(zip(forms, people, strict=True)):
            years, mine = _read(form, person)
            found.append(mine)
            payer = payers.get(person.person_id) if person else None
            if payer is not None and form.grade_fen and not mine:
                places.append(place)
                asked.append(Asked(payer, years, form.grade_fen))
            elif not mine and allowed_years(uow) is None:
                mine.append(Invalid(NO_MAKE_UP, field="years"))
            elif not mine and person and uow.level is Level.COUNTY:
                mine.append(Invalid("此人还没有个人账户", field="citizen_number"))
        for place, problems in zip(places, problems_of(uow, asked), strict=True):
            found[place] += problems
        return found

    def effects(self, uow: UnitOfWork, decided: Sequence[Decided]) -> Sequence[Effect]:
        """The orders are made and told; the years stand in the person's history."""
        payers = _payers(uow, [each.person for each in decided])
        write_orders(
            uow,
            [
                Asked(
                    payers[each.person.person_id],
                    read_years(each.form.years),
                    each.form.grade_fen,
                )
                for each in decided
            ],
        )
        return [
            Effect(
                person=each.person,
                what=self.code,
                on=uow.today,
                told={
                    "make_up": ("", years_in_words(read_years(each.form.years))),
                    "make_up_grade": ("", short_yuan(each.form.grade_fen)),
                },
                case_id=each.case.id,
            )
            for each in decided
        ]


def _read(form: MakeUpForm, person: Known | None) -> tuple[Sequence[int], list[Invalid]]:
    """The years as typed, and what can be said without the account."""
    problems: list[Invalid] = []
    years: Sequence[int] = ()
    try:
        years = read_years(form.years)
    except Invalid as wrong:
        problems.append(wrong)
    else:
        if not years:
            problems.append(Invalid("请填写要补缴的年度", field="years"))
    if form.grade_fen is None:
        problems.append(Invalid("请选择缴费档次", field="grade_fen"))
    if person is not None and person.is_enrolled and person.standing is not Standing.ACTIVE:
        message = "此人现为“{standing}”，不能补缴"
        problems.append(Invalid(message, field="citizen_number", standing=person.standing.title))
    return years, problems


def _payers(uow: UnitOfWork, people: Sequence[Known | None]) -> dict[str, Payer]:
    """Whoever has an account here, by person."""
    numbers = [normal_number(each.citizen_number) for each in people if each is not None]
    found = find_payers(uow, account_nos=[], citizen_numbers=numbers)
    return {payer.person_id: payer for payer in found.by_index.values()}
