"""缴费档次申报: the grade somebody chooses for a year. Changeable until the year is paid.

Source: 国发〔2014〕8号 §4: 参保人自主选择档次缴费. The grades are those of the bulletin in force.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import Field

from node.cases.forms import Option, Shown
from node.cases.matter import Area
from node.cases.rules import State
from node.core.db import upsert
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.registry.change_rules import choice_problems
from node.registry.citizen_number import normal_number
from node.registry.codes import Standing
from node.registry.effects import Effect
from node.registry.events import GRADE_CHECKS
from node.registry.known import Known, find_known
from node.registry.matters import NO_GRADES, grades_in_force
from node.registry.person_matter import Decided, PersonForm, PersonMatter
from node.registry.records import grade_choices, publish_grades
from node.registry.rules import grade_problems, short_yuan
from tiers import Level

CHOICE = "申报"


class GradeChoiceForm(PersonForm):
    """缴费档次申报表."""

    year: Annotated[int | None, Shown("select", width="10", group=CHOICE)] = Field(
        None, title="年度"
    )
    grade_fen: Annotated[int | None, Shown("select", width="14", group=CHOICE)] = Field(
        None, title="缴费档次", description="每年缴费金额"
    )


class GradeChoice(PersonMatter[GradeChoiceForm]):
    """缴费档次申报. Approval keeps the choice for the year; this year's stands at once."""

    code = "grade_choice"
    area = Area.CONTRIBUTION
    title = "缴费档次申报"
    path = (Level.VILLAGE, Level.COUNTY)
    days = MappingProxyType({State.REVIEW: 3, State.APPROVAL: 2, State.RETURNED: 5})
    form = GradeChoiceForm

    def fits(self, person: Known) -> bool:
        """Who contributes."""
        return person.standing is Standing.ACTIVE

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """Villages, this year and the next, the grades in force."""
        year = uow.today.year
        grades = grades_in_force(uow, uow.today) or ()
        return {
            **super().options(uow),
            "year": [(str(each), str(each)) for each in (year, year + 1)],
            "grade_fen": [("", "请选择"), *((str(g), f"{short_yuan(g)} 元") for g in grades)],
        }

    def before(self, uow: UnitOfWork, form: GradeChoiceForm) -> Mapping[str, object]:
        """The grade of this year as it is registered."""
        number = normal_number(form.citizen_number)
        person = find_known(uow, [number]).get(number)
        if person is None or form.year != uow.today.year:
            return {}
        return {"grade_fen": person.grade_fen or ""}

    def problems_many(
        self, uow: UnitOfWork, forms: Sequence[GradeChoiceForm], people: Sequence[Known | None]
    ) -> list[list[Invalid]]:
        """A grade of that year, by somebody who contributes and has not paid it."""
        barred = _barred(uow, forms, people)
        grades = {
            year: grades_in_force(uow, max(uow.today, date(year, 1, 1)))
            for year in {form.year for form in forms if form.year}
            if abs(year - uow.today.year) <= 1
        }
        return [
            [
                *_form_problems(form, grades.get(form.year or 0)),
                *_choice_problems(form, person, today=uow.today),
                *(
                    [Invalid(barred[person.person_id, form.year], field="year")]
                    if person and form.year and (person.person_id, form.year) in barred
                    else ()
                ),
            ]
            for form, person in zip(forms, people, strict=True)
        ]

    def effects(self, uow: UnitOfWork, decided: Sequence[Decided]) -> Sequence[Effect]:
        """The choice is stored and told; for this year it is the grade of the enrolment."""
        rows = [_chosen(uow, each) for each in decided]
        upsert(uow.connection, grade_choices, rows)
        publish_grades(uow, rows)
        return [_effect(uow, each) for each in decided]


def _form_problems(form: GradeChoiceForm, grades: Sequence[int] | None) -> list[Invalid]:
    if form.year is None:
        return [Invalid("请选择年度", field="year")]
    if form.grade_fen is None:
        return [Invalid("请选择缴费档次", field="grade_fen")]
    if grades is None:
        return [Invalid(NO_GRADES, field="grade_fen")]
    return list(grade_problems(form.grade_fen, grades=grades, field="grade_fen"))


def _choice_problems(form: GradeChoiceForm, person: Known | None, *, today: date) -> list[Invalid]:
    if person is None or not person.is_enrolled or form.year is None:
        return []
    return list(
        choice_problems(
            year=form.year, today=today, born_on=person.born_on, standing=person.standing
        )
    )


def _barred(
    uow: UnitOfWork, forms: Sequence[GradeChoiceForm], people: Sequence[Known | None]
) -> dict[tuple[str, int], str]:
    """Whose grade of a year can be chosen no more, as the higher capabilities say."""
    asked: dict[int, list[str]] = {}
    for form, person in zip(forms, people, strict=True):
        if person is not None and form.year:
            asked.setdefault(form.year, []).append(person.person_id)
    return {
        (person_id, year): reason
        for year, ids in asked.items()
        for check in GRADE_CHECKS
        for person_id, reason in check(uow, ids, year).items()
    }


def _chosen(uow: UnitOfWork, decided: Decided) -> dict[str, Any]:
    return {
        "county_code": str(uow.node),
        "person_id": decided.person.person_id,
        "year": decided.form.year,
        "village": decided.person.village,
        "grade_fen": decided.form.grade_fen,
        "chosen_on": uow.today,
        "case_id": decided.case.id,
    }


def _effect(uow: UnitOfWork, decided: Decided) -> Effect:
    form, person = decided.form, decided.person
    this_year = form.year == uow.today.year
    before = short_yuan(person.grade_fen) if person.grade_fen else ""
    return Effect(
        person=person,
        what=GradeChoice.code,
        on=uow.today if this_year else date(form.year, 1, 1),
        told={f"grade_{form.year}": (before, short_yuan(form.grade_fen))},
        of_enrolment={"grade_fen": form.grade_fen} if this_year else {},
        case_id=decided.case.id,
    )
