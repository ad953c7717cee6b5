"""What all matters about somebody who is registered already have in common.

The form names the person; the node looks the person up; a matter adds its own fields and checks.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field

from node.cases.forms import Option, Shown
from node.cases.matter import Matter, Subject
from node.cases.models import Case
from node.core.errors import Conflict, Invalid, NotFound, Refusal
from node.core.work import UnitOfWork
from node.registry.citizen_number import normal_number, number_problems
from node.registry.effects import Effect, take_effect
from node.registry.known import Known, find_known
from node.registry.matters import derived_of, known_values, village_choices
from node.registry.rules import name_problems, normal_name
from tiers import RegionCode

WHO = "本人"


class PersonForm(BaseModel):
    """Who it is about; printed at the head of every form of the trade."""

    name: Annotated[str, Shown(width="10", group=WHO)] = Field("", title="姓名")
    citizen_number: Annotated[str, Shown("citizen", width="20", group=WHO, mask="citizen")] = Field(
        "", title="公民身份号码", description="须已经参保"
    )
    village: Annotated[str, Shown("select", width="20", group=WHO)] = Field(
        "", title="所在村（社区）", description="参保登记的村"
    )


F = TypeVar("F", bound=PersonForm)


@dataclass(frozen=True, slots=True)
class Decided:
    """A case that is approved: its form, and the person it is about as the county knows them."""

    case: Case
    form: Any
    person: Known


class PersonMatter(Matter[F]):
    """A matter about a registered person. `problems` says what is wrong beyond the person.

    `needs_open` is false where somebody enrolled no longer may be meant.
    """

    needs_open = True

    def subject(self, form: F) -> Subject:
        """The registered person."""
        return Subject(normal_name(form.name), normal_number(form.citizen_number))

    def village(self, form: F) -> RegionCode:
        """Where the person is registered."""
        try:
            return RegionCode(form.village)
        except ValueError as error:
            raise Invalid("请选择所在村（社区）", field="village") from error

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """The villages the actor works for."""
        return {"village": village_choices(uow)}

    def derived(self, form: F) -> Sequence[tuple[str, str]]:
        """Sex and birth date, as the number says them."""
        return derived_of(form.citizen_number)

    def outcome_href(self, case: Case) -> str:
        """The page of the person."""
        return f"/registry/{case.outcome}" if case.outcome else ""

    def beginning(self, uow: UnitOfWork, person_id: str) -> Mapping[str, str] | None:
        """The person's name, number and village, where this matter can be meant at all."""
        values = known_values(uow, person_id)
        known = find_known(uow, [values["citizen_number"]]).get(values["citizen_number"])
        return values if known is not None and self.fits(known) else None

    def fits(self, person: Known) -> bool:
        """Whether the page of this person offers the matter; the checks have the last word."""
        return person.is_enrolled or not self.needs_open

    def check_many(self, uow: UnitOfWork, forms: Sequence[F]) -> list[list[Invalid]]:
        """The person is registered here and the form is whole; then what the matter asks."""
        known = find_known(uow, [form.citizen_number for form in forms])
        people = [known.get(normal_number(form.citizen_number)) for form in forms]
        own = self.problems_many(uow, forms, people)
        return [
            [*identity_problems(form, person, on=uow.today, needs_open=self.needs_open), *more]
            for form, person, more in zip(forms, people, own, strict=True)
        ]

    @abstractmethod
    def problems_many(
        self, uow: UnitOfWork, forms: Sequence[F], people: Sequence[Known | None]
    ) -> list[list[Invalid]]:
        """What else keeps each form from going on; `people` are those meant, where known."""

    @abstractmethod
    def effects(self, uow: UnitOfWork, decided: Sequence[Decided]) -> Sequence[Effect]:
        """What approval does to each person."""

    def approve_many(
        self, uow: UnitOfWork, cases: Sequence[tuple[Case, F]]
    ) -> Sequence[str | Refusal]:
        """Let all take effect together; who is registered no more is refused."""
        known = find_known(uow, [form.citizen_number for _, form in cases])
        decided: dict[str, Decided] = {}
        answers: list[str | Refusal] = []
        for case, form in cases:
            person = known.get(normal_number(form.citizen_number))
            if person is None:
                answers.append(NotFound("没有找到这个人，可能已改用其他公民身份号码"))
            elif person.person_id in decided:
                first = decided[person.person_id].case.number
                answers.append(
                    Conflict("同一人的另一件业务（{first}）正在办结，请核对后再办", first=first)
                )
            else:
                answers.append(person.person_id)
                decided[person.person_id] = Decided(case, form, person)
        take_effect(uow, self.effects(uow, list(decided.values())))
        return answers


def identity_problems(
    form: PersonForm, person: Known | None, *, on: date, needs_open: bool
) -> Iterator[Invalid]:
    """The person named is somebody registered, by this name, in this village."""
    yield from name_problems(form.name)
    wrong = list(number_problems(form.citizen_number, today=on))
    yield from wrong
    if wrong:
        return
    if person is None:
        yield Invalid("没有找到这个人，请先办理参保登记", field="citizen_number")
        return
    if normal_name(form.name) != person.name:
        yield Invalid("姓名与参保登记不符，请核对是否为同一人", field="name")
    if form.village and form.village != person.village:
        yield Invalid("所在村与参保登记不符", field="village")
    if needs_open and not person.is_enrolled:
        yield Invalid("此人没有有效的参保登记", field="citizen_number")
