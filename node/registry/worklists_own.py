"""The registry's own worklists: to be enrolled, turning 60, birthdays, returned, groups ending."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select

from node.cases.matter import matter_title
from node.cases.records import cases
from node.cases.rules import OPEN, State
from node.core.work import UnitOfWork
from node.registry.codes import Category, NotEnrolled, Standing
from node.registry.matters import Enrolment
from node.registry.models import HouseholdMember
from node.registry.records import categories, enrolments, people
from node.registry.rules import MINIMUM_AGE, PENSION_AGE, age_on, born_by
from node.registry.worklists import Column, Line, Worklist
from tiers import RegionCode

AHEAD = timedelta(90)
SUPPLEMENTS = (65, 80)
members = HouseholdMember.__table__  # type: ignore[attr-defined]

NAME = Column("姓名")
NUMBER = Column("公民身份号码", "citizen", 18)
AGE = Column("年龄", "number", 5)
VILLAGE = Column("所在村（社区）", "place", 12)
PHONE = Column("联系电话", "phone", 12)


def _here(uow: UnitOfWork, column: ColumnElement[Any], region: RegionCode) -> ColumnElement[bool]:
    return column.startswith(region.prefix) & column.startswith(uow.actor.scope.prefix)


def _enrolled_people(uow: UnitOfWork, region: RegionCode, *more: Any) -> Select[Any]:
    """People with an open enrolment in a region, and the columns every list of people shows."""
    joined = people.join(
        enrolments,
        and_(
            enrolments.c.county_code == people.c.county_code,
            enrolments.c.person_id == people.c.id,
            enrolments.c.closed_on.is_(None),
        ),
    )
    columns = ("id", "name", "citizen_number", "born_on", "village", "phone", "address")
    chosen = [people.c[name] for name in columns]
    statement = select(*chosen, enrolments.c.state, enrolments.c.grade_fen).select_from(joined)
    return statement.where(_here(uow, people.c.village, region), *more)


def enrolled_people(uow: UnitOfWork, region: RegionCode, *more: Any) -> Select[Any]:
    """For the lists of higher capabilities: people with an open enrolment who satisfy `more`."""
    return _enrolled_people(uow, region, *more).order_by(people.c.village, people.c.name)


def person_line(uow: UnitOfWork, row: Mapping[str, Any], *more: Any) -> Line:
    """What every list of people begins with, and `more` cells."""
    age = age_on(row["born_on"], uow.today)
    shown = (row["name"], row["citizen_number"], age, row["village"], row["phone"] or "")
    return Line((*shown, *more), f"/registry/{row['id']}")


PERSON_COLUMNS = (NAME, NUMBER, AGE, VILLAGE, PHONE)


def _not_enrolled(uow: UnitOfWork, region: RegionCode) -> Select[Any]:
    """From the household list: 16 or over, not enrolled, no case under way, nothing that bars."""
    county = str(uow.node.county)
    enrolled = exists().where(
        people.c.county_code == county,
        people.c.citizen_index == members.c.citizen_index,
        enrolments.c.county_code == county,
        enrolments.c.person_id == people.c.id,
        enrolments.c.closed_on.is_(None),
    )
    under_way = exists().where(
        cases.c.county_code == county,
        cases.c.matter == Enrolment.code,
        cases.c.subject_index == members.c.citizen_index,
        cases.c.state.in_([str(state) for state in OPEN]),
    )
    barred = [each.value for each in NotEnrolled if each.bars]
    return (
        select(members)
        .where(
            _here(uow, members.c.village, region),
            members.c.born_on <= born_by(uow.today, MINIMUM_AGE),
            ~enrolled,
            ~under_way,
            or_(members.c.reason == "", members.c.reason.not_in(barred)),
        )
        .order_by(members.c.village, members.c.household_no, members.c.born_on)
    )


def _member_line(uow: UnitOfWork, row: Mapping[str, Any]) -> Line:
    reason = NotEnrolled(row["reason"]).title if row["reason"] else ""
    age = age_on(row["born_on"], uow.today)
    shown = (row["name"], row["citizen_number"], age, row["village"], row["phone"] or "")
    return Line((*shown, row["household_no"], reason), f"/registry/households/{row['id']}")


def turning(uow: UnitOfWork, age: int) -> ColumnElement[bool]:
    """Whose birthday of this age is today or in the days ahead."""
    after = born_by(uow.today - timedelta(1), age)
    return (people.c.born_on > after) & (people.c.born_on <= born_by(uow.today + AHEAD, age))


def _turning_60(uow: UnitOfWork, region: RegionCode) -> Select[Any]:
    contributing = enrolments.c.state.in_([Standing.ACTIVE.value, Standing.INTERRUPTED.value])
    found = _enrolled_people(uow, region, turning(uow, PENSION_AGE), contributing)
    return found.order_by(people.c.born_on, people.c.name)


def _birthdays(uow: UnitOfWork, region: RegionCode) -> Select[Any]:
    drawing = enrolments.c.state.in_([Standing.DRAWING.value, Standing.SUSPENDED.value])
    any_age = or_(*(turning(uow, age) for age in SUPPLEMENTS))
    found = _enrolled_people(uow, region, any_age, drawing)
    return found.order_by(people.c.village, people.c.name)


def birthday(born_on: date, age: int) -> date:
    """The day somebody is so old; for 29 February in other years 1 March, as `age_on` counts."""
    try:
        return born_on.replace(year=born_on.year + age)
    except ValueError:
        return date(born_on.year + age, 3, 1)


def _sixty_line(uow: UnitOfWork, row: Mapping[str, Any]) -> Line:
    standing = Standing(row["state"]).title
    return person_line(uow, row, birthday(row["born_on"], PENSION_AGE), standing)


def _birthday_line(uow: UnitOfWork, row: Mapping[str, Any]) -> Line:
    day = next(
        each for each in (birthday(row["born_on"], age) for age in SUPPLEMENTS) if each >= uow.today
    )
    return person_line(uow, row, day, f"满 {day.year - row['born_on'].year} 周岁")


def _returned(uow: UnitOfWork, region: RegionCode) -> Select[Any]:
    back = or_(cases.c.state == str(State.RETURNED), cases.c.remark != "")
    return (
        select(cases)
        .where(
            cases.c.county_code == str(uow.node.county),
            _here(uow, cases.c.village, region),
            cases.c.state.in_([str(state) for state in OPEN]),
            back,
        )
        .order_by(cases.c.due_on, cases.c.entered_at)
    )


def _case_line(_uow: UnitOfWork, row: Mapping[str, Any]) -> Line:
    shown = (row["number"], matter_title(row["matter"]), row["subject_name"], row["village"])
    return Line((*shown, row["remark"], row["due_on"]), f"/cases/{row['id']}")


def _ending(uow: UnitOfWork, region: RegionCode) -> Select[Any]:
    joined = categories.join(
        people,
        and_(
            people.c.county_code == categories.c.county_code,
            people.c.id == categories.c.person_id,
        ),
    )
    columns = ("id", "name", "citizen_number", "born_on", "village", "phone")
    chosen = [people.c[name] for name in columns]
    soon = categories.c.valid_to.between(uow.today, uow.today + AHEAD)
    statement = select(*chosen, categories.c.category, categories.c.valid_to).select_from(joined)
    found = statement.where(_here(uow, people.c.village, region), soon)
    return found.order_by(categories.c.valid_to, people.c.name)


def _ending_line(uow: UnitOfWork, row: Mapping[str, Any]) -> Line:
    return person_line(uow, row, Category(row["category"]).title, row["valid_to"])


OWN = (
    Worklist(
        code="not-enrolled",
        title="应参未参人员",
        lead="户籍名册上年满 16 周岁、还没有参保也没有在办的人",
        columns=(*PERSON_COLUMNS, Column("户号"), Column("情况", "text", 12)),
        asked=_not_enrolled,
        line=_member_line,
        empty="没有，或还没有导入户籍名册",
    ),
    Worklist(
        code="turning-60",
        title="90 天内年满 60 周岁",
        lead="提前告知本人，办理待遇领取申请",
        columns=(*PERSON_COLUMNS, Column("满 60 周岁", "day"), Column("状态")),
        asked=_turning_60,
        line=_sixty_line,
    ),
    Worklist(
        code="birthdays",
        title="90 天内年满 65、80 周岁",
        lead="到龄后按政策增发高龄补贴，请核实本人情况",
        columns=(*PERSON_COLUMNS, Column("生日", "day"), Column("到龄")),
        asked=_birthdays,
        line=_birthday_line,
    ),
    Worklist(
        code="returned",
        title="退回补正的业务",
        lead="按退回原因补正后重新提交",
        columns=(
            Column("受理号", "text", 18),
            Column("事项", "text", 12),
            Column("申请人"),
            VILLAGE,
            Column("退回原因", "text", 24),
            Column("期限", "day"),
        ),
        asked=_returned,
        line=_case_line,
    ),
    Worklist(
        code="groups-ending",
        title="90 天内到期的特殊群体证件",
        lead="到期前换证的请重新认定，不再符合的办理退出",
        columns=(*PERSON_COLUMNS, Column("类别"), Column("截止日期", "day")),
        asked=_ending,
        line=_ending_line,
    ),
)
