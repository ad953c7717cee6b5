"""A person's registration through time: what was changed, which special groups, every number."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import col, select

from node.cases.matter import matter_title
from node.core.i18n import sentence
from node.core.personal import mask_citizen_number, mask_tail
from node.core.work import UnitOfWork
from node.registry.codes import Category, Evidence
from node.registry.models import Person, PersonCategory, PersonChange

TITLES = {
    "name": "姓名",
    "citizen_number": "公民身份号码",
    "village": "所在村（社区）",
    "bank_card": "银行卡号",
    "address": "户籍地址",
    "phone": "联系电话",
    "ethnicity": "民族",
    "standing": "参保状态",
    "category": "人员类别",
    "make_up": "补缴年度",
    "make_up_grade": "补缴档次（元）",
}
GRADE = "grade_"
WORDS = {"region_change": "行政区划调整"}
"""What changed people without a case of theirs."""
_MASKS = {"citizen_number": mask_citizen_number, "phone": mask_tail, "bank_card": mask_tail}


@dataclass(frozen=True, slots=True)
class Line:
    """One detail before and after, as people read it; places stay codes for the page to name."""

    field: str
    title: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """One decided change."""

    at: datetime
    effective_on: date
    matter: str
    reason: str
    case_id: str | None
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """That the person belongs to a special group."""

    title: str
    evidence: str
    valid_from: date
    valid_to: date | None


def changes_of(uow: UnitOfWork, person: Person, *, full: bool = False) -> list[Change]:
    """Everything that was changed about a person, the latest first; numbers masked unless full."""
    return [
        Change(
            at=row.at,
            effective_on=row.effective_on,
            matter=WORDS.get(row.what) or matter_title(row.what),
            reason=row.reason,
            case_id=row.case_id,
            lines=tuple(
                _line(field, before, after, full=full)
                for field, (before, after) in json.loads(row.changes).items()
            ),
        )
        for row in _rows(uow, person)
    ]


def _rows(uow: UnitOfWork, person: Person) -> Sequence[PersonChange]:
    statement = select(PersonChange).where(
        PersonChange.county_code == person.county_code, PersonChange.person_id == person.id
    )
    order = (col(PersonChange.at).desc(), col(PersonChange.id).desc())
    return uow.session.exec(statement.order_by(*order)).all()


def _line(field: str, before: str, after: str, *, full: bool) -> Line:
    if field.startswith(GRADE):
        title = sentence("{year} 年缴费档次（元）", year=field.removeprefix(GRADE))
        return Line(field, title, before, after)
    if field == "category":
        before, after = Category(before).title, Category(after).title
    mask = _MASKS.get(field)
    if mask is not None and not full:
        before, after = (mask(text) if text else "" for text in (before, after))
    return Line(field, TITLES.get(field, field), before, after)


def numbers_had(uow: UnitOfWork, person: Person) -> list[str]:
    """Every citizen number the person was known by, the present one first."""
    former = [
        json.loads(row.changes)["citizen_number"][0]
        for row in _rows(uow, person)
        if "citizen_number" in json.loads(row.changes)
    ]
    return list(dict.fromkeys([person.citizen_number, *former]))


def groups_of_person(uow: UnitOfWork, person: Person) -> list[Group]:
    """The special groups a person belongs to or did, the latest first."""
    statement = select(PersonCategory).where(
        PersonCategory.county_code == person.county_code, PersonCategory.person_id == person.id
    )
    rows = uow.session.exec(statement.order_by(col(PersonCategory.valid_from).desc())).all()
    return [
        Group(
            title=Category(row.category).title,
            evidence=_evidence(row),
            valid_from=row.valid_from,
            valid_to=row.valid_to,
        )
        for row in rows
    ]


def _evidence(row: PersonCategory) -> str:
    if row.evidence not in set(Evidence):
        return "参保登记时认定"
    return f"{Evidence(row.evidence).title} {row.evidence_number}".strip()
