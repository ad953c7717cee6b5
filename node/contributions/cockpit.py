"""The year at a glance: what is due, what has come, what is missing, by village and by grade."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select

from node.contributions.models import Subsidy
from node.contributions.payers import contributions, enrolments, people
from node.contributions.rules import Method
from node.core.work import UnitOfWork
from node.registry.rules import MINIMUM_AGE
from tiers import RegionCode

PENSION_AGE = 60
subsidies = Subsidy.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Line:
    """One village, or one grade: people and fen. `key` is the village code or the grade."""

    key: str
    due: int
    due_fen: int
    paid: int
    paid_fen: int

    @property
    def missing(self) -> int:
        """People still to pay. Never below zero: who paid and left is no longer due."""
        return max(0, self.due - self.paid)

    @property
    def paid_ppm(self) -> int:
        """The part that has paid, in parts per million to a hundredth of a per cent; all where
        nothing is due.
        """
        if self.paid >= self.due:
            return 1_000_000
        return (2 * self.paid * 10_000 + self.due) // (2 * self.due) * 100


@dataclass(frozen=True, slots=True)
class Cockpit:
    """A year's collection inside a region."""

    year: int
    whole: Line
    by_village: Sequence[Line]
    by_grade: Sequence[Line]
    made_up: int
    made_up_fen: int
    subsidised: int
    subsidy_fen: int


def cockpit(uow: UnitOfWork, year: int, *, region: RegionCode) -> Cockpit:
    """The collection of a year, from what this node holds.

    Due is who is enrolled and turns 16 to 60 in the year; the amount is the chosen grade.
    """
    by_village = _lines(uow, year, region, enrolments.c.village, contributions.c.village)
    by_grade = _lines(uow, year, region, enrolments.c.grade_fen, contributions.c.grade_fen)
    made_up, made_up_fen = _made_up(uow, year, region)
    subsidised, subsidy_fen = _subsidised(uow, year, region)
    return Cockpit(
        year=year,
        whole=_whole(by_village),
        by_village=sorted(by_village, key=lambda line: line.key),
        by_grade=sorted(by_grade, key=lambda line: int(line.key)),
        made_up=made_up,
        made_up_fen=made_up_fen,
        subsidised=subsidised,
        subsidy_fen=subsidy_fen,
    )


def _lines(
    uow: UnitOfWork,
    year: int,
    region: RegionCode,
    due_by: ColumnElement[Any],
    paid_by: ColumnElement[Any],
) -> list[Line]:
    due = (
        select(due_by, func.count(), func.coalesce(func.sum(enrolments.c.grade_fen), 0))
        .join(
            people,
            and_(
                people.c.county_code == enrolments.c.county_code,
                people.c.id == enrolments.c.person_id,
            ),
        )
        .where(
            *_inside(enrolments, region),
            enrolments.c.closed_on.is_(None),
            enrolments.c.grade_fen.is_not(None),
            enrolments.c.opened_on <= date(year, 12, 31),
            people.c.born_on >= date(year - PENSION_AGE, 1, 1),
            people.c.born_on <= date(year - MINIMUM_AGE, 12, 31),
        )
        .group_by(due_by)
    )
    paid = (
        select(paid_by, func.count(), func.coalesce(func.sum(contributions.c.fen), 0))
        .where(
            *_inside(contributions, region), *_standing(year), contributions.c.make_up.is_(False)
        )
        .group_by(paid_by)
    )
    found: dict[str, list[int]] = {}
    for key, number, fen in uow.connection.execute(due):
        found.setdefault(str(key), [0, 0, 0, 0])[:2] = [number, int(fen)]
    for key, number, fen in uow.connection.execute(paid):
        found.setdefault(str(key), [0, 0, 0, 0])[2:] = [number, int(fen)]
    return [Line(key, *values) for key, values in found.items()]


def _inside(table: Any, region: RegionCode) -> list[ColumnElement[bool]]:
    inside = [table.c.village.startswith(region.prefix)]
    if region.county is not None:
        inside.append(table.c.county_code == str(region.county))
    return inside


def _standing(year: int) -> list[ColumnElement[bool]]:
    return [contributions.c.for_year == year, contributions.c.reversed_entry.is_(None)]


def _whole(lines: Sequence[Line]) -> Line:
    return Line(
        "",
        sum(line.due for line in lines),
        sum(line.due_fen for line in lines),
        sum(line.paid for line in lines),
        sum(line.paid_fen for line in lines),
    )


def _made_up(uow: UnitOfWork, year: int, region: RegionCode) -> tuple[int, int]:
    """Years made up (补缴) with money that came in this year."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    counted = select(func.count(), func.coalesce(func.sum(contributions.c.fen), 0)).where(
        *_inside(contributions, region),
        contributions.c.make_up.is_(True),
        contributions.c.reversed_entry.is_(None),
        contributions.c.method != Method.TRANSFERRED,
        contributions.c.paid_on.between(first, last),
    )
    number, fen = uow.connection.execute(counted).one()
    return number, int(fen)


def _subsidised(uow: UnitOfWork, year: int, region: RegionCode) -> tuple[int, int]:
    shares = subsidies.c.province_fen + subsidies.c.city_fen + subsidies.c.county_fen
    counted = select(func.count(), func.coalesce(func.sum(shares), 0)).where(
        *_inside(subsidies, region), subsidies.c.for_year == year
    )
    number, fen = uow.connection.execute(counted).one()
    return number, int(fen)


def waiting_for_subsidy(uow: UnitOfWork, year: int, *, region: RegionCode) -> int:
    """Who paid the year in time and has no subsidy yet."""
    has = (
        select(subsidies.c.account_no)
        .where(
            subsidies.c.county_code == contributions.c.county_code,
            subsidies.c.account_no == contributions.c.account_no,
            subsidies.c.for_year == year,
        )
        .exists()
    )
    counted = select(func.coalesce(func.sum(case((has, 0), else_=1)), 0)).where(
        *_inside(contributions, region),
        *_standing(year),
        contributions.c.make_up.is_(False),
        contributions.c.subsidy_fen.is_(None),
    )
    return int(uow.connection.execute(counted).scalar_one())
