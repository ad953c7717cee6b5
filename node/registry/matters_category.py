"""特殊群体认定 and 退出: a person comes to belong to a special group, and leaves it.

Dated, with the certificate or list it rests on: who pays contributions on behalf asks who belonged
to which group when. A person may belong to several; the one that counts stands with the person.
Sources: 国发〔2014〕8号 §4 (代缴), 社会保险经办条例 §8 (数据共享).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import select

from node.cases.forms import Option, Shown
from node.core.db import upsert
from node.core.errors import Invalid
from node.core.ids import new_id
from node.core.work import UnitOfWork
from node.registry.change_rules import (
    Belonging,
    category_problems,
    overlap_problems,
    past_day_problems,
    prevailing,
)
from node.registry.codes import Category, Evidence
from node.registry.effects import Effect
from node.registry.known import Known, belongings
from node.registry.person_matter import Decided, PersonForm, PersonMatter
from node.registry.records import categories, publish_categories
from tiers import Level

GROUP = "特殊群体"
OF_LISTS = frozenset({Evidence.CIVIL_AFFAIRS, Evidence.RURAL_REVITALISATION, Evidence.HEALTH})
"""What departments confirm by lists of many people: the list's number is looked up there."""


class CategoryGrantForm(PersonForm):
    """特殊群体认定表."""

    category: Annotated[Category | None, Shown("select", width="14", group=GROUP)] = Field(
        None, title="特殊群体类别"
    )
    evidence: Annotated[Evidence | None, Shown("select", width="20", group=GROUP)] = Field(
        None, title="依据"
    )
    evidence_number: Annotated[str, Shown(width="20", group=GROUP)] = Field(
        "", title="证件或名单编号", max_length=60
    )
    valid_from: Annotated[date | None, Shown("date", width="14", group=GROUP)] = Field(
        None, title="起始日期"
    )
    valid_to: Annotated[date | None, Shown("date", width="14", group=GROUP, optional=True)] = Field(
        None, title="截止日期", description="证件有期限的填写，没有的留空"
    )

    def belonging(self) -> Belonging | None:
        """What the form states, once it is whole."""
        if self.category is None or self.valid_from is None:
            return None
        return Belonging(self.category, self.valid_from, self.valid_to)


class CategoryGrant(PersonMatter[CategoryGrantForm]):
    """特殊群体认定. Approval states the group from the day given."""

    code = "category_grant"
    title = "特殊群体认定"
    path = (Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY)
    form = CategoryGrantForm

    def needs_evidence(self, form: CategoryGrantForm) -> bool:
        """A certificate (残疾人证) is shown; a department's list is named by its number."""
        return form.evidence not in OF_LISTS

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """Villages, groups, evidence."""
        return {
            **super().options(uow),
            "category": _groups(),
            "evidence": [("", "请选择"), *((each.value, each.title) for each in Evidence)],
        }

    def problems_many(
        self, uow: UnitOfWork, forms: Sequence[CategoryGrantForm], people: Sequence[Known | None]
    ) -> list[list[Invalid]]:
        """A group of this person's age, on evidence, not stated already."""
        held = belongings(uow, [person.person_id for person in people if person is not None])
        return [
            _grant_problems(form, person, held.get(person.person_id, []) if person else [], uow)
            for form, person in zip(forms, people, strict=True)
        ]

    def effects(self, uow: UnitOfWork, decided: Sequence[Decided]) -> Sequence[Effect]:
        """The statement is stored and told; the person's category is the one that counts."""
        rows = [_granted(uow, each) for each in decided]
        if rows:
            uow.connection.execute(categories.insert(), rows)
            publish_categories(uow, rows)
        since = [(each, each.form.valid_from) for each in decided]
        return _recounted(uow, since, what=self.code)


def _grant_problems(
    form: CategoryGrantForm, person: Known | None, held: Sequence[Belonging], uow: UnitOfWork
) -> list[Invalid]:
    found: list[Invalid] = []
    if form.category is None:
        found.append(Invalid("请选择特殊群体类别", field="category"))
    elif person is not None:
        found += category_problems(form.category, born_on=person.born_on, on=uow.today)
    if form.evidence is None or not form.evidence_number.strip():
        field = "evidence" if form.evidence is None else "evidence_number"
        found.append(Invalid("认定特殊群体须有证件或名单，请填写依据和编号", field=field))
    found += past_day_problems(
        form.valid_from, today=uow.today, title="起始日期", field="valid_from"
    )
    new = form.belonging()
    if new is not None:
        found += overlap_problems(new, held)
    return found


def _granted(uow: UnitOfWork, decided: Decided) -> dict[str, Any]:
    form = decided.form
    return {
        "county_code": str(uow.node),
        "id": new_id(),
        "person_id": decided.person.person_id,
        "village": decided.person.village,
        "category": form.category.value,
        "evidence": form.evidence.value,
        "evidence_number": form.evidence_number.strip(),
        "valid_from": form.valid_from,
        "valid_to": form.valid_to,
        "case_id": decided.case.id,
        "ended_case_id": None,
    }


class CategoryEndForm(PersonForm):
    """特殊群体退出表."""

    category: Annotated[Category | None, Shown("select", width="14", group=GROUP)] = Field(
        None, title="特殊群体类别"
    )
    ended_on: Annotated[date | None, Shown("date", width="14", group=GROUP)] = Field(
        None, title="退出日期", description="属于该类别的最后一天"
    )
    reason: Annotated[str, Shown(width="30", group=GROUP)] = Field(
        "", title="退出原因", max_length=100
    )


class CategoryEnd(PersonMatter[CategoryEndForm]):
    """特殊群体退出. Approval gives the statement its last day."""

    code = "category_end"
    title = "特殊群体退出"
    path = (Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY)
    form = CategoryEndForm
    needs_open = False

    def fits(self, person: Known) -> bool:
        """Who belongs to a special group."""
        return person.category != Category.ORDINARY

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """Villages and groups."""
        return {**super().options(uow), "category": _groups()}

    def problems_many(
        self, uow: UnitOfWork, forms: Sequence[CategoryEndForm], people: Sequence[Known | None]
    ) -> list[list[Invalid]]:
        """The person belongs to the group; a day and a reason are given."""
        held = belongings(uow, [person.person_id for person in people if person is not None])
        return [
            _end_problems(form, held.get(person.person_id, []) if person else [], today=uow.today)
            for form, person in zip(forms, people, strict=True)
        ]

    def effects(self, uow: UnitOfWork, decided: Sequence[Decided]) -> Sequence[Effect]:
        """The open statement ends on the day; the person's category is counted anew."""
        wanted = {each.person.person_id: each for each in decided}
        statement = select(categories).where(
            categories.c.county_code == str(uow.node), categories.c.person_id.in_(list(wanted))
        )
        ended = []
        for row in uow.connection.execute(statement).mappings():
            each = wanted[row["person_id"]]
            belonging = Belonging(Category(row["category"]), row["valid_from"], row["valid_to"])
            if belonging.category is each.form.category and belonging.holds(each.form.ended_on):
                ended.append({**row, "valid_to": each.form.ended_on, "ended_case_id": each.case.id})
        upsert(uow.connection, categories, ended)
        publish_categories(uow, ended)
        last = [(each, each.form.ended_on) for each in decided]
        return _recounted(uow, last, what=self.code)


def _end_problems(
    form: CategoryEndForm, held: Sequence[Belonging], *, today: date
) -> list[Invalid]:
    found = list(past_day_problems(form.ended_on, today=today, title="退出日期", field="ended_on"))
    if not form.reason.strip():
        found.append(Invalid("请填写退出原因", field="reason"))
    if form.category is None:
        found.append(Invalid("请选择特殊群体类别", field="category"))
    elif form.ended_on is not None and not any(
        each.category is form.category and each.holds(form.ended_on) for each in held
    ):
        message = f"此人在 {form.ended_on} 不属于{form.category.title}，请核对类别和日期"
        found.append(Invalid(message, field="category"))
    return found


def _recounted(
    uow: UnitOfWork, decided: Sequence[tuple[Decided, date]], *, what: str
) -> list[Effect]:
    """Which category counts now, for each of these people, since the day beside them."""
    held = belongings(uow, [each.person.person_id for each, _ in decided])
    effects = []
    for each, on in decided:
        after = prevailing(held[each.person.person_id], on=uow.today)
        told = {"category": (each.person.category, after.value)}
        effects.append(
            Effect(
                person=each.person,
                what=what,
                on=on,
                told=told,
                of_person={"category": after.value},
                reason=each.form.category.title,
                case_id=each.case.id,
            )
        )
    return effects


def _groups() -> list[Option]:
    groups = [each for each in Category if each is not Category.ORDINARY]
    return [("", "请选择"), *((each.value, each.title) for each in groups)]
