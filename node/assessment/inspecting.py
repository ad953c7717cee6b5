"""Inspections: planned by the city, visited, findings with a day, answers of the county, an end."""

from collections.abc import Sequence
from datetime import date

from sqlmodel import col, select

from node.assessment.models import Inspection, InspectionAnswer
from node.assessment.records import publish_answer, publish_inspection
from node.assessment.service import LONGEST, require_reading
from node.core.errors import Conflict, Forbidden, Invalid, NotFound
from node.core.ids import new_id
from node.core.work import UnitOfWork
from node.policy.controls import parse_day
from node.statistics.cells import counties_held
from tiers import Level, RegionCode, Role

MOST_FINDINGS = 50


def inspections(uow: UnitOfWork) -> Sequence[Inspection]:
    """Every inspection of the reader's region, the newest plan first."""
    require_reading(uow)
    listed = select(Inspection).order_by(col(Inspection.planned_on).desc(), col(Inspection.id))
    return [
        one
        for one in uow.session.exec(listed)
        if uow.actor.scope.contains(RegionCode(one.county_code))
    ]


def inspection(uow: UnitOfWork, inspection_id: str) -> Inspection:
    """One inspection.

    Raises:
        NotFound: there is none here, or it is about another region.
    """
    for one in inspections(uow):
        if one.id == inspection_id:
            return one
    raise NotFound("没有找到这次检查，可能还没有同步到本节点")


def answers_of(uow: UnitOfWork, inspection_id: str) -> dict[int, InspectionAnswer]:
    """What the county says, by finding."""
    listed = select(InspectionAnswer).where(InspectionAnswer.inspection_id == inspection_id)
    return {one.finding: one for one in uow.session.exec(listed)}


def _require_inspector(uow: UnitOfWork) -> None:
    if uow.level is not Level.CITY or not uow.actor.holds(Role.INSPECTOR, Role.ASSESSOR):
        raise Forbidden("检查由市级稽核员、考核员安排和记录")


def _words(text: str, field: str) -> str:
    said = text.strip()
    if not said or len(said) > LONGEST:
        raise Invalid("请写明内容，最多 500 字", field=field)
    return said


def plan(uow: UnitOfWork, county: str, *, on: str, purpose: str) -> Inspection:
    """Plan a visit; the county hears of it.

    Raises:
        Forbidden: the post does not inspect.
        Invalid: no county of the city, no day, or no purpose.
    """
    _require_inspector(uow)
    if county not in counties_held(uow):
        raise Invalid("请选择本市的一个县", field="county")
    made = Inspection(
        county_code=county,
        id=new_id(),
        city=str(uow.node),
        purpose=_words(purpose, "purpose"),
        planned_on=parse_day(on, "on"),
        planned_by_name=uow.actor.name,
        changed_at=uow.now,
    )
    return _told(uow, made)


def _told(uow: UnitOfWork, made: Inspection) -> Inspection:
    made.changed_at = uow.now
    uow.session.add(made)
    publish_inspection(uow, made)
    return made


def visit(uow: UnitOfWork, inspection_id: str, *, on: str, conclusion: str) -> Inspection:
    """Record that the visit took place, and what it came to.

    Raises:
        Forbidden: the post does not inspect.
        Invalid: no day that has come, or no conclusion.
    """
    _require_inspector(uow)
    found = inspection(uow, inspection_id)
    day = parse_day(on, "on")
    if day > uow.today:
        raise Invalid("检查日期不能在今天之后", field="on")
    found.visited_on, found.conclusion = day, _words(conclusion, "conclusion")
    return _told(uow, found)


def add_finding(uow: UnitOfWork, inspection_id: str, *, text: str, due: str) -> Inspection:
    """Record a finding that the county has to put right by a day.

    Raises:
        Forbidden: the post does not inspect.
        Conflict: the visit has not been recorded.
        Invalid: nothing is said, the day is no day or past, or there are too many.
    """
    _require_inspector(uow)
    found = inspection(uow, inspection_id)
    if found.visited_on is None:
        raise Conflict("请先登记检查情况")
    day = parse_day(due, "due")
    if day < uow.today:
        raise Invalid("整改期限不能在今天之前", field="due")
    if len(found.findings) >= MOST_FINDINGS:
        raise Invalid("一次检查最多 50 个问题", field="text")
    new = {
        "number": len(found.findings) + 1,
        "text": _words(text, "text"),
        "due_on": day.isoformat(),
        "closed_on": None,
    }
    found.findings = [*found.findings, new]
    return _told(uow, found)


def close(uow: UnitOfWork, inspection_id: str, number: int) -> Inspection:
    """Accept that a finding has been put right.

    Raises:
        Forbidden: the post does not inspect.
        Conflict: the county has not answered.
    """
    _require_inspector(uow)
    found = inspection(uow, inspection_id)
    if number not in answers_of(uow, inspection_id):
        raise Conflict("县级还没有报告整改情况")
    found.findings = [
        {**one, "closed_on": uow.today.isoformat()} if one["number"] == number else one
        for one in found.findings
    ]
    return _told(uow, found)


def answer(uow: UnitOfWork, inspection_id: str, number: int, *, text: str) -> InspectionAnswer:
    """Say what has been done about a finding; the last word stands until it is closed.

    Raises:
        Forbidden: only the county's auditor does.
        NotFound: there is no such finding.
        Conflict: it is closed.
        Invalid: nothing is said, or too much.
    """
    if uow.level is not Level.COUNTY or not uow.actor.holds(Role.AUDITOR):
        raise Forbidden("整改情况由县级稽核员报告")
    found = inspection(uow, inspection_id)
    one = next((each for each in found.findings if each["number"] == number), None)
    if one is None:
        raise NotFound("没有这个问题")
    if one["closed_on"]:
        raise Conflict("这个问题已经了结")
    made = InspectionAnswer(
        county_code=found.county_code,
        inspection_id=found.id,
        finding=number,
        text=_words(text, "text"),
        answered_by_name=uow.actor.name,
        answered_at=uow.now,
    )
    merged = uow.session.merge(made)
    publish_answer(uow, merged)
    return merged


def is_overdue(finding: dict[str, str | None], today: date) -> bool:
    """Whether a finding should have been put right by now."""
    return not finding["closed_on"] and str(finding["due_on"]) < today.isoformat()
